"""Vectors searched by Qdrant, a server beside PostgreSQL (`pip install 'stretto[qdrant]'`).

Each shelf is a collection of its own there, named by tenant, collection and model; every point holds its tenant as well, and every
search asks for that tenant's. What Qdrant can tell of a condition narrows its search; whether an item fulfils it is PostgreSQL's to say.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any
from uuid import UUID, uuid5

from stretto.errors import ModelUnreachable, NotPossible
from stretto.memory.conditions import Comparison, Condition
from stretto.memory.encoder import Vector
from stretto.memory.indexes.port import Point, Shelf
from stretto.memory.store import MemoryStore, Narrowing, Near
from stretto.store import Database

INSTALL = "Searching vectors with Qdrant needs its client. Install it: `pip install 'stretto[qdrant]'`."
BATCH = 500
"""Points in one request."""
REACH = 4
"""So many times as many points are asked for as items are wanted, for pieces of one item and what does not fulfil a condition."""
MOST = 6_400
"""More points than this are not looked at for one search."""
TIMEOUT_S = 10
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RANGES = {"gt": "gt", "gte": "gte", "lt": "lt", "lte": "lte"}


class QdrantIndex:
    """A Qdrant server by its `url`; `:memory:` is a small one within this process, for tests."""

    name = "qdrant"

    def __init__(self, database: Database, url: str, api_key: str | None = None) -> None:
        self._database = database
        self._url = url
        self._api_key = api_key
        self._client: Any = None
        self._known: set[str] = set()
        """Collections that are there, as far as this process knows."""

    async def put(self, shelf: Shelf, points: Sequence[Point]) -> None:
        """Take in all pieces of these items; pieces that an item had more of before go."""
        models, name = _models(), name_of(shelf)
        lengths: dict[int, int] = {}
        for point in points:
            lengths[point.id] = max(lengths.get(point.id, 0), point.piece + 1)
        async with self._asking() as client:
            await self._ensure(client, shelf)
            for start in range(0, len(points), BATCH):
                some = [_point(models, shelf, point) for point in points[start : start + BATCH]]
                await client.upsert(name, points=some, wait=True)
            by_length: defaultdict[int, list[int]] = defaultdict(list)
            for item, length in lengths.items():
                by_length[length].append(item)
            for length, items in by_length.items():
                beyond = models.FieldCondition(key="piece", range=models.Range(gte=length))
                await self._delete(client, shelf, items, [beyond])

    async def remove(self, shelf: Shelf, ids: Sequence[int]) -> None:
        """Take items out."""
        async with self._asking() as client:
            if ids and await self._is_there(client, name_of(shelf)):
                await self._delete(client, shelf, ids, [])

    async def drop(self, shelf: Shelf) -> None:
        """Remove the shelf's collection."""
        name = name_of(shelf)
        async with self._asking() as client:
            self._known.discard(name)
            if await client.collection_exists(name):
                await client.delete_collection(name)

    async def search(self, shelf: Shelf, vector: Vector, narrowing: Narrowing, depth: int) -> Sequence[Near]:
        """The nearest of one shelf; more and more points are looked at until enough of them fulfil the condition."""
        store = MemoryStore(self._database, shelf.tenant_id)
        condition = None if narrowing.ids is not None else narrowing.condition
        async with self._asking() as client:
            if not await self._is_there(client, name_of(shelf)):
                return []
            reach = min(depth * REACH, MOST)
            while True:
                near, seen = await self._nearest(client, shelf, vector, narrowing, reach)
                if condition is not None and near:
                    good = await store.fulfilling([each.id for each in near], condition)
                    near = [each for each in near if each.id in good]
                if len(near) >= depth or seen < reach or reach >= MOST:
                    return near[:depth]
                reach = min(reach * REACH, MOST)

    async def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def _nearest(
        self, client: Any, shelf: Shelf, vector: Vector, narrowing: Narrowing, reach: int
    ) -> tuple[list[Near], int]:
        models = _models()
        must = [_is(models, "tenant", str(shelf.tenant_id))]
        if narrowing.ids is not None:
            must.append(models.FieldCondition(key="item", match=models.MatchAny(any=list(narrowing.ids))))
        elif narrowing.condition is not None:
            must += wanted(models, narrowing.condition)
        found = await client.query_points(
            name_of(shelf),
            query=list(vector),
            query_filter=models.Filter(must=must),
            limit=reach,
            with_payload=["item", "begins", "ends"],
        )
        nearest: dict[int, Near] = {}
        for each in found.points:
            held = each.payload
            nearest.setdefault(held["item"], Near(held["item"], each.score, held.get("begins"), held.get("ends")))
        ordered = sorted(nearest.values(), key=lambda near: (-near.cosine, near.id))
        return ordered, len(found.points)

    async def _ensure(self, client: Any, shelf: Shelf) -> None:
        models, name = _models(), name_of(shelf)
        if await self._is_there(client, name):
            return
        params = models.VectorParams(size=shelf.model.dimensions, distance=models.Distance.COSINE)
        try:
            await client.create_collection(name, vectors_config=params)
        except Exception:  # another process may have been faster
            if not await client.collection_exists(name):
                raise
        if self._url != ":memory:":
            for field in ("item", "piece"):
                await client.create_payload_index(name, field, field_schema=models.PayloadSchemaType.INTEGER)
            await client.create_payload_index(name, "tenant", field_schema=models.PayloadSchemaType.KEYWORD)
        self._known.add(name)

    async def _is_there(self, client: Any, name: str) -> bool:
        if name not in self._known and await client.collection_exists(name):
            self._known.add(name)
        return name in self._known

    async def _delete(self, client: Any, shelf: Shelf, ids: Iterable[int], more: list[Any]) -> None:
        models = _models()
        must = [
            _is(models, "tenant", str(shelf.tenant_id)),
            models.FieldCondition(key="item", match=models.MatchAny(any=list(ids))),
            *more,
        ]
        await client.delete(
            name_of(shelf), points_selector=models.FilterSelector(filter=models.Filter(must=must)), wait=True
        )

    @asynccontextmanager
    async def _asking(self) -> AsyncGenerator[Any]:
        """The client; what it raises becomes `ModelUnreachable`."""
        if self._client is None:
            self._client = _open(self._url, self._api_key)
        faults = import_module("qdrant_client.http.exceptions")
        try:
            yield self._client
        except (faults.ApiException, OSError) as error:
            self._known.clear()
            raise ModelUnreachable(
                f"Qdrant does not answer: {type(error).__name__}. Look at the server; what it has missed comes with `fill_index`."
            ) from error


