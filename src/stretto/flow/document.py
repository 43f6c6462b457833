"""A flow's document: plain data that is small enough, in one canonical form with one digest."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping

import msgspec

from stretto.documents.plain import Json, is_list, is_mapping, is_sequence
from stretto.documents.problems import Path, Places, Problems

MAX_DEPTH = 80
MAX_VALUES = 200_000
MAX_TEXT = 8 << 20

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class _Unfit(Exception):
    def __init__(self, path: Path, message: str, remedy: str = "") -> None:
        self.path = path
        self.message = message
        self.remedy = remedy
        super().__init__(message)


class _Copier:
    """Copies data as plain JSON, within bounds."""

    def __init__(self) -> None:
        self.values = 0
        self.text = 0

    def copy(self, value: object, path: Path) -> Json:
        self.values += 1
        if self.values > MAX_VALUES:
            raise _Unfit((), f"the flow has more than {MAX_VALUES:,} values.", "Split it into flows of its own.")
        if len(path) > MAX_DEPTH:
            raise _Unfit(
                path[:8], f"this is nested more than {MAX_DEPTH} levels deep.", "Use a sub-flow for the inner part."
            )
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._string(value, path)
        if isinstance(value, int):
            if not -(2**63) <= value < 2**63:
                raise _Unfit(path, "this number is too large.", "Make it a text.")
            return int(value)
        if isinstance(value, float):
            if not math.isfinite(value):
                raise _Unfit(path, f"JSON has no number {value}.", "Make it a text.")
            return value
        if is_mapping(value):
            return {self._key(key, path): self.copy(item, (*path, str(key))) for key, item in value.items()}
        if is_sequence(value):
            return [self.copy(item, (*path, index)) for index, item in enumerate(value)]
        raise _Unfit(
            path, f"a {type(value).__name__} cannot stand in a flow.", "Use texts, numbers, lists and mappings."
        )

    def _key(self, key: object, path: Path) -> str:
        if not isinstance(key, str):
            raise _Unfit(path, f"the key {key!r:.40} is no text.", "Put it in quotes.")
        return self._string(key, path)

    def _string(self, value: str, path: Path) -> str:
        self.text += len(value)
        if self.text > MAX_TEXT:
            raise _Unfit(
                (),
                f"the flow's texts have more than {MAX_TEXT:,} characters.",
                "Make the prompts shorter, or split the flow.",
            )
        bad = _UNSTORABLE.search(value)
        if bad:
            raise _Unfit(path, f"the control character U+{ord(bad[0]):04X} cannot stand in a flow.", "Delete it.")
        return value


def plain_document(document: object, places: Places, problems: Problems) -> dict[str, Json] | None:
    """A copy of a document as plain JSON data; None, with the reason noted, when it is not that or is too large."""
    try:
        copied = _Copier().copy(document, ())
    except _Unfit as unfit:
        problems.add(places.value(unfit.path), unfit.message, unfit.remedy)
        return None
    if not is_mapping(copied):
        problems.add(
            places.value(()),
            "a flow is a mapping of keys to values.",
            "Begin with `flow: NAME`, then `agents:` and `steps:`.",
        )
        return None
    return dict(copied)


def ordered_document(document: Mapping[str, Json]) -> dict[str, Json]:
    """The same document with every `steps` as a list, so that their order survives any store of JSON.

    The order of steps means something: a block's value is its last step's, and a loop reads what stands further down
    from the turn before. Databases and canonical JSON keep the order of lists, not of keys.
    """
    ordered = dict(document)
    if "steps" in ordered:
        ordered["steps"] = _ordered_steps(ordered["steps"])
    flows: Json = ordered.get("flows")
    if is_mapping(flows):
        ordered["flows"] = {name: ordered_document(flow) if is_mapping(flow) else flow for name, flow in flows.items()}
    return ordered


def _ordered_steps(steps: Json) -> Json:
    if is_mapping(steps):
        listed: list[Json] = [{"id": name, **step} if is_mapping(step) else step for name, step in steps.items()]
    elif is_list(steps):
        listed = list(steps)
    else:
        return steps
    return [_ordered_step(step) if is_mapping(step) else step for step in listed]


def _ordered_step(step: Mapping[str, Json]) -> dict[str, Json]:
    ordered = dict(step)
    if "steps" in ordered:
        ordered["steps"] = _ordered_steps(ordered["steps"])
    cases: Json = ordered.get("branch")
    if is_list(cases):
        ordered["branch"] = [
            {**case, "steps": _ordered_steps(case["steps"])} if is_mapping(case) and "steps" in case else case
            for case in cases
        ]
    return ordered


def document_digest(document: Mapping[str, Json]) -> str:
    """SHA-256, in hex, of the document as canonical JSON: keys sorted, steps in order."""
    return hashlib.sha256(msgspec.json.encode(ordered_document(document), order="sorted")).hexdigest()
