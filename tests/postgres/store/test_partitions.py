"""Partitions of runs, journal and calls: made ahead, dropped when their time is over, and never with an unfinished run."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from structlog.testing import capture_logs

from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT, Database, uuid7_floor
from stretto.store.partitions import TABLES, Month, partition_names

JUNE = datetime(2021, 6, 15, 12, tzinfo=UTC)

UNTIL_ONE_WAITS = """
DO $$ BEGIN
    WHILE NOT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()) LOOP
        PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();
    END LOOP;
END $$"""


def run_at(at: datetime, number: int = 0) -> UUID:
    """The id of a run that was accepted at this time."""
    return UUID(int=uuid7_floor(at).int + (7 << 76) + (2 << 62) + number)


async def add_run(database: Database, at: datetime, *, finished: bool = True, number: int = 0) -> UUID:
    run_id = run_at(at, number)
    async with database.tenant(DEFAULT_TENANT) as connection:
        await connection.execute(
            "INSERT INTO runs (id, tenant_id, flow_name, flow_version, status, priority, input, accepted_at,"
            " updated_at, finished_at) VALUES (%s, %s, 'f', 1, %s, 1, '{}', %s, %s, %s)",
            [run_id, DEFAULT_TENANT, "completed" if finished else "waiting", at, at, at if finished else None],
        )
        await connection.execute(
            "INSERT INTO journal (run_id, seq, tenant_id, at, kind) VALUES (%s, 1, %s, %s, 'RunAccepted')",
            [run_id, DEFAULT_TENANT, at],
        )
    return run_id


async def runs_and_facts(owner: AsyncConnection[TupleRow]) -> tuple[set[UUID], set[UUID]]:
    runs = await (await owner.execute("SELECT id FROM runs")).fetchall()
    facts = await (await owner.execute("SELECT run_id FROM journal")).fetchall()
    return {run_id for (run_id,) in runs}, {run_id for (run_id,) in facts}


def names(*months: Month) -> set[str]:
    return {month.partition(table) for month in months for table in TABLES}


async def test_this_month_and_the_next_two_are_there_from_the_start(owner: AsyncConnection[TupleRow]) -> None:
    this = Month.of(datetime.now(UTC))
    assert await partition_names(owner) >= names(this, this.next, this.next.next)


async def test_partitions_are_made_once_by_whoever_is_first(
    database: Database, owner: AsyncConnection[TupleRow]
) -> None:
    before = await partition_names(owner)
    await asyncio.gather(*(database.ensure_partitions(JUNE) for _ in range(5)))
    assert await partition_names(owner) == before | names(Month(2021, 6), Month(2021, 7), Month(2021, 8))


async def test_a_run_and_its_journal_lie_in_the_month_of_its_id(
    database: Database, owner: AsyncConnection[TupleRow]
) -> None:
    await database.ensure_partitions(JUNE)
    first, last = datetime(2021, 7, 1, tzinfo=UTC), datetime(2021, 8, 1, tzinfo=UTC) - timedelta(milliseconds=1)
    for number, at in enumerate((first, last)):
        await add_run(database, at, number=number)
    for table in ("runs", "journal"):
        rows = await owner.execute(f"SELECT tableoid::regclass::text FROM {table}".encode())
        assert {name for (name,) in await rows.fetchall()} == {f"{table}_2021_07"}


async def test_others_go_on_while_a_partition_is_made(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    now = datetime.now(UTC)
    async with database.tenant(DEFAULT_TENANT) as connection:
        await connection.execute("SELECT * FROM runs")
        async with asyncio.timeout(10):
            await database.ensure_partitions(JUNE)
        await connection.execute("SELECT * FROM journal")
    await add_run(database, now)
    assert (await runs_and_facts(owner))[0] == {run_at(now)}


async def test_only_months_wholly_before_are_dropped(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    await database.ensure_partitions(JUNE)
    kept = await partition_names(owner) - names(Month(2021, 6))
    old = await add_run(database, JUNE)
    young = await add_run(database, JUNE + timedelta(days=30))
    assert await database.drop_partitions(datetime(2021, 7, 1, tzinfo=UTC) - timedelta(microseconds=1)) == []
    assert await runs_and_facts(owner) == ({old, young}, {old, young})
    dropped = await database.drop_partitions(datetime(2021, 7, 31, tzinfo=UTC))
    assert dropped == ["runs_2021_06", "journal_2021_06", "calls_2021_06"]
    assert await runs_and_facts(owner) == ({young}, {young})
    assert await partition_names(owner) == kept
    assert await database.drop_partitions(datetime(2021, 7, 31, tzinfo=UTC)) == []


async def test_a_month_with_an_unfinished_run_is_kept_and_told(
    database: Database, owner: AsyncConnection[TupleRow]
) -> None:
    await database.ensure_partitions(JUNE)
    await add_run(database, JUNE)
    waiting = await add_run(database, JUNE, finished=False, number=1)
    await add_run(database, JUNE + timedelta(days=30))
    with capture_logs() as logs:
        dropped = await database.drop_partitions(datetime(2021, 9, 1, tzinfo=UTC))
    assert set(dropped) == names(Month(2021, 7), Month(2021, 8))
    told = {"event": "kept a month with unfinished runs", "partition": "runs_2021_06", "unfinished": 1}
    assert logs == [{"log_level": "warning", **told}]
    async with database.tenant(DEFAULT_TENANT) as connection:
        await connection.execute("UPDATE runs SET status = 'failed', finished_at = now() WHERE id = %s", [waiting])
    assert set(await database.drop_partitions(datetime(2021, 9, 1, tzinfo=UTC))) == names(Month(2021, 6))
    assert await runs_and_facts(owner) == (set(), set())


async def test_a_month_in_use_is_kept_so_that_nobody_waits_for_long(
    database: Database,
    owner: AsyncConnection[TupleRow],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stretto.store.partitions.LOCK_WAIT", "50ms")
    await database.ensure_partitions(JUNE)
    run_id = await add_run(database, JUNE)
    async with database.tenant(DEFAULT_TENANT) as connection:
        await connection.execute("SELECT * FROM journal")
        with capture_logs() as logs:
            assert await database.drop_partitions(datetime(2021, 7, 1, tzinfo=UTC)) == []
    told = {"event": "kept a month that is in use", "partition": "runs_2021_06", "waited": "50ms"}
    assert logs == [{"log_level": "warning", **told}]
    assert await runs_and_facts(owner) == ({run_id}, {run_id})


async def test_a_run_that_is_revived_meanwhile_is_kept(
    database: Database, owner: AsyncConnection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stretto.store.partitions.LOCK_WAIT", "60s")
    await database.ensure_partitions(JUNE)
    run_id = await add_run(database, JUNE)
    async with database.tenant(DEFAULT_TENANT) as connection:
        await connection.execute("UPDATE runs SET status = 'running', finished_at = NULL")
        dropping = asyncio.create_task(database.drop_partitions(datetime(2021, 7, 1, tzinfo=UTC)))
        await owner.execute(UNTIL_ONE_WAITS)
    assert await dropping == []
    assert await runs_and_facts(owner) == ({run_id}, {run_id})


async def test_old_keys_and_what_was_said_to_runs_that_are_gone_go_as_well(
    database: Database, owner: AsyncConnection[TupleRow]
) -> None:
    await database.ensure_partitions(JUNE)
    now = datetime.now(UTC)
    old, young = await add_run(database, JUNE), await add_run(database, now)
    for run_id, at in ((old, JUNE), (young, now), (young, JUNE)):
        await owner.execute(
            "INSERT INTO signals (tenant_id, run_id, kind, body, created_at) VALUES (%s, %s, 'x', '{}', %s)",
            [DEFAULT_TENANT, run_id, at],
        )
    for run_id, at in ((old, JUNE), (young, now)):
        await owner.execute(
            "INSERT INTO idempotency VALUES (%s, %s, 'd', %s, %s)", [DEFAULT_TENANT, str(run_id), run_id, at]
        )
    await database.drop_partitions(now - timedelta(days=90))
    signals = await (await owner.execute("SELECT run_id FROM signals")).fetchall()
    keys = await (await owner.execute("SELECT key FROM idempotency")).fetchall()
    assert signals == [(young,), (young,)]
    assert keys == [(str(young),)]


async def test_several_processes_may_tend_at_once(settings: Settings) -> None:
    databases = await asyncio.gather(*(Database.open(settings) for _ in range(3)))
    await databases[0].ensure_partitions(JUNE)
    results = await asyncio.gather(*(one.drop_partitions(datetime(2021, 9, 1, tzinfo=UTC)) for one in databases))
    dropped = [name for result in results for name in result]
    assert len(dropped) == len(set(dropped)) == 9
    for one in databases:
        await one.close()
