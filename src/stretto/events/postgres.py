"""Events over PostgreSQL alone: the log is the transport, so that what is committed to it is published."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from uuid import UUID

import psycopg
import structlog
from psycopg.sql import SQL, Identifier

from stretto.errors import StoreError
from stretto.events.event import Event
from stretto.events.store import EventStore
from stretto.events.transport import MOST_GROUPS, SYSTEM, Batch, Group, Move, Share, Standing
from stretto.store import Database

log = structlog.get_logger(__name__)

AWAY = (psycopg.OperationalError, psycopg.InterfaceError, StoreError, OSError)
"""What is raised while the database is away."""
OUTBOX, LOG = "stretto_outbox", "stretto_events"
"""Channels that tell of news in the outbox, and in the log."""


class News:
    """Hears of news on a channel of PostgreSQL, over a connection of its own that is made anew when it broke.

    What comes while nobody listens is made up for by whoever asks anyhow after a while. `count` grows with all that is heard;
    `number` is the greatest number that was told.
    """

    def __init__(self, database: Database, channel: str) -> None:
        self._database = database
        self._channel = channel
        self._waiting: set[asyncio.Event] = set()
        self._task: asyncio.Task[None] | None = None
        self.count = 0
        self.number = 0

    def listen(self) -> None:
        """Begin to listen, unless it has begun; `close` ends it."""
        if self._task is None:
            self._task = asyncio.create_task(self._listen(), name=f"listen for {self._channel}")

    async def close(self) -> None:
        """Listen no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def wait(self, heard_already: int, timeout_s: float) -> None:
        """Return once there is more than `count` was when it had this value, or when the time is over."""
        if self.count > heard_already:
            return
        news = asyncio.Event()
        self._waiting.add(news)
        try:
            async with asyncio.timeout(timeout_s):
                await news.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting.discard(news)

    async def _listen(self) -> None:
        while True:
            with suppress(*AWAY):
                async with await self._database.dedicated() as connection:
                    await connection.execute(SQL("LISTEN {}").format(Identifier(self._channel)))
                    self._tell("")
                    async for notice in connection.notifies():
                        self._tell(notice.payload)
            await asyncio.sleep(0.2)

    def _tell(self, payload: str) -> None:
        self.count += 1
        if payload.isdecimal():
            self.number = max(self.number, int(payload))
        for news in self._waiting:
            news.set()


class PostgresTransport:
    """Reads the log of PostgreSQL itself, and keeps the groups' positions there (`Transport`)."""

    def __init__(self, database: Database) -> None:
        self._store = EventStore(database)
        self._news = News(database, LOG)

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            await self._news.close()

    async def head(self) -> int:
        return (await self._store.standing()).head

    async def publish(self, events: Sequence[Event], after: int) -> None:
        """Nothing is left to do: the relay has moved them to the log, exactly once, in the transaction that took them out of the outbox."""

    async def read(self, group: Group, after: Mapping[int, int], most: int) -> Batch:
        return await self._store.read(group, after, most)

    async def join(self, group: Group, member: str, lease_s: float) -> Share:
        return await self._store.join(group, member, lease_s, await self.head())

    async def release(self, group: Group, member: str, slots: Sequence[int]) -> None:
        await self._store.release(group, member, slots)

    async def leave(self, group: Group, member: str) -> None:
        await self._store.leave(group, member)

    async def ack(self, group: Group, member: str, moves: Sequence[Move]) -> set[int]:
        return await self._store.ack(group, member, moves)

    async def replay(self, group: Group, position: int) -> None:
        await self._store.replay(group, position)

    async def position_at(self, moment: datetime) -> int:
        return await self._store.position_at(moment)

    async def standings(
        self, tenant_id: UUID = SYSTEM, *, name: str | None = None, after: str | None = None, limit: int = MOST_GROUPS
    ) -> Sequence[Standing]:
        found = await self._store.standings(tenant_id, name, after, limit)
        ages = await self._store.oldest(tenant_id, [position for _, position, _, _ in found])
        return [
            Standing(name, position, head, members, oldest_at)
            for (name, position, head, members), oldest_at in zip(found, ages, strict=True)
        ]

    async def trim(self, before: datetime) -> None:
        """Nothing is left to do: the log's days are dropped with the other partitions of the database."""

    async def wait(self, after: int, timeout_s: float) -> None:
        self._news.listen()
        if self._news.number <= after:
            await self._news.wait(self._news.count, timeout_s)
