"""The functions by which others reach a run: signals, waking, timers; also when many do it at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection, errors
from psycopg.rows import TupleRow
from psycopg.types.json import Jsonb

from stretto.store import DEFAULT_TENANT, Database, uuid7_floor

OTHER = UUID("00000000-0000-7000-8000-000000000002")
RUNS = [UUID(int=uuid7_floor(datetime.now(UTC)).int + (7 << 76) + (2 << 62) + n) for n in range(6)]
SIGNAL = "SELECT * FROM signal_runs(%s::uuid[], %s::text[], %s::jsonb[])"
UNTIL_ONE_WAITS = """
DO $$ BEGIN
    WHILE NOT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()) LOOP
        PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();
    END LOOP;
END $$"""


@pytest.fixture
async def runs(database: Database) -> list[UUID]:
    """Runs of the default tenant: three waiting, one completed, one failed; and a waiting one of another tenant."""
    states = ["waiting"] * 3 + ["completed", "failed", "waiting"]
    for number, (run_id, status) in enumerate(zip(RUNS, states, strict=True)):
        tenant_id = OTHER if number == 5 else DEFAULT_TENANT
        async with database.tenant(tenant_id) as connection:
            await connection.execute(
                "INSERT INTO runs (id, tenant_id, flow_name, flow_version, status, priority, input, accepted_at,"
                " updated_at, finished_at) VALUES (%s, %s, 'f', 1, %s, %s, '{}', now(), now(), %s)",
                [run_id, tenant_id, status, number % 4, None if status == "waiting" else datetime.now(UTC)],
            )
    return RUNS


async def rows(connection: AsyncConnection[TupleRow], query: str, *values: object) -> list[tuple[Any, ...]]:
    return await (await connection.execute(query.encode(), values)).fetchall()


async def signal(connection: AsyncConnection[TupleRow], run_ids: list[UUID], kind: str = "pause") -> list[UUID]:
    bodies = [Jsonb({"n": n}) for n in range(len(run_ids))]
    return [found for (found,) in await rows(connection, SIGNAL, run_ids, [kind] * len(run_ids), bodies)]


async def test_a_signal_leaves_a_row_a_job_and_a_notice(
    database: Database, owner: AsyncConnection[TupleRow], runs: list[UUID]
) -> None:
    listener = await database.dedicated()
    await listener.execute("LISTEN stretto_signal")
    async with database.tenant(DEFAULT_TENANT) as connection:
        assert await signal(connection, [runs[0]]) == [runs[0]]
    notice = await anext(listener.notifies(timeout=5))
    assert notice.payload == str(runs[0])
    await listener.close()
    assert await rows(owner, "SELECT tenant_id, run_id, kind, body FROM signals") == [
        (DEFAULT_TENANT, runs[0], "pause", {"n": 0})
    ]
    jobs = await rows(
        owner, "SELECT queue_name, task_name, priority, lock, queueing_lock, args FROM procrastinate_jobs"
    )
    args = {"run_id": str(runs[0]), "tenant_id": str(DEFAULT_TENANT)}
    assert jobs == [("runs", "advance_run", 3, str(runs[0]), str(runs[0]), args)]


async def test_runs_that_are_over_unknown_or_anothers_are_passed_over(
    database: Database, owner: AsyncConnection[TupleRow], runs: list[UUID]
) -> None:
    stranger = UUID(int=runs[0].int + 1000)
    async with database.tenant(DEFAULT_TENANT) as connection:
        assert await signal(connection, [runs[3], runs[4], runs[5], stranger, runs[1]]) == [runs[1]]
        assert await signal(connection, [runs[3], runs[4]], "retry") == [runs[4]]
    assert {run_id for (run_id,) in await rows(owner, "SELECT run_id FROM signals")} == {runs[1], runs[4]}


async def test_without_a_tenant_nobody_is_reached(
    database: Database, owner: AsyncConnection[TupleRow], runs: list[UUID]
) -> None:
    async with database.system() as connection:
        assert await signal(connection, runs) == []
    assert await rows(owner, "SELECT * FROM procrastinate_jobs") == []


async def test_several_signals_of_a_run_keep_their_order_and_wake_it_once(
    database: Database, owner: AsyncConnection[TupleRow], runs: list[UUID]
) -> None:
    async with database.tenant(DEFAULT_TENANT) as connection:
        await signal(connection, [runs[2], runs[0], runs[2], runs[0]])
    found = await rows(owner, "SELECT run_id, body->'n' FROM signals ORDER BY id")
    assert found == [(runs[0], 1), (runs[0], 3), (runs[2], 0), (runs[2], 2)]
    assert len(await rows(owner, "SELECT * FROM procrastinate_jobs")) == 2


async def test_a_waiting_job_is_not_taken_before_the_signal_can_be_seen(
    database: Database, owner: AsyncConnection[TupleRow], runs: list[UUID]
) -> None:
    fetch = "SELECT (procrastinate_fetch_job_v2(NULL, NULL)).id"
    async with database.tenant(DEFAULT_TENANT) as connection:
        await signal(connection, [runs[0]])
    async with database.tenant(DEFAULT_TENANT) as connection:
        await signal(connection, [runs[0]])
        async with database.system() as worker:
            assert await rows(worker, fetch) == [(None,)]
    async with database.system() as worker:
        assert await rows(worker, fetch) != [(None,)]
    assert await rows(owner, "SELECT status::text FROM procrastinate_jobs") == [("doing",)]


async def test_a_job_that_another_puts_there_meanwhile_is_not_taken_too_early_either(
    database: Database, owner: AsyncConnection[TupleRow], runs: list[UUID]
) -> None:
    fetch = "SELECT (procrastinate_fetch_job_v2(NULL, NULL)).id"
    async with database.tenant(DEFAULT_TENANT) as second:
        async with database.tenant(DEFAULT_TENANT) as first:
            await signal(first, [runs[0]])
            waiting = asyncio.create_task(signal(second, [runs[0]]))  # sees no job, and then may not add one
            await owner.execute(UNTIL_ONE_WAITS)
        await waiting
        async with database.system() as worker:
            assert await rows(worker, fetch) == [(None,)]
    async with database.system() as worker:
        assert await rows(worker, fetch) != [(None,)]
    assert await rows(owner, "SELECT count(*) FROM signals") == [(2,)]


async def test_a_signal_to_a_run_at_work_puts_its_next_job_behind(
    database: Database, owner: AsyncConnection[TupleRow], runs: list[UUID]
) -> None:
    for _ in range(2):
        async with database.tenant(DEFAULT_TENANT) as connection:
            await signal(connection, [runs[0]])
        async with database.system() as worker:
            await rows(worker, "SELECT procrastinate_fetch_job_v2(NULL, NULL)")
    found = await rows(owner, "SELECT status::text FROM procrastinate_jobs ORDER BY id")
    assert found == [("doing",), ("todo",)]  # the second waits until the first has ended, for they share a lock


async def test_many_who_signal_the_same_runs_at_once_neither_lock_up_nor_wake_twice(
    database: Database, owner: AsyncConnection[TupleRow], runs: list[UUID]
) -> None:
    async def tell(number: int) -> None:
        chosen = runs[:3] if number % 2 else runs[2::-1]
        async with database.tenant(DEFAULT_TENANT) as connection:
            assert len(await signal(connection, chosen)) == 3

    await asyncio.gather(*(tell(number) for number in range(30)))
    assert await rows(owner, "SELECT count(*) FROM signals") == [(90,)]
    assert await rows(owner, "SELECT count(*) FROM procrastinate_jobs") == [(3,)]


async def test_no_signal_is_missed_by_workers_that_take_jobs_meanwhile(
    database: Database, owner: AsyncConnection[TupleRow], runs: list[UUID]
) -> None:
    run_id, seen, told = runs[0], set[int](), 60

    async def tell(number: int) -> None:
        async with database.tenant(DEFAULT_TENANT) as connection:
            await rows(connection, SIGNAL, [run_id], ["pause"], [Jsonb({"n": number})])

    async def work() -> None:
        while True:
            async with database.system() as connection:
                (job,) = (await rows(connection, "SELECT (procrastinate_fetch_job_v2(NULL, NULL)).id"))[0]
            if job is None:
                if done.is_set():
                    return
                await asyncio.sleep(0.001)
                continue
            async with database.tenant(DEFAULT_TENANT) as connection:
                found = await rows(connection, "DELETE FROM signals WHERE run_id = %s RETURNING body->'n'", run_id)
            seen.update(number for (number,) in found)
            async with database.system() as connection:
                await rows(connection, "SELECT procrastinate_finish_job_v1(%s, 'succeeded', true)", job)

    done = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(work())
        async with asyncio.TaskGroup() as tellers:
            for number in range(told):
                tellers.create_task(tell(number))
        done.set()
    assert seen == set(range(told))
    assert await rows(owner, "SELECT * FROM signals") == []


async def test_due_timers_of_all_tenants_become_signals(
    database: Database, owner: AsyncConnection[TupleRow], runs: list[UUID]
) -> None:
    for run_id, tenant_id, after in (
        (runs[0], DEFAULT_TENANT, "-1 s"),
        (runs[5], OTHER, "-2 s"),
        (runs[1], DEFAULT_TENANT, "1 h"),
    ):
        await owner.execute(
            "INSERT INTO timers VALUES (%s, %s, 'wait[1]', clock_timestamp() + %s::interval)",
            [tenant_id, run_id, after],
        )
    async with database.system() as connection:
        assert await rows(connection, "SELECT fire_due_timers(100)") == [(2,)]
        assert await rows(connection, "SELECT * FROM signals") == []  # whose they are, only their tenants see
        assert await rows(connection, "SELECT fire_due_timers(100)") == [(0,)]
    found = await rows(owner, "SELECT tenant_id, run_id, kind, body FROM signals ORDER BY run_id")
    body = {"step": "wait[1]"}
    assert found == [(DEFAULT_TENANT, runs[0], "timer", body), (OTHER, runs[5], "timer", body)]
    assert await rows(owner, "SELECT run_id FROM timers") == [(runs[1],)]


async def test_timers_fire_once_however_many_look(
    database: Database, owner: AsyncConnection[TupleRow], runs: list[UUID]
) -> None:
    for number in range(40):
        await owner.execute(
            "INSERT INTO timers VALUES (%s, %s, %s, clock_timestamp())",
            [DEFAULT_TENANT, runs[number % 3], f"s{number}"],
        )

    async def look() -> int:
        async with database.system() as connection:
            return int((await rows(connection, "SELECT fire_due_timers(7)"))[0][0])

    fired = await asyncio.gather(*(look() for _ in range(20)))
    assert sum(fired) == 40
    assert max(fired) == 7
    assert await rows(owner, "SELECT count(DISTINCT body) FROM signals") == [(40,)]


async def test_due_schedules_are_told_by_name_only(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    for tenant_id, name, after in ((DEFAULT_TENANT, "late", "-2 s"), (OTHER, "due", "-3 s"), (OTHER, "later", "1 h")):
        await owner.execute(
            "INSERT INTO schedules VALUES (%s, %s, 'f', '* * * * *', 'UTC', '{}', 1, now() + %s::interval, now())",
            [tenant_id, name, after],
        )
    async with database.system() as connection:
        assert await rows(connection, "SELECT * FROM due_schedules(10)") == [(OTHER, "due"), (DEFAULT_TENANT, "late")]
        assert await rows(connection, "SELECT * FROM due_schedules(1)") == [(OTHER, "due")]
        assert await rows(connection, "SELECT * FROM schedules") == []


async def test_only_the_application_may_use_the_functions(owner: AsyncConnection[TupleRow]) -> None:
    await owner.execute("SET ROLE pg_monitor")
    with pytest.raises(errors.InsufficientPrivilege, match="permission denied for schema stretto"):
        await owner.execute("SELECT stretto.fire_due_timers(1)")
