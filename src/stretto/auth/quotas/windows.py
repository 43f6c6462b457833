"""Counting over all processes: what is asked at once within this one goes to PostgreSQL in one statement.

While a statement is under way the next batch gathers, for 4 ms at least, so that a process asks no more than 250 times a
second, however many requests come. The statement is a transaction of its own on a connection of its own: a process that is stopped or
killed holds no lock, and a full pool delays nobody's request. The clock is the server's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.auth.quotas.counting import Counted, Counter, Taken
from stretto.errors import DatabaseUnreachable
from stretto.store import Database, load_queries

log = structlog.get_logger(__name__)

_Q = load_queries("stretto.auth.quotas")
MOST_AT_ONCE = 1_000
"""Requests in one statement."""
MOST_WAITING = 20_000
GATHER_S = 0.004
"""Statements are at least so far apart; a request that comes alone waits for nothing."""
STATEMENT_S = 3.0
"""A statement that takes longer counts as lost."""
RETRY_S = 0.25
FORGET_EVERY_S = 60.0
FORGET_AT_ONCE = 5_000
"""Requests wait while old windows are removed, so that not too many are at once."""

_Asked = tuple[tuple[Counter, ...], int, "asyncio.Future[Taken]"]


class Windows:
    """The counters in the database. `take` raises `DatabaseUnreachable` at once while the database is known to be away."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: list[_Asked] = []
        self._task: asyncio.Task[None] | None = None
        self._connection: AsyncConnection[TupleRow] | None = None
        self._away = False
        self._asked_at = 0.0
        self._forget_at = time.monotonic() + FORGET_EVERY_S
        self.statements = 0
        """How many were sent, for measurements."""

    async def take(self, counters: Sequence[Counter], want: int = 1) -> Taken:
        """Count a request in all of these counters, or in none. `want` 0 only looks."""
        if self._away or len(self._waiting) >= MOST_WAITING:
            raise DatabaseUnreachable("Requests cannot be counted now. Check the database; trying again may help.")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Taken] = loop.create_future()
        self._waiting.append((tuple(counters), want, future))
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._work(), name="request limits")
        return await future

    async def close(self) -> None:
        """Give the connection back. Who still waits hears that the database is away."""
        self._away = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._fail(self._waiting)
        await self._drop_connection()

    async def _work(self) -> None:
        while self._waiting:
            if (early_s := self._asked_at + GATHER_S - time.monotonic()) > 0:
                await asyncio.sleep(early_s)
            self._asked_at = time.monotonic()
            batch = [asked for asked in self._waiting[:MOST_AT_ONCE] if not asked[2].done()]
            del self._waiting[:MOST_AT_ONCE]
            try:
                async with asyncio.timeout(STATEMENT_S):
                    await self._answer(batch)
                    await self._forget()
            except asyncio.CancelledError:
                self._fail(batch)
                raise
            except Exception as error:
                log.warning("requests cannot be counted; this process counts alone for a while", error=str(error))
                self._away = True
                self._fail(batch + self._waiting)
                self._waiting.clear()
                await self._come_back()

    async def _answer(self, batch: Sequence[_Asked]) -> None:
        question = Question(batch)
        if not question.groups:
            return
        connection = await self._connected()
        self.statements += 1
        cursor = await connection.execute(_Q["take_requests"], question.values())
        row = await cursor.fetchone()
        assert row is not None
        question.tell(*row)

    async def _connected(self) -> AsyncConnection[TupleRow]:
        if self._connection is None or self._connection.closed:
            self._connection = await self._database.dedicated()
        return self._connection

    async def _forget(self) -> None:
        if time.monotonic() >= self._forget_at:
            cursor = await (await self._connected()).execute(_Q["forget_windows"], {"most": FORGET_AT_ONCE})
            row = await cursor.fetchone()
            full = row is not None and row[0] == FORGET_AT_ONCE
            self._forget_at = time.monotonic() + (1.0 if full else FORGET_EVERY_S)

    async def _come_back(self) -> None:
        while self._away:
            await self._drop_connection()
            await asyncio.sleep(RETRY_S)
            with suppress(Exception):
                async with asyncio.timeout(STATEMENT_S):
                    await (await self._connected()).execute("SELECT 1")
                    self._away = False

    async def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    @property
    def away(self) -> bool:
        """Whether the database is known to be away."""
        return self._away

    @staticmethod
    def _fail(batch: Sequence[_Asked]) -> None:
        for _, _, future in batch:
            if not future.done():
                future.set_exception(
                    DatabaseUnreachable("The database does not answer, so that requests cannot be counted.")
                )


class Question:
    """What a batch asks: each counter once, in one order, and requests that count alike as one group."""

    def __init__(self, batch: Sequence[_Asked]) -> None:
        self.groups: dict[tuple[tuple[Counter, ...], int], list[_Asked]] = {}
        for asked in batch:
            self.groups.setdefault((asked[0], asked[1]), []).append(asked)
        # While a limit changes, two values of it may come in one batch: then the lesser holds.
        known: dict[tuple[UUID, str], Counter] = {}
        for counters, _ in self.groups:
            for each in counters:
                key = (each.tenant_id, each.name)
                if key not in known or each.most < known[key].most:
                    known[key] = each
        self.counters = [known[key] for key in sorted(known)]
        self._places = {key: place for place, key in enumerate(sorted(known), start=1)}

    def values(self) -> dict[str, Any]:
        """The statement's parameters."""
        firsts, refs = [1], list[int]()
        for counters, _ in self.groups:
            refs += [self._places[each.tenant_id, each.name] for each in counters]
            firsts.append(len(refs) + 1)
        return {
            "owners": [each.tenant_id for each in self.counters],
            "names": [each.name for each in self.counters],
            "mosts": [each.most for each in self.counters],
            "widths": [each.slot_ms for each in self.counters],
            "wants": [want * len(group) for (_, want), group in self.groups.items()],
            "sizes": [max(1, want) for _, want in self.groups],
            "firsts": firsts,
            "refs": refs,
        }

    def tell(self, granted: Sequence[int], used: Sequence[int], wait_ms: Sequence[int]) -> None:
        """Let everybody know: who came first passes first."""
        for ((counters, _), group), left in zip(self.groups.items(), granted, strict=True):
            places = [self._places[each.tenant_id, each.name] - 1 for each in counters]
            stands = tuple(Counted(used[place], wait_ms[place] / 1000) for place in places)
            passed, refused = Taken(True, stands), Taken(False, stands)
            for _, want, future in group:
                passes = want <= left
                left -= want if passes else 0
                if not future.done():
                    future.set_result(passed if passes else refused)
