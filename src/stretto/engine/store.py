"""The only Python that runs the engine's SQL, but for the journal's writer. Logic makes ids and times; SQL stores them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.engine.announced import run_accepted
from stretto.engine.rows import json_text, rows_json
from stretto.store import Database, load_queries
from stretto.stream.log import Row

_Q = load_queries("stretto.engine")

PAGE = 5_000
"""Rows of a journal read at once."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run as the list shows it."""

    id: UUID
    flow_name: str
    flow_version: int
    status: str
    priority: int
    input: Any
    output: Any
    error: Any
    parent_id: UUID | None
    cost_usd: Decimal
    accepted_at: datetime
    updated_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Signal:
    """What somebody has to say to a run."""

    id: int
    kind: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Start a flow at the times of a cron expression."""

    name: str
    flow_name: str
    cron: str
    timezone: str
    input: Any
    priority: int
    next_at: datetime
    paused: bool = False
    revision: int = 1


class RunStore:
    """Reads and writes of runs outside the journal's writer."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def journal(self, tenant_id: UUID, run_id: UUID) -> list[Row]:
        """All rows of a run's journal, in order."""
        return await _read_rows(self.database, tenant_id, run_id, [])

    async def load(self, tenant_id: UUID, run_id: UUID) -> tuple[list[Row], list[Signal]]:
        """All rows of a run's journal, and what others have to say to it, in as few round trips as can be."""
        values = {"tenant_id": tenant_id, "run_id": run_id, "after": 0, "limit": PAGE}
        read, heard = await self.database.read(tenant_id, (_Q["read_journal"], values), (_Q["read_signals"], values))
        rows = [Row(*row) for row in read]
        if len(rows) == PAGE:
            rows = await _read_rows(self.database, tenant_id, run_id, rows)
        return rows, [Signal(*row) for row in heard]

    async def run(self, tenant_id: UUID, run_id: UUID) -> Run | None:
        rows = await self._all(tenant_id, "get_run", run_id=run_id)
        return Run(*rows[0]) if rows else None

    async def some_runs(self, tenant_id: UUID, run_ids: Sequence[UUID]) -> list[Run]:
        """Those of these runs that are there, in any order."""
        return [Run(*row) for row in await self._all(tenant_id, "some_runs", run_ids=list(run_ids))]

    async def runs(self, tenant_id: UUID, values: Mapping[str, Any]) -> list[Run]:
        """Latest runs first; `values` are those of `list_runs`."""
        return [Run(*row) for row in await self._all(tenant_id, "list_runs", **values)]

    async def runs_oldest_first(self, tenant_id: UUID, values: Mapping[str, Any]) -> list[Run]:
        """Oldest runs first; `values` are those of `list_runs_oldest`."""
        return [Run(*row) for row in await self._all(tenant_id, "list_runs_oldest", **values)]

    async def find(self, tenant_id: UUID, ending: str) -> list[UUID]:
        """Runs whose id ends with these characters, at most three."""
        pattern = "%" + ending.lower().replace("\\", "").replace("%", "").replace("_", "")
        return [row[0] for row in await self._all(tenant_id, "find_runs", pattern=pattern)]

    async def flow(self, tenant_id: UUID, name: str, version: int | None = None) -> tuple[int, Any, str] | None:
        """(version, document, digest) of a flow; the latest version when none is given."""
        rows = await self._all(tenant_id, "get_flow", name=name, version=version)
        return (rows[0][0], rows[0][1], rows[0][2]) if rows else None

    async def flow_names(self, tenant_id: UUID) -> list[str]:
        return [row[0] for row in await self._all(tenant_id, "flow_names")]

    async def signals(self, tenant_id: UUID, run_id: UUID) -> list[Signal]:
        return [Signal(*row) for row in await self._all(tenant_id, "read_signals", run_id=run_id)]

    async def signal(self, tenant_id: UUID, run_id: UUID, kind: str, body: Mapping[str, Any]) -> bool:
        """Leave a signal; False when the run is over or unknown."""
        async with self.database.tenant(tenant_id) as connection:
            return await put_signal(connection, run_id, kind, body)

    async def deliver(self, tenant_id: UUID, name: str, key: str, data: Any) -> None:
        """End the waits for this event."""
        async with self.database.tenant(tenant_id) as connection:
            await deliver_in(connection, tenant_id, name, key, data)

    async def schedules(
        self, tenant_id: UUID, *, name: str | None = None, after: str | None = None, limit: int = 1000
    ) -> list[Schedule]:
        """By name: all after one, or the one of a name."""
        rows = await self._all(tenant_id, "list_schedules", name=name, after=after, limit=limit)
        return [Schedule(*row) for row in rows]

    # Over all tenants; the functions behind these give counts and ids only.

    async def fire_due_timers(self, most: int = 500) -> int:
        return int((await self._system("fire_due_timers", most=most))[0][0])

    async def due_schedules(self, most: int = 100) -> list[tuple[UUID, str]]:
        return [(row[0], row[1]) for row in await self._system("due_schedules", most=most)]

    async def rescue_runs(self, silence_s: float) -> int:
        return int((await self._system("rescue_runs", silence_s=silence_s))[0][0])

    async def _system(self, query: str, **values: Any) -> list[TupleRow]:
        async with self.database.system() as connection:
            return await (await connection.execute(_Q[query], values)).fetchall()

    async def _all(self, tenant_id: UUID, query: str, **values: Any) -> list[TupleRow]:
        (rows,) = await self.database.read(tenant_id, (_Q[query], {"tenant_id": tenant_id, **values}))
        return rows


