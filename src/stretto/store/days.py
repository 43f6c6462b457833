"""Daily partitions of the event log and of what was done about events.

Events are kept for days, not months, so their partitions are days. The log is partitioned by when an event was logged, the
effects and the deliveries to webhooks by the time inside the event's UUIDv7.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import structlog
from psycopg import AsyncConnection
from psycopg.errors import LockNotAvailable
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier, Literal

from stretto.store.partitions import LOCK_WAIT, uuid7_floor
from stretto.store.sql import load_queries

QUERIES = load_queries("stretto.store")
BOUNDS: dict[str, Callable[[datetime], str]] = {
    "events": lambda at: at.isoformat(),
    "event_effects": lambda at: str(uuid7_floor(at)),
    "webhook_deliveries": lambda at: str(uuid7_floor(at)),
}
"""The tables, and how a day begins in each one's key."""
AHEAD = 3  # days

log = structlog.get_logger(__name__)


def partition(table: str, day: date) -> str:
    """The name of a table's partition for this day."""
    return f"{table}_{day:%Y_%m_%d}"


def day_of(name: str) -> date | None:
    """The day of a partition with such a name; None for other names."""
    found = re.fullmatch(rf"(?:{'|'.join(BOUNDS)})_(\d{{4}})_(\d{{2}})_(\d{{2}})", name)
    return date(*map(int, found.groups())) if found else None


async def day_names(connection: AsyncConnection[TupleRow]) -> set[str]:
    """The names of all daily partitions."""
    return {name for (name,) in await (await connection.execute(QUERIES["days"])).fetchall()}


async def ensure_days(connection: AsyncConnection[TupleRow], now: datetime) -> None:
    """Make the partitions of today and the days next to it. `connection` has the owner's rights and autocommits.

    Yesterday has one too: an event that was written just before midnight may have its effect just after.
    """
    today = now.astimezone(UTC).date()
    days = [today + timedelta(days=ahead) for ahead in range(-1, AHEAD + 1)]
    wanted = {partition(table, day): (table, day) for day in days for table in BOUNDS}
    if wanted.keys() <= await day_names(connection):
        return
    async with connection.transaction():
        await connection.execute(QUERIES["lock_partitions"])
        for name in sorted(wanted.keys() - await day_names(connection)):
            await _add(connection, name, *wanted[name])


async def _add(connection: AsyncConnection[TupleRow], name: str, table: str, day: date) -> None:
    names = {"parent": Identifier("stretto", table), "child": Identifier("stretto", name)}
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    bound = BOUNDS[table]
    await connection.execute(
        SQL("CREATE TABLE {child} (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)").format(**names)
    )
    await connection.execute(
        SQL("ALTER TABLE {parent} ATTACH PARTITION {child} FOR VALUES FROM ({start}) TO ({end})").format(
            **names, start=Literal(bound(start)), end=Literal(bound(start + timedelta(days=1)))
        )
    )


async def drop_days(connection: AsyncConnection[TupleRow], before: datetime) -> list[str]:
    """Drop the days that lie wholly before `before`; returns the names of what was dropped.

    A day that is in use for long is kept, and the log says so. `connection` has the owner's rights and autocommits.
    """
    dropped: list[str] = []
    last = before.astimezone(UTC).date()
    for name in sorted(await day_names(connection)):
        if (day := day_of(name)) is None or day >= last:
            continue
        try:
            async with connection.transaction():
                await connection.execute(QUERIES["lock_partitions"])
                await connection.execute(SQL("SET LOCAL lock_timeout = {}").format(Literal(LOCK_WAIT)))
                await connection.execute(SQL("DROP TABLE IF EXISTS {}").format(Identifier("stretto", name)))
        except LockNotAvailable:
            log.warning("kept a day that is in use", partition=name, waited=LOCK_WAIT)
        else:
            dropped.append(name)
    return dropped
