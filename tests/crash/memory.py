"""A journal in memory that dies after a chosen number of appends, and runs carried out on it without a database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import msgspec

from stretto.engine.flusher import Flusher
from stretto.engine.journal import Append, Awaited
from stretto.engine.rows import fact_row, now, rows_json
from stretto.engine.run import RunTask, Surroundings
from stretto.engine.step import Handler
from stretto.engine.store import Signal
from stretto.flow import facts as f
from stretto.flow.graph import Graph
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT
from stretto.store.ids import new_id
from stretto.stream.hub import Hub
from stretto.stream.log import Row

SETTINGS = Settings(flush_s=0.01, linger_s=60)


@dataclass
class MemoryJournal:
    """A `JournalWriter` that keeps what a disk would keep. After `dies_after` appends nothing is kept any more."""

    rows: list[Row] = field(default_factory=list[Row])
    dies_after: int | None = None
    appends: int = 0
    waits: dict[str, Awaited] = field(default_factory=dict[str, Awaited])
    consumed: list[int] = field(default_factory=list[int])
    dead: asyncio.Event = field(default_factory=asyncio.Event)

    def append(self, append: Append) -> None:
        if self.appends == self.dies_after:
            self.dead.set()
        if self.dead.is_set():
            return
        self.appends += 1
        assert [row.seq for row in append.rows] == list(
            range(len(self.rows) + 1, len(self.rows) + len(append.rows) + 1)
        ), "a run's rows are numbered without gaps"
        self.rows.extend(map(on_disk, append.rows))
        if append.effects is not None:
            self.waits.update({wait.step: wait for wait in append.effects.waits})
            for step in append.effects.ended_waits:
                self.waits.pop(step, None)
                if step == "*":
                    self.waits.clear()
            self.consumed.extend(append.effects.consumed)
        asyncio.get_running_loop().call_soon(self._tell, append)

    def _tell(self, append: Append) -> None:
        if not self.dead.is_set():
            append.on_committed(append)

    async def drain(self) -> None:
        await asyncio.sleep(0)


def on_disk(row: Row) -> Row:
    """The row as it comes back from the database."""
    (packed,) = msgspec.json.decode(rows_json([(UUID(int=0), row)]))
    return msgspec.structs.replace(row, body=packed.get("b"))


@dataclass
class MemoryRun:
    """One run and what is known of it on disk; `carry_on` is a process that takes it."""

    graph: Graph
    handlers: Mapping[str, Handler]
    input: dict[str, Any] = field(default_factory=dict[str, Any])
    settings: Settings = SETTINGS
    rows: list[Row] = field(default_factory=list[Row])
    signals: list[Signal] = field(default_factory=list[Signal])
    waits: dict[str, Awaited] = field(default_factory=dict[str, Awaited])
    run_id: UUID = field(default_factory=new_id)
    task: RunTask | None = None
    appends: int = 0

    def __post_init__(self) -> None:
        if not self.rows:
            accepted = f.RunAccepted(flow=self.graph.name, version=1, input=self.input, priority=2)
            self.rows.append(on_disk(fact_row(1, accepted, now())))

    async def carry_on(self, *, dies_after: int | None = None) -> bool:
        """Let a process carry the run on until it ends or rests, or until the process dies; tells whether it lived."""
        journal = MemoryJournal(self.rows, dies_after, waits=self.waits)
        async with Hub() as hub:
            around = Surroundings(journal, hub, self.handlers, Flusher(self.settings.flush_s), self.settings, "memory")
            task = self.task = RunTask(self.graph, DEFAULT_TENANT, self.run_id, around)
            task.load(list(self.rows))
            at_work = asyncio.create_task(task.carry(self._pending(journal), lambda: self._read(journal)))
            death = asyncio.create_task(journal.dead.wait())
            await asyncio.wait([at_work, death], return_when=asyncio.FIRST_COMPLETED)
            died = journal.dead.is_set()
            journal.dead.set()
            death.cancel()
            if died:
                at_work.cancel()
                with suppress(asyncio.CancelledError):
                    await at_work
            else:
                await at_work
        self.appends = journal.appends
        self.signals = self._pending(journal)
        return not died

    def tell(self, kind: str, **body: Any) -> None:
        """Leave a signal for the run."""
        self.signals.append(Signal(len(self.signals) + 1, kind, body))
        if self.task is not None:
            self.task.signal()

    def _pending(self, journal: MemoryJournal) -> list[Signal]:
        return [signal for signal in self.signals if signal.id not in journal.consumed]

    async def _read(self, journal: MemoryJournal) -> list[Signal]:
        return self._pending(journal)

    @property
    def kinds(self) -> list[str]:
        return [row.kind for row in self.rows]

    @property
    def output(self) -> Any:
        """The run's output. Fails when it has not completed."""
        last = self.rows[-1]
        assert last.kind == "RunCompleted", f"the run ended with {last}"
        return (last.body or {}).get("output")


def rows_of(rows: Iterable[Row], kind: str) -> list[Row]:
    """The rows of one kind."""
    return [row for row in rows if row.kind == kind]
