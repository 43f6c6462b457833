"""Read what each kind of step says: agent, tool, judge, review, map, flow, branch, loop, wait, emit."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stretto.documents.plain import Json, is_list, kind_of
from stretto.documents.problems import Path, listing, suggest
from stretto.flow.drafts import DraftAgent, DraftBlock, DraftPolicy, DraftStep
from stretto.flow.graph import (
    AgentCall,
    BranchCall,
    Case,
    EmitCall,
    Expression,
    JudgeCall,
    LoopCall,
    MapCall,
    Policy,
    Thresholds,
    ToolCall,
    WaitCall,
)
from stretto.flow.policies import check_judge, content_type_name, read_thresholds
from stretto.flow.read_review import read_review
from stretto.flow.reading import NAME, WORD, Reader
from stretto.flow.templates import Constant
from stretto.flow.vocabulary import RESERVED

JUDGE_KEYS = ("agent", "approve", "reject", "policy", "content_type", "content")
MAX_TURNS = 1000
MAX_ITEMS = 100_000
_TOOL = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*([./:][A-Za-z0-9_-]+)*")
_EVENT = re.compile(r"[A-Za-z][A-Za-z0-9_.:/-]{0,199}")


@dataclass(frozen=True, slots=True)
class KindContext:
    """What reading a kind needs beside the step itself."""

    reader: Reader
    agents: Mapping[str, DraftAgent] | None
    flow_names: frozenset[str]
    files_beside: frozenset[str]
    read_steps: Callable[[Path, Json, DraftBlock], None]
    policies: Mapping[str, DraftPolicy] | None = None


def _agent(context: KindContext, step: DraftStep, data: Mapping[str, Json]) -> None:
    name = _agent_name(context, (*step.path, "agent"), data["agent"])
    if name is not None:
        step.agent = name
        step.make_call = lambda _blocks: AgentCall(name)


def _agent_name(context: KindContext, path: Path, value: Json) -> str | None:
    name = context.reader.text(path, value, "`agent`")
    if name is None:
        return None
    if context.agents is None:
        return None  # they could not be read, which is noted there
    if name not in context.agents:
        otherwise = "" if context.agents else "Describe it under `agents:`."
        context.reader.at_value(path, f"there is no agent `{name[:80]}`.", suggest(name, context.agents, otherwise))
        return None
    return name


def _tool(context: KindContext, step: DraftStep, data: Mapping[str, Json]) -> None:
    path = (*step.path, "tool")
    name = context.reader.text(path, data["tool"], "`tool`")
    if name is None:
        return
    if not _TOOL.fullmatch(name) or len(name) > 200:
        context.reader.at_value(path, f"`{name[:80]}` cannot name a tool.", "Write it like `python.test`.")
        return
    step.make_call = lambda _blocks: ToolCall(name)


def _judge(context: KindContext, step: DraftStep, data: Mapping[str, Json]) -> None:
    reader, path = context.reader, (*step.path, "judge")
    if isinstance(data["judge"], str):
        reader.at_value(
            path,
            "`judge` is a mapping.",
            f"Write it like `judge: {{agent: {data['judge'][:40]}, approve: 0.9, reject: 0.7}}`.",
        )
        return
    body = reader.mapping(path, data["judge"], "`judge`", "judge: {agent: critic, approve: 0.9, reject: 0.7}")
    if body is None:
        return
    body = reader.known_keys(path, body, JUDGE_KEYS, "`judge`")
    policy = _policy(context, step, (*path, "policy"), body["policy"]) if "policy" in body else None
    content_type = (
        content_type_name(reader, (*path, "content_type"), body["content_type"]) if "content_type" in body else ""
    )
    thresholds = read_thresholds(reader, path, body, _above(policy, content_type))
    content = reader.text((*path, "content"), body["content"], "`content`") if "content" in body else None
    if "agent" not in body:
        reader.at_key(path, "`judge` does not say which agent scores.", "Add `agent: NAME`.")
        return
    name = _agent_name(context, (*path, "agent"), body["agent"])
    if name is None:
        return
    check_judge(reader, (*path, "agent"), (context.agents or {})[name])
    step.agent = name
    step.policy, step.judged = policy.name if policy else None, content
    call = JudgeCall(name, thresholds.approve, thresholds.reject, step.policy, content_type, content)
    step.make_call = lambda _blocks: call


def _policy(context: KindContext, step: DraftStep, path: Path, value: Json) -> Policy | None:
    name = context.reader.text(path, value, "`policy`")
    if name is None or context.policies is None:
        step.is_unsure = True
        return None
    if name not in context.policies:
        otherwise = "" if context.policies else "Describe it under `policies:`."
        context.reader.at_value(path, f"there is no policy `{name[:80]}`.", suggest(name, context.policies, otherwise))
        step.is_unsure = True
        return None
    return context.policies[name].policy


def _above(policy: Policy | None, content_type: str) -> Thresholds:
    """What the policy says of this content type."""
    if policy is None:
        return Thresholds()
    own, above = policy.by_content_type.get(content_type, Thresholds()), policy.thresholds
    return Thresholds(
        above.approve if own.approve is None else own.approve, above.reject if own.reject is None else own.reject
    )


def _review(context: KindContext, step: DraftStep, data: Mapping[str, Json]) -> None:
    read_review(context.reader, step, data, context.policies)


def _body(context: KindContext, step: DraftStep, data: Mapping[str, Json], path: Path, what: str) -> DraftBlock:
    """The block of a loop, a map or a case."""
    block = DraftBlock(path, step)
    step.blocks.append(block)
    if "steps" in data:
        context.read_steps((*path, "steps"), data["steps"], block)
    else:
        context.reader.at_key(path, f"{what} has no `steps`.", "Add them: `steps: {draft: {agent: writer}}`.")
    if "output" in data:
        block.output, block.output_uses = context.reader.template((*path, "output"), data["output"], "`output`")
    return block


def _map(context: KindContext, step: DraftStep, data: Mapping[str, Json]) -> None:
    reader, path = context.reader, (*step.path, "map")
    _body(context, step, data, step.path, f"map `{step.id}`")
    if isinstance(data["map"], str):
        reader.at_value(path, "`map` is a mapping.", f'Write it like `map: {{over: "{data["map"][:60]}"}}`.')
        return
    body = reader.mapping(path, data["map"], "`map`", 'map: {over: "{{ input.names }}"}')
    if body is None:
        return
    body = reader.known_keys(path, body, ("over", "tasks", "reason", "concurrency", "max", "as"), "`map`")
    concurrency = (
        reader.whole((*path, "concurrency"), body["concurrency"], "`concurrency`", 1, 10_000)
        if "concurrency" in body
        else 8
    )
    most = reader.whole((*path, "max"), body["max"], "`max`", 1, MAX_ITEMS) if "max" in body else 1000
    if "as" in body:
        _item_name(context, step, (*path, "as"), body["as"])
    sources = [key for key in ("over", "tasks") if key in body]
    if len(sources) != 1:
        reader.at_key(
            path,
            "`map` goes through one thing: `over` a list, or a planner's `tasks`.",
            'Write `map: {over: "{{ input.names }}"}` or `map: {tasks: "{{ plan.tasks }}"}`.',
        )
        return
    source = sources[0]
    step.is_planned = source == "tasks"
    template, uses = reader.template((*path, source), body[source], f"`{source}`")
    step.uses += uses
    step.over = uses[0] if len(uses) == 1 and uses[0].path == (*path, source) else None
    if template is None:
        return
    if isinstance(template, Constant) and not is_list(template.value):
        reader.at_value(
            (*path, source),
            f"`{source}` is a list, but this is {kind_of(template.value)}.",
            'Write it like `"{{ plan.tasks }}"`, or a list of plain values.',
        )
    over, tasks = (None, template) if step.is_planned else (template, None)
    reason = None
    if "reason" in body:
        reason, uses = reader.template((*path, "reason"), body["reason"], "`reason`")
        step.uses += uses
        if not step.is_planned:
            reader.at_key((*path, "reason"), "`reason` tells why `tasks` are what they are.", "Delete it.")
    step.make_call = lambda blocks: MapCall(blocks[0], over, tasks, concurrency or 8, most or 1000, step.item, reason)


def _item_name(context: KindContext, step: DraftStep, path: Path, value: Json) -> None:
    name = context.reader.text(path, value, "`as`")
    if name is None:
        return
    if not WORD.fullmatch(name):
        context.reader.at_value(path, f"`{name[:80]}` cannot name an item.", "Write it like `as: chapter`.")
    elif name in RESERVED - {"item"}:
        context.reader.at_value(
            path, f"an item cannot be called `{name}`, which means something else.", "Choose another name."
        )
    else:
        step.item = name


def _flow(context: KindContext, step: DraftStep, data: Mapping[str, Json]) -> None:
    path = (*step.path, "flow")
    name = context.reader.text(path, data["flow"], "`flow`")
    if name is None:
        return
    if not NAME.fullmatch(name):
        hint = name.removesuffix(".yaml").removesuffix(".yml").rsplit("/", 1)[-1]
        context.reader.at_value(
            path, f"`{name[:80]}` cannot name a flow.", f"Name the flow, not its file: `flow: {hint[:60]}`."
        )
    elif name not in context.flow_names:
        context.reader.at_value(
            path,
            f"there is no flow `{name}`.",
            suggest(name, context.flow_names | context.files_beside, f"Put `{name}.yaml` beside this file."),
        )
    else:
        step.flow = name


def _branch(context: KindContext, step: DraftStep, data: Mapping[str, Json]) -> None:
    reader, path = context.reader, (*step.path, "branch")
    cases = data["branch"]
    if not is_list(cases) or not cases:
        reader.at_value(
            path,
            f"`branch` is a list of cases, but this is {kind_of(cases) if cases else 'empty'}.",
            'Write it like `branch: [{when: "review.approved", steps: {…}}, {steps: {…}}]`.',
        )
        return
    conditions: list[Expression | None] = []
    otherwise: int | None = None
    for index, case in enumerate(cases):
        here = (*path, index)
        if otherwise is not None:
            reader.at_value(
                here,
                "this case is never reached: the one before it has no `when` and takes all that is left.",
                "Put the case without `when` last, or give it a `when`.",
            )
        body = reader.mapping(here, case, "a case", '{when: "review.approved", steps: {…}}')
        if body is None:
            conditions.append(None)
            step.blocks.append(DraftBlock(here, step))
            continue
        body = reader.known_keys(here, body, ("when", "steps", "output"), "a case")
        if "when" not in body:
            otherwise = index if otherwise is None else otherwise
        conditions.append(_case_condition(context, step, here, body))
        _body(context, step, body, here, "this case")
    step.make_call = lambda blocks: BranchCall(
        tuple(Case(when, block) for when, block in zip(conditions, blocks, strict=True))
    )


def _case_condition(context: KindContext, step: DraftStep, here: Path, body: Mapping[str, Json]) -> Expression | None:
    if "when" not in body:
        return None
    condition, uses = context.reader.condition((*here, "when"), body["when"], "`when`")
    step.uses += uses
    return condition


def _loop(context: KindContext, step: DraftStep, data: Mapping[str, Json]) -> None:
    reader, path = context.reader, (*step.path, "loop")
    _body(context, step, data, step.path, f"loop `{step.id}`")
    body = reader.mapping(path, data["loop"], "`loop`", 'loop: {until: "review.approved", max: 5}')
    if body is None:
        return
    body = reader.known_keys(path, body, ("until", "max"), "`loop`")
    for key, what, example in (
        ("until", "the condition that ends it", 'until: "review.approved"'),
        ("max", "the most turns it may take", "max: 5"),
    ):
        if key not in body:
            reader.at_key(path, f"loop `{step.id}` has no `{key}`, {what}.", f"Add `{example}`; a loop needs both.")
    until = None
    if "until" in body:
        until, step.until = reader.condition((*path, "until"), body["until"], "`until`")
    most: int | None = None
    if "max" in body:
        if body["max"] is not False and body["max"] == 0:
            reader.at_value(
                (*path, "max"), "`max: 0` means that the loop never turns.", "Give it at least 1, or delete the loop."
            )
        else:
            most = reader.whole((*path, "max"), body["max"], "`max`", 1, MAX_TURNS)
    if until is not None and most is not None:
        condition, turns = until, most
        step.make_call = lambda blocks: LoopCall(condition, turns, blocks[0])


def _wait(context: KindContext, step: DraftStep, data: Mapping[str, Json]) -> None:
    reader, path = context.reader, (*step.path, "wait")
    if isinstance(data["wait"], str | int | float) and not isinstance(data["wait"], bool):
        reader.at_value(path, "`wait` is a mapping.", f"Write it like `wait: {{for: {data['wait']}}}`.")
        return
    body = reader.mapping(path, data["wait"], "`wait`", "wait: {for: 10m}")
    if body is None:
        return
    body = reader.known_keys(path, body, ("for", "until", "event", "key", "timeout"), "`wait`")
    ways = [key for key in ("for", "until", "event") if key in body]
    if len(ways) != 1:
        what = listing(ways) if ways else "nothing"
        reader.at_value(
            path,
            f"`wait` waits for one thing, but this names {what}.",
            'Give one of `for: 10m`, `until: "{{ input.start }}"` or `event: NAME`.',
        )
        return
    for key in ("key", "timeout"):
        if key in body and "event" not in body:
            reader.at_key((*path, key), f"`{key}` belongs to a wait for an `event`.", "Delete it.")
    for_s = reader.duration((*path, "for"), body["for"], "`for`") if "for" in body else None
    timeout_s = reader.duration((*path, "timeout"), body["timeout"], "`timeout`") if "timeout" in body else None
    event = _event(reader, (*path, "event"), body["event"]) if "event" in body else None
    until, until_uses = reader.template((*path, "until"), body["until"], "`until`") if "until" in body else (None, [])
    key, key_uses = reader.template((*path, "key"), body["key"], "`key`") if "key" in body else (None, [])
    step.uses += until_uses + key_uses
    if isinstance(until, Constant):
        _check_time(reader, (*path, "until"), until.value)
    step.make_call = lambda _blocks: WaitCall(for_s, until, event, key, timeout_s)


_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)", re.ASCII)


def _check_time(reader: Reader, path: Path, value: Json) -> None:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        reader.at_value(
            path,
            f"`until` is a time, but this is {kind_of(value)}.",
            "Write it like `2030-01-31T09:00:00Z`; a length of time is `for: 10m`.",
        )


def _event(reader: Reader, path: Path, value: Json) -> str | None:
    name = reader.text(path, value, "`event`")
    if name is not None and not _EVENT.fullmatch(name):
        reader.at_value(
            path, f"`{name[:80]}` cannot name an event.", "Write it like `order.paid`; what changes belongs into `key`."
        )
        return None
    return name


def _emit(context: KindContext, step: DraftStep, data: Mapping[str, Json]) -> None:
    reader, path = context.reader, (*step.path, "emit")
    if isinstance(data["emit"], str):
        reader.at_value(path, "`emit` is a mapping.", f"Write it like `emit: {{event: {data['emit'][:60]}}}`.")
        return
    body = reader.mapping(path, data["emit"], "`emit`", "emit: {event: order.paid}")
    if body is None:
        return
    body = reader.known_keys(path, body, ("event", "key"), "`emit`")
    if "event" not in body:
        reader.at_key(path, "`emit` does not name the event.", "Add `event: NAME`.")
        return
    event = _event(reader, (*path, "event"), body["event"])
    key, uses = reader.template((*path, "key"), body["key"], "`key`") if "key" in body else (None, [])
    step.uses += uses
    if event is not None:
        step.make_call = lambda _blocks: EmitCall(event, key)


READ_KIND: Mapping[str, Callable[[KindContext, DraftStep, Mapping[str, Json]], None]] = {
    "agent": _agent, "tool": _tool, "judge": _judge, "review": _review, "map": _map, "flow": _flow, "branch": _branch, "loop": _loop,
    "wait": _wait, "emit": _emit,
}  # fmt: skip
"""How each kind of step is read."""
