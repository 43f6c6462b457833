"""Write flows in Python, with the words of the flow document.

    from stretto.flow.builder import Agent, Flow, agent, loop

    flow = Flow(
        "haiku",
        input={"theme": {"type": "string"}},
        agents={
            "poet": Agent(model="strong", prompt="A haiku on {{ theme }}.{% if comments %} Mend: {{ comments }}{% endif %}"),
            "critic": Agent(model="fast", prompt="Is this a haiku? {{ poem }}", returns="Verdict"),
        },
        steps={
            "write": loop(
                until="check.approved",
                max=3,
                steps={
                    "poem": agent("poet", input={"theme": "{{ input.theme }}", "comments": "{{ check.comments }}"}),
                    "check": agent("critic", input={"poem": "{{ poem }}"}),
                },
            ),
        },
        output="{{ poem }}",
    )
    graph = flow.graph()

Words that Python keeps for itself, or that would hide one of its own, end in `_`: `map_`, `as_`, `for_`. The document, and so the
graph and its digest, is the same as that of the file which says the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack

from stretto.documents.plain import Json, is_mapping, is_sequence
from stretto.flow.graph import Outcome
from stretto.flow.vocabulary import REVIEW_KEYS

if TYPE_CHECKING:
    from stretto.flow.graph import Graph

StepDocument = dict[str, Json]
"""One step as it stands in a flow's document."""
Cut = Literal["sentence", "paragraph", "line", "code_block", "json_item", "item"]
Count = dict[Literal["tokens", "sentences", "paragraphs", "lines", "code_blocks", "json_items"], int]


class Each(TypedDict, total=False):
    """`each`: run for every segment of `of`, while that is being written."""

    of: str
    by: Cut | Count
    concurrency: int


class Watch(TypedDict):
    """`watch`: look at what `of` has written, every so often."""

    of: str
    every: Cut | Count


class Reaction(TypedDict, total=False):
    """What an outcome does to the watched step."""

    stop: str
    steer: str
    feedback: str


class Retry(TypedDict, total=False):
    """`retry`: how often and after which pause an attempt is made again."""

    attempts: int
    backoff: str
    factor: float
    max_backoff: str
    jitter: float


class Limits(TypedDict, total=False):
    """`limits`: how far an agent may go in one step."""

    turns: int
    tokens: int
    cost: str
    time: str


class Memory(TypedDict, total=False):
    """`memory`: what an agent sees again of what its tools gave."""

    window: int


class Common(TypedDict, total=False):
    """What every step may have."""

    after: Sequence[str]
    when: str
    retry: int | Retry
    timeout: str
    optional: bool
    budget: str
    priority: int


class Reading(Common, total=False):
    """What a step may have that takes input and can read along with another."""

    input: Mapping[str, Json]
    each: Each
    watch: Watch
    on: Mapping[Outcome, Reaction]


class Working(Reading, total=False):
    """What a step may have that gives a value of a type."""

    returns: str


class Calling(Working, total=False):
    """What a step may have that calls a model."""

    model: str


@dataclass(frozen=True, slots=True)
class Agent:
    """A prompt and the model route that answers it. `prompt` and `system` are texts; a `Path` is a file with one."""

    model: str
    prompt: str | Path
    system: str | Path | None = None
    returns: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    tools: Sequence[str] | None = None
    limits: Limits | None = None
    memory: Memory | None = None


def agent(agent: str, **common: Unpack[Calling]) -> StepDocument:
    """A model works as this agent."""
    return {"agent": agent, **_plain(common)}


def tool(tool: str, **common: Unpack[Working]) -> StepDocument:
    """A tool is called."""
    return {"tool": tool, **_plain(common)}


class Judging(Calling, total=False):
    """What a judge may have: the policy that it measures against, and which of its inputs it judges."""

    policy: str
    content_type: str
    content: str


def judge(
    agent: str, *, approve: float | None = None, reject: float | None = None, **common: Unpack[Judging]
) -> StepDocument:
    """An agent scores: from `approve` on it passes, below `reject` it fails, between it is escalated."""
    rest = dict(common)
    own = {key: rest.pop(key) for key in ("policy", "content_type", "content") if key in rest}
    return {"judge": _given(agent=agent, approve=approve, reject=reject, **own), **_plain(rest)}


class Reviewing(Common, total=False):
    """What a review may say besides what is shown and asked."""

    because: Json
    content_type: str
    policy: str
    media: Json
    mandatory: bool
    deadline: str
    on_deadline: Literal["approve", "reject"]
    escalate_after: str
    escalate_to: Literal["owner", "admin", "reviewer"]
    four_eyes: bool
    bulk_from: float
    assignee: str


def review(*, show: Json, question: str, **rest: Unpack[Reviewing]) -> StepDocument:
    """A person decides."""
    given = _plain(rest)
    asked = {key: given.pop(key) for key in REVIEW_KEYS if key in given}
    return {"review": {"show": show, "question": question, **asked}, **given}


def map_(
    *,
    steps: Mapping[str, StepDocument],
    over: Json = None,
    tasks: Json = None,
    reason: str | None = None,
    concurrency: int | None = None,
    max: int | None = None,
    as_: str | None = None,
    output: Json = None,
    **common: Unpack[Common],
) -> StepDocument:
    """The steps once for each item of `over`, or for each of a planner's `tasks` as soon as what it `needs` is done."""
    body = _given(over=over, tasks=tasks, reason=reason, concurrency=concurrency, max=max, **{"as": as_})
    return {"map": body, "steps": dict(steps), **_given(output=output), **_plain(common)}


