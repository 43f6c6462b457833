"""The port to what searches vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from stretto.memory.encoder import Model, Vector
from stretto.memory.store import Narrowing, Near


@dataclass(frozen=True, slots=True)
class Shelf:
    """The vectors of one collection of one tenant that one model has made."""

    tenant_id: UUID
    collection: int
    model: Model
    items: int = 0
    """How many there are, roughly."""


@dataclass(frozen=True, slots=True)
class Point:
    """The vector of an item, or of one of its pieces, with what conditions look at."""

    id: int
    vector: Vector
    metadata: Mapping[str, Any]
    piece: int = 0
    begins: int | None = None
    ends: int | None = None
    """Where the piece stands in its text; None where it is all of it."""


class VectorIndex(Protocol):
    """Finds the nearest vectors of one shelf, and never those of another.

    The vectors themselves are kept in PostgreSQL, with the items and in their transactions; an index can be filled from there
    anew at any time. `put` and `remove` are called once that is committed, and may be called again.
    An index that does not answer raises `ModelUnreachable`; the search then goes on without it, and says so.
    """

    @property
    def name(self) -> str: ...
    async def put(self, shelf: Shelf, points: Sequence[Point]) -> None:
        """Take in all pieces of these items, in place of what is there of them."""
        ...

    async def remove(self, shelf: Shelf, ids: Sequence[int]) -> None: ...
    async def drop(self, shelf: Shelf) -> None: ...
    async def search(self, shelf: Shelf, vector: Vector, narrowing: Narrowing, depth: int) -> Sequence[Near]:
        """At most `depth` items that `narrowing` lets through, the nearest first, each once: by its nearest piece."""
        ...

    async def close(self) -> None: ...
