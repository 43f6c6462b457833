"""The cache of answers: in this process for a moment, in PostgreSQL for all processes."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self
from uuid import UUID

import msgspec
import structlog

from stretto.errors import ModelError, StoreError
from stretto.gateway.answers import Answer
from stretto.gateway.cache.canonical import asks_for_variety, is_kept, question_of, request_key, rest_key
from stretto.gateway.cache.memory import Lately
from stretto.gateway.cache.near_misses import means_the_same
from stretto.gateway.cache.store import AnswerStore, Keeping
from stretto.gateway.config import Route
from stretto.gateway.provider import Embedder, ModelRequest
from stretto.store import Database

log = structlog.get_logger(__name__)

MOST_WAITING = 1_000
"""Answers that wait to be written; when more come, the oldest are let go: a cache may forget."""
MOST_AT_ONCE = 100
TRIM_EVERY = 200
"""A route is trimmed after so many answers."""
DROP_EVERY_S = 600.0
MOST_VECTORS = 256
"""Questions just asked whose embeddings are kept for when their answers come."""
EMBEDDED_AT_ONCE = 8
"""Whoever asks meanwhile waits for so few."""
LATELY_S = 60.0
"""So long does a process trust what it has in memory, at most; another process may have kept a newer answer."""


Vector = tuple[str, Sequence[float]]
"""An embedding, and the model that made it."""


@dataclass(slots=True)
class Hits:
    """How often a route was asked, and how often the cache answered."""

    route: str
    asked: int = 0
    exact: int = 0
    semantic: int = 0

    @property
    def rate(self) -> float:
        """Share of what was asked (0-1)."""
        return (self.exact + self.semantic) / self.asked if self.asked else 0.0


class PostgresAnswers:
    """The `AnswerCache`. Use it as `async with PostgresAnswers(database, embedder)`; what waits is written at the end.

    Without an embedder, only equal requests are found.
    """

    def __init__(self, database: Database, embedder: Embedder | None = None) -> None:
        self._store = AnswerStore(database)
        self._embedder = embedder
        self._lately = Lately()
        self._waiting: deque[Keeping] = deque(maxlen=MOST_WAITING)
        self._news = asyncio.Event()
        self._closing = False
        self._since_trim: Counter[tuple[UUID, str]] = Counter()
        self._tasks: list[asyncio.Task[None]] = []
        self._vectors: OrderedDict[tuple[UUID, str], Vector] = OrderedDict()
        self.hits: dict[str, Hits] = {}
        """By route."""

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(self._write(), name="cache"),
            asyncio.create_task(self._forget(), name="expired answers"),
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._news.set()
        writing, forgetting = self._tasks
        forgetting.cancel()
        with suppress(TimeoutError):
            async with asyncio.timeout(5.0):
                await asyncio.wait([writing])
        writing.cancel()
        await asyncio.gather(writing, forgetting, return_exceptions=True)

    async def find(
        self, tenant_id: UUID, route: Route, request: ModelRequest, *, loosely: bool = False
    ) -> Answer | None:
        """A kept answer; the contract is that of `AnswerCache`."""
        rule = route.cache
        if not is_kept(request) or (asks_for_variety(request) and not rule.any_temperature and not loosely):
            return None
        hits = self.hits.setdefault(route.name, Hits(route.name))
        hits.asked += 1
        try:
            if rule.exact_ttl_s is not None:
                answer = await self._find_equal(
                    tenant_id, route.name, request_key(route.name, request), rule.exact_ttl_s
                )
                if answer is not None:
                    hits.exact += 1
                    return answer
            if rule.semantic_threshold is not None:
                answer = await self._find_similar(tenant_id, route, request, rule.semantic_threshold)
                if answer is not None:
                    hits.semantic += 1
                    return answer
        except (StoreError, ModelError) as error:
            log.warning("the cache cannot be asked; the call goes on without it", error=error.message)
        return None

    async def _find_equal(self, tenant_id: UUID, route: str, key: bytes, ttl_s: float) -> Answer | None:
        answer = self._lately.get((tenant_id, route, key))
        if answer is not None:
            return answer
        found = await self._store.find_equal(tenant_id, route, key, ttl_s)
        if found is None:
            return None
        answer, good_for_s = found
        self._lately.put((tenant_id, route, key), answer, min(good_for_s, LATELY_S))
        return answer

    async def _find_similar(
        self, tenant_id: UUID, route: Route, request: ModelRequest, threshold: float
    ) -> Answer | None:
        question = question_of(request)
        if question is None or self._embedder is None:
            return None
        model, vector = (await self._embed(tenant_id, [question], self._embedder))[question]
        similar = await self._store.find_similar(
            tenant_id,
            route.name,
            rest_key(route.name, request),
            model,
            vector,
            route.cache.semantic_ttl_s,
        )
        for found in similar:
            if found.similarity >= threshold and means_the_same(question, found.question):
                return msgspec.structs.replace(found.answer, match="semantic")
        return None

    def keep(self, tenant_id: UUID, route: Route, request: ModelRequest, answer: Answer) -> None:
        """Keep an answer; it is written soon."""
        rule = route.cache
        if not is_kept(request) or self._closing:
            return
        key = request_key(route.name, request)
        similar = rule.semantic_threshold is not None and self._embedder is not None
        question = question_of(request) if similar else None
        ttl_s = max(rule.exact_ttl_s or 0.0, rule.semantic_ttl_s if question is not None else 0.0)
        if not ttl_s:
            return
        if rule.exact_ttl_s is not None:
            self._lately.put((tenant_id, route.name, key), answer, min(rule.exact_ttl_s, LATELY_S))
        rest = rest_key(route.name, request) if question is not None else None
        keeping = Keeping(tenant_id, route.name, key, answer, ttl_s, rest, question)
        self._waiting.append(keeping)
        self._news.set()

    async def _write(self) -> None:
        while not (self._closing and not self._waiting):
            await self._news.wait()
            if not self._closing:
                self._news.clear()
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_AT_ONCE))]
                try:
                    await self._keep(batch)
                except (StoreError, ModelError) as error:
                    log.warning("answers are not kept", answers=len(batch), error=error.message)
                except Exception:  # a fault of this program: the cache goes on
                    log.exception("answers are not kept", answers=len(batch))

    async def _keep(self, batch: list[Keeping]) -> None:
        by_tenant: dict[UUID, list[Keeping]] = {}
        for item in batch:
            by_tenant.setdefault(item.tenant_id, []).append(item)
        for tenant_id, items in by_tenant.items():
            comparable = await self._made_comparable(tenant_id, items)
            await self._store.keep(tenant_id, comparable, trim=self._due_for_trimming(tenant_id, items))

    async def _made_comparable(self, tenant_id: UUID, items: list[Keeping]) -> list[Keeping]:
        """The answers with the embeddings of their questions; without them where none can be had."""
        questions = [item.question for item in items if item.question is not None]
        if not questions or self._embedder is None:
            return items
        try:
            vectors = await self._embed(tenant_id, questions, self._embedder)
        except ModelError as error:
            log.warning("answers are kept for equal requests alone", answers=len(questions), error=error.message)
            return [replace(item, rest=None, question=None) for item in items]
        return [
            item
            if item.question is None
            else replace(item, model=vectors[item.question][0], embedding=vectors[item.question][1])
            for item in items
        ]

    async def _embed(self, tenant_id: UUID, questions: Sequence[str], embedder: Embedder) -> dict[str, Vector]:
        """The embeddings of these questions; most were made a moment ago, when the same tenant looked for the same."""
        held = self._vectors
        found = {question: held[tenant_id, question] for question in questions if (tenant_id, question) in held}
        missing = [question for question in dict.fromkeys(questions) if question not in found]
        for start in range(0, len(missing), EMBEDDED_AT_ONCE):
            some = missing[start : start + EMBEDDED_AT_ONCE]
            made = await embedder.embed(some)
            found |= {question: (made.model, vector) for question, vector in zip(some, made.vectors, strict=True)}
        for question, vector in found.items():
            held[tenant_id, question] = vector
            held.move_to_end((tenant_id, question))
        while len(held) > MOST_VECTORS:
            held.popitem(last=False)
        return found

    def _due_for_trimming(self, tenant_id: UUID, items: list[Keeping]) -> list[str]:
        due: list[str] = []
        for route, count in Counter(item.route for item in items).items():
            self._since_trim[tenant_id, route] += count
            if self._since_trim[tenant_id, route] >= TRIM_EVERY:
                del self._since_trim[tenant_id, route]
                due.append(route)
        return due

    async def _forget(self) -> None:
        while True:
            await asyncio.sleep(DROP_EVERY_S)
            try:
                while await self._store.drop_expired():
                    pass
            except StoreError as error:
                log.warning("expired answers are not removed; trying again later", error=error.message)
