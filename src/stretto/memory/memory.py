"""The door to a tenant's memory."""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from psycopg.errors import UndefinedObject

from stretto.errors import Invalid, MemoryNotFound, ModelError, NotPossible
from stretto.memory.cells import cell_of, rings_around
from stretto.memory.conditions import Condition, labels_of, read_condition
from stretto.memory.encoder import Encoder, Model, Vector, together, written
from stretto.memory.indexes.port import Point, Shelf, VectorIndex
from stretto.memory.indexes.postgres import PostgresIndex
from stretto.memory.item import (
    Collection,
    Found,
    Hit,
    Item,
    Listed,
    Passage,
    Place,
    Remembered,
    check_item,
    check_language,
    check_name,
    readable,
)
from stretto.memory.pieces import Span, best_piece, pieces_of
from stretto.memory.ranking import Ranking, fuse
from stretto.memory.rerank import Candidate, LexicalReranker, Reranker
from stretto.memory.store import EVERYTHING, Embedded, MemoryStore, Narrowing, Row, Scored
from stretto.memory.words import words
from stretto.store import Database

log = structlog.get_logger(__name__)

MAX_ITEMS = 1_000
"""In one transaction."""
MAX_LIMIT = 100
MAX_QUESTION_CHARS = 4_000
FEW = 10_000
"""Up to so many items with the rarest of the labels asked for are looked at first; else the lists look at the condition themselves."""
ATTEMPTS = 5
"""How often a write begins anew since the collection's model was changed meanwhile."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a search is about."""

    text: str
    condition: Condition | None
    near: Place | None
    collection: Collection
    terms: Mapping[str, int]
    """The words and labels that the collection holds, and how many items hold each."""

    def weights(self) -> dict[str, float]:
        """The idf of the question's words (BM25 as Lucene has it, never negative), the rarest first."""
        total = self.collection.items
        wanted = sorted((n, term) for term, n in self.terms.items() if not term.startswith("\x01"))
        return {term: math.log(1 + (total - n + 0.5) / (n + 0.5)) for n, term in wanted[:MAX_WORDS]}


MAX_WORDS = 32
"""A longer question is searched by its rarest words."""


