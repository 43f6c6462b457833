"""Read how a step reads along with another: `each`, `watch` and `on`."""

from __future__ import annotations

from collections.abc import Mapping

from stretto.documents.plain import Json, is_mapping, kind_of
from stretto.documents.problems import Path, listing, suggest
from stretto.flow.drafts import DraftStep
from stretto.flow.graph import Each, Reaction, SegmentKind, SegmentRule, Watch
from stretto.flow.reading import Reader
from stretto.flow.vocabulary import OUTCOMES, SEGMENTS

_CUTS: Mapping[str, SegmentKind] = {kind: kind for kind in SEGMENTS if kind != "tokens"}


class StreamReader:
    """Reads the keys of steps that read another step's stream."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def read_each(self, step: DraftStep, value: Json) -> None:
        """Reads `each: {of, by, concurrency}`."""
        path = (*step.path, "each")
        data = self._reading(step, path, value, "each", ("of", "by", "concurrency"), "{of: draft, by: paragraph}")
        if data is None:
            return
        rule = self._rule((*path, "by"), data["by"], "by") if "by" in data else SegmentRule("item")
        concurrency = (
            self.reader.whole((*path, "concurrency"), data["concurrency"], "`concurrency`", 1, 1000)
            if "concurrency" in data
            else 4
        )
        step.is_unsure = step.is_unsure or rule is None
        step.each = Each(str(data["of"]), rule or SegmentRule("item"), concurrency or 4)
        step.has_cut = "by" in data

    def read_watch(self, step: DraftStep, value: Json) -> None:
        """Reads `watch: {of, every}`."""
        path = (*step.path, "watch")
        data = self._reading(step, path, value, "watch", ("of", "every"), "{of: draft, every: {tokens: 200}}")
        if data is None:
            return
        if "every" not in data:
            self.reader.at_value(
                path, "`watch` does not say how often to look.", "Add `every: {tokens: 200}` or `every: sentence`."
            )
        rule = self._rule((*path, "every"), data["every"], "every") if "every" in data else None
        if rule is not None and rule.kind == "item":
            self.reader.at_value(
                (*path, "every"), "`watch` reads text and cannot go by `item`.", "Use `each: {of: …, by: item}`."
            )
        step.watch = Watch(str(data["of"]), rule or SegmentRule("tokens", 200))

    def _reading(
        self, step: DraftStep, path: Path, value: Json, key: str, known: tuple[str, ...], example: str
    ) -> dict[str, Json] | None:
        if not is_mapping(value):
            name = value if isinstance(value, str) else "draft"
            step.is_unsure = True
            self.reader.at_value(
                path,
                f"`{key}` is a mapping, but this is {kind_of(value)}.",
                f"Write it like `{key}: {example.replace('draft', name)}`.",
            )
            return None
        data: dict[str, Json] = {str(name): item for name, item in value.items()}
        data = self.reader.known_keys(path, data, known, f"`{key}`")
        if not isinstance(data.get("of"), str):
            step.is_unsure = True
            self.reader.at_value(
                (*path, "of"), f"`{key}` does not say whose text it reads.", f"Write it like `{key}: {example}`."
            )
            return None
        return data

    def _rule(self, path: Path, value: Json, key: str) -> SegmentRule | None:
        reader = self.reader
        words = list(_CUTS)
        if isinstance(value, str):
            word = value.replace("-", "_").removesuffix("s") if key == "every" and value not in SEGMENTS else value
            if value in _CUTS:
                return SegmentRule(_CUTS[value])
            if value in ("token", "tokens"):
                reader.at_value(path, f"`{key}: {value}` does not say how many.", f"Write `{key}: {{tokens: 200}}`.")
                return None
            reader.at_value(
                path,
                f"a text cannot be cut by `{value}`.",
                suggest(
                    word, words, f"It can be cut by {', '.join(f'`{each}`' for each in words)} or `{{tokens: n}}`."
                ),
            )
            return None
        if is_mapping(value) and len(value) == 1:
            ((unit, number),) = value.items()
            return self._counted(path, str(unit), number, key)
        reader.at_value(
            path,
            f"`{key}` is a kind of segment, but this is {kind_of(value)}.",
            f"Write it like `{key}: paragraph` or `{key}: {{tokens: 200}}`.",
        )
        return None

    def _counted(self, path: Path, unit: str, number: Json, key: str) -> SegmentRule | None:
        kinds: Mapping[str, SegmentKind] = {"tokens": "tokens", **{f"{name}s": kind for name, kind in _CUTS.items()}}
        allowed = ["tokens"] if key == "by" else [name for name in kinds if name != "items"]
        if unit not in allowed:
            self.reader.at_key(
                (*path, unit),
                f"`{key}` cannot count `{unit}`.",
                suggest(unit, allowed, f"It counts {listing(allowed)}."),
            )
            return None
        count = self.reader.whole((*path, unit), number, f"the number of {unit}", 1, 1_000_000)
        return SegmentRule(kinds[unit], count or 1)

    def read_on(self, step: DraftStep, value: Json, has_watch: bool) -> None:
        """Reads `on: {outcome: {stop or steer}}`."""
        path = (*step.path, "on")
        if not has_watch:
            self.reader.at_key(
                path,
                "`on` belongs to a step that watches another.",
                "Add `watch: {of: STEP, every: {tokens: 200}}`, or delete `on`.",
            )
            return
        data = self.reader.mapping(path, value, "`on`", "on: {reject: {stop: draft}}") or {}
        data = self.reader.known_keys(path, data, OUTCOMES, "`on`")
        reactions = [
            self._reaction(step, (*path, outcome), outcome, data[outcome]) for outcome in OUTCOMES if outcome in data
        ]
        step.reactions = tuple(reaction for reaction in reactions if reaction is not None)

    def _reaction(self, step: DraftStep, path: Path, outcome: str, value: Json) -> Reaction | None:
        data = self.reader.mapping(path, value, f"`{outcome}`", f"{outcome}: {{stop: draft}}")
        if data is None:
            return None
        data = self.reader.known_keys(path, data, ("stop", "steer", "feedback"), f"`{outcome}`")
        actions = [action for action in ("stop", "steer") if action in data]
        watched = step.watch.of if step.watch else "draft"
        if len(actions) != 1:
            self.reader.at_value(
                path,
                f"`{outcome}` does one thing: `stop` or `steer`.",
                f'Write `{{stop: {watched}}}`, or `{{steer: {watched}, feedback: "…"}}`.',
            )
            return None
        action = actions[0]
        target = data[action]
        if step.watch is not None and target != step.watch.of:
            shown = target if isinstance(target, str) else kind_of(target)
            self.reader.at_value(
                (*path, action),
                f"step `{step.id}` watches `{watched}`, so it can {action} only that, not `{shown}`.",
                f"Write `{action}: {watched}`.",
            )
        feedback = None
        if "feedback" in data:
            if action == "stop":
                self.reader.at_key(
                    (*path, "feedback"),
                    "a step that is stopped reads no feedback.",
                    f"Use `steer: {watched}` to let it go on with the feedback.",
                )
            feedback, uses = self.reader.template((*path, "feedback"), data["feedback"], "`feedback`", "feedback")
            step.uses += uses
        return Reaction(outcome, "stop" if action == "stop" else "steer", watched, feedback)  # pyright: ignore[reportArgumentType]
