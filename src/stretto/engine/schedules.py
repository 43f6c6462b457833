"""Start flows at the times of a cron expression: exactly one run a tick, however many workers there are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import structlog
from cronsim import CronSim, CronSimError
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.engine.announced import schedule_fired
from stretto.engine.rows import json_text
from stretto.engine.runs import Runs
from stretto.engine.store import RunStore, Schedule, fetch, put_schedule
from stretto.errors import (
    FlowArchived,
    FlowNotFound,
    Invalid,
    NotFound,
    PreconditionFailed,
    QuotaExceeded,
    ScheduleNotFound,
)
from stretto.flow.compile import compile_document
from stretto.flow.inputs import validate_input
from stretto.store import Database
from stretto.stream.hub import Hub

log = structlog.get_logger(__name__)


def next_tick(cron: str, timezone: str, after: datetime) -> datetime:
    """The first tick of a five-field cron expression after a time, in UTC.

    In the hour that summer time skips or repeats it follows Debian's cron. Raises `Invalid`.
    """
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(f"{timezone!r} is not a time zone. Use a name such as Europe/Berlin or UTC.") from None
    try:
        return next(CronSim(cron, after.astimezone(zone))).astimezone(UTC)
    except CronSimError as error:
        raise Invalid(
            f"{cron!r} is not a cron expression ({error}). Five fields: minute hour day month weekday."
        ) from None
    except StopIteration:
        raise Invalid(f"{cron!r} never comes. Correct its day and month.") from None


class Schedules:
    """The schedules of one tenant."""

    def __init__(self, database: Database, tenant_id: UUID) -> None:
        self._database = database
        self._store = RunStore(database)
        self._tenant_id = tenant_id

    async def save(
        self,
        name: str,
        flow_name: str,
        cron: str,
        *,
        timezone: str = "UTC",
        input: Mapping[str, object] | None = None,
        priority: int = 2,
        paused: bool = False,
        expected: int | None = None,
    ) -> Schedule:
        """Add a schedule or replace the one of this name; its `revision` is 1 when it is new.

        `expected` is the revision that was seen, 0 where there must be none yet. Raises `Invalid`, `InputInvalid`,
        `FlowNotFound` or `PreconditionFailed`.
        """
        at = datetime.now(UTC)
        next_at = next_tick(cron, timezone, at)
        found = await self._store.flow(self._tenant_id, flow_name)
        if found is None:
            raise FlowNotFound(f"There is no flow named {flow_name!r}. Store one with `stretto run FILE`.")
        graph = await asyncio.to_thread(compile_document, found[1])
        valid = validate_input(graph, input or {})
        schedule = Schedule(name, flow_name, cron, timezone, valid, priority, next_at, paused)
        async with self._database.tenant(self._tenant_id) as connection:
            saved = await put_schedule(connection, self._tenant_id, schedule, at)
            if expected is not None and saved.revision != expected + 1:
                raise PreconditionFailed  # which takes the change back
            return saved

    async def list(self, after: str | None = None, limit: int = 1000) -> list[Schedule]:
        """Schedules by name, after one of them."""
        return await self._store.schedules(self._tenant_id, after=after, limit=limit)

    async def get(self, name: str) -> Schedule:
        """One of them. Raises `NotFound`."""
        found = await self._store.schedules(self._tenant_id, name=name)
        if not found:
            raise _missing(name)
        return found[0]

    async def set_paused(self, name: str, paused: bool) -> Schedule:
        """Let a schedule rest, or go on with its next tick from now. Raises `NotFound`."""
        async with self._database.tenant(self._tenant_id) as connection:
            schedule = await self._locked(connection, name, None)
            if schedule.paused == paused:
                return schedule
            at = datetime.now(UTC)
            changed = replace(schedule, paused=paused, next_at=next_tick(schedule.cron, schedule.timezone, at))
            return await put_schedule(connection, self._tenant_id, changed, at)

    async def delete(self, name: str, expected: int | None = None) -> None:
        """Remove a schedule; runs that it started go on. Raises `NotFound`, or `PreconditionFailed` for another revision."""
        async with self._database.tenant(self._tenant_id) as connection:
            await self._locked(connection, name, expected)
            await fetch(connection, "delete_schedule", {"tenant_id": self._tenant_id, "name": name})

    async def _locked(self, connection: AsyncConnection[TupleRow], name: str, expected: int | None) -> Schedule:
        found = await fetch(connection, "lock_schedule", {"tenant_id": self._tenant_id, "name": name})
        if not found:
            raise _missing(name)
        schedule = Schedule(*found[0])
        if expected not in (None, schedule.revision):
            raise PreconditionFailed
        return schedule


def _missing(name: str) -> ScheduleNotFound:
    return ScheduleNotFound(f"There is no schedule named {name!r}. `stretto schedule list` lists them.")


async def start_due(database: Database, hub: Hub) -> int:
    """Start what is due, in all tenants; returns how many runs were started.

    One transaction holds the lock on the schedule, its run and its next time. Ticks that were missed
    while no worker lived are made up for by one run, not by many. A schedule whose flow cannot be started
    any more waits for its next tick, and the log says why; so does, in silence, one whose flow is archived.
    """
    started = 0
    for tenant_id, name in await RunStore(database).due_schedules():
        runs = Runs(database, hub, tenant_id)
        try:
            started += await _take_tick(runs, name, start=True)
        except FlowArchived:
            await _take_tick(runs, name, start=False)
        except (Invalid, NotFound, QuotaExceeded) as error:
            log.error("a schedule could not start its flow", schedule=name, tenant_id=str(tenant_id), error=str(error))
            await _take_tick(runs, name, start=False)
    return started


async def _take_tick(runs: Runs, name: str, *, start: bool) -> bool:
    """Move a schedule on to its next time and, if wanted, start its flow; False when another worker has done so."""
    async with runs.database.tenant(runs.tenant_id) as connection:
        at = datetime.now(UTC)
        values = {"tenant_id": runs.tenant_id, "name": name, "at": at}
        found = await fetch(connection, "take_due_schedule", values)
        if not found:
            return False
        schedule = Schedule(*found[0])
        if start:
            run_id = await runs.start_in(
                connection,
                schedule.flow_name,
                msgspec.convert(schedule.input, dict[str, object]),
                priority=schedule.priority,
                idempotency_key=f"schedule/{name}/{schedule.next_at.isoformat()}",
            )
            told = schedule_fired(name, schedule.flow_name, run_id, at)
            await fetch(connection, "put_events", {"events": json_text([told])})
        upcoming = next_tick(schedule.cron, schedule.timezone, at)
        await fetch(connection, "move_schedule", {**values, "next_at": upcoming})
        return True
