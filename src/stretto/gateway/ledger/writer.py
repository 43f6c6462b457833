"""Writes calls down: many in one transaction, soon, and each exactly once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self
from uuid import UUID

import psycopg
import structlog
from psycopg import AsyncConnection, errors
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow

from stretto.errors import StoreError
from stretto.gateway.calls import Call, Settler
from stretto.gateway.ledger.store import write_calls
from stretto.gateway.prices import PriceTable
from stretto.store import Database

log = structlog.get_logger(__name__)
AGAIN = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.IdleInTransactionSessionTimeout,
    errors.DeadlockDetected,
    errors.SerializationFailure,
    StoreError,
)
"""What passes: the database is away, or another process was in the way."""
FLUSH_S = 0.1
"""A call waits this long for others; half of what `Ledger` promises, to leave the transaction the other half."""
MAX_ROWS = 2_000
"""Most calls of one transaction: so many are packed in about 10 ms, during which the loop stands still."""
MAX_BACKLOG = 20_000
"""More calls than this waiting make `drain` wait; about 30 MB."""
CLOSE_S = 10.0
"""At the end, so long is a database waited for that is away."""


class LedgerWriter:
    """The ledger in PostgreSQL. Use it as `async with LedgerWriter(database) as ledger`.

    What was recorded is written down at the end of the block. A call that is recorded again, by its id, changes nothing, also
    after a commit of which nobody knows whether it came through. `settlers` count calls in the same transaction.
    """

    def __init__(
        self,
        database: Database,
        settlers: Sequence[Settler] = (),
        *,
        prices: PriceTable | None = None,
        watch: Callable[[Call], None] | None = None,
        flush_s: float = FLUSH_S,
        close_s: float = CLOSE_S,
    ) -> None:
        self._database = database
        self._watch = watch
        self._settlers = tuple(settlers)
        self._flush_s = flush_s
        self._close_s = close_s
        self._price_documents: dict[str, str] = {}
        self._waiting: dict[UUID, Call] = {}
        self._writing = 0
        self._recorded = 0
        self._done = 0
        self._flushing: list[tuple[int, asyncio.Future[None]]] = []
        self._news = asyncio.Event()
        self._hurry = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self._connection: AsyncConnection[TupleRow] | None = None
        self._task: asyncio.Task[None] | None = None
        self.transactions = 0
        self.rows = 0
        if prices is not None:
            self.use_prices(prices)

    def use_prices(self, prices: PriceTable) -> None:
        """Keep what this version of the prices stands for, with the first calls that come from now on."""
        self._price_documents[prices.version] = prices.document

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._write(), name="ledger")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            async with asyncio.timeout(self._close_s):
                await self.flush()
        except TimeoutError:
            lost = len(self._waiting) + self._writing
            log.error("the database is away; calls are not written down", calls=lost, waited_s=self._close_s)
        finally:
            if self._task is not None:
                self._task.cancel()
                with suppress(asyncio.CancelledError):
                    await self._task
            await self._disconnect()

    def record(self, call: Call) -> None:
        if call.id in self._waiting:
            return
        self._waiting[call.id] = call
        if self._watch is not None:
            self._watch(call)
        self._recorded += 1
        self._news.set()
        if len(self._waiting) >= MAX_ROWS:
            self._hurry.set()
            if len(self._waiting) > MAX_BACKLOG:
                self._drained.clear()

    async def drain(self) -> None:
        await self._drained.wait()

    async def flush(self) -> None:
        """Wait until all that was recorded before is on disk."""
        if self._done >= self._recorded:
            return
        done = asyncio.get_running_loop().create_future()
        self._flushing.append((self._recorded, done))
        self._hurry.set()
        await done

    @property
    def backlog(self) -> int:
        """Calls that are not on disk yet."""
        return self._recorded - self._done

    async def _write(self) -> None:
        while True:
            await self._news.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._flush_s):
                    await self._hurry.wait()
            batch = self._take()
            try:
                await self._write_surely(batch)
            except Exception:  # a fault of this program; the calls that follow shall not suffer from it
                log.exception("calls are not written down", calls=len(batch))
            self._writing = 0
            self._done += len(batch)
            for at, (target, done) in reversed(list(enumerate(self._flushing))):
                if target <= self._done:
                    del self._flushing[at]
                    if not done.done():
                        done.set_result(None)

    def _take(self) -> list[Call]:
        batch = [call for call, _ in zip(self._waiting.values(), range(MAX_ROWS), strict=False)]
        for call in batch:
            del self._waiting[call.id]
        self._writing = len(batch)
        if len(self._waiting) <= MAX_BACKLOG:
            self._drained.set()
        if not self._waiting:
            self._news.clear()
        if len(self._waiting) < MAX_ROWS and not any(target > self._done + len(batch) for target, _ in self._flushing):
            self._hurry.clear()
        return batch

    async def _write_surely(self, batch: list[Call]) -> None:
        """Write the batch; wait for a database that is away; where a call is refused, write the others."""
        pause_s = 0.02
        while True:
            try:
                await self._commit(batch, self._settlers)
                return
            except AGAIN as error:
                log.warning("the ledger waits for the database", error=str(error).strip(), calls=len(batch))
                await self._disconnect()
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, 1.0)
            except Exception as error:
                await self._leave_what_broke()
                await self._sort_out(batch, error)
                return

    async def _sort_out(self, batch: list[Call], cause: Exception) -> None:
        """Something in the batch is refused: halve it until that stands alone."""
        if len(batch) > 1:
            middle = len(batch) // 2
            await self._write_surely(batch[:middle])
            await self._write_surely(batch[middle:])
            return
        call = batch[0]
        told = {"call_id": str(call.id), "tenant_id": str(call.caller.tenant_id), "cost_usd": str(call.cost_usd)}
        try:
            # That a budget cannot be settled is no reason not to know what was spent.
            await self._commit(batch, ())
            log.error("a call is written down but not settled", error=repr(cause), **told)
        except AGAIN:
            await self._write_surely(batch)
        except Exception as error:
            await self._leave_what_broke()
            log.error("a call cannot be written down", error=repr(error), **told)

    async def _commit(self, batch: list[Call], settlers: Sequence[Settler]) -> None:
        if self._connection is None or self._connection.closed:
            self._connection = await self._database.dedicated()
        documents = {
            version: self._price_documents[version]
            for version in sorted({call.price_version for call in batch} & self._price_documents.keys())
        }
        await write_calls(self._connection, batch, settlers, documents)
        for version in documents:
            del self._price_documents[version]
        self.transactions += 1
        self.rows += len(batch)

    async def _leave_what_broke(self) -> None:
        """After a refusal: a connection on which all is rolled back is used again, since a batch may hold many bad calls."""
        connection = self._connection
        if connection is not None and connection.info.transaction_status != TransactionStatus.IDLE:
            await self._disconnect()

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                await connection.close()
