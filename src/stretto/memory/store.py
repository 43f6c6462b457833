"""The only Python that runs the SQL of memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, LiteralString, NamedTuple, cast
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.memory.conditions import Condition
from stretto.memory.encoder import Model, Vector, written
from stretto.memory.item import Collection, Place
from stretto.memory.pieces import Span
from stretto.store import Database, load_queries

_Q = load_queries("stretto.memory")
INDEXED = (384, 768, 1024, 1536)
"""Lengths of vectors that have an index (`memory_vectors_384` …); others are all compared."""
_INDEXED: Mapping[tuple[str, int], LiteralString] = {
    (name, length): cast("LiteralString", _Q[name].replace("DIMENSIONS", str(length)))
    for name in ("by_vector", "by_vector_where")
    for length in INDEXED
}
_ANEW: tuple[LiteralString, Mapping[str, Any]] = (_Q["plan_anew"], {})
CHAMPIONS = 2_000
"""How many postings of a word are read: the best by impact (champion lists, Manning et al. 2008, 7.1.3)."""
CHAMPIONS_WHERE = 5_000
"""The same where many of them may not fulfil a condition."""
REACH = 4
"""Of the vectors nearest by the signs of their numbers, so many times as are wanted are compared in full."""
REACH_WHERE = 2
"""The same where only some fulfil a condition, which takes longer for each."""
MOST_EFFORT = 1_000
"""The greatest `ef_search` that pgvector takes."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """The vector of an item, or of a piece of it, as it is to be written."""

    item: int
    piece: int
    span: Span
    whole: bool
    """Whether the piece is all of the text."""
    hash: bytes
    text_hash: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """An item as it is to be written."""

    key: str
    text: str
    metadata: str
    hash: bytes
    place: Place | None
    cell: int | None
    pieces: Mapping[Span, bytes]
    """The spans of its pieces, with the hash of each."""

    def embedded(self, item: int) -> list[Embedded]:
        """What is to be written of its vectors, under this id."""
        return embedded_of(item, self.hash, self.pieces)


def embedded_of(item: int, hash_: bytes, pieces: Mapping[Span, bytes]) -> list[Embedded]:
    """The vectors of an item's pieces."""
    whole = len(pieces) == 1
    return [Embedded(item, n, span, whole, each, hash_) for n, (span, each) in enumerate(pieces.items())]


@dataclass(frozen=True, slots=True)
class Narrowing:
    """Which items may be found: those of a short list, or those that fulfil a condition."""

    ids: Sequence[int] | None = None
    condition: Condition | None = None

    @property
    def jsonpath(self) -> str | None:
        """The condition, if it is still to be looked at."""
        return None if self.condition is None or self.ids is not None else self.condition.jsonpath


EVERYTHING = Narrowing()
Scored = Sequence[tuple[int, float]]
"""Ids of items with their scores, best first."""


class Near(NamedTuple):
    """An item whose vector is near, by the piece that is nearest."""

    id: int
    cosine: float
    begins: int | None = None
    ends: int | None = None
    """Where the piece stands in the text; None where it is all of it."""


