"""Questions that lie close to one another and mean something else.

Embeddings put "the tax of 2023" next to "the tax of 2024", and "safe" next to "not safe". So a similar question counts as the same
only if both hold the same numbers, the same negations, the same quoted words and the same names.
"""

from __future__ import annotations

import re
from collections import Counter

_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*%?")
_QUOTED = re.compile(r"[\"“”«»`]([^\"“”«»`]+)[\"“”«»`]|'([^']{2,})'")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_SENTENCE = re.compile(r"(?:^|[.!?:]\s+|\n\s*)(?=\S)")
_NEGATIONS = frozenset(
    [
        "no",
        "not",
        "none",
        "never",
        "nobody",
        "nothing",
        "neither",
        "nor",
        "without",
        "cannot",
        "except",
        "unless",
        "lack",
        "lacks",
        "lacking",
        "isn't",
        "aren't",
        "wasn't",
        "weren't",
        "don't",
        "doesn't",
        "didn't",
        "won't",
        "wouldn't",
        "can't",
        "couldn't",
        "shouldn't",
        "hasn't",
        "haven't",
        "hadn't",
        "mustn't",
        "nicht",
        "kein",
        "keine",
        "keinen",
        "ohne",
        "nie",
        "niemals",
        "pas",
        "sans",
        "jamais",
        "sin",
        "nunca",
    ]
)
_OPPOSITES = frozenset(
    [
        "more",
        "less",
        "most",
        "least",
        "before",
        "after",
        "above",
        "below",
        "over",
        "under",
        "up",
        "down",
        "increase",
        "decrease",
        "increasing",
        "decreasing",
        "enable",
        "disable",
        "enabled",
        "disabled",
        "on",
        "off",
        "open",
        "close",
        "opened",
        "closed",
        "start",
        "stop",
        "add",
        "remove",
        "added",
        "removed",
        "first",
        "last",
        "min",
        "max",
        "minimum",
        "maximum",
        "buy",
        "sell",
        "with",
        "true",
        "false",
        "left",
        "right",
        "north",
        "south",
        "east",
        "west",
        "import",
        "export",
        "upgrade",
        "downgrade",
    ]
)


def means_the_same(one: str, other: str) -> bool:
    """Whether nothing that changes the meaning differs."""
    return _marks(one) == _marks(other)


def _marks(text: str) -> tuple[Counter[str], ...]:
    words = [word.replace("’", "'") for word in _WORD.findall(text)]
    lower = [word.lower() for word in words]
    quoted = Counter((first or second).lower() for first, second in _QUOTED.findall(text))
    # The first word of a sentence has its capital for another reason.
    starts = {match.end() for match in _SENTENCE.finditer(text)}
    names = Counter(
        match[0].lower() for match in _WORD.finditer(text) if match[0][0].isupper() and match.start() not in starts
    )
    return (
        Counter(_NUMBER.findall(text)),
        Counter(word for word in lower if word in _NEGATIONS),
        Counter(word for word in lower if word in _OPPOSITES),
        quoted,
        names,
    )
