"""Start flows at the times of a cron expression: exactly one run a tick, however many workers there are."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from cronsim import CronSim, CronSimError

from stretto.engine.runs import Runs
from stretto.engine.store import RunStore, Schedule, fetch
from stretto.errors import FlowNotFound, Invalid, NotFound
from stretto.flow.compile import compile_document
from stretto.flow.inputs import validate_input
from stretto.store import Database
from stretto.stream.hub import Hub


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

    def __init__(self, database: Database, hub: Hub, tenant_id: UUID) -> None:
        self._store = RunStore(database)
        self._runs = Runs(database, hub, tenant_id)
        self._tenant_id = tenant_id

    async def save(
        self,
        name: str,
        flow_name: str,
        cron: str,
        *,
        timezone: str = "UTC",
        input: dict[str, object] | None = None,
        priority: int = 2,
    ) -> Schedule:
        """Add a schedule or replace the one of this name. Raises `Invalid`, `InputInvalid` or `FlowNotFound`."""
        at = datetime.now(UTC)
        next_at = next_tick(cron, timezone, at)
        found = await self._store.flow(self._tenant_id, flow_name)
        if found is None:
            raise FlowNotFound(f"There is no flow named {flow_name!r}. Store one with `stretto run FILE`.")
        valid = validate_input(compile_document(found[1]), input or {})
        schedule = Schedule(name, flow_name, cron, timezone, valid, priority, next_at)
        await self._store.save_schedule(self._tenant_id, schedule, at)
        return schedule

    async def list(self) -> list[Schedule]:
        return await self._store.schedules(self._tenant_id)

    async def delete(self, name: str) -> None:
        """Remove a schedule; runs that it started go on. Raises `NotFound`."""
        if not await self._store.delete_schedule(self._tenant_id, name):
            raise NotFound(f"There is no schedule named {name!r}. `stretto schedule list` lists them.")


async def start_due(database: Database, hub: Hub) -> int:
    """Start what is due, in all tenants; returns how many runs were started.

    One transaction holds the lock on the schedule, its run and its next time. Ticks that were missed
    while no worker lived are made up for by one run, not by many.
    """
    started = 0
    for tenant_id, name in await RunStore(database).due_schedules():
        runs = Runs(database, hub, tenant_id)
        async with database.tenant(tenant_id) as connection:
            at = datetime.now(UTC)
            values = {"tenant_id": tenant_id, "name": name, "at": at}
            found = await fetch(connection, "take_due_schedule", values)
            if not found:
                continue
            schedule = Schedule(*found[0])
            key = f"schedule/{name}/{schedule.next_at.isoformat()}"
            await runs.start_in(
                connection,
                schedule.flow_name,
                msgspec.convert(schedule.input, dict[str, object]),
                priority=schedule.priority,
                idempotency_key=key,
            )
            upcoming = next_tick(schedule.cron, schedule.timezone, at)
            await fetch(connection, "move_schedule", {**values, "next_at": upcoming})
            started += 1
    return started
