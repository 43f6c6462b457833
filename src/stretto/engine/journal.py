"""The journal's writer: one per process, it commits what many runs have to say together.

While one transaction is on its way to the disk, the next one gathers; so the more there is to
write, the less each row costs (group commit). A run's rows are numbered by the process that carries
it out. A number that is taken means that another process carries the run on: the run's lease is
lost, and nothing more is written for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

import psycopg
import structlog
from psycopg import AsyncConnection, errors
from psycopg.rows import TupleRow

from stretto.engine.announced import announcements
from stretto.engine.rows import json_text, rows_json
from stretto.engine.step import Emitted
from stretto.errors import LeaseLost, StoreError
from stretto.flow.facts import PersonAsked, WaitStarted
from stretto.store import Database, load_queries
from stretto.stream.log import Row

log = structlog.get_logger(__name__)
AWAY = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.IdleInTransactionSessionTimeout,  # this process stood still in mid-transaction
    StoreError,
)
"""What is raised while the database is away, or when it has ended our connection."""
_Q = load_queries("stretto.engine")

MAX_ROWS = 5_000
"""Most rows of one transaction."""
MAX_BACKLOG_CHARS = 4_000_000
"""More text than this waiting for one lane makes `drain` wait."""
LANES = 2


@dataclass(slots=True, eq=False)
class Lease:
    """The right to write one run's journal. Lost for good once a write was refused."""

    tenant_id: UUID
    run_id: UUID
    flow: str = ""
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """What the list of runs shall show of a run from now on."""

    status: str
    at: datetime
    cost_usd: Decimal = Decimal(0)
    output: Any = None
    error: Any = None
    priority: int | None = None
    finished: bool = False
    memorable: bool = False
    """It is over, and its flow says that it shall be remembered."""


@dataclass(frozen=True, slots=True)
class Awaited:
    """A step that waits for an event or a person."""

    step: str
    kind: str
    name: str
    key: str
    body: Any

    @classmethod
    def of(cls, fact: WaitStarted) -> Awaited | None:
        """What a step that waits has to be told; None when it waits for time alone."""
        if fact.wait == "timer":
            return None
        body: dict[str, Any] = {}
        if fact.wait == "review":
            body = {"show": fact.show, "question": fact.question, "attempt": fact.attempt, **fact.review}
        return cls(fact.step, fact.wait, fact.event or "review", fact.key, body)

    @classmethod
    def question(cls, fact: PersonAsked) -> Awaited:
        """The same for a step at work that asks a person."""
        body = {"show": fact.show, "question": fact.text, "attempt": fact.attempt, **fact.review}
        return cls(fact.step, "review", "review", fact.question, body)


@dataclass(slots=True)
class Effects:
    """What else the transaction that holds some rows does."""

    listing: Listing | None = None
    timers: list[tuple[str, datetime]] = field(default_factory=list[tuple[str, datetime]])
    clear_timers: bool = False
    waits: list[Awaited] = field(default_factory=list[Awaited])
    ended_waits: list[str] = field(default_factory=list[str])
    consumed: list[int] = field(default_factory=list[int])
    emits: list[Emitted] = field(default_factory=list[Emitted])
    wake: int | None = None
    """Priority at which to put the run's next job into the queue."""


@dataclass(slots=True, eq=False)
class Append:
    """Rows of one run, in order and without a gap to those before, and what goes with them."""

    lease: Lease
    rows: list[Row]
    effects: Effects | None
    on_committed: Callable[[Append], None]
    on_failed: Callable[[BaseException], None]


Watch = Callable[[Sequence[Append]], None]
"""Hears of what was committed, once for each transaction."""


class JournalWriter(Protocol):
    """The port to the journal.

    Contract: appends of one run are committed in the order given, each with its effects in one
    transaction, and `on_committed` is called after that. When a seq is taken, `on_failed` gets
    `LeaseLost`, and that append and all later ones of the lease write nothing. A database that is
    away is waited for. Neither callback may block.
    """

    def append(self, append: Append) -> None: ...
    async def drain(self) -> None: ...


class Journal:
    """The journal in PostgreSQL.

    It writes on `LANES` connections, each run always on the same: while one transaction is on its way to
    the disk, this process can go on with the runs of the other lane.
    """

    def __init__(self, database: Database, watch: Watch | None = None) -> None:
        """`watch` is told of each batch once it is committed; it must neither block nor raise."""
        self._lanes = [_Lane(database, watch) for _ in range(LANES)]

    def start(self) -> None:
        """Begin to write; call it once, in the loop."""
        for lane in self._lanes:
            lane.start()

    async def close(self) -> None:
        """Write what waits and stop."""
        for lane in self._lanes:
            await lane.close()

    def append(self, append: Append) -> None:
        self._lanes[append.lease.run_id.int % LANES].append(append)

    async def drain(self) -> None:
        for lane in self._lanes:
            await lane.drain()

    @property
    def transactions(self) -> int:
        """Transactions committed so far."""
        return sum(lane.transactions for lane in self._lanes)

    @property
    def rows(self) -> int:
        """Rows committed so far."""
        return sum(lane.rows for lane in self._lanes)


