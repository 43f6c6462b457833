"""The kinds of segments into which a reader has a stream cut, by name."""

from __future__ import annotations

from collections.abc import Mapping

from stretto.errors import Invalid
from stretto.stream.cutter import MAX_SEGMENT_CHARS, Segment, Segmenter
from stretto.stream.items import JsonItemSegmenter
from stretto.stream.lines import CodeBlockSegmenter, LineSegmenter, ParagraphSegmenter
from stretto.stream.pieces import TokenSegmenter
from stretto.stream.sentences import SentenceSegmenter

__all__ = ["KINDS", "MAX_SEGMENT_CHARS", "Segment", "Segmenter", "segmenter"]

_BY_NAME: Mapping[str, type[Segmenter]] = {
    "sentence": SentenceSegmenter,
    "paragraph": ParagraphSegmenter,
    "line": LineSegmenter,
    "code_block": CodeBlockSegmenter,
    "json_item": JsonItemSegmenter,
}

KINDS = (*_BY_NAME, "tokens")
"""The names of all kinds; `tokens` needs a number."""


def segmenter(kind: str, n: int | None = None, *, limit: int = MAX_SEGMENT_CHARS) -> Segmenter:
    """Make the segmenter of a kind; `n` is the number of tokens and goes with `tokens` only.

    The classes' docstrings define the kinds. Raises `Invalid` when there is no such kind, or the number is missing,
    surplus or below 1.
    """
    if kind == "tokens":
        if n is None:
            raise Invalid("tokens needs a number, such as tokens: 200. Add it.")
        return TokenSegmenter(n, limit)
    if kind not in _BY_NAME:
        raise Invalid(f"There is no segment kind {kind!r}. Use one of {', '.join(KINDS)}.")
    if n is not None:
        raise Invalid(f"{kind} takes no number. Leave it out.")
    return _BY_NAME[kind](limit)