def flow(flow: str, *, input: Mapping[str, Json] | None = None, **common: Unpack[Common]) -> StepDocument:
    """Another flow runs inside this one; give it to `Flow(flows=[…])` too."""
    return {"flow": flow, **_given(input=input), **_plain(common)}


def branch(*cases: StepDocument, **common: Unpack[Common]) -> StepDocument:
    """The first `case` that holds runs; the last may be an `otherwise`."""
    return {"branch": list(cases), **_plain(common)}


def case(when: str, steps: Mapping[str, StepDocument], output: Json = None) -> StepDocument:
    """One case of a branch."""
    return {"when": when, "steps": dict(steps), **_given(output=output)}


def otherwise(steps: Mapping[str, StepDocument], output: Json = None) -> StepDocument:
    """The case of a branch that runs when no other does."""
    return {"steps": dict(steps), **_given(output=output)}


def loop(
    *, until: str, max: int, steps: Mapping[str, StepDocument], output: Json = None, **common: Unpack[Common]
) -> StepDocument:
    """The steps again and again until the condition holds, at most `max` times."""
    return {"loop": {"until": until, "max": max}, "steps": dict(steps), **_given(output=output), **_plain(common)}


def wait(
    *,
    for_: str | None = None,
    until: str | None = None,
    event: str | None = None,
    key: str | None = None,
    timeout: str | None = None,
    after: Sequence[str] | None = None,
    when: str | None = None,
    optional: bool | None = None,
) -> StepDocument:
    """Waits for a time or an event; `timeout` ends the wait for an event."""
    body = _given(until=until, event=event, key=key, timeout=timeout, **{"for": for_})
    return {"wait": body, **_given(after=after, when=when, optional=optional)}


def emit(event: str, *, key: str | None = None, **common: Unpack[Reading]) -> StepDocument:
    """An event is sent; its data are the step's `input`."""
    return {"emit": _given(event=event, key=key), **_plain(common)}


class Defaults(TypedDict, total=False):
    """What holds for a whole flow, where its steps do not say otherwise."""

    retry: int | Retry
    timeout: str
    priority: int
    budget: str
    concurrency: int
    policies: Mapping[str, Mapping[str, Json]]
    remember: str


class Flow:
    """A whole flow, written in Python."""

    def __init__(
        self,
        flow: str,
        *,
        steps: Mapping[str, StepDocument],
        description: str | None = None,
        input: Mapping[str, Json] | None = None,
        types: Mapping[str, Json] | None = None,
        agents: Mapping[str, Agent] | None = None,
        output: Json = None,
        flows: Sequence[Flow] = (),
        **defaults: Unpack[Defaults],
    ) -> None:
        self.name = flow
        self._agents = agents
        self._flows = tuple(flows)
        self._rest = _given(
            description=description,
            input=input,
            types=types,
            **defaults,
            steps=steps,
            output=output,
        )

    def document(self, folder: Path | None = None) -> dict[str, Json]:
        """The flow's document, prompts read; those given as relative paths are looked for in `folder`, or where you stand."""
        document: dict[str, Json] = {"flow": self.name, **self._rest}
        if self._agents is not None:
            document["agents"] = {name: _agent(each, folder or Path()) for name, each in self._agents.items()}
        flows: dict[str, Json] = {}
        for inner in self._flows:
            read = inner.document(folder)
            flows.update(read.pop("flows", {}))
            flows[inner.name] = read
        return {**document, "flows": flows} if flows else document

    def graph(self, folder: Path | None = None) -> Graph:
        """The graph of this flow. Raises `FlowInvalid` with every mistake."""
        from stretto.flow.compile import compile_document  # noqa: PLC0415 - building needs neither Jinja nor CEL

        return compile_document(self.document(folder), self.name)


def _agent(agent: Agent, folder: Path) -> dict[str, Json]:
    prompt, system = (_text(text, folder) if text is not None else None for text in (agent.prompt, agent.system))
    return _given(
        model=agent.model,
        prompt=prompt,
        system=system,
        returns=agent.returns,
        temperature=agent.temperature,
        max_tokens=agent.max_tokens,
        tools=None if agent.tools is None else list(agent.tools),
        limits=None if agent.limits is None else dict(agent.limits),
        memory=None if agent.memory is None else dict(agent.memory),
    )


def _text(text: str | Path, folder: Path) -> str:
    """A prompt's text, so that a document tells it from a file's name: with a line break or a template in it."""
    read = (folder / text).read_text(encoding="utf-8") if isinstance(text, Path) else text
    return read if "\n" in read or "{{" in read else f"{read}\n"


def _given(**values: Json) -> dict[str, Json]:
    """The values that are given, sequences as lists."""
    return {name: _listed(value) for name, value in values.items() if value is not None}


def _plain(common: Mapping[str, object]) -> dict[str, Json]:
    return _given(**common)


def _listed(value: Json) -> Json:
    if is_mapping(value):
        return {key: _listed(item) for key, item in value.items()}
    return [_listed(item) for item in value] if is_sequence(value) else value
