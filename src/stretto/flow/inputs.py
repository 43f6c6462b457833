"""Check a run's input against the flow's schema, and fill in what it leaves out."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from stretto.errors import InputInvalid
from stretto.flow.graph import Graph
from stretto.flow.json_schema import misfits


def validate_input(graph: Graph, given: Mapping[str, Any]) -> dict[str, Any]:
    """The run's input, with defaults filled in. Raises `InputInvalid` with everything that does not fit."""
    declared: Mapping[str, Any] = graph.input_schema.get("properties", {})
    wrong: list[str] = []
    for name in given:
        if name not in declared:
            near = get_close_matches(name, declared, n=1)
            known = f"Did you mean {near[0]!r}?" if near else f"It takes {', '.join(declared) or 'no input'}."
            wrong.append(f"{name}: the flow has no such input. {known}")
    defaults = {name: schema["default"] for name, schema in declared.items() if "default" in schema}
    filled = {**defaults, **given}
    for name in declared:
        if name not in filled:
            wrong.append(f"{name}: is required. Give it a value.")
    known_names = {name: value for name, value in filled.items() if name in declared}
    partial: dict[str, Any] = {**graph.input_schema, "required": []}
    for misfit in misfits(partial, known_names):
        wrong.append(f"{'.'.join(map(str, misfit.path)) or 'input'}: {misfit.message}.")
    if wrong:
        raise InputInvalid(f"The input does not fit flow {graph.name!r}.\n" + "\n".join(wrong))
    return filled
