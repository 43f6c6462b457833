"""Vectors searched where they are kept: pgvector."""

from __future__ import annotations

from collections.abc import Sequence

from stretto.memory.encoder import Vector
from stretto.memory.indexes.port import Point, Shelf
from stretto.memory.store import MemoryStore, Narrowing, Near
from stretto.store import Database

COMPARED = 5_000
"""Up to so many vectors are all compared: exact, and as fast as the index (`tools/measure_retrieval.py --speed`)."""


class PostgresIndex:
    """HNSW on the signs of the numbers, with iterative scans, so that row-level security and conditions leave enough; a small shelf is searched exactly."""

    name = "pgvector"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, shelf: Shelf, points: Sequence[Point]) -> None:
        """Nothing to do: what is kept is indexed."""

    async def remove(self, shelf: Shelf, ids: Sequence[int]) -> None:
        """Nothing to do: what is gone is out of the index."""

    async def drop(self, shelf: Shelf) -> None:
        """Nothing to do, for the same reason."""

    async def search(self, shelf: Shelf, vector: Vector, narrowing: Narrowing, depth: int) -> Sequence[Near]:
        """The nearest of one shelf."""
        store = MemoryStore(self._database, shelf.tenant_id)
        exactly = shelf.items <= COMPARED
        return await store.by_vector(shelf.collection, shelf.model, vector, narrowing, depth, exactly)

    async def close(self) -> None:
        """Nothing is open."""
