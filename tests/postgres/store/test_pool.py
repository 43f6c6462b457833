"""Transactions on lent connections: what is committed, what is rolled back, and how broken connections are replaced."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from uuid import UUID

import pytest
from psycopg import AsyncConnection, errors
from psycopg.rows import TupleRow

from stretto.errors import DatabaseUnreachable, DiskFull, Transient
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT, Database, pool
from stretto.store.database import clear_errors
from stretto.store.pool import Pool

UNTIL_SLEEPING = """
DO $$ BEGIN
    WHILE NOT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND pid <> pg_backend_pid()
                      AND datname = current_database()) LOOP
        PERFORM pg_sleep(0.01), pg_stat_clear_snapshot();
    END LOOP;
END $$"""


@pytest.fixture
async def noted(database: Database, owner: AsyncConnection[TupleRow]) -> Database:
    """A database with a table `notes` that everybody may write."""
    await owner.execute("CREATE TABLE public.notes (words text); GRANT ALL ON public.notes TO stretto_app")
    return database


@pytest.fixture
async def small(database: Database) -> AsyncIterator[Pool]:
    """A pool of two connections."""
    made = Pool(database.conninfo, 2)
    yield made
    await made.close()


async def notes(owner: AsyncConnection[TupleRow]) -> list[str]:
    return [words for (words,) in await (await owner.execute("SELECT words FROM notes ORDER BY words")).fetchall()]


async def end_others(owner: AsyncConnection[TupleRow]) -> None:
    """End all other connections to the database, as a restart does."""
    await owner.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )


async def test_a_transaction_commits_at_its_end(noted: Database, owner: AsyncConnection[TupleRow]) -> None:
    async with noted.tenant(DEFAULT_TENANT) as connection:
        await connection.execute("INSERT INTO notes VALUES ('a')")
        assert await notes(owner) == []
    assert await notes(owner) == ["a"]


async def test_a_transaction_rolls_back_on_an_exception(noted: Database, owner: AsyncConnection[TupleRow]) -> None:
    async def work() -> None:
        async with noted.system() as connection:
            await connection.execute("INSERT INTO notes VALUES ('a')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await work()
    assert await notes(owner) == []


async def test_a_part_may_be_rolled_back_alone(noted: Database, owner: AsyncConnection[TupleRow]) -> None:
    async with noted.tenant(DEFAULT_TENANT) as connection:
        await connection.execute("INSERT INTO notes VALUES ('a')")
        with pytest.raises(errors.DivisionByZero):
            async with connection.transaction():
                await connection.execute("INSERT INTO notes SELECT (1 / 0)::text")
        await connection.execute("INSERT INTO notes VALUES ('b')")
    assert await notes(owner) == ["a", "b"]


async def test_an_error_that_was_passed_over_is_not_taken_for_a_commit(
    noted: Database, owner: AsyncConnection[TupleRow]
) -> None:
    async def work() -> None:
        async with noted.system() as connection:
            await connection.execute("INSERT INTO notes VALUES ('a')")
            with suppress(errors.DivisionByZero):
                await connection.execute("SELECT 1 / 0")

    with pytest.raises(errors.InFailedSqlTransaction, match="nothing was committed"):
        await work()
    assert await notes(owner) == []


async def test_a_cancelled_transaction_rolls_back_and_harms_no_other(
    noted: Database, owner: AsyncConnection[TupleRow]
) -> None:
    async def work() -> None:
        async with noted.system() as connection:
            await connection.execute("INSERT INTO notes VALUES ('a')")
            await connection.execute("SELECT pg_sleep(60)")

    task = asyncio.create_task(work())
    await owner.execute(UNTIL_SLEEPING)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await notes(owner) == []
    for _ in range(5):
        async with noted.system() as connection:
            assert await (await connection.execute("SELECT 1")).fetchone() == (1,)


async def test_connections_are_used_again_and_are_no_more_than_allowed(small: Pool) -> None:
    at_once, most, pids = 0, 0, set[int]()

    async def work() -> None:
        nonlocal at_once, most
        async with small.transaction() as connection:
            at_once += 1
            most = max(most, at_once)
            pids.add(connection.info.backend_pid)
            await connection.execute("SELECT pg_sleep(0.01)")
            at_once -= 1

    await asyncio.gather(*(work() for _ in range(20)))
    assert most == 2
    assert len(pids) == 2


async def test_who_comes_first_is_served_first(database: Database) -> None:
    single = Pool(database.conninfo, 1)
    served: list[int] = []

    async def work(number: int) -> None:
        async with single.transaction():
            served.append(number)

    await asyncio.gather(*(work(number) for number in range(10)))
    assert served == list(range(10))
    await single.close()


async def test_connections_that_the_server_closed_are_replaced_without_a_word(
    small: Pool, owner: AsyncConnection[TupleRow]
) -> None:
    async def pid() -> int:
        async with small.transaction() as connection:
            await asyncio.sleep(0.01)
            return connection.info.backend_pid

    before = {*await asyncio.gather(pid(), pid())}
    assert len(before) == 2
    await end_others(owner)
    assert before.isdisjoint(await asyncio.gather(pid(), pid()))


async def test_a_connection_that_breaks_in_the_middle_is_an_error_that_may_pass(
    noted: Database, owner: AsyncConnection[TupleRow]
) -> None:
    async def work() -> None:
        async with noted.system() as connection:
            await connection.execute("INSERT INTO notes VALUES ('a')")
            await end_others(owner)
            await connection.execute("INSERT INTO notes VALUES ('b')")

    with pytest.raises(DatabaseUnreachable) as caught:
        await work()
    assert isinstance(caught.value, Transient)
    assert await notes(owner) == []
    async with noted.system() as connection:
        await connection.execute("INSERT INTO notes VALUES ('c')")
    assert await notes(owner) == ["c"]


async def test_a_transaction_that_stands_idle_lets_go_of_its_locks(
    settings: Settings, owner: AsyncConnection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stretto.store.database.IDLE_IN_TRANSACTION", "50ms")
    database = await Database.open(settings)

    async def work() -> None:
        async with database.system() as connection:
            await connection.execute("LOCK TABLE procrastinate_jobs")
            await owner.execute("SELECT count(*) FROM procrastinate_jobs")  # waits until the other lets go
            await asyncio.sleep(0.2)
            await connection.execute("SELECT 1")

    with pytest.raises(DatabaseUnreachable, match="stood idle for over 50ms"):
        await work()
    await database.close()


async def test_idle_transactions_end_before_a_lease_does(database: Database) -> None:
    async with database.system() as connection:
        row = await (await connection.execute("SHOW idle_in_transaction_session_timeout")).fetchone()
    assert row == ("5s",)


async def test_waiting_for_a_connection_ends(small: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "WAIT_S", 0.05)
    async with small.transaction(), small.transaction():
        with pytest.raises(DatabaseUnreachable, match=r"None of the 2 connections .* STRETTO_POOL_SIZE"):
            async with small.transaction():
                pass
    async with small.transaction():
        pass


async def test_waiting_for_a_server_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "WAIT_S", 0.3)
    nowhere = Pool("host=/nonexistent", 1)
    with pytest.raises(DatabaseUnreachable, match="No connection to the database"), clear_errors():
        async with nowhere.transaction():
            pass


async def test_idle_connections_are_closed_after_a_while(small: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    async with small.transaction() as used, small.transaction() as unused:
        pass
    monkeypatch.setattr(pool, "LONGEST_IDLE_S", 0.0)
    time.sleep(0.001)  # noqa: ASYNC251 - the clock has to go on, nothing else
    async with small.transaction():
        pass
    assert unused.closed
    assert not used.closed


async def test_old_connections_are_replaced(small: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "LONGEST_LIFE_S", 0.0)
    async with small.transaction() as connection:
        pass
    assert connection.closed


async def test_a_closed_database_says_so(settings: Settings) -> None:
    database = await Database.open(settings)
    await database.close()
    with pytest.raises(DatabaseUnreachable, match="has been closed"):
        async with database.system():
            pass


async def test_a_connection_lent_while_closing_is_closed_when_it_comes_back(settings: Settings) -> None:
    database = await Database.open(settings)
    async with database.system() as connection:
        await database.close()
        assert not connection.closed
    assert connection.closed


async def test_a_full_disk_has_its_own_error(database: Database) -> None:
    with pytest.raises(DiskFull, match="no room here"):
        async with database.system() as connection:
            await connection.execute("DO $$ BEGIN RAISE EXCEPTION 'no room here' USING ERRCODE = '53100'; END $$")


async def test_a_time_limit_of_the_caller_stays_its_own(database: Database) -> None:
    with pytest.raises(TimeoutError):
        async with database.system() as connection, asyncio.timeout(0.05):
            await connection.execute("SELECT pg_sleep(60)")


async def test_what_failed_in_a_pipeline_leaves_a_connection_that_works(small: Pool) -> None:
    async def divide(by: int) -> int:
        async with small.transaction() as connection, connection.pipeline():
            await connection.execute("SELECT 1 / %s", [by])
            cursor = await connection.execute("SELECT 2 * %s", [by])
            row = await cursor.fetchone()
        assert row is not None
        return row[0]

    async with small.transaction() as lent:
        pass
    with pytest.raises(ZeroDivisionError):
        async with small.transaction():
            raise ZeroDivisionError  # rolled back before anything is prepared
    for _ in range(5):  # psycopg prepares what comes a sixth time
        assert await divide(1) == 2
    for _ in range(8):
        with pytest.raises(errors.DivisionByZero):
            await divide(0)
        assert await divide(3) == 6
    assert not lent.closed, "it was lent anew each time"


NOTED = "SELECT words, current_setting('stretto.tenant') AS tenant FROM notes WHERE words <> %(not)s ORDER BY words"


async def test_what_is_read_at_once_is_read_for_one_tenant(small: Pool, noted: Database) -> None:
    async with noted.tenant(DEFAULT_TENANT) as connection:
        await connection.execute("INSERT INTO notes VALUES ('a'), ('b')")
    for number in range(12):  # also when all is prepared
        tenant = UUID(int=number)
        both = await small.read(tenant, (NOTED, {"not": "b"}), (NOTED, {"not": "c"}))
        assert both == [[("a", str(tenant))], [("a", str(tenant)), ("b", str(tenant))]]
        async with small.transaction() as lent:
            row = await (await lent.execute("SELECT current_setting('stretto.tenant', true)")).fetchone()
        assert row in ((None,), ("",)), "nothing of a tenant is left on the connection"


async def test_what_cannot_be_read_leaves_a_pool_that_works(small: Pool) -> None:
    for number in range(8):
        with pytest.raises(errors.DivisionByZero):
            await small.read(DEFAULT_TENANT, ("SELECT 1 / %(by)s", {"by": 0}), ("SELECT 2 * %(by)s", {"by": 0}))
        assert await small.read(DEFAULT_TENANT, ("SELECT 2 * %(by)s", {"by": number})) == [[(2 * number,)]]
    assert (small.in_use, small.waiting) == (0, 0)


async def test_who_reads_does_not_hear_of_connections_that_broke(small: Pool, owner: AsyncConnection[TupleRow]) -> None:
    for _ in range(3):
        assert await small.read(DEFAULT_TENANT, ("SELECT 1 AS one", {})) == [[(1,)]]
        await end_others(owner)
