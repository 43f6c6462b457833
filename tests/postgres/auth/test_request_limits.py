"""Request limits over several processes, with quotas that change, a database that goes away, and other tenants about."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from psycopg import AsyncConnection, errors
from psycopg.rows import TupleRow

from stretto.auth import LOCAL, AuthStore, NewKeyRow, Operator, Principal, new_key
from stretto.auth.quotas import QuotaStore, RequestLimiter, limiter
from stretto.auth.quotas.counting import Counter, Taken
from stretto.auth.quotas.windows import GATHER_S, Windows
from stretto.errors import DatabaseUnreachable, Invalid, NotFound
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT, Database

PROCESS = Path(__file__).with_name("counting_process.py")
SOMEBODY = Principal(DEFAULT_TENANT, "user ada@example.org", "owner", "token")


@pytest.fixture
async def windows(database: Database) -> AsyncIterator[Windows]:
    windows = Windows(database)
    yield windows
    await windows.close()


async def start(settings: Settings, *arguments: object) -> asyncio.subprocess.Process:
    env = {
        **os.environ,
        "STRETTO_DATABASE_URL": settings.database_url or "",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    return await asyncio.create_subprocess_exec(
        sys.executable,
        PROCESS,
        *map(str, arguments),
        env=env,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )


async def begin(processes: list[asyncio.subprocess.Process]) -> None:
    """Let all of them begin at once."""
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"go\n")


async def got(process: asyncio.subprocess.Process) -> list[tuple[float, float]]:
    """When the requests of a process passed."""
    out, _ = await process.communicate()
    lines = [line.split() for line in out.decode().splitlines() if line]
    return [(float(line[0]), float(line[1])) for line in lines if len(line) == 2]


async def test_four_processes_let_through_what_the_limit_says_and_all_of_it(
    settings: Settings, windows: Windows
) -> None:
    processes = [await start(settings, 1.5, 30, 2000, 3600) for _ in range(4)]
    await begin(processes)
    found = await asyncio.gather(*map(got, processes))
    assert sum(map(len, found)) == 2000
    assert sum(1 for each in found if each) > 1, "more than one process had a share"
    assert (await windows.take([Counter(DEFAULT_TENANT, "shared", 2000, 3600)], 0)).stands[0].used == 2000


async def test_no_second_lets_more_through_than_its_limit_though_processes_are_killed(settings: Settings) -> None:
    most = 40
    processes = [await start(settings, 3.5, 20, most, 1) for _ in range(4)]
    await begin(processes)

    async def kill_soon(process: asyncio.subprocess.Process) -> None:
        await asyncio.sleep(0.7)
        process.kill()

    _, *found = await asyncio.gather(
        asyncio.gather(kill_soon(processes[0]), kill_soon(processes[1])), *map(got, processes[2:])
    )
    found += await asyncio.gather(*map(got, processes[:2]))
    passed = sorted(time for each in found for time in each)
    assert len(passed) > 2 * most, "the limit came back, also after processes died"
    # A request passed at some time between before and after: 41 of them surely lie within a second only if this holds.
    for (first, _), (_, last) in zip(passed, passed[most:], strict=False):
        assert last - first > 0.999


async def test_concurrent_requests_share_a_statement(windows: Windows) -> None:
    counter = Counter(DEFAULT_TENANT, "a", 10_000, 60)
    found = await asyncio.gather(*(windows.take([counter]) for _ in range(900)))
    assert all(each.passes for each in found)
    assert windows.statements <= 2
    assert found[0].stands[0].used == 900


async def test_requests_that_come_one_after_another_do_not_cost_a_statement_each(windows: Windows) -> None:
    counter = Counter(DEFAULT_TENANT, "a", 10_000, 60)
    await windows.take([counter])
    loop, before, asked = asyncio.get_running_loop(), windows.statements, list[asyncio.Task[Taken]]()
    begun = loop.time()
    for _ in range(400):
        asked.append(asyncio.create_task(windows.take([counter])))
        await asyncio.sleep(0.0005)
    assert all(each.passes for each in await asyncio.gather(*asked))
    assert windows.statements - before <= (loop.time() - begun) / GATHER_S + 2
    assert (await windows.take([counter], 0)).stands[0].used == 401


async def test_who_leaves_while_he_waits_disturbs_nobody(windows: Windows) -> None:
    counter = Counter(DEFAULT_TENANT, "a", 10, 60)
    leaving = [asyncio.create_task(windows.take([counter])) for _ in range(5)]
    await asyncio.sleep(0)
    staying = asyncio.create_task(windows.take([counter]))
    for task in leaving:
        task.cancel()
    assert (await staying).passes
    assert (await windows.take([counter], 0)).stands[0].used <= 6


async def test_many_counters_in_one_batch_and_all_forgotten_in_bulk(
    windows: Windows, owner: AsyncConnection[TupleRow], database: Database
) -> None:
    tenants = [UUID(int=n) for n in range(1, 301)]
    found = await asyncio.gather(*(windows.take([Counter(each, "t/1", 1, 1)]) for each in tenants))
    assert all(each.passes for each in found)
    rows = await (await owner.execute("SELECT count(*), max(until - now()) FROM request_windows")).fetchone()
    assert rows is not None
    assert rows[0] == 300
    assert rows[1] < timedelta(seconds=1.1)
    await asyncio.sleep(1.1)
    windows._forget_at = 0
    assert (await windows.take([Counter(UUID(int=1), "new/60", 1, 60)])).passes
    assert windows._task is not None
    await windows._task  # who asked is answered first
    row = await (await owner.execute("SELECT array_agg(name) FROM request_windows")).fetchone()
    assert row == (["new/60"],)


async def test_a_tenants_transaction_reaches_its_own_counters_only(database: Database, windows: Windows) -> None:
    other = UUID(int=9)
    await windows.take([Counter(other, "a", 5, 60)])
    values = ("a", 5, 1000)
    ask = "SELECT granted FROM take_requests(%s, %s, %s, %s, '{1}', '{1}', '{1,2}', '{1}')"
    for owners in ([other], [DEFAULT_TENANT, other]):
        with pytest.raises(errors.InsufficientPrivilege):
            async with database.tenant(DEFAULT_TENANT) as connection:
                await connection.execute(ask, [owners, *([value] * len(owners) for value in values)])
    async with database.tenant(DEFAULT_TENANT) as connection:
        row = await (await connection.execute(ask, [[DEFAULT_TENANT], *([value] for value in values)])).fetchone()
        assert row == ([1],)
        names = await (await connection.execute("SELECT tenant_id FROM request_windows")).fetchall()
        assert names == [(DEFAULT_TENANT,)]
        row = await (await connection.execute("SELECT reset_windows(NULL)")).fetchone()
        assert row == (1,)
    for statement in ("UPDATE request_windows SET total = 0", "DELETE FROM request_windows", "DELETE FROM quotas"):
        with pytest.raises(errors.InsufficientPrivilege):
            async with database.tenant(DEFAULT_TENANT) as connection:
                await connection.execute(statement)  # pyright: ignore
    assert (await windows.take([Counter(other, "a", 5, 60)], 0)).stands[0].used == 1


# The limiter


@pytest.fixture
async def quick(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[RequestLimiter]:
    """A limiter that reads quotas anew for every request."""
    monkeypatch.setattr(limiter, "KNOWN_FOR_S", 0.0)
    wanted = settings.model_copy(update={"request_limit": "3/hour", "key_request_limit": "2/hour"})
    made = RequestLimiter(database, wanted)
    yield made
    await made.close()


async def holder(database: Database, tenant_id: UUID = DEFAULT_TENANT) -> Principal:
    """Somebody with a new key."""
    key = new_key()
    key_id = await AuthStore(database).add_key(tenant_id, NewKeyRow(key.prefix, key.digest))
    return Principal(tenant_id, f"key {key.prefix}", "operator", "key", key_id)


async def passing(limiter: RequestLimiter, principal: Principal, times: int = 6) -> int:
    return sum([(await limiter.take(principal)).passes for _ in range(times)])


async def test_the_settings_count_until_somebody_sets_a_quota(database: Database, quick: RequestLimiter) -> None:
    store = QuotaStore(database)
    first, second = await holder(database), await holder(database)
    assert await passing(quick, first) == 2, "its key's limit"
    assert await passing(quick, second) == 1, "what its tenant has left"
    verdict = await quick.take(second)
    assert [(each.name, each.left) for each in verdict.policies] == [("tenant-3600", 0), ("key-3600", 1)]
    assert 3500 < verdict.retry_after_s <= 3661
    await store.set(DEFAULT_TENANT, "requests", "10/hour; 1000/day")
    assert await passing(quick, second) == 1
    assert await passing(quick, SOMEBODY) == 6, "who has no key has no limit of keys"
    await store.set(DEFAULT_TENANT, "requests", "none")
    await store.set(DEFAULT_TENANT, "key_requests", "3/hour")
    await store.set(DEFAULT_TENANT, "key_requests", "5/hour", second.by.removeprefix("key "))
    assert await passing(quick, first) == 1
    assert await passing(quick, second) == 3
    assert await passing(quick, SOMEBODY) == 6
    await store.set(DEFAULT_TENANT, "requests", None)
    assert await passing(quick, SOMEBODY) == 0


async def test_tenants_do_not_share(database: Database, quick: RequestLimiter) -> None:
    other = await Operator(database).add_tenant("other")
    assert await passing(quick, SOMEBODY) == 3
    assert await passing(quick, replace(SOMEBODY, tenant_id=other)) == 3


async def test_who_works_on_this_machine_has_a_limit_only_when_one_is_set(
    database: Database, quick: RequestLimiter
) -> None:
    assert await passing(quick, LOCAL, 20) == 20
    await QuotaStore(database).set(DEFAULT_TENANT, "requests", "4/hour")
    assert await passing(quick, LOCAL, 20) == 4


async def test_who_is_refused_and_goes_on_costs_no_statement(database: Database, settings: Settings) -> None:
    made = RequestLimiter(database, settings.model_copy(update={"request_limit": "3/hour"}))
    assert await passing(made, SOMEBODY, 4) == 3
    before = made.windows.statements
    assert await passing(made, SOMEBODY, 100) == 0
    assert made.windows.statements - before <= 1
    await made.close()


async def test_quotas_that_make_no_sense_are_refused(database: Database) -> None:
    store = QuotaStore(database)
    for kind, value in (
        ("requests", "fast"),
        ("requests", "-5/minute"),
        ("key_requests", "5/fortnight"),
        ("requests", "1/second;2/minute;3/hour;4/day;5/month;6/year"),
        ("runs_per_day", "many"),
        ("unfinished_runs", "-1"),
        ("unfinished_runs", "٣"),
    ):
        with pytest.raises(Invalid):
            await store.set(DEFAULT_TENANT, kind, value)  # pyright: ignore
    with pytest.raises(NotFound):
        await store.set(DEFAULT_TENANT, "key_requests", "1/day", "0123456789ab")
    assert await store.of_tenant(DEFAULT_TENANT) == []


async def test_a_changed_quota_is_in_the_audit_log(database: Database) -> None:
    await QuotaStore(database).set(DEFAULT_TENANT, "requests", "4/hour")
    await QuotaStore(database).set(DEFAULT_TENANT, "requests", "5/hour")
    found = await AuthStore(database).audit(DEFAULT_TENANT, action="quota.")
    assert [(each.action, each.target, dict(each.detail)) for each in found] == [
        ("quota.changed", "quotas/requests", {"value": ["4/hour", "5/hour"]}),
        ("quota.created", "quotas/requests", {"name": "", "value": "4/hour"}),
    ]


async def test_without_the_database_a_process_counts_alone_for_a_while_and_then_refuses(
    database: Database, settings: Settings, owner: AsyncConnection[TupleRow], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = RequestLimiter(database, settings.model_copy(update={"request_limit": "5/hour"}))
    assert await passing(made, SOMEBODY, 2) == 2

    async def away() -> AsyncConnection[TupleRow]:
        raise DatabaseUnreachable

    with monkeypatch.context() as patched:
        patched.setattr(database, "dedicated", away)
        await owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND datname = current_database()"
        )
        assert await passing(made, SOMEBODY, 9) == 5, "the whole allowance, counted here"
        monkeypatch.setattr(limiter, "ALONE_S", -1.0)
        with pytest.raises(DatabaseUnreachable):
            await made.take(replace(SOMEBODY, tenant_id=UUID(int=5)))
    async with asyncio.timeout(10):
        while made.windows.away:  # noqa: ASYNC110 - it says so nowhere else
            await asyncio.sleep(0.02)
    await asyncio.sleep(1.1)  # the refusal is remembered so long
    assert await passing(made, SOMEBODY, 9) == 3, "what it counted before"
    await made.close()


async def test_many_keys_are_not_all_remembered(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "MOST_KNOWN", 8)
    made = RequestLimiter(database, settings.model_copy(update={"key_request_limit": "1/hour"}))
    for n in range(60):
        who = Principal(DEFAULT_TENANT, f"key {n:012x}", "operator", "key", UUID(int=n))
        assert await passing(made, who, 3) == 1
    assert len(made._known) <= 8
    assert len(made._refused) <= 8
    assert not made._loading
    await made.close()
