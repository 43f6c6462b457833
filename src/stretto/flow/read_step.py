"""Read the steps of a flow document: what every step may have, and where its kind is read."""

from __future__ import annotations

from collections.abc import Mapping

from stretto.documents.plain import Json, is_list, is_mapping, kind_of
from stretto.documents.problems import Path, listing
from stretto.flow.declared_types import read_type_name
from stretto.flow.drafts import DraftAgent, DraftBlock, DraftPolicy, DraftStep, Schema
from stretto.flow.graph import Retry, StepKind
from stretto.flow.read_kind import READ_KIND, KindContext
from stretto.flow.read_streams import StreamReader
from stretto.flow.reading import WORD, Reader
from stretto.flow.templates import Constant
from stretto.flow.vocabulary import BODY_KEYS, COMMON_KEYS, KINDS, RESERVED

READERS = frozenset({"agent", "tool", "judge", "review", "flow", "emit"})
"""Kinds that may read another step's stream with `each` or `watch`."""
TAKES_INPUT = frozenset({"agent", "tool", "judge", "flow", "emit"})
CALLS_MODEL = frozenset({"agent", "judge"})


class StepReader:
    """Reads blocks of steps; every id is known once in the whole flow."""

    def __init__(
        self,
        reader: Reader,
        agents: Mapping[str, DraftAgent] | None,
        types: Mapping[str, Schema],
        flow_names: frozenset[str],
        files_beside: frozenset[str],
        policies: Mapping[str, DraftPolicy] | None = None,
    ) -> None:
        self.reader = reader
        self.types = types
        self.known: dict[str, DraftStep] = {}
        self._streams = StreamReader(reader)
        self._context = KindContext(reader, agents, flow_names, files_beside, self.read_steps, policies)

    def read_steps(self, path: Path, value: Json, block: DraftBlock) -> None:
        """Reads `steps:`: a mapping of ids to steps, or a list of steps with `id`."""
        if is_list(value):
            for index, item in enumerate(value):
                self._listed((*path, index), item, block)
        elif is_mapping(value) and value:
            for key, item in value.items():
                self._step((*path, str(key)), str(key), item, block)
        elif value is None or value == {}:
            self.reader.at_key(path, "there are no steps here.", "Add at least one, like `draft: {agent: writer}`.")
        else:
            self.reader.at_value(
                path,
                f"`steps` is a mapping of ids to steps, but this is {kind_of(value)}.",
                "Write it like `steps: {draft: {agent: writer}}`.",
            )
        if value == []:
            self.reader.at_key(path, "there are no steps here.", "Add at least one, like `draft: {agent: writer}`.")

    def _listed(self, path: Path, item: Json, block: DraftBlock) -> None:
        name: Json = item.get("id") if is_mapping(item) else None
        if isinstance(name, str):
            self._step(path, name, item, block)
        else:
            self.reader.at_value(
                path,
                "a step in a list has an `id`.",
                "Add `id: NAME`, or write the steps as a mapping of ids to steps.",
            )

    def _step(self, path: Path, name: str, value: Json, block: DraftBlock) -> None:
        reader = self.reader
        if not WORD.fullmatch(name):
            reader.at_key(
                path,
                f"`{name[:80]}` cannot name a step.",
                f"Write it like `{_plain(name)}`: small letters, digits and `_`, a letter first, at most 63.",
            )
        elif name in RESERVED:
            reader.at_key(
                path,
                f"a step cannot be called `{name}`, which means something else in templates and conditions.",
                f"Call it `{name}_step` or better.",
            )
        if name in self.known:
            line = reader.places.key(self.known[name].path).line
            where = f" in line {line}" if line else ""
            reader.at_key(
                path,
                f"there is a step `{name}` already{where}.",
                "Ids are unique in the whole flow, also inside loops, maps and branches: rename one.",
            )
        step = DraftStep(name, path, block, len(block.steps))
        key = name if name not in self.known else f"{name} {len(self.known)}"  # read on, but nothing can refer to it
        self.known[key] = block.steps[key] = step
        if not is_mapping(value):
            reader.at_value(
                path,
                f"step `{name}` is empty."
                if value is None
                else f"step `{name}` is a mapping, but this is {kind_of(value)}.",
                f"Write it like `{name}: {{agent: NAME}}`.",
            )
            return
        data = self._known_keys(step, {str(key): item for key, item in value.items()})
        if self._kind(step, data):
            self._keys(step, data)
            READ_KIND[str(step.kind)](self._context, step, data)
        self._common(step, data)

    def _kind(self, step: DraftStep, data: Mapping[str, Json]) -> bool:
        kinds: list[StepKind] = [kind for kind in KINDS if kind in data]
        if len(kinds) == 1:
            step.kind = kinds[0]
            return True
        reader = self.reader
        if kinds:
            second = max(kinds, key=list(data).index)
            reader.at_key(
                (*step.path, second),
                f"step `{step.id}` is {listing([f'{kind}' for kind in kinds])} at once.",
                "Keep one, and make another step of the other.",
            )
            return False
        reader.at_key(
            step.path,
            f"step `{step.id}` does not say what it does.",
            f"Give it one of {listing(KINDS, joint='or')}.",
        )
        return False

    def _known_keys(self, step: DraftStep, data: dict[str, Json]) -> dict[str, Json]:
        kinds = [kind for kind in KINDS if kind in data]
        body = BODY_KEYS if not kinds or {"map", "loop"} & set(kinds) else ()
        known = (*(kinds or KINDS), *COMMON_KEYS, *body, *(("id",) if isinstance(step.path[-1], int) else ()))
        elsewhere = {key: item for key, item in data.items() if key in BODY_KEYS and key not in known}
        mine = {key: item for key, item in data.items() if key not in elsewhere}
        return {**self.reader.known_keys(step.path, mine, known, f"step `{step.id}`"), **elsewhere}

    def _keys(self, step: DraftStep, data: Mapping[str, Json]) -> None:
        """Notes keys that this kind of step has no use for."""
        kind = str(step.kind)
        at_key = self.reader.at_key
        for key in BODY_KEYS:
            if key in data and kind not in ("map", "loop"):
                remedy = (
                    "Steps stand inside each case of a branch."
                    if kind == "branch"
                    else f"Only `loop` and `map` have `{key}` beside them."
                )
                at_key((*step.path, key), f"`{key}` does not belong to `{kind}`.", remedy)
        if "input" in data and kind not in TAKES_INPUT:
            at_key((*step.path, "input"), f"nothing would read the `input` of a `{kind}` step.", _input_remedy(kind))
        if "model" in data and kind not in CALLS_MODEL:
            at_key(
                (*step.path, "model"),
                f"a `{kind}` step calls no model itself.",
                "Put `model` on the agent, or on a step that is `agent` or `judge`.",
            )
        if "returns" in data and kind not in ("agent", "tool"):
            at_key(
                (*step.path, "returns"),
                f"`returns` does not belong to `{kind}`.",
                "Put it on the agent or tool step that gives the value.",
            )
        for key in ("each", "watch"):
            if key in data and kind not in READERS:
                at_key(
                    (*step.path, key),
                    f"a `{kind}` step cannot have `{key}`.",
                    "Let a step that is `agent`, `tool`, `judge`, `review`, `flow` or `emit` read along.",
                )

    def _common(self, step: DraftStep, data: Mapping[str, Json]) -> None:
        reader, path = self.reader, step.path
        if "input" in data:
            self._input(step, data["input"])
        if "after" in data:
            self._after(step, data["after"])
        if "when" in data:
            step.when, uses = reader.condition((*path, "when"), data["when"], "`when`", "when")
            step.uses += uses
        if "each" in data:
            self._streams.read_each(step, data["each"])
        if "watch" in data:
            self._streams.read_watch(step, data["watch"])
        if "each" in data and "watch" in data:
            reader.at_key(
                (*path, "watch"),
                f"step `{step.id}` has both `each` and `watch`.",
                "Keep one: `each` works on every segment, `watch` looks at all the text so far.",
            )
        if "on" in data:
            self._streams.read_on(step, data["on"], "watch" in data)
        if "returns" in data:
            step.returns = read_type_name(reader, (*path, "returns"), data["returns"], self.types)
        self._limits(step, data)

    def _limits(self, step: DraftStep, data: Mapping[str, Json]) -> None:
        reader, path = self.reader, step.path
        if "retry" in data:
            step.retry = read_retry(reader, (*path, "retry"), data["retry"])
        if "timeout" in data:
            step.timeout_s = reader.duration((*path, "timeout"), data["timeout"], "`timeout`")
        if "budget" in data:
            step.budget_usd = reader.money((*path, "budget"), data["budget"], "`budget`")
        if "optional" in data:
            step.optional = reader.flag((*path, "optional"), data["optional"], "`optional`")
        if "priority" in data:
            step.priority = reader.whole((*path, "priority"), data["priority"], "`priority`", 0, 3)
        if "model" in data:
            step.model = reader.text((*path, "model"), data["model"], "the model route")

    def _input(self, step: DraftStep, value: Json) -> None:
        data = self.reader.mapping(step.input_path, value, "`input`", 'input: {task: "{{ input.task }}"}')
        step.is_unsure = step.is_unsure or data is None
        for name, item in (data or {}).items():
            path = (*step.input_path, name)
            if not WORD.fullmatch(name):
                self.reader.at_key(path, f"`{name[:80]}` cannot name an input.", f"Write it like `{_plain(name)}`.")
            template, uses = self.reader.template(path, item, f"input `{name}`", "input")
            step.input[name] = template if template is not None else Constant("")
            step.uses += uses

    def _after(self, step: DraftStep, value: Json) -> None:
        path = (*step.path, "after")
        names: Json = [value] if isinstance(value, str) else value
        if not is_list(names):
            self.reader.at_value(
                path, f"`after` is a list of step ids, but this is {kind_of(value)}.", "Write it like `after: [draft]`."
            )
            return
        for index, name in enumerate(names):
            here = path if isinstance(value, str) else (*path, index)
            if isinstance(name, str):
                step.declared_after.append((name, here))
            else:
                self.reader.at_value(here, f"`after` names steps, but this is {kind_of(name)}.", "")


