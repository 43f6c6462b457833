"""`name=value` on the command line, as the values that a flow takes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from stretto.documents.durations import parse_duration
from stretto.documents.problems import Fault
from stretto.errors import InputInvalid, Invalid

if TYPE_CHECKING:
    from stretto.flow.graph import Graph

_EXAMPLES = {
    "integer": "3",
    "number": "0.5",
    "boolean": "true",
    "null": "null",
    "array": '\'["a", "b"]\'',
    "object": "'{\"a\": 1}'",
}


def read_inputs(graph: Graph, pairs: Iterable[str], file: Path | None) -> dict[str, Any]:
    """A run's input: what the JSON file holds, and over it the `name=value` pairs.

    A value is read as the type that the flow's input schema gives the name: a string stays as it is, anything
    else is JSON. Raises `InputInvalid`, naming the input.
    """
    given = {} if file is None else read_input_file(file)
    properties = cast("Mapping[str, Any]", graph.input_schema.get("properties", {}))
    for name, text in split_pairs(pairs, "--input").items():
        given[name] = typed_value(name, text, properties.get(name))
    return given


def read_input_file(path: Path) -> dict[str, Any]:
    """The JSON object in a file; `-` is standard input."""
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        found: object = json.loads(text, parse_constant=_no_constant)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputInvalid(f"The input file {path} cannot be used: {why}. It must hold one JSON object.") from None
    if not isinstance(found, dict):
        raise InputInvalid(f'The input file {path} must hold one JSON object, like {{"task": "…"}}.')
    return cast("dict[str, Any]", found)


def split_pairs(pairs: Iterable[str], option: str) -> dict[str, str]:
    """Each `name=value` as name and text. Raises `InputInvalid` for what is no pair, or given twice."""
    found: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        name = name.strip()
        if not equals or not name:
            raise InputInvalid(f"{option} {pair!r} is not of the form name=value.")
        if name in found:
            raise InputInvalid(f"{option} {name} is given twice. Give it once.")
        found[name] = value
    return found


def typed_value(name: str, text: str, schema: Mapping[str, Any] | None) -> Any:
    """One input's text as the type that its schema declares.

    A name that the flow does not know stays text: the check of the whole input says so, with the nearest right name.
    """
    if schema is None:
        return text
    declared = schema.get("type")
    kinds: list[str] = [declared] if isinstance(declared, str) else list(declared or [])
    if not kinds:
        return json_or_text(text)
    if kinds == ["string"]:
        return text
    try:
        return _read_json(text)
    except ValueError:
        if "string" in kinds:
            return text
        example = _EXAMPLES.get(kinds[0], "…")
        raise InputInvalid(
            f"Input {name!r}: {text!r} is no {' or '.join(kinds)}. Write for example --input {name}={example}."
        ) from None


def edit_values(pairs: Iterable[str]) -> dict[str, Any]:
    """The `--set` pairs of a fork: each value as JSON if it is JSON, otherwise as text."""
    return {name: json_or_text(text) for name, text in split_pairs(pairs, "--set").items()}


def json_or_text(text: str) -> Any:
    """The JSON value that a text is, or else the text."""
    try:
        return _read_json(text)
    except ValueError:
        return text


def json_value(text: str, option: str) -> Any:
    """The JSON value of an option. Raises `Invalid` when it is none."""
    try:
        return _read_json(text)
    except ValueError as error:
        raise Invalid(f"{option} takes JSON, and {text!r} is none: {error}. A text stands in double quotes.") from None


def _read_json(text: str) -> Any:
    return json.loads(text, parse_constant=_no_constant)


def _no_constant(name: str) -> Any:
    raise ValueError(f"JSON has no {name}")


def seconds_of(text: str) -> float:
    """A length of time, such as `2h`. Raises `Invalid`."""
    try:
        return parse_duration(text)
    except Fault as fault:
        raise Invalid(f"{fault.message}. {fault.remedy}".strip()) from None
