"""A pool of connections, each lent for one transaction.

Not psycopg_pool: that one waits 1, 2, 4, 8 … s between attempts to connect, and as long between the connections that it
finds dead, while our embedded server is back within 0.3 s of a crash. Ours tries again every 0.1 s, throws dead
connections away without asking the server, serves whoever came first, and needs no task of its own.
"""

from __future__ import annotations

import asyncio
import select
import time
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import ConnStatus, TransactionStatus
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Literal

from stretto.errors import DatabaseUnreachable
from stretto.store.acting import ACTING, Acting

# Bound to a tenant, the transaction sees and writes that tenant's rows only. One round trip for both.
BEGIN_AS_TENANT = SQL("BEGIN; SELECT set_config('stretto.tenant', {}, true)")
# The audit log's triggers write down who this is.
BEGIN_ACTING = SQL(
    "BEGIN; SELECT set_config('stretto.tenant', {}, true), set_config('stretto.actor', {}, true), "
    "set_config('stretto.request', {}, true), set_config('stretto.address', {}, true)"
)
AS_TENANT = "SELECT set_config('stretto.tenant', %s, true)"
RETRY_S = 0.1
WAIT_S = 30.0
LONGEST_IDLE_S = 60.0
LONGEST_LIFE_S = 1800.0  # a backend's memory grows with the tables that it has seen


@dataclass(slots=True)
class Lent:
    """A connection of the pool."""

    connection: AsyncConnection[TupleRow]
    made_at: float
    idle_since: float = 0.0


@dataclass(slots=True)
class Pool:
    """At most `size` connections to one database, made when they are needed."""

    conninfo: str
    size: int
    _idle: deque[Lent] = field(default_factory=deque[Lent])
    _slots: asyncio.Semaphore = field(init=False)
    _closed: bool = False
    in_use: int = 0
    """Connections that are lent now."""
    waiting: int = 0
    """Tasks that wait for one."""

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.size)

    @asynccontextmanager
    async def transaction(self, tenant_id: UUID | None = None) -> AsyncGenerator[AsyncConnection[TupleRow]]:
        """A transaction, bound to a tenant if one is given. Commits at the end, rolls back on an exception.

        Waits up to 30 s for a free connection and for a server that is away, then raises `DatabaseUnreachable`.
        What is raised later comes from the statements, or from the commit.
        """
        deadline = time.monotonic() + WAIT_S
        await self._wait_for_slot()
        self.in_use += 1
        try:
            lent = await self._begin(deadline, tenant_id)
            try:
                yield lent.connection
            except BaseException:
                await roll_back(lent.connection)
                raise
            else:
                await commit(lent.connection)
            finally:
                await self._take_back(lent)
        finally:
            self.in_use -= 1
            self._slots.release()

    async def read(self, tenant_id: UUID, *statements: tuple[LiteralString, Mapping[str, Any]]) -> list[list[TupleRow]]:
        """The rows of statements that change nothing and see one tenant's rows, all in a single round trip.

        What a pipeline sends up to its end is a transaction without BEGIN and COMMIT (PostgreSQL, 34.5.1.4 of libpq's
        manual). Waits and raises as `transaction` does.
        """
        deadline = time.monotonic() + WAIT_S
        await self._wait_for_slot()
        self.in_use += 1
        try:
            while True:
                lent = await self._take(deadline)
                connection = lent.connection
                try:
                    async with connection.pipeline():
                        await connection.execute(AS_TENANT, (str(tenant_id),))
                        cursors = [await connection.execute(query, values) for query, values in statements]
                    found = [await cursor.fetchall() if cursor.description else [] for cursor in cursors]
                except BaseException as error:
                    # Closed, since psycopg takes for prepared what the server may never have seen.
                    was_closed = connection.closed
                    await connection.close()
                    if not was_closed or not isinstance(error, psycopg.OperationalError) or time.monotonic() > deadline:
                        raise
                else:
                    await self._take_back(lent)
                    return found
        finally:
            self.in_use -= 1
            self._slots.release()

    async def warm_up(self) -> None:
        """Make the first connection, without trying again: what psycopg raises says why there can be none."""
        self._idle.append(Lent(await connect(self.conninfo), time.monotonic(), time.monotonic()))

    async def close(self) -> None:
        """Close all connections; those that are lent close when they come back."""
        self._closed = True
        while self._idle:
            await self._idle.popleft().connection.close()

    async def _wait_for_slot(self) -> None:
        if not self._slots.locked():
            await self._slots.acquire()
            return
        self.waiting += 1
        try:
            async with asyncio.timeout(WAIT_S):
                await self._slots.acquire()
        except TimeoutError:
            raise DatabaseUnreachable(
                f"None of the {self.size} connections to the database came free within {WAIT_S:g} s. "
                "Raise STRETTO_POOL_SIZE, or find the transactions that last so long."
            ) from None
        finally:
            self.waiting -= 1

    async def _begin(self, deadline: float, tenant_id: UUID | None) -> Lent:
        begin = b"BEGIN" if tenant_id is None else begin_as(tenant_id, ACTING.get())
        while True:
            lent = await self._take(deadline)
            try:
                await lent.connection.execute(begin)
                return lent
            except BaseException as error:
                await lent.connection.close()
                # Nothing has been done yet, so a connection that broke just now is replaced without a word.
                if not isinstance(error, psycopg.OperationalError) or time.monotonic() > deadline:
                    raise

    async def _take(self, deadline: float) -> Lent:
        while self._idle:
            lent = self._idle.pop()
            if is_alive(lent.connection):
                return lent
            await lent.connection.close()
        while True:
            if self._closed:
                raise DatabaseUnreachable("The database has been closed. Open it again to use it.")
            try:
                return Lent(await connect(self.conninfo), time.monotonic())
            except psycopg.OperationalError:
                if time.monotonic() + RETRY_S > deadline:
                    raise
            await asyncio.sleep(RETRY_S)

    async def _take_back(self, lent: Lent) -> None:
        now = time.monotonic()
        fit = lent.connection.pgconn.transaction_status == TransactionStatus.IDLE
        if fit and not self._closed and now - lent.made_at < LONGEST_LIFE_S:
            lent.idle_since = now
            self._idle.append(lent)
        else:
            await lent.connection.close()
        while self._idle and now - self._idle[0].idle_since > LONGEST_IDLE_S:
            await self._idle.popleft().connection.close()