async def fetch(connection: AsyncConnection[TupleRow], query: str, values: Mapping[str, Any]) -> list[TupleRow]:
    """Run one of the engine's queries in a transaction that somebody else holds."""
    cursor = await connection.execute(_Q[query], values)
    return await cursor.fetchall() if cursor.description else []


async def insert_run(
    connection: AsyncConnection[TupleRow],
    values: Mapping[str, Any],
    rows: Sequence[tuple[UUID, Row]],
    *,
    commit: bool = False,
) -> None:
    """Write a run, its first rows and its job in this transaction, and commit it in the same round trip if wanted."""
    async with connection.pipeline():
        told = run_accepted(values["run_id"], values["at"], values, values["parent_id"])
        await connection.execute(_Q["insert_rows"], {"tenant_id": values["tenant_id"], "rows": rows_json(rows)})
        await connection.execute(_Q["wake_run"], values)
        # The last one, for a quota may refuse it; what follows is then not carried out.
        await connection.execute(_Q["insert_run"], {**values, "events": json_text([told])})
        if commit:
            await connection.execute("COMMIT")


async def put_signal(connection: AsyncConnection[TupleRow], run_id: UUID, kind: str, body: Mapping[str, Any]) -> bool:
    """Leave a signal in this transaction and wake the run; False when the run is over or unknown."""
    values = {"run_ids": [run_id], "kinds": [kind], "bodies": [json_text(body)]}
    return bool(await fetch(connection, "signal_runs", values))


async def put_schedule(
    connection: AsyncConnection[TupleRow], tenant_id: UUID, schedule: Schedule, at: datetime
) -> Schedule:
    """Add a schedule, or replace the one of its name; gives it with its revision, which is 1 for one that is new."""
    values = {"tenant_id": tenant_id, "at": at, **asdict(schedule), "input": json_text(schedule.input)}
    rows = await fetch(connection, "save_schedule", values)
    return replace(schedule, revision=int(rows[0][0]))


async def _read_rows(database: Database, tenant_id: UUID, run_id: UUID, rows: list[Row]) -> list[Row]:
    while True:
        page = await _read_page(database, tenant_id, run_id, rows[-1].seq if rows else 0, PAGE)
        rows.extend(page)
        if len(page) < PAGE:
            return rows


async def _read_page(database: Database, tenant_id: UUID, run_id: UUID, after: int, limit: int) -> list[Row]:
    values = {"tenant_id": tenant_id, "run_id": run_id, "after": after, "limit": limit}
    (rows,) = await database.read(tenant_id, (_Q["read_journal"], values))
    return [Row(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class TenantLog:
    """Reads the journals of one tenant for those who follow streams (`stream.LogReader`)."""

    _database: Database
    _tenant_id: UUID

    async def read(self, run_id: UUID, after_seq: int, limit: int) -> Sequence[Row]:
        return await _read_page(self._database, self._tenant_id, run_id, after_seq, limit)

    async def read_many(self, heads: Mapping[UUID, int], limit: int) -> Mapping[UUID, Sequence[Row]]:
        found: dict[UUID, list[Row]] = {}
        values = {
            "tenant_id": self._tenant_id,
            "run_ids": list(heads),
            "after": list(heads.values()),
            "limit": limit,
        }
        async with self._database.tenant(self._tenant_id) as connection:
            for row in await fetch(connection, "read_journals", values):
                found.setdefault(row[0], []).append(Row(*row[1:]))
        return found


async def deliver_in(connection: AsyncConnection[TupleRow], tenant_id: UUID, name: str, key: str, data: Any) -> None:
    """End the waits for an event, in a transaction of the tenant that somebody else holds."""
    values = {"tenant_id": tenant_id, "name": name, "key": key, "data": json_text(data)}
    await connection.execute(_Q["take_event_waits"], values)
