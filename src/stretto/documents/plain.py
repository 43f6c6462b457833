"""Plain data, as JSON has it: telling its kinds apart and naming them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

Json = Any
"""A value as JSON has it: None, bool, int, float, str, list or dict of the same."""

KINDS_IN_WORDS: Mapping[str, str] = {
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "null",
}
"""The types of JSON, as messages call them."""


def is_mapping(value: object) -> TypeGuard[Mapping[str, Json]]:
    """Whether a value is a mapping (JSON object)."""
    return isinstance(value, Mapping)


def is_list(value: object) -> TypeGuard[list[Json]]:
    """Whether a value is a list (JSON array)."""
    return isinstance(value, list)


def is_sequence(value: object) -> TypeGuard[Sequence[Json]]:
    """Whether a value is a list, or a tuple that stands for one."""
    return isinstance(value, list | tuple)


def kind_of(value: object) -> str:
    """A value's kind in words, with the value itself when it is short."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int | float):
        text = f"{value}"
        return f"the number {text if len(text) < 30 else text[:29] + '…'}"
    if isinstance(value, str):
        text = " ".join(value.split())
        return f"the text `{text if len(text) <= 40 else text[:39] + '…'}`"
    return "a mapping" if isinstance(value, Mapping) else "a list"
