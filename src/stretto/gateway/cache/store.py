"""The kept answers in PostgreSQL; the only module that runs the cache's SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from stretto.gateway.answers import Answer
from stretto.store import Database, load_queries

_Q = load_queries("stretto.gateway.cache")
MOST_COMPARED = 2_000
"""So many of the latest questions in one setting are compared: about 2 ms of the database."""
MOST_KEPT = 20_000
"""Answers of one tenant's route."""
MOST_DROPPED = 5_000


@dataclass(frozen=True, slots=True)
class Keeping:
    """An answer to be kept. `rest`, `question`, `model` and `embedding` only where similar questions may find it."""

    tenant_id: UUID
    route: str
    key: bytes
    answer: Answer
    ttl_s: float
    rest: bytes | None = None
    question: str | None = None
    model: str | None = None
    embedding: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class Similar:
    """An answer to a similar question; `similarity` is the cosine, -1 to 1."""

    question: str
    answer: Answer
    similarity: float


class AnswerStore:
    """Reads and writes kept answers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_equal(self, tenant_id: UUID, route: str, key: bytes, ttl_s: float) -> tuple[Answer, float] | None:
        """The answer to an equal request if it is younger than `ttl_s`, and for how many seconds it is still good."""
        async with self._database.tenant(tenant_id) as connection:
            values = {"tenant_id": tenant_id, "route": route, "key": key, "ttl_s": ttl_s}
            row = await (await connection.execute(_Q["find_equal"], values)).fetchone()
        return None if row is None else (msgspec.convert(row[0], Answer), row[1])

    async def find_similar(
        self, tenant_id: UUID, route: str, rest: bytes, model: str, embedding: Sequence[float], ttl_s: float
    ) -> list[Similar]:
        """Answers to the most similar questions, the most similar first."""
        values = {
            "tenant_id": tenant_id,
            "route": route,
            "rest": rest,
            "model": model,
            "embedding": vector_text(embedding),
            "ttl_s": ttl_s,
            "most": MOST_COMPARED,
        }
        async with self._database.tenant(tenant_id) as connection:
            rows = await (await connection.execute(_Q["find_similar"], values)).fetchall()
        return [Similar(question, msgspec.convert(answer, Answer), similarity) for question, answer, similarity in rows]

    async def keep(self, tenant_id: UUID, items: Sequence[Keeping], *, trim: Sequence[str] = ()) -> None:
        """Keep a tenant's answers in one transaction, and trim these routes to what may be kept."""
        latest = {(item.route, item.key): item for item in items}.values()
        values = {
            "tenant_id": tenant_id,
            "routes": [item.route for item in latest],
            "keys": [item.key for item in latest],
            "rests": [item.rest for item in latest],
            "questions": [item.question for item in latest],
            "models": [item.model for item in latest],
            "embeddings": [None if item.embedding is None else vector_text(item.embedding) for item in latest],
            "answers": [msgspec.json.encode(item.answer).decode().replace("\\u0000", "") for item in latest],
            "ttls_s": [item.ttl_s for item in latest],
        }
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute(_Q["keep"], values)
            for route in trim:
                await connection.execute(_Q["trim"], {"tenant_id": tenant_id, "route": route, "most": MOST_KEPT})

    async def drop_expired(self) -> int:
        """Remove answers whose time is over, of all tenants; gives how many."""
        async with self._database.system() as connection:
            row = await (await connection.execute(_Q["drop_expired"], {"most": MOST_DROPPED})).fetchone()
        return 0 if row is None else int(row[0])


def vector_text(vector: Sequence[float]) -> str:
    """A vector as pgvector reads it."""
    return "[" + ",".join(f"{value:.7g}" for value in vector) + "]"
