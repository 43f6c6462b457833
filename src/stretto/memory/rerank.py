"""Re-rankers: they read question and text together, and say how well the one answers the other."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from stretto.memory.words import words


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is to be judged: a text, and what the lists say of it, where they have it."""

    text: str
    cosine: float | None = None
    bm25: float | None = None


class Reranker(Protocol):
    """Gives each candidate a number from 0 (no answer) to 1, in the same order. Raises a `ModelError`.

    A cross-encoder is one: give its sigmoid. It is called once for a search, with at most `Ranking.pool` candidates.
    """

    @property
    def name(self) -> str: ...
    async def rerank(self, question: str, candidates: Sequence[Candidate]) -> Sequence[float]: ...


class LexicalReranker:
    """A re-ranker without a model: half of it is what the lists say, brought to the same scale; half is the words themselves.

    The mean of: the cosine and BM25, each between the least and the greatest of the candidates; how much of the question's words the
    text holds, rare ones counting more (their idf among the candidates); and how much of its pairs of neighbouring words the text
    holds within five words of each other.
    """

    name = "lexical"
    WEIGHTS = (0.35, 0.35, 0.2, 0.1)
    NEAR = 5

    async def rerank(self, question: str, candidates: Sequence[Candidate]) -> Sequence[float]:
        """Never raises; no candidate waits for another."""
        asked = list(dict.fromkeys(words(question)))
        texts = [words(each.text) for each in candidates]
        held = Counter(word for text in texts for word in set(text))
        idf = {word: math.log(1 + (len(texts) - held[word] + 0.5) / (held[word] + 0.5)) for word in asked}
        cosines = scaled([each.cosine for each in candidates])
        scores = scaled([each.bm25 for each in candidates])
        return [
            sum(
                weight * part
                for weight, part in zip(
                    self.WEIGHTS, (cosine, score, covered(idf, text), paired(asked, text, self.NEAR)), strict=True
                )
            )
            for cosine, score, text in zip(cosines, scores, texts, strict=True)
        ]


def scaled(values: Sequence[float | None]) -> list[float]:
    """Values from 0 to 1, by the least and the greatest of them; 0 for what has none."""
    known = [value for value in values if value is not None]
    if not known:
        return [0.0] * len(values)
    least, most = min(known), max(known)
    if most <= least:
        return [0.0 if value is None else 1.0 for value in values]
    return [0.0 if value is None else (value - least) / (most - least) for value in values]


def covered(idf: dict[str, float], text: Sequence[str]) -> float:
    """How much of the question's words a text holds, by their weights."""
    total = sum(idf.values())
    return sum(idf[word] for word in idf.keys() & set(text)) / total if total else 0.0


def paired(asked: Sequence[str], text: Sequence[str], near: int) -> float:
    """How many of the question's pairs of neighbouring words a text holds close to each other."""
    if len(asked) < 2:
        return 0.0
    wanted = set(asked)
    places: dict[str, list[int]] = {}
    for at, word in enumerate(text):
        if word in wanted:
            places.setdefault(word, []).append(at)
    pairs = list(pairwise(asked))
    return sum(_close(places.get(one, []), places.get(other, []), near) for one, other in pairs) / len(pairs)


def _close(ones: Sequence[int], others: Sequence[int], near: int) -> bool:
    i = j = 0
    while i < len(ones) and j < len(others):
        if abs(ones[i] - others[j]) <= near:
            return True
        if ones[i] < others[j]:
            i += 1
        else:
            j += 1
    return False