class MemoryStore:
    """The memory of one tenant in PostgreSQL."""

    def __init__(self, database: Database, tenant_id: UUID) -> None:
        self.database = database
        self.tenant_id = tenant_id

    async def ensure(self, name: str, language: str, model: Model | None) -> Collection:
        """The collection of this name, made if it is not there."""
        values = {
            "name": name,
            "language": language,
            "model": "" if model is None else model.name,
            "dimensions": 0 if model is None else model.dimensions,
            "at": datetime.now(UTC),
        }
        async with self.database.tenant(self.tenant_id) as connection:
            await self._run(connection, "ensure_collection", **values)
            rows = await self._run(connection, "collection", name=name)
        return Collection(*rows[0])

    async def collection(self, name: str) -> Collection | None:
        """A collection by its name."""
        rows = await self._read("collection", name=name)
        return Collection(*rows[0]) if rows else None

    async def collections(self, after: str, limit: int) -> list[Collection]:
        """Collections by name."""
        return [Collection(*row) for row in await self._read("collections", after=after, limit=limit)]

    async def unchanged(self, collection: int, rows: Sequence[Row]) -> set[str]:
        """The keys of items that are there just so."""
        found = await self._read(
            "unchanged",
            collection=collection,
            keys=[row.key for row in rows],
            hashes=[row.hash for row in rows],
            metadata=[row.metadata for row in rows],
            **_places(rows),
        )
        return {row[0] for row in found}

    async def known_vectors(self, model: Model, hashes: Sequence[bytes]) -> dict[bytes, str]:
        """Vectors of these texts that the tenant has, as PostgreSQL writes them."""
        values = {"model": model.name, "dimensions": model.dimensions, "hashes": list(hashes)}
        return {bytes(row[0]): row[1] for row in await self._read("known_vectors", **values)}

    async def write(
        self,
        name: str,
        rows: Sequence[Row],
        labels: Mapping[str, Sequence[str]],
        vectors: Mapping[bytes, str],
        model: str,
    ) -> tuple[Collection, dict[str, int]] | None:
        """Write items with their words, labels and vectors of `model`, all or none; gives their ids.

        None when the collection is gone, or is searched with another model by now.
        """
        async with self.database.tenant(self.tenant_id) as connection:
            found = await self._run(connection, "lock_collection", name=name)
            collection = Collection(*found[0]) if found else None
            if collection is None or collection.model != model:
                return None
            at = {"collection": collection.id}
            keys = [row.key for row in rows]
            await self._run(connection, "forget_words", **at, keys=keys)
            put = await self._run(
                connection,
                "put_items",
                **at,
                language=collection.language,
                keys=keys,
                texts=[row.text for row in rows],
                metadata=[row.metadata for row in rows],
                hashes=[row.hash for row in rows],
                cells=[row.cell for row in rows],
                at=datetime.now(UTC),
                **_places(rows),
            )
            ids = {row[1]: row[0] for row in put}
            counts = {"items": len(put), "words": sum(row[2] for row in put)}
            mean = (await self._run(connection, "count_items", **at, **counts))[0][0]
            pairs = [(ids[key], label) for key, held in labels.items() for label in held]
            await self._run(
                connection,
                "put_words",
                **at,
                language=collection.language,
                mean=mean,
                ids=list(ids.values()),
                label_ids=[each[0] for each in pairs],
                labels=[each[1] for each in pairs],
            )
            await self._run(connection, "drop_stale_vectors", ids=list(ids.values()))
            if vectors:
                held = [each for row in rows for each in row.embedded(ids[row.key])]
                await self._put_vectors(connection, collection.id, Model(model, collection.dimensions), held, vectors)
            return collection, ids

    async def put_vectors(
        self, name: str, model: Model, held: Sequence[Embedded], vectors: Mapping[bytes, str]
    ) -> None:
        """Write vectors of items, by the hashes of what they were made of; not for items that have changed since."""
        async with self.database.tenant(self.tenant_id) as connection:
            if found := await self._run(connection, "lock_collection", name=name):
                await self._put_vectors(connection, found[0][0], model, held, vectors)

    async def _put_vectors(
        self,
        connection: AsyncConnection[TupleRow],
        collection: int,
        model: Model,
        held: Sequence[Embedded],
        vectors: Mapping[bytes, str],
    ) -> None:
        await self._run(
            connection,
            "put_vectors",
            collection=collection,
            model=model.name,
            dimensions=model.dimensions,
            ids=[each.item for each in held],
            hashes=[each.hash for each in held],
            vectors=[vectors[each.hash] for each in held],
            text_hashes=[None if each.whole else each.text_hash for each in held],
            pieces=[each.piece for each in held],
            begins=[None if each.whole else each.span[0] for each in held],
            ends=[None if each.whole else each.span[1] for each in held],
        )

    async def forget(self, name: str, keys: Sequence[str]) -> tuple[Collection, list[int]] | None:
        """Remove items; gives their ids, or None when there is no such collection."""
        async with self.database.tenant(self.tenant_id) as connection:
            found = await self._run(connection, "lock_collection", name=name)
            if not found:
                return None
            collection = Collection(*found[0])
            await self._run(connection, "forget_words", collection=collection.id, keys=list(keys))
            gone = await self._run(connection, "forget_items", collection=collection.id, keys=list(keys))
            return collection, [row[0] for row in gone]

    async def drop(self, name: str) -> Collection | None:
        """Remove a collection with all that is in it."""
        async with self.database.tenant(self.tenant_id) as connection:
            found = await self._run(connection, "lock_collection", name=name)
            if not found:
                return None
            await self._run(connection, "drop_collection", collection=found[0][0])
            return Collection(*found[0])

    async def ask(self, name: str, question: str, labels: Sequence[str]) -> tuple[Collection, dict[str, int]] | None:
        """A collection, and how many of its items hold each of the question's words and of the labels."""
        at = {"tenant_id": self.tenant_id, "name": name}
        found, terms = await self.database.read(
            self.tenant_id, (_Q["collection"], at), (_Q["weigh"], {**at, "question": question, "labels": list(labels)})
        )
        return (Collection(*found[0]), dict(cast("list[tuple[str, int]]", terms))) if found else None

    async def labelled(self, collection: int, label: str, condition: Condition, limit: int) -> list[int]:
        """Items with a label that fulfil a condition."""
        values = {"collection": collection, "label": label, "condition": condition.jsonpath, "limit": limit}
        return [row[0] for row in await self._read("labelled", **values)]

    async def by_words(self, collection: int, weights: Mapping[str, float], narrowing: Narrowing, depth: int) -> Scored:
        """The best items by BM25."""
        values: dict[str, Any] = {
            "collection": collection,
            "terms": list(weights),
            "weights": list(weights.values()),
            "depth": depth,
        }
        if narrowing.ids is not None:
            return await self._scored("by_words_among", **values, ids=list(narrowing.ids))
        if (condition := narrowing.jsonpath) is not None:
            return await self._scored("by_words_where", **values, champions=CHAMPIONS_WHERE, condition=condition)
        return await self._scored("by_words", **values, champions=CHAMPIONS)

    async def by_place(
        self,
        collection: int,
        place: Place,
        rings: Sequence[tuple[int, int, int]],
        condition: Condition | None,
        depth: int,
    ) -> Scored:
        """The nearest items, with their distances in km."""
        return await self._scored(
            "by_place",
            collection=collection,
            latitude=place.latitude,
            longitude=place.longitude,
            levels=[ring[0] for ring in rings],
            froms=[ring[1] for ring in rings],
            tos=[ring[2] for ring in rings],
            widest=max(ring[0] for ring in rings),
            condition=None if condition is None else condition.jsonpath,
            depth=depth,
        )

    async def by_vector(
        self, collection: int, model: Model, vector: Vector, narrowing: Narrowing, depth: int, exactly: bool
    ) -> list[Near]:
        """The nearest items by the cosine of their vectors."""
        reach = min((REACH if narrowing.jsonpath is None else REACH_WHERE) * depth, MOST_EFFORT)
        values: dict[str, Any] = {
            "tenant_id": self.tenant_id,
            "collection": collection,
            "model": model.name,
            "vector": written(vector),
            "condition": narrowing.jsonpath,
            "depth": depth,
            "reach": reach,
        }
        if narrowing.ids is not None:
            rows = await self._read("by_vector_among", **values, ids=list(narrowing.ids))
        elif exactly or model.dimensions not in INDEXED:
            rows = await self._read("by_vector_exactly", **values)
        else:
            query = "by_vector" if narrowing.jsonpath is None else "by_vector_where"
            look = (_Q["look_widely"], {"effort": reach})
            found = await self.database.read(self.tenant_id, _ANEW, look, (_INDEXED[query, model.dimensions], values))
            rows = found[2]
        return [Near(*row) for row in rows]

    async def fulfilling(self, ids: Sequence[int], condition: Condition) -> set[int]:
        """Which of these items fulfil a condition."""
        return {row[0] for row in await self._read("filtered", ids=list(ids), condition=condition.jsonpath)}

    async def texts(self, ids: Sequence[int]) -> dict[int, TupleRow]:
        """Items by their ids: id, key, text, metadata, latitude, longitude, at."""
        return {row[0]: row for row in await self._read("texts", ids=list(ids))}

    async def item(self, collection: int, key: str) -> TupleRow | None:
        """One item by its key."""
        rows = await self._read("item", collection=collection, key=key)
        return rows[0] if rows else None

    async def set_next_model(self, name: str, model: Model | None) -> bool:
        """From now on make vectors with another model; None: no more. Says whether there is such a collection."""
        values = (None, None) if model is None else (model.name, model.dimensions)
        async with self.database.tenant(self.tenant_id) as connection:
            rows = await self._run(connection, "set_next_model", name=name, model=values[0], dimensions=values[1])
        return bool(rows)

    async def without_vector(
        self, collection: int, model: Model, after: int, limit: int
    ) -> list[tuple[int, str, bytes]]:
        """Items without a vector of a model: id, text, hash."""
        values = {"collection": collection, "model": model.name, "after": after, "limit": limit}
        return [(row[0], row[1], bytes(row[2])) for row in await self._read("without_vector", **values)]

    async def vectors_after(self, collection: int, model: Model, after: int, limit: int) -> list[TupleRow]:
        """The vectors of so many items: item, vector, metadata, piece, begins, ends."""
        values = {"collection": collection, "model": model.name, "after": after, "limit": limit}
        return await self._read("vectors_after", **values)

    async def remade(self, collection: int, model: str) -> int:
        """How many items have vectors of a model."""
        return (await self._read("remade", collection=collection, model=model))[0][0]

    async def switch_model(self, name: str, model: Model) -> bool:
        """Search with the new vectors, if none lacks; the old ones go. Says whether it was done."""
        async with self.database.tenant(self.tenant_id) as connection:
            found = await self._run(connection, "lock_collection", name=name)
            if not found or Collection(*found[0]).next_model != model.name:
                return False
            at = {"collection": found[0][0]}
            if await self._run(connection, "without_vector", **at, model=model.name, after=0, limit=1):
                return False
            await self._run(connection, "switch_model", **at)
            await self._run(connection, "drop_other_vectors", **at, model=model.name)
            return True

    async def _scored(self, query: str, **values: Any) -> Scored:
        return [(row[0], float(row[1])) for row in await self._read(query, **values)]

    async def _read(self, query: str, **values: Any) -> list[TupleRow]:
        asked = (_Q[query], {"tenant_id": self.tenant_id, **values})
        return (await self.database.read(self.tenant_id, _ANEW, asked))[1]

    async def _run(self, connection: AsyncConnection[TupleRow], query: str, **values: Any) -> list[TupleRow]:
        cursor = await connection.execute(_Q[query], {"tenant_id": self.tenant_id, **values})
        return await cursor.fetchall() if cursor.description is not None else []


async def collections_to_reembed(database: Database, most: int) -> list[tuple[UUID, int, str]]:
    """Collections of all tenants whose vectors shall be made anew: tenant, id, name."""
    async with database.system() as connection:
        cursor = await connection.execute(_Q["to_reembed"], {"most": most})
        return [(row[0], row[1], row[2]) for row in await cursor.fetchall()]


async def claim(connection: AsyncConnection[TupleRow], collection: int) -> bool:
    """Whether this connection is the one that makes a collection's vectors anew, until it closes."""
    cursor = await connection.execute(_Q["claim"], {"collection": collection})
    row = await cursor.fetchone()
    return row is not None and bool(row[0])


def _places(rows: Sequence[Row]) -> dict[str, list[float | None]]:
    return {
        "latitudes": [None if row.place is None else row.place.latitude for row in rows],
        "longitudes": [None if row.place is None else row.place.longitude for row in rows],
    }
