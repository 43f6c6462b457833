"""Long texts in pieces that a model can read: whole sentences, each piece beginning with the last ones of the piece before.

A model for vectors reads so many tokens (all-MiniLM-L6-v2: 256) and passes over the rest, so a long text has a vector for each piece.
Tokens are estimated, on the safe side for English; no tokenizer is asked, for each model has its own.
"""

from __future__ import annotations

import re

from stretto.memory.words import SENTENCE_END, words

READ = 254
"""Up to so many tokens, as they are estimated here, a text stays whole."""
WINDOW = 210
"""Tokens in a piece, as they are estimated here."""
OVERLAP = 40
"""Tokens that a piece may share with the one before."""
_PART = re.compile(r"[A-Za-z]+|\d+|[^\W\d_]|[^\w\s]|_")
Span = tuple[int, int]
"""Where a piece begins and ends in its text."""


def count(text: str) -> int:
    """About how many tokens a text has: a word has one for each seven letters begun, other signs are one each."""
    return sum(map(_size, _PART.findall(text)))


def pieces_of(text: str) -> list[Span]:
    """The pieces of a text in order; one where it is short. No word of the text is outside of all."""
    if len(text) <= READ or count(text) <= READ:
        return [(0, len(text))]
    found: list[Span] = []
    held: list[tuple[Span, int]] = []
    for span, size in _parts(text):
        if held and sum(each for _, each in held) + size > WINDOW:
            found.append((held[0][0][0], held[-1][0][1]))
            held = _tail(held, min(OVERLAP, WINDOW - size))
        held.append((span, size))
    return [*found, (held[0][0][0], held[-1][0][1])]


def best_piece(text: str, asked: set[str]) -> Span | None:
    """The first piece that holds most of the question's words; None where the text is one piece."""
    spans = pieces_of(text)
    if len(spans) == 1:
        return None
    return max(spans, key=lambda span: len(asked & set(words(text[span[0] : span[1]]))))


def _tail(held: list[tuple[Span, int]], most: int) -> list[tuple[Span, int]]:
    """The last sentences that fit into the overlap."""
    kept: list[tuple[Span, int]] = []
    for span, size in reversed(held[1:]):
        if size > most:
            break
        kept.insert(0, (span, size))
        most -= size
    return kept


def _parts(text: str) -> list[tuple[Span, int]]:
    """Sentences with their sizes; those that fill more than a window are cut between words, and words between letters."""
    found: list[tuple[Span, int]] = []
    start = 0
    for stop in [*(match.end() for match in SENTENCE_END.finditer(text)), len(text)]:
        total = 0
        for part in _PART.finditer(text, start, stop):
            size = _size(part[0])
            if total and total + size > WINDOW:
                found.append(((start, part.start()), total))
                start, total = part.start(), 0
            while size > WINDOW:
                found.append(((start, start + WINDOW), WINDOW))
                start += WINDOW
                size = _size(text[start : part.end()])
            total += size
        if total:
            found.append(((start, stop), total))
        start = stop
    return found


def _size(part: str) -> int:
    return 1 + (len(part) - 1) // (3 if part[0].isdigit() else 7)
