"""Citations are checked: a sentence stays only if the source that it cites is there and supports it.

A citation stands behind what it supports, as `[1]` or `[2, 3]`: numbers of the sources, from 1. A sentence is supported by a source
when the source holds most of its words (`SUPPORT`), all of its numbers, and denies it no more and no less than the sentence does:
"not good" does not support "good". That is a check of words. A model for entailment can be given in its place.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from stretto.memory.words import sentences, words

SUPPORT = 0.7
"""Of a sentence's words in the source, within `WINDOW` neighbouring sentences. Chosen on made-up pairs (tests/unit/memory/test_citations.py)."""
WINDOW = 2
_CITATION = re.compile(r"\[(\d{1,4}(?:\s*,\s*\d{1,4})*)\]")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_DENIAL = re.compile(
    r"\b(?:no|not|never|none|nobody|nothing|neither|nor|without|cannot|hardly)\b|n['’]t\b", re.IGNORECASE
)

Entails = Callable[[str, str], Awaitable[bool]]
"""Whether a source (first) supports a sentence (second)."""
Fault = Literal["no citation", "no such source", "not supported"]


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of an answer, and the sources that support it, by number."""

    text: str
    sources: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Removed:
    """A sentence that was taken out, and why."""

    text: str
    sources: tuple[int, ...]
    fault: Fault


@dataclass(frozen=True, slots=True)
class Checked:
    """An answer after its citations were checked."""

    sentences: Sequence[Sentence]
    removed: Sequence[Removed]

    @property
    def text(self) -> str:
        """What is left, with its citations."""
        return " ".join(f"{each.text} [{', '.join(map(str, each.sources))}]" for each in self.sentences)


async def supports(source: str, sentence: str) -> bool:
    """Whether a source supports a sentence, by its words."""
    wanted = set(words(sentence))
    if not wanted:
        return False
    numbers, denies = set(_NUMBER.findall(sentence)), bool(_DENIAL.search(sentence))
    parts = sentences(source)
    for start in range(len(parts)):
        for stop in range(start + 1, min(start + WINDOW, len(parts)) + 1):
            part = " ".join(parts[start:stop])
            held = set(words(part))
            if (
                len(wanted & held) >= SUPPORT * len(wanted)
                and numbers <= set(_NUMBER.findall(part))
                and all(denies == bool(_DENIAL.search(each)) for each in parts[start:stop])
            ):
                return True
    return False


async def check_citations(answer: str, sources: Sequence[str], entails: Entails = supports) -> Checked:
    """Check each sentence's citations; what no cited source supports is removed and reported."""
    kept: list[Sentence] = []
    removed: list[Removed] = []
    for text, cited in cut(answer):
        there = tuple(number for number in cited if 1 <= number <= len(sources))
        good = tuple([number for number in there if await entails(sources[number - 1], text)])
        if good:
            kept.append(Sentence(text, good))
        else:
            removed.append(
                Removed(text, cited, "not supported" if there else "no such source" if cited else "no citation")
            )
    return Checked(kept, removed)


def cut(answer: str) -> list[tuple[str, tuple[int, ...]]]:
    """The sentences of an answer, each with the numbers that it cites; its own text is without them."""
    found: list[tuple[str, tuple[int, ...]]] = []
    for each in sentences(_behind(answer)):
        cited = [int(number) for group in _CITATION.findall(each) for number in group.split(",")]
        text = " ".join(_CITATION.sub(" ", each).split())
        text = re.sub(r"\s+([.,;:!?])", r"\1", text)
        if not re.search(r"\w", text):
            if found:  # citations that stand alone belong to what is before them
                before, numbers = found[-1]
                found[-1] = (before, tuple(dict.fromkeys([*numbers, *cited])))
            continue
        found.append((text, tuple(dict.fromkeys(cited))))
    return found


def _behind(answer: str) -> str:
    """The answer with citations that stand behind a full stop put before it: "So. [1] Then" is "So [1]. Then"."""
    return re.sub(r"([.!?…])((?:\s*\[\d[\d,\s]*\])+)", r"\2\1", answer)
