"""Simulated embeddings: texts that share words lie close to one another, and nothing more is claimed."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from hashlib import blake2b

from stretto.gateway.provider import Embeddings, TokenCounts

DIMENSIONS = 384
_WORD = re.compile(r"\w+")


def simulate_vector(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """A unit vector: each word adds or takes 1 at a place that its hash gives (feature hashing, Weinberger et al. 2009)."""
    vector = [0.0] * dimensions
    for word in _WORD.findall(text.lower()) or [text]:
        hashed = int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "big")
        vector[hashed % dimensions] += 1.0 if hashed >> 63 else -1.0
    length = math.sqrt(sum(value * value for value in vector))
    if not length:  # words that cancel each other out
        vector[0] = length = 1.0
    return [value / length for value in vector]


class SimulatedEmbedder:
    """An `Embedder` without a model."""

    name = "simulated"

    async def embed(self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None) -> Embeddings:
        """One vector for each text; its model says that it is simulated."""
        vectors = [simulate_vector(text, dimensions or DIMENSIONS) for text in texts]
        tokens = TokenCounts(input=sum(len(text) // 4 + 1 for text in texts))
        return Embeddings(vectors=vectors, model=f"simulated/{model}", provider=self.name, tokens=tokens)

    async def close(self) -> None:
        """Nothing is open."""