class Memory:
    """The collections of one tenant: what is remembered is found by meaning, by words, by place, and by all together.

    Without an `encoder` nothing is searched by meaning. `model` makes the vectors of collections that are new; a collection goes on
    with the model that it has until `change_model`.
    """

    def __init__(
        self,
        database: Database,
        tenant_id: UUID,
        encoder: Encoder | None = None,
        model: Model | None = None,
        *,
        index: VectorIndex | None = None,
        ranking: Ranking | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        if (encoder is None) != (model is None):
            raise Invalid("An encoder needs a model, and a model an encoder.")
        self.store = MemoryStore(database, tenant_id)
        self.tenant_id = tenant_id
        self.encoder = encoder
        self.model = model
        self.index: VectorIndex = index or PostgresIndex(database)
        self.ranking = ranking or Ranking()
        self.reranker: Reranker = reranker or LexicalReranker()

    async def remember(self, collection: str, items: Sequence[Item], *, language: str = "english") -> Remembered:
        """Keep these items, all or none; those that are there under the same keys are replaced. Makes the collection.

        `language` is a text search configuration of PostgreSQL and counts when the collection is made.
        """
        check_name(collection)
        check_language(language)
        if len(items) > MAX_ITEMS:
            raise Invalid(f"{len(items):,} items are more than fit into one transaction. Give {MAX_ITEMS:,} at a time.")
        rows = {row.key: row for row in map(_row, items)}
        labels = {item.key: labels_of(item.metadata) for item in items}
        if not rows:
            return Remembered(0, 0, 0)
        for _ in range(ATTEMPTS):
            try:
                known = await self.store.ensure(collection, language, self.model)
            except UndefinedObject as error:
                raise Invalid(f"PostgreSQL has no text search configuration {language!r}: {error}") from None
            same = await self.store.unchanged(known.id, list(rows.values()))
            fresh = [row for row in rows.values() if row.key not in same]
            if not fresh:
                return Remembered(0, len(rows), 0)
            vectors, embedded = await self._vectors(known, fresh)
            wrote = await self.store.write(
                collection, fresh, {row.key: labels[row.key] for row in fresh}, vectors, known.model
            )
            if wrote is not None:
                await self._put_points(wrote[0], fresh, wrote[1], {item.key: item for item in items}, vectors)
                return Remembered(len(fresh), len(same), embedded)
        raise NotPossible(f"The model of {collection!r} was changed over and over meanwhile. Try again.")

    async def search(
        self,
        collection: str,
        question: str,
        *,
        filter: Mapping[str, Any] | None = None,
        near: Place | None = None,
        limit: int = 10,
    ) -> Found:
        """What answers a question best, with the reason for each hit.

        `filter` is a condition on the metadata (see `conditions.py`); with `near`, what lies near is preferred. An empty question
        with `near` finds the nearest. Raises `MemoryNotFound` when there is no such collection.
        """
        if not 1 <= limit <= MAX_LIMIT:
            raise Invalid(f"A search gives 1 to {MAX_LIMIT} hits, not {limit}.")
        text = " ".join(readable(question).split())[:MAX_QUESTION_CHARS]
        condition = read_condition(filter)
        if not text and near is None:
            return Found((), {}, ("The question is empty. Ask for something, or give a place.",))
        # The model reads the question while the collection is looked up: nearly all of them have the model of new ones.
        reading = self._read_early(text)
        try:
            asked = await self.store.ask(collection, text, condition.labels if condition else ())
            if asked is None:
                raise MemoryNotFound(f"There is no collection {collection!r}. Remember something in it first.")
            depth = max(self.ranking.depth, limit)
            lists = await self._lists(Question(text, condition, near, *asked), depth, reading)
        finally:
            await _let_go(reading)
        hits = await self._ranked(text, lists, limit)
        return Found(hits, {name: len(scored) for name, scored in lists.found.items()}, tuple(lists.notes))

    async def get(self, collection: str, key: str) -> Item:
        """One item. Raises `MemoryNotFound`."""
        known = await self.collection(collection)
        row = await self.store.item(known.id, key)
        if row is None:
            raise MemoryNotFound(f"There is no item {key!r} in {collection!r}.")
        return Item(row[1], row[2], row[3], None if row[4] is None else Place(row[4], row[5]))

    async def forget(self, collection: str, keys: Sequence[str]) -> int:
        """Remove items; gives how many there were."""
        if len(keys) > MAX_ITEMS:
            raise Invalid(f"{len(keys):,} keys are more than fit into one transaction. Give {MAX_ITEMS:,} at a time.")
        done = await self.store.forget(collection, [key for key in dict.fromkeys(keys) if readable(key) == key])
        if done is None:
            raise MemoryNotFound(f"There is no collection {collection!r}.")
        known, ids = done
        for shelf in _shelves(self.tenant_id, known):
            await self.index.remove(shelf, ids)
        return len(ids)

    async def drop(self, collection: str) -> None:
        """Remove a collection with all that is in it. Raises `MemoryNotFound`."""
        known = await self.store.drop(collection)
        if known is None:
            raise MemoryNotFound(f"There is no collection {collection!r}.")
        for shelf in _shelves(self.tenant_id, known):
            await self.index.drop(shelf)

    async def collection(self, name: str) -> Collection:
        """A collection. Raises `MemoryNotFound`."""
        if (known := await self.store.collection(name)) is None:
            raise MemoryNotFound(f"There is no collection {name!r}.")
        return known

    async def fill_index(self, collection: str) -> int:
        """Give an index beside PostgreSQL all vectors of a collection anew, after it was switched on or has lost some; gives how many."""
        known = await self.collection(collection)
        if isinstance(self.index, PostgresIndex) or not known.model:
            return 0
        shelf = Shelf(self.tenant_id, known.id, Model(known.model, known.dimensions))
        await self.index.drop(shelf)
        count = after = 0
        while rows := await self.store.vectors_after(known.id, shelf.model, after, MAX_ITEMS):
            await self.index.put(shelf, [Point(item, _read_vector(vector), *rest) for item, vector, *rest in rows])
            count, after = count + len(rows), rows[-1][0]
        return count

    async def remade(self, collection: Collection) -> int | None:
        """How many of a collection's items have vectors of its next model already; None when there is no next one."""
        if collection.next_model is None:
            return None
        return await self.store.remade(collection.id, collection.next_model)

    async def collections(self, after: str = "", limit: int = 100) -> list[Collection]:
        """The tenant's collections, by name."""
        return await self.store.collections(after, limit)

    async def _vectors(self, collection: Collection, rows: Sequence[Row]) -> tuple[dict[bytes, str], int]:
        """The vectors of the rows' texts as PostgreSQL writes them, and how many the model had to make."""
        if self.encoder is None or not collection.model:
            return {}, 0
        model = Model(collection.model, collection.dimensions)
        texts = {each: row.text[span[0] : span[1]] for row in rows for span, each in row.pieces.items()}
        vectors = await self.store.known_vectors(model, list(texts))
        lacking = {each: text for each, text in texts.items() if each not in vectors}
        made = await self.encoder.texts(lacking, model) if lacking else {}
        vectors.update((each, written(vector)) for each, vector in made.items())
        return vectors, len(made)

    async def _put_points(
        self,
        collection: Collection,
        rows: Sequence[Row],
        ids: Mapping[str, int],
        items: Mapping[str, Item],
        vectors: Mapping[bytes, str],
    ) -> None:
        if not vectors or isinstance(self.index, PostgresIndex):
            return
        shelf = Shelf(self.tenant_id, collection.id, Model(collection.model, collection.dimensions))
        metadata = {ids[row.key]: items[row.key].metadata for row in rows}
        held = [each for row in rows for each in row.embedded(ids[row.key])]
        await self.index.put(shelf, points_of(held, vectors, metadata))

    def _read_early(self, text: str) -> asyncio.Task[Vector] | None:
        if not text or self.encoder is None or self.model is None or not self.encoder.is_free:
            return None
        return asyncio.create_task(self.encoder.question(text, self.model, self.tenant_id))

    async def _lists(self, question: Question, depth: int, reading: asyncio.Task[Vector] | None) -> Lists:
        """The lists that are asked, all at once."""
        narrowing = await self._narrow(question)
        lists = Lists()
        near, collection, condition = question.near, question.collection, question.condition
        rings = [] if near is None else rings_around(near)
        works: dict[str, Coroutine[Any, Any, Scored | None]] = {}
        if question.text:
            works["vector"] = self._by_meaning(question, narrowing, depth, lists, reading)
            works["text"] = self.store.by_words(collection.id, question.weights(), narrowing, depth)
        if near is not None:
            works["place"] = self.store.by_place(collection.id, near, rings, condition, depth)
        found = dict(zip(works, await together(*works.values()), strict=True))
        lists.found.update((name, scored) for name, scored in found.items() if scored is not None)
        return lists

    async def _narrow(self, question: Question) -> Narrowing:
        """A condition with a rare label becomes the list of items that fulfil it."""
        condition = question.condition
        if condition is None:
            return EVERYTHING
        labels = condition.labels
        held = [(question.terms.get(label, 0), label) for label in labels]
        if held and min(held)[0] <= FEW:
            n, label = min(held)
            few = await self.store.labelled(question.collection.id, label, condition, FEW) if n else []
            return Narrowing(few, condition)
        return Narrowing(None, condition)

    async def _by_meaning(
        self, question: Question, narrowing: Narrowing, depth: int, lists: Lists, reading: asyncio.Task[Vector] | None
    ) -> Scored | None:
        collection = question.collection
        if not collection.model:
            lists.notes.append("The collection has no vectors, so nothing was searched by meaning.")
            return None
        if self.encoder is None:
            lists.notes.append("No model for vectors is here, so nothing was searched by meaning.")
            return None
        model = Model(collection.model, collection.dimensions)
        shelf = Shelf(self.tenant_id, collection.id, model, collection.items)
        try:
            if reading is not None and model == self.model:
                vector = await reading
            else:
                vector = await self.encoder.question(question.text, model, self.tenant_id)
            near = await self.index.search(shelf, vector, narrowing, depth)
            for each in near:
                lists.spans[each.id] = None if each.begins is None else (each.begins, each.ends or 0)
            return [(each.id, each.cosine) for each in near]
        except ModelError as error:
            log.warning("memory was searched without vectors", collection=collection.name, error=error.message)
            lists.notes.append(f"Nothing was searched by meaning: {error.message}")
            return None

    async def _ranked(self, text: str, lists: Lists, limit: int) -> list[Hit]:
        fused = fuse({name: [item for item, _ in scored] for name, scored in lists.found.items()}, self.ranking)
        pool = list(fused)[: max(self.ranking.pool, limit)]
        if not pool:
            return []
        rows = await self.store.texts(pool)
        pool = [item for item in pool if item in rows]  # what was forgotten meanwhile is in the lists no more
        places, asked = _places(lists.found), set(words(text))
        passages = {
            item: _passage(
                rows[item][2], lists.spans[item] if item in lists.spans else best_piece(rows[item][2], asked)
            )
            for item in pool
        }
        if text:
            candidates = [
                _candidate(rows[item][2] if (found := passages[item]) is None else found.text, places.get(item, ()))
                for item in pool
            ]
            reranked = list(await self.reranker.rerank(text, candidates))
        else:
            reranked = [fused[item] for item in pool]
        share = self.ranking.fused
        hits = [
            Hit(
                key=rows[item][1],
                text=rows[item][2],
                metadata=rows[item][3],
                place=None if rows[item][4] is None else Place(rows[item][4], rows[item][5]),
                at=rows[item][6],
                score=share * fused[item] + (1 - share) * again,
                fused=fused[item],
                reranked=again,
                lists=places.get(item, ()),
                passage=passages[item],
            )
            for item, again in zip(pool, reranked, strict=True)
        ]
        return sorted(hits, key=lambda hit: (-hit.score, hit.key))[:limit]


@dataclass(frozen=True, slots=True)
class Lists:
    """What the lists of a search gave."""

    found: dict[str, Scored] = field(default_factory=dict[str, Scored])
    spans: dict[int, Span | None] = field(default_factory=dict[int, "Span | None"])
    """The pieces of long texts that are nearest by meaning; None for texts of one piece."""
    notes: list[str] = field(default_factory=list[str])


def _row(item: Item) -> Row:
    metadata = check_item(item).decode()
    cell = None if item.place is None else cell_of(item.place)
    digest = item.digest()
    return Row(item.key, item.text, metadata, digest, item.place, cell, hashed_pieces(item.text, digest))


def hashed_pieces(text: str, digest: bytes) -> dict[Span, bytes]:
    """The spans of a text's pieces, with the hash of each; `digest` is the text's own."""
    spans = pieces_of(text)
    if len(spans) == 1:
        return {spans[0]: digest}
    return {span: hashlib.sha256(text[span[0] : span[1]].encode()).digest() for span in spans}


def points_of(
    held: Sequence[Embedded], vectors: Mapping[bytes, str], metadata: Mapping[int, Mapping[str, Any]]
) -> list[Point]:
    """Vectors as an index beside PostgreSQL takes them."""
    return [
        Point(
            each.item,
            _read_vector(vectors[each.hash]),
            metadata[each.item],
            each.piece,
            None if each.whole else each.span[0],
            None if each.whole else each.span[1],
        )
        for each in held
    ]


def _passage(text: str, span: Span | None) -> Passage | None:
    return None if span is None else Passage(text[span[0] : span[1]].strip(), *span)


def _shelves(tenant_id: UUID, collection: Collection) -> list[Shelf]:
    models = [(collection.model, collection.dimensions), (collection.next_model, collection.next_dimensions)]
    return [Shelf(tenant_id, collection.id, Model(name, length)) for name, length in models if name and length]


def _places(lists: Mapping[str, Scored]) -> dict[int, list[Listed]]:
    places: dict[int, list[Listed]] = {}
    for name, scored in lists.items():
        for rank, (item, score) in enumerate(scored, start=1):
            places.setdefault(item, []).append(Listed(name, rank, score))
    return places


def _candidate(text: str, places: Sequence[Listed]) -> Candidate:
    scores = {each.list: each.score for each in places}
    return Candidate(text, scores.get("vector"), scores.get("text"))


def _read_vector(text: str) -> Vector:
    return [float(each) for each in text.strip("[]").split(",")]


async def _let_go(reading: asyncio.Task[Vector] | None) -> None:
    """End what is not wanted any more; what it found or missed was told where it was asked for."""
    if reading is not None:
        reading.cancel()
        await asyncio.wait([reading])
        if not reading.cancelled():
            reading.exception()