class _Lane:
    """One connection of the journal, and what waits for it."""

    def __init__(self, database: Database, watch: Watch | None) -> None:
        self._database = database
        self._watch = watch
        self._waiting: list[Append] = []
        self._chars = 0
        self._news = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._connection: AsyncConnection[TupleRow] | None = None
        self._task: asyncio.Task[None] | None = None
        self.transactions = 0
        self.rows = 0

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._write(), name="journal")

    async def close(self) -> None:
        await self._idle.wait()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._disconnect()

    def append(self, append: Append) -> None:
        self._waiting.append(append)
        for row in append.rows:
            if row.text is not None:
                self._chars += len(row.text)
        if self._chars > MAX_BACKLOG_CHARS:
            self._drained.clear()
        self._idle.clear()
        self._news.set()

    async def drain(self) -> None:
        await self._drained.wait()

    async def _write(self) -> None:
        while True:
            await self._news.wait()
            batch = self._take()
            try:
                await self._commit_surely(batch)
            except Exception as error:  # a fault of this program: the runs concerned must not go on
                log.exception("journal write failed")
                _fail(batch, error)
            if not self._waiting:
                self._idle.set()

    def _take(self) -> list[Append]:
        rows = 0
        for count, append in enumerate(self._waiting):
            rows += len(append.rows)
            if rows >= MAX_ROWS:
                batch, self._waiting = self._waiting[: count + 1], self._waiting[count + 1 :]
                break
        else:
            batch, self._waiting = self._waiting, []
        self._chars -= sum(len(row.text) for append in batch for row in append.rows if row.text is not None)
        if self._chars <= MAX_BACKLOG_CHARS:
            self._drained.set()
        if not self._waiting:
            self._news.clear()
        return batch

    async def _commit_surely(self, batch: list[Append], *, unsure: bool = False) -> None:
        """Commit the batch; wait for a database that is away; find out whose lease is lost.

        `unsure`: an earlier commit of it may have come through, although the connection broke.
        """
        pause_s = 0.02
        while True:
            valid = [append for append in batch if not append.lease.lost]
            _fail([append for append in batch if append.lease.lost], LeaseLost())
            if not valid:
                return
            try:
                try:
                    await self._commit(valid)
                except AWAY:
                    raise
                except psycopg.Error as error:
                    await self._sort_out(valid, error, unsure)
                else:
                    self._committed(valid)
                return
            except AWAY as error:
                if isinstance(error, errors.DiskFull):
                    log.error("the disk is full; waiting for room", error=str(error))
                log.warning("database is away; waiting", error=str(error).strip())
                unsure = True
                await self._disconnect()
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, 1.0)

    def _committed(self, batch: list[Append]) -> None:
        self.transactions += 1
        self.rows += sum(len(append.rows) for append in batch)
        for append in batch:
            append.on_committed(append)
        if self._watch is not None:
            self._watch(batch)

    async def _sort_out(self, batch: list[Append], cause: psycopg.Error, unsure: bool) -> None:
        """Something in the batch is refused: commit run by run, and end the lease of the one at fault."""
        runs: dict[Lease, list[Append]] = {}
        for append in batch:
            runs.setdefault(append.lease, []).append(append)
        if len(runs) > 1:
            for appends in runs.values():
                await self._commit_surely(appends, unsure=unsure)
            return
        taken = isinstance(cause, errors.UniqueViolation)
        if taken and unsure and await self._wrote(batch):
            self._committed(batch)
            return
        if not taken:
            log.error("a run's facts were refused", run_id=str(batch[0].lease.run_id), error=str(cause))
        _fail(batch, LeaseLost(run_id=batch[0].lease.run_id) if taken else cause)

    async def _wrote(self, appends: Sequence[Append]) -> bool:
        """Whether these very rows are in the journal: the commit before the connection broke had come through."""
        rows = [row for append in appends for row in append.rows]
        lease = appends[0].lease
        if not rows:
            return False
        async with self._database.tenant(lease.tenant_id) as connection:
            cursor = await connection.execute(
                _Q["read_journal"],
                {"tenant_id": lease.tenant_id, "run_id": lease.run_id, "after": rows[0].seq - 1, "limit": len(rows)},
            )
            found = [tuple(found[:4]) for found in await cursor.fetchall()]
        return found == [(row.seq, row.kind, row.at, row.step) for row in rows]

    async def _connect(self) -> AsyncConnection[TupleRow]:
        if self._connection is None or self._connection.closed:
            self._connection = await self._database.dedicated()
        return self._connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                await connection.close()

    async def _commit(self, batch: list[Append]) -> None:
        connection = await self._connect()
        tenants: dict[UUID, list[Append]] = {}
        for append in batch:
            tenants.setdefault(append.lease.tenant_id, []).append(append)
        async with connection.pipeline(), connection.transaction(), connection.cursor() as cursor:
            for tenant_id, appends in tenants.items():
                await cursor.execute(_Q["set_tenant"], {"tenant_id": tenant_id})
                for query, values in statements(tenant_id, appends):
                    await cursor.execute(_Q[query], values)


