"""Checks that need no model: schema, length and patterns. What fails is rejected with its words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import orjson

from stretto.agents.judging.verdict import Flag
from stretto.errors import OutputInvalid
from stretto.flow.graph import Checks
from stretto.flow.inputs import validate_output
from stretto.flow.json_schema import misfits


def failed_checks(checks: Checks, content: Any) -> list[Flag]:
    """What is wrong with the content; nothing when it passes."""
    return [Flag(name, "check", words) for name, words in _failures(checks, content)]


def _failures(checks: Checks, content: Any) -> Iterator[tuple[str, str]]:
    if checks.schema is not None:
        try:
            validate_output(checks.schema, content, "content")
        except OutputInvalid as error:
            yield "schema", error.message
    text = shown(content)
    if checks.min_chars is not None and len(text) < checks.min_chars:
        yield "min_chars", f"The content has {len(text)} characters, fewer than the {checks.min_chars} needed."
    if checks.max_chars is not None and len(text) > checks.max_chars:
        yield "max_chars", f"The content has {len(text)} characters, more than the {checks.max_chars} allowed."
    for pattern in checks.must_match:
        if not _matches(pattern, text):
            yield "must_match", f"The content lacks what must be in it: {pattern}."
    for pattern in checks.must_not_match:
        if _matches(pattern, text):
            yield "must_not_match", f"The content has something that must not be in it: {pattern}."


def _matches(pattern: str, text: str) -> bool:
    """Whether a pattern is found, by the engine of JSON Schema, which bounds its work: Python's may take for ever."""
    return not misfits({"type": "string", "pattern": pattern}, text, most=1)


def shown(content: Any) -> str:
    """Content as text; what is none, as JSON."""
    if content is None:
        return ""
    return content if isinstance(content, str) else orjson.dumps(content).decode()


def words_in(content: Any) -> str:
    """All texts inside content, one below the other; what a person would read of it."""
    if isinstance(content, str):
        return content
    parts: list[Any] = []
    if isinstance(content, Mapping):
        parts = list(cast("Mapping[str, Any]", content).values())
    elif isinstance(content, (list, tuple)):
        parts = list(cast("Sequence[Any]", content))
    return "\n".join(filter(None, map(words_in, parts)))
