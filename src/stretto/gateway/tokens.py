"""Cutting text into token-like pieces."""

from __future__ import annotations

import re

_PIECE = re.compile(r"\s*\S{1,16}|\s+")


def split_tokens(text: str) -> list[str]:
    """Cut text into words, each with the space before it; joined they are exactly the text."""
    return _PIECE.findall(text)