def name_of(shelf: Shelf) -> str:
    """The name of a shelf's collection in Qdrant."""
    model = hashlib.sha256(f"{shelf.model.name}/{shelf.model.dimensions}".encode()).hexdigest()[:16]
    return f"stretto-{shelf.tenant_id.hex}-{shelf.collection}-{model}"


def wanted(models: Any, condition: Condition) -> list[Any]:
    """What Qdrant can tell of a condition. It lets through all that fulfil it, and perhaps more."""
    found = [_wanted(models, each) for each in condition.comparisons]
    return [each for each in found if each is not None]


def _wanted(models: Any, comparison: Comparison) -> Any:
    if not _PLAIN.fullmatch(comparison.field):
        return None
    key, values = f"metadata.{comparison.field}", comparison.values
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    texts = [value for value in values if isinstance(value, str)]
    if comparison.sign in _RANGES and len(numbers) == 1:
        return models.FieldCondition(key=key, range=models.Range(**{_RANGES[comparison.sign]: float(numbers[0])}))
    if comparison.sign == "eq" and len(numbers) == 1:
        return models.FieldCondition(key=key, range=models.Range(gte=float(numbers[0]), lte=float(numbers[0])))
    if comparison.sign in ("eq", "in") and len(texts) == len(values):
        return models.FieldCondition(key=key, match=models.MatchAny(any=texts))
    return None


def _is(models: Any, key: str, value: str) -> Any:
    return models.FieldCondition(key=key, match=models.MatchValue(value=value))


def _point(models: Any, shelf: Shelf, point: Point) -> Any:
    payload = {
        "tenant": str(shelf.tenant_id),
        "item": point.id,
        "piece": point.piece,
        "begins": point.begins,
        "ends": point.ends,
        "metadata": dict(point.metadata),
    }
    number = str(_id_of(shelf.tenant_id, point))
    return models.PointStruct(id=number, vector=list(point.vector), payload=payload)


def _id_of(tenant_id: UUID, point: Point) -> UUID:
    """The same piece of the same item has the same id, so that it is replaced."""
    return uuid5(tenant_id, f"{point.id}/{point.piece}")


def _models() -> Any:
    try:
        return import_module("qdrant_client.models")
    except ImportError:
        raise NotPossible(INSTALL) from None


def _open(url: str, api_key: str | None) -> Any:
    try:
        library: Any = import_module("qdrant_client")
    except ImportError:
        raise NotPossible(INSTALL) from None
    if url == ":memory:":
        return library.AsyncQdrantClient(location=url)
    return library.AsyncQdrantClient(url=url, api_key=api_key, timeout=TIMEOUT_S, check_compatibility=False)
