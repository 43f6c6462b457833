"""Several lists become one: weighted reciprocal rank fusion (Cormack, Clarke and Büttcher 2009)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from stretto.errors import Invalid

WEIGHTS: Mapping[str, float] = MappingProxyType({"vector": 0.5, "text": 0.3, "place": 0.2})


@dataclass(frozen=True, slots=True)
class Ranking:
    """How hits are ordered. An item's fusion is the sum of weight / (k + rank) over the lists that have it."""

    weights: Mapping[str, float] = field(default_factory=lambda: WEIGHTS)
    k: int = 60
    fused: float = 0.6
    """The weight of the fusion in the final score; the re-ranker has the rest."""
    depth: int = 100
    """How many items each list gives."""
    pool: int = 50
    """How many of the fused items are re-ranked."""

    def __post_init__(self) -> None:
        if self.k < 1 or not 0 <= self.fused <= 1 or self.depth < 1 or self.pool < 1:
            raise Invalid("A ranking needs k, depth and pool of at least 1, and `fused` from 0 to 1.")
        if any(weight < 0 for weight in self.weights.values()) or not any(self.weights.values()):
            raise Invalid("The weights of a ranking are not negative, and one is more than 0.")


def fuse(lists: Mapping[str, Sequence[int]], ranking: Ranking) -> dict[int, float]:
    """The fusion of each item, best first; 1 for what is first in all lists. Equal ones are ordered by their ids."""
    most = sum(ranking.weights.get(name, 0.0) for name in lists) / (ranking.k + 1)
    scores: dict[int, float] = {}
    for name, ids in lists.items():
        weight = ranking.weights.get(name, 0.0)
        for rank, item in enumerate(ids, start=1):
            scores[item] = scores.get(item, 0.0) + weight / (ranking.k + rank)
    ordered = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
    return {item: score / most if most else 0.0 for item, score in ordered}
