"""The language of a text."""

from __future__ import annotations

from functools import cache
from typing import Any

MIN_WORDS = 3
"""Shorter texts could be anything."""
MOST_CHARS = 500
ENGLISH = frozenset(
    [
        "the",
        "and",
        "this",
        "that",
        "with",
        "have",
        "has",
        "they",
        "you",
        "of",
        "to",
        "it",
        "its",
        "would",
        "from",
        "which",
        "were",
        "been",
        "their",
        "your",
    ]
)
"""Small words that, several together, only English has."""
SURELY, SHARE = 4, 0.15
"""With so many different ones of these, and so great a share of all words, a text is English; the identifier takes ten times as long and more."""


def language_of(text: str) -> str:
    """ISO 639-1 code of the language that a text is in; empty where it is too short to tell."""
    words = text[:MOST_CHARS].split()
    small = [word for word in map(str.lower, words) if word in ENGLISH]
    if len(small) >= SHARE * len(words) and len(set(small)) >= SURELY:
        return "en"
    if sum(any(letter.isalpha() for letter in word) for word in words) < MIN_WORDS:
        return ""
    return _identifier().classify(" ".join(words))[0]


@cache
def _identifier() -> Any:
    # Takes half a second and 30 MB, once.
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # noqa: PLC0415  # pyright: ignore

    return LanguageIdentifier.from_model_file(MODEL_FILE)  # pyright: ignore
