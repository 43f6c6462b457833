"""Finding the JSON value in a model's answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from stretto.tools.conform import find_misfits

_FENCED = re.compile(r"```(?:json)?[ \t]*\n(.*?)\n[ \t]*```", re.DOTALL | re.IGNORECASE)


def parse_answer(text: str, schema: Mapping[str, Any]) -> tuple[Any, list[str]]:
    """The value in the text, and what is wrong with it: nothing when it fits the schema.

    The text may be the value itself, hold it in a fence, or have words before and after it.
    """
    first: tuple[Any, list[str]] | None = None
    for candidate in _candidates(text):
        try:
            value = orjson.loads(candidate)
        except orjson.JSONDecodeError:
            continue
        misfits = find_misfits(schema, value)
        if not misfits:
            return value, []
        first = first or (value, misfits)
    if first is not None:
        return first
    if not text.strip():
        return None, ["the answer is empty"]
    try:
        orjson.loads(text.strip())
    except orjson.JSONDecodeError as error:
        return None, [f"the answer is not JSON: {error}"]
    return None, ["the answer is not JSON"]


def _candidates(text: str) -> Iterator[str]:
    yield text.strip()
    yield from (match.strip() for match in _FENCED.findall(text))
    for opening, closing in ("{}", "[]"):
        start, end = text.find(opening), text.rfind(closing)
        if 0 <= start < end:
            yield text[start : end + 1]