@lru_cache(maxsize=1024)
def begin_as(tenant_id: UUID, acting: Acting | None) -> bytes:
    """What begins a transaction of this tenant, in which this one acts."""
    tenant = Literal(str(tenant_id))
    if acting is None:
        return BEGIN_AS_TENANT.format(tenant).as_bytes(None)
    who = Literal(acting.by), Literal(acting.request_id), Literal(acting.address)
    return BEGIN_ACTING.format(tenant, *who).as_bytes(None)


async def connect(conninfo: str) -> AsyncConnection[TupleRow]:
    """A connection with autocommit."""
    return await AsyncConnection.connect(conninfo, autocommit=True)


def is_alive(connection: AsyncConnection[TupleRow]) -> bool:
    """Whether the server still holds this idle connection. Does not ask it: what it has closed, the system knows."""
    if connection.closed:
        return False
    pgconn = connection.pgconn
    poll = select.poll()  # select.select() takes no more than 1,024 open files
    poll.register(pgconn.socket, select.POLLIN)
    if poll.poll(0):
        try:
            pgconn.consume_input()
        except psycopg.OperationalError:
            return False
    return pgconn.status == ConnStatus.OK


async def commit(connection: AsyncConnection[TupleRow]) -> None:
    """Commit, unless the block has ended the transaction itself. Never takes a roll-back for a commit."""
    status = connection.pgconn.transaction_status
    if status == TransactionStatus.INERROR:
        await roll_back(connection)
        raise psycopg.errors.InFailedSqlTransaction(
            "A statement of this transaction failed and its error was passed over, so that nothing was committed. "
            "Put what may fail into `async with connection.transaction()`."
        )
    if status != TransactionStatus.IDLE:
        await connection.execute("COMMIT")


async def roll_back(connection: AsyncConnection[TupleRow]) -> None:
    """Roll back; where that is impossible the connection is closed, which does the same."""
    if connection.pgconn.transaction_status == TransactionStatus.IDLE:
        return
    try:
        # Not execute("ROLLBACK"): what followed a failed statement in a pipeline psycopg takes for prepared, although the
        # server never saw it, and "prepared statement does not exist" would meet whoever comes next. This forgets it.
        await connection.rollback()
    except psycopg.Error:
        await connection.close()