def _plain(name: str) -> str:
    words = "".join(sign if sign.isascii() and sign.isalnum() else " " for sign in name.lower()).split()
    plain = "_".join(words)[:63]
    return plain if plain[:1].isalpha() else f"step_{plain}".rstrip("_")


def _input_remedy(kind: str) -> str:
    if kind in ("loop", "map", "branch"):
        return "Its steps can read outer steps directly, as in `{{ draft }}`."
    return "Put what the person sees into `show`." if kind == "review" else "Delete it."


def read_retry(reader: Reader, path: Path, value: Json) -> Retry | None:
    """`retry`: a number of attempts, or a mapping."""
    if isinstance(value, int) and not isinstance(value, bool):
        attempts = reader.whole(path, value, "`retry`", 1, 100)
        return Retry(attempts=attempts) if attempts else None
    data = reader.mapping(path, value, "`retry`", "retry: {attempts: 5, backoff: 2s}")
    if data is None:
        return None
    data = reader.known_keys(path, data, ("attempts", "backoff", "factor", "max_backoff", "jitter"), "`retry`")
    plain = Retry()
    attempts = reader.whole((*path, "attempts"), data["attempts"], "`attempts`", 1, 100) if "attempts" in data else None
    factor = reader.number((*path, "factor"), data["factor"], "`factor`", 1, 100) if "factor" in data else None
    jitter = reader.number((*path, "jitter"), data["jitter"], "`jitter`", 0, 1) if "jitter" in data else None
    backoff = reader.duration((*path, "backoff"), data["backoff"], "`backoff`") if "backoff" in data else None
    longest = (
        reader.duration((*path, "max_backoff"), data["max_backoff"], "`max_backoff`") if "max_backoff" in data else None
    )
    if backoff and longest and longest < backoff:
        reader.at_value((*path, "max_backoff"), "`max_backoff` is shorter than `backoff`.", "Make it at least as long.")
    return Retry(
        attempts=attempts or plain.attempts,
        backoff_s=backoff or plain.backoff_s,
        factor=factor or plain.factor,
        max_backoff_s=longest or max(plain.max_backoff_s, backoff or 0.0),
        jitter=plain.jitter if jitter is None else jitter,
    )
