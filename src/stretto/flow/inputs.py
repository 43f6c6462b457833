"""Do values fit: a run's input its flow, a step's output its type."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from stretto.documents.plain import Json, is_list, is_mapping, is_sequence
from stretto.documents.problems import Path, path_text, suggest
from stretto.errors import InputInvalid, OutputInvalid
from stretto.flow.graph import Graph
from stretto.flow.json_schema import Misfit, misfits


def validate_input(graph: Graph, input: Mapping[str, Json]) -> dict[str, Json]:
    """The input with defaults filled in, as plain JSON. Raises `InputInvalid` naming every field that does not fit."""
    properties: Mapping[str, Mapping[str, Json]] = graph.input_schema["properties"]
    given = {
        name: json.loads(json.dumps(schema["default"])) for name, schema in properties.items() if "default" in schema
    }
    given.update(input)
    wrong: list[tuple[Path, str]] = [((name,), _unknown(name, properties)) for name in given if name not in properties]
    wrong += [
        ((name,), f"`{name}` is missing: {_expected(schema)}.")
        for name, schema in properties.items()
        if name not in given
    ]
    for name, value in given.items():
        if name in properties:
            found = _misfits(properties[name], value)
            wrong += [((name, *misfit.path), _wrong((name,), misfit)) for misfit in found]
    if wrong:
        told = " ".join(each for _, each in wrong)
        raise InputInvalid(f"The input does not fit the flow `{graph.name}`: {told}", wrong, flow=graph.name)
    return given


def validate_output(schema: Mapping[str, Json], value: Json, what: str = "output") -> None:
    """Checks a value against a type's schema. Raises `OutputInvalid` naming every part that does not fit."""
    wrong = [_wrong((what,), misfit) for misfit in _misfits(schema, value)]
    if wrong:
        raise OutputInvalid(f"The {what} does not fit its type: {' '.join(wrong)}")


def _misfits(schema: Mapping[str, Json], value: Json) -> list[Misfit]:
    unfit = _not_json(value, 0)
    return [Misfit((), unfit, value)] if unfit else misfits(schema, value)


def _not_json(value: object, depth: int) -> str:
    """Why a value is not JSON; empty when it is."""
    if depth > 100:
        return "is nested more than 100 levels deep"
    if isinstance(value, float) and not math.isfinite(value):
        return f"is {value}, which JSON has no number for"
    if isinstance(value, str):
        return "" if value.isascii() or _is_text(value) else "holds half of a character (a lone surrogate)"
    if value is None or isinstance(value, int | float):
        return ""
    if is_mapping(value):
        keys: list[object] = list(value)
        parts: list[object] = list(value.values())
        if not all(isinstance(key, str) for key in keys):
            return "has a key that is no text"
    elif is_sequence(value):
        parts = list(value)
    else:
        return f"is a {type(value).__name__}, not JSON"
    return next((why for part in parts if (why := _not_json(part, depth + 1))), "")


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unknown(name: str, properties: Mapping[str, Json]) -> str:
    return f"`{name}` is not an input of this flow. {suggest(name, properties) or 'It takes none.'}"


def _expected(schema: Mapping[str, Json]) -> str:
    kind: Json = schema.get("type", "any value")
    words = " or ".join(map(str, kind)) if is_list(kind) else str(kind)
    described: Json = schema.get("description")
    return f"{words} expected" + (f" ({described})" if isinstance(described, str) else "")


def _wrong(path: Path, misfit: Misfit) -> str:
    return f"`{path_text((*path, *misfit.path))}` {misfit.message}."