def _fail(appends: Sequence[Append], error: BaseException) -> None:
    for append in appends:
        append.lease.lost = True
        append.on_failed(error)


Statement = tuple[str, dict[str, Any]]


def statements(tenant_id: UUID, appends: Sequence[Append]) -> list[Statement]:
    """The statements that write these appends of one tenant: names of queries with their values."""
    rows = ((append.lease.run_id, row) for append in appends for row in append.rows)
    found: list[Statement] = [("insert_rows", rows_statement(tenant_id, rows))]
    effects = [(append.lease, append.effects) for append in appends if append.effects is not None]
    if effects:
        found.extend(_effects(tenant_id, effects))
    if told := announcements(appends):
        found.append(("put_events", {"events": json_text(told)}))
    return found


def rows_statement(tenant_id: UUID, rows: Iterable[tuple[UUID, Row]]) -> dict[str, Any]:
    """The values of `insert_rows` for these rows, each with its run."""
    return {"tenant_id": tenant_id, "rows": rows_json(rows)}


def waits_statement(tenant_id: UUID, waits: Sequence[tuple[UUID, Awaited]]) -> dict[str, Any]:
    """The values of `add_waits` for these waits, each with its run."""
    at = datetime.now().astimezone()
    return {
        "tenant_id": tenant_id,
        "run_ids": [run_id for run_id, _ in waits],
        "steps": [wait.step for _, wait in waits],
        "kinds": [wait.kind for _, wait in waits],
        "names": [wait.name for _, wait in waits],
        "keys": [wait.key for _, wait in waits],
        "bodies": [json_text(wait.body) for _, wait in waits],
        "sinces": [at] * len(waits),
    }


def _effects(tenant_id: UUID, effects: Sequence[tuple[Lease, Effects]]) -> list[Statement]:
    found: list[Statement] = []

    def add(query: str, **values: Any) -> None:
        found.append((query, {"tenant_id": tenant_id, **values}))

    waits = [(lease.run_id, wait) for lease, effect in effects for wait in effect.waits]
    if waits:
        found.append(("add_waits", waits_statement(tenant_id, waits)))
    ended = [(lease.run_id, step) for lease, effect in effects for step in effect.ended_waits]
    if ended:
        add("delete_waits", run_ids=[run_id for run_id, _ in ended], steps=[step for _, step in ended])
    if cleared := [lease.run_id for lease, effect in effects if effect.clear_timers]:
        add("delete_timers", run_ids=cleared)
    timers = [(lease.run_id, *timer) for lease, effect in effects for timer in effect.timers]
    if timers:
        run_ids, steps, due_ats = zip(*timers, strict=True)
        add("set_timers", run_ids=list(run_ids), steps=list(steps), due_ats=list(due_ats))
    if consumed := [signal for _, effect in effects for signal in effect.consumed]:
        add("delete_signals", ids=consumed)
    # Only the last listing of a run counts, and UPDATE … FROM must not meet a run twice.
    listings = {lease.run_id: effect.listing for lease, effect in effects if effect.listing is not None}
    if listings:
        add("update_runs", **_listing_columns(listings))
    for _, effect in effects:
        for event in effect.emits:
            add("take_event_waits", name=event.name, key=event.key, data=json_text(event.data))
    found.extend(
        ("wake_run", {"tenant_id": tenant_id, "run_id": lease.run_id, "priority": effect.wake})
        for lease, effect in effects
        if effect.wake is not None
    )
    return found


def _listing_columns(listings: dict[UUID, Listing]) -> dict[str, Any]:
    shown = list(listings.values())
    return {
        "run_ids": list(listings),
        "statuses": [listing.status for listing in shown],
        "ats": [listing.at for listing in shown],
        "priorities": [listing.priority for listing in shown],
        "outputs": [json_text(listing.output) if listing.status == "completed" else None for listing in shown],
        "errors": [None if listing.error is None else json_text(listing.error) for listing in shown],
        "costs": [str(listing.cost_usd) for listing in shown],
        "finished": [listing.finished for listing in shown],
    }
