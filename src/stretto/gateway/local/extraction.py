"""Answers taken from passages word for word: the sentences that fit a question best, by BM25 (Robertson and Zaragoza, 2009)."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from stretto.gateway.local.words import STOP_WORDS, sentences_of, words_of

K1, B = 1.2, 0.75
ENOUGH = 0.6
"""Share of the question's weight (by rarity of its words) that the sentences must hold; below that nothing is found."""
MOST_SENTENCES = 2
AS_GOOD = 0.7
"""A second sentence is taken when it scores so much of the first and holds a word of the question that the first lacks."""

_HOW = re.compile(r"\bhow (?:long|much|many|often|far|big|large|old|tall|fast|soon)\b", re.IGNORECASE)
"""Asks for a measure; the answer seldom holds the word."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A text to answer from, and what it is cited by."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Extract:
    """Sentences, each with the passage that it stands in; none when nothing was found. `covered` is a share, 0-1."""

    sentences: tuple[tuple[str, str], ...]
    covered: float

    @property
    def citations(self) -> list[str]:
        """The passages' ids, each once."""
        return list(dict.fromkeys(id_ for id_, _ in self.sentences))


def extract(question: str, passages: Sequence[Passage]) -> Extract:
    """The best sentences of the passages, or none when they do not hold enough of what is asked."""
    asked = set(_terms(_HOW.sub(" ", question)))
    sentences = [(passage.id, sentence) for passage in passages for sentence in sentences_of(passage.text)]
    sentences = [each for each in sentences if not each[1].endswith("?")]
    if not asked or not sentences:
        return Extract((), 0.0)
    terms = [Counter(_terms(sentence)) for _, sentence in sentences]
    rarity = _rarity(asked, terms)
    mean = sum(each.total() for each in terms) / len(terms) or 1.0
    scores = [_bm25(asked, each, rarity, mean) for each in terms]
    order = sorted(range(len(sentences)), key=lambda at: -scores[at])
    taken, held = [order[0]], asked & terms[order[0]].keys()
    for at in order[1:]:
        if len(taken) == MOST_SENTENCES or scores[at] < AS_GOOD * scores[order[0]]:
            break
        if (asked & terms[at].keys()) - held:
            taken.append(at)
            held |= asked & terms[at].keys()
    covered = sum(rarity[term] for term in held) / sum(rarity.values())
    if covered < ENOUGH:
        return Extract((), covered)
    return Extract(tuple(sentences[at] for at in sorted(taken)), covered)


def _terms(text: str) -> list[str]:
    return [_stem(word) for word in words_of(text) if word not in STOP_WORDS]


def _stem(word: str) -> str:
    """A word without its commonest endings, so that "batteries last" meets "battery lasts"."""
    word = word.removesuffix("'s")
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("ing", ""), ("ed", ""), ("es", ""), ("s", ""), ("e", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word[: -len(ending)] + instead
    return word


def _rarity(asked: set[str], terms: Sequence[Counter[str]]) -> dict[str, float]:
    total = len(terms)
    counts = {term: sum(term in each for each in terms) for term in asked}
    return {term: math.log(1 + (total - count + 0.5) / (count + 0.5)) for term, count in counts.items()}


def _bm25(asked: set[str], terms: Counter[str], rarity: dict[str, float], mean: float) -> float:
    longer = K1 * (1 - B + B * terms.total() / mean)
    return sum(rarity[term] * terms[term] * (K1 + 1) / (terms[term] + longer) for term in asked if term in terms)
