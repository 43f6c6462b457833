"""Monthly partitions of runs, journal and model calls, by the time inside their UUIDv7.

A run and its journal have the same id and so lie in partitions of the same month, which come and go together; the calls of
that month go with them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from psycopg.errors import LockNotAvailable
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier, Literal

from stretto.store.sql import load_queries

QUERIES = load_queries("stretto.store")
TABLES = ("runs", "journal", "calls")
AHEAD = 2  # months
LOCK_WAIT = "1s"  # longest time that the work of others stands still; well below a worker's lease

log = structlog.get_logger(__name__)


def uuid7_floor(at: datetime) -> UUID:
    """The smallest UUIDv7 of this millisecond: RFC 9562 with every bit after the time at zero."""
    return UUID(int=max(0, int(at.timestamp() * 1000)) << 80)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A calendar month in UTC."""

    year: int
    month: int

    @classmethod
    def of(cls, at: datetime) -> Month:
        """The month that a time lies in."""
        at = at.astimezone(UTC)
        return cls(at.year, at.month)

    @property
    def start(self) -> datetime:
        """Its first moment."""
        return datetime(self.year, self.month, 1, tzinfo=UTC)

    @property
    def next(self) -> Month:
        """The month after it."""
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    def partition(self, table: str) -> str:
        """The name of a table's partition for this month."""
        return f"{table}_{self.year:04}_{self.month:02}"


def months_from(now: datetime) -> Iterator[Month]:
    """The months that must have partitions."""
    month = Month.of(now)
    for _ in range(AHEAD + 1):
        yield month
        month = month.next


def month_of_partition(name: str) -> Month | None:
    """The month of a partition with such a name; None for other names."""
    found = re.fullmatch(rf"(?:{'|'.join(TABLES)})_(\d{{4}})_(\d{{2}})", name)
    return Month(int(found[1]), int(found[2])) if found else None


async def partition_names(connection: AsyncConnection[TupleRow]) -> set[str]:
    """The names of all partitions."""
    return {name for (name,) in await (await connection.execute(QUERIES["partitions"])).fetchall()}


async def ensure_partitions(connection: AsyncConnection[TupleRow], now: datetime) -> None:
    """Make the partitions of this month and the next two. `connection` has the owner's rights and autocommits."""
    wanted = [(table, month) for month in months_from(now) for table in TABLES]
    if {month.partition(table) for table, month in wanted} <= await partition_names(connection):
        return
    async with connection.transaction():
        await connection.execute(QUERIES["lock_partitions"])
        present = await partition_names(connection)
        for table, month in wanted:
            if month.partition(table) not in present:
                await add_partition(connection, table, month)


async def add_partition(connection: AsyncConnection[TupleRow], table: str, month: Month) -> None:
    """Make a partition beside the table and attach it, which lets others go on reading and writing."""
    names = {"parent": Identifier("stretto", table), "child": Identifier("stretto", month.partition(table))}
    await connection.execute(
        SQL("CREATE TABLE {child} (LIKE {parent} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)").format(**names)
    )
    await connection.execute(
        SQL("ALTER TABLE {parent} ATTACH PARTITION {child} FOR VALUES FROM ({start}) TO ({end})").format(
            **names,
            start=Literal(str(uuid7_floor(month.start))),
            end=Literal(str(uuid7_floor(month.next.start))),
        )
    )


async def drop_partitions(connection: AsyncConnection[TupleRow], before: datetime) -> list[str]:
    """Drop the months that lie wholly before `before` and hold no unfinished run; returns the names of what was dropped.

    A month with an unfinished run is kept, and so is one that is in use for long; the log says so. Old idempotency keys,
    left-over signals, reviews that are over and checkpoints of hosted graphs go too. `connection` has the owner's rights and autocommits.
    """
    dropped: list[str] = []
    months = {month for name in await partition_names(connection) if (month := month_of_partition(name))}
    for month in sorted(months):
        if month.next.start <= before:
            try:
                dropped += await drop_month(connection, month)
            except LockNotAvailable:
                log.warning("kept a month that is in use", partition=month.partition("runs"), waited=LOCK_WAIT)
    async with connection.transaction():
        await connection.execute(QUERIES["forget_idempotency"], {"before": before})
        await connection.execute(QUERIES["forget_graphs"], {"before": before})
        await connection.execute(QUERIES["forget_signals"], {"before": before})
        await connection.execute(QUERIES["forget_reviews"], {"before": uuid7_floor(before)})
    return dropped


async def drop_month(connection: AsyncConnection[TupleRow], month: Month) -> list[str]:
    """Drop the partitions of a month unless a run of it is unfinished; returns their names."""
    runs, *others = (month.partition(table) for table in TABLES)
    async with connection.transaction():
        await connection.execute(QUERIES["lock_partitions"])
        await connection.execute(SQL("SET LOCAL lock_timeout = {}").format(Literal(LOCK_WAIT)))
        present = sorted({runs, *others} & await partition_names(connection), reverse=True)
        if runs in present:
            # Nobody can revive a run between the look and the drop.
            await connection.execute(SQL("LOCK TABLE stretto.runs, stretto.journal IN ACCESS EXCLUSIVE MODE"))
            count = SQL("SELECT count(*) FROM {} WHERE finished_at IS NULL").format(Identifier("stretto", runs))
            row = await (await connection.execute(count)).fetchone()
            if row and row[0]:
                log.warning("kept a month with unfinished runs", partition=runs, unfinished=row[0])
                return []
        for name in present:
            await connection.execute(SQL("DROP TABLE {}").format(Identifier("stretto", name)))
    return present
