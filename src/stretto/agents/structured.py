"""Finding the JSON value in a model's answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from stretto.errors import OutputInvalid
from stretto.flow.inputs import validate_output

_FENCED = re.compile(r"```(?:json)?[ \t]*\n(.*?)\n[ \t]*```", re.DOTALL | re.IGNORECASE)


def parse_answer(text: str, schema: Mapping[str, Any]) -> tuple[Any, str]:
    """The value in the text, and in words what is wrong with it: nothing when it fits the schema.

    The text may be the value itself, hold it in a fence, or have words before and after it.
    """
    if not text.strip():
        return None, "The answer is empty."
    first: tuple[Any, str] | None = None
    for candidate in _candidates(text):
        try:
            value = orjson.loads(candidate)
        except orjson.JSONDecodeError:
            continue
        try:
            validate_output(schema, value, "answer")
        except OutputInvalid as error:
            first = first or (value, error.message)
        else:
            return value, ""
    return first or (None, "The answer is not JSON.")


def _candidates(text: str) -> Iterator[str]:
    yield text.strip()
    yield from (match.strip() for match in _FENCED.findall(text))
    for opening, closing in ("{}", "[]"):
        start, end = text.find(opening), text.rfind(closing)
        if 0 <= start < end:
            yield text[start : end + 1]
