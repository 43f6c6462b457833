"""What admission does with its database: reconfiguring, settling, failing over, being looked at."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Identifier

from stretto.errors import DatabaseUnreachable
from stretto.gateway.admission import BudgetNow, LimitNow, Limits
from stretto.gateway.calls import Call
from stretto.gateway.config import Bucket, Budgets, Deployment, GatewayConfig, Provider
from stretto.gateway.config import Limits as Bears
from stretto.gateway.grants import Grant, ProviderLimits, Short, Want
from stretto.gateway.provider import Caller, TokenCounts
from stretto.store import DEFAULT_TENANT, Database
from tests.conftest import Server

NONE = TokenCounts()
END_OTHERS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
OTHER = UUID("00000000-0000-7000-8000-000000000002")


def deployment(name: str = "d", **limits: float) -> Deployment:
    return Deployment(name, Provider("p", "simulated"), "m", Bears(**limits))  # pyright: ignore[reportArgumentType]


def config(*deployments: Deployment, month_usd: str | None = None, buckets: tuple[Bucket, ...] = ()) -> GatewayConfig:
    return GatewayConfig(
        routes={},
        deployments={each.name: each for each in deployments},
        buckets={each.name: each for each in buckets},
        budgets=Budgets(None if month_usd is None else Decimal(month_usd)),
    )


def want(at: Deployment, cost: str = "0", caller: Caller = Caller(priority=1), bucket: Bucket | None = None) -> Want:  # noqa: B008
    return Want(caller, at, 50, 50, Decimal(cost), bucket)


def call(caller: Caller, cost: str) -> Call:
    return Call(id=uuid4(), at=datetime.now(UTC), caller=caller, route="r", cost_usd=Decimal(cost))


async def granted(limits: Limits, wanted: Want, wait_s: float = 0.0) -> Grant:
    outcome = await limits.wait(wanted, wait_s)
    assert not isinstance(outcome, Short), outcome
    return outcome


async def count_grants(limits: Limits, wanted: Want, most: int = 1000) -> int:
    for n in range(most):
        if isinstance(await limits.ask(wanted), Short):
            return n
    return most


async def budget(limits: Limits, kind: str = "month", tenant_id: UUID = DEFAULT_TENANT) -> BudgetNow:
    found = [each for each in await limits.overview(tenant_id) if isinstance(each, BudgetNow) and each.kind == kind]
    assert len(found) == 1
    return found[0]


async def test_two_processes_reconfigure_and_levels_stay(database: Database) -> None:
    before, after = deployment(requests_per_minute=10, concurrency=50), deployment(requests_per_minute=4, concurrency=2)
    async with Limits(database, config(before)) as one, Limits(database, config(before)) as other:
        assert await count_grants(one, want(before), 7) == 7
        await asyncio.gather(one.reconfigure(config(after)), other.reconfigure(config(after)))
        # 3 of 10 were left, and 7 calls hold more places than there are now.
        told = await other.ask(want(after))
        assert isinstance(told, Short)
        assert told.what == "concurrency"
        wide = deployment(requests_per_minute=4)
        await asyncio.gather(one.reconfigure(config(wide)), other.reconfigure(config(wide)))
        assert await count_grants(other, want(wide)) == 3
        await one.reconfigure(config(deployment()))
        assert await count_grants(one, want(deployment()), 100) == 100


async def test_a_lower_budget_holds_at_once(database: Database) -> None:
    free = deployment()
    async with Limits(database, config(free, month_usd="10")) as limits:
        (await granted(limits, want(free, "1"))).settle(NONE, Decimal(1))
        await limits.reconfigure(config(free, month_usd="1.5"))
        assert isinstance(await limits.ask(want(free, "1")), Short)


async def test_settling_is_the_same_whenever_the_ledger_writes(database: Database) -> None:
    free, run_id = deployment(), uuid4()
    caller = Caller(run_id=run_id, path="a[1].b[2]", run_budget_usd=Decimal(5), step_budget_usd=Decimal(4))
    async with Limits(database, config(free, month_usd="10")) as limits:
        first = await granted(limits, want(free, "2", caller))
        second = await granted(limits, want(free, "1", caller))
        first.settle(NONE, Decimal("2.5"))  # half a dollar more than was thought
        async with database.tenant(DEFAULT_TENANT) as connection:
            await limits.settle_in(connection, DEFAULT_TENANT, [call(caller, "2.5")])
            await connection.execute("ROLLBACK")  # the first time nothing comes of it
        async with database.tenant(DEFAULT_TENANT) as connection:
            await limits.settle_in(connection, DEFAULT_TENANT, [call(caller, "2.5")])
        second.settle(NONE, Decimal("0.25"))
        # Not yet written down, and counted all the same: 4 - 2.75 are left of the step.
        told = await limits.wait(want(free, "1.3", caller), 0.5)
        assert isinstance(told, Short)
        assert told.what == "step_budget"
        third = await granted(limits, want(free, "1.2", caller), 5)
        third.settle(NONE, Decimal(0))
        async with database.tenant(DEFAULT_TENANT) as connection:
            await limits.settle_in(connection, DEFAULT_TENANT, [call(caller, "0.25"), call(caller, "0")])
        assert (await budget(limits, "run")).name == str(run_id)
        assert (await budget(limits, "step")).name == f"{run_id}/b"
    for kind in ("month", "run", "step"):
        now = await budget(limits, kind)
        assert (now.spent_usd, now.reserved_usd, now.presumed_usd) == (Decimal("2.75"), 0, 0)


async def test_what_lies_idle_goes_back(database: Database) -> None:
    fast = deployment(requests_per_minute=60_000, concurrency=64)
    async with Limits(database, config(fast, month_usd="10")) as one, Limits(database, config(fast)) as other:
        (await granted(one, want(fast, "0.01"))).settle(TokenCounts(input=100), Decimal(0))
        assert (await budget(one)).reserved_usd > 0
        for _ in range(60):
            await asyncio.sleep(0.05)
            if (await budget(one)).reserved_usd == 0 and await count_grants(other, want(fast), 64) == 64:
                return
        pytest.fail("what was idle has not come back")


async def test_tenants_do_not_see_each_others_budgets(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    free = deployment()
    await owner.execute("INSERT INTO tenants VALUES (%s, 'other', now())", [OTHER])
    budgets = Budgets(Decimal(1), {"other": Decimal(5)})
    async with Limits(database, replace(config(free), budgets=budgets)) as limits:
        theirs = Caller(tenant_id=OTHER)
        await granted(limits, want(free, "4", theirs))
        await granted(limits, want(free, "0.5"))
        assert isinstance(await limits.ask(want(free, "4")), Short)
        assert (await budget(limits)).limit_usd == 1
        assert (await budget(limits, "month", OTHER)).limit_usd == 5
        async with database.tenant(OTHER) as connection:
            rows = await (await connection.execute("SELECT DISTINCT tenant_id FROM budget_leases")).fetchall()
        assert rows == [(OTHER,)]


async def test_the_overview_shows_every_limit(database: Database) -> None:
    busy, bucket = deployment(requests_per_minute=60, tokens_per_minute=6000, concurrency=1), Bucket("maestro")
    async with Limits(database, config(busy, buckets=(bucket,))) as limits:
        await granted(limits, want(busy, bucket=bucket))
        waiting = asyncio.create_task(limits.wait(want(busy, bucket=bucket), 10))
        await asyncio.sleep(0.1)
        shown = {each.kind: each for each in await limits.overview(DEFAULT_TENANT) if isinstance(each, LimitNow)}
        assert {kind: (each.name, each.capacity, each.refill_per_minute) for kind, each in shown.items()} == {
            "requests": ("d", 60.0, pytest.approx(60.0)),
            "tokens": ("d", 6000.0, pytest.approx(6000.0)),
            "concurrency": ("d", 1.0, None),
            "bucket": ("maestro", 30.0, pytest.approx(2.5)),
        }
        assert 29 <= shown["bucket"].level < 29.1
        assert shown["concurrency"].level == 0
        assert shown["concurrency"].processes == 1
        assert shown["requests"].waiting == 1
        assert shown["requests"].longest_wait_s > 0
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_a_pause_and_learned_limits_reach_the_other_processes(database: Database) -> None:
    free, paused = deployment("free"), deployment("paused")
    both = config(free, paused)
    async with Limits(database, both) as one, Limits(database, both) as other:
        one.observe(paused, ProviderLimits(retry_after_s=60))
        one.observe(free, ProviderLimits(tokens_limit=60_000, tokens_left=250, tokens_reset_s=60))
        await asyncio.sleep(1.6)  # they hear of it once a second
        told = await other.ask(want(paused))
        assert isinstance(told, Short)
        assert told.in_s is not None
        assert 50 < told.in_s < 60
        level = {each.kind: each for each in await other.overview(DEFAULT_TENANT) if isinstance(each, LimitNow)}[
            "tokens"
        ]
        assert level.capacity == 60_000
        assert level.level < 5000
        big = Want(Caller(), free, 30_000, 0, Decimal(0))
        assert isinstance(await other.ask(big), Short)


async def test_a_broken_connection_is_made_anew(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    narrow = deployment(concurrency=2, requests_per_minute=1000)
    async with Limits(database, config(narrow, month_usd="1")) as limits:
        first = await granted(limits, want(narrow, "0.1"))
        for _ in range(3):
            await owner.execute(END_OTHERS)
            second = await granted(limits, want(narrow, "0.1"), 10)
            assert isinstance(await limits.ask(want(narrow, "0.1")), Short)
            second.settle(NONE, Decimal(0))
        first.settle(NONE, Decimal(0))


async def test_while_the_database_is_away(server: Server, database: Database, owner: AsyncConnection[TupleRow]) -> None:
    fast, slow = deployment("fast", requests_per_minute=60_000), deployment("slow", requests_per_minute=60)
    async with Limits(database, config(fast, slow), away_s=0.3) as limits:
        await granted(limits, want(fast))
        await granted(limits, want(slow))
        name = Identifier(owner.info.dbname)
        with server.connect() as other:
            other.execute(SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        await owner.execute(END_OTHERS)
        for _ in range(50):  # what is leased goes on
            await granted(limits, want(fast))
        with pytest.raises(DatabaseUnreachable):
            await limits.wait(want(slow), 30)
        with server.connect() as other:
            other.execute(SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
        await granted(limits, want(slow), 30)


async def test_closing_answers_those_who_wait(database: Database) -> None:
    narrow = deployment(concurrency=1)
    limits = Limits(database, config(narrow))
    await limits.open()
    await granted(limits, want(narrow))
    waiting = asyncio.create_task(limits.wait(want(narrow), 30))
    await asyncio.sleep(0.05)
    await limits.close()
    with pytest.raises(DatabaseUnreachable):
        await waiting
    with pytest.raises(DatabaseUnreachable):
        await limits.ask(want(narrow))


async def test_what_is_over_is_swept(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    free = deployment()
    caller = Caller(run_id=uuid4(), run_budget_usd=Decimal(1), path="a")
    async with Limits(database, config(free)) as limits:
        await granted(limits, want(free, "0.1", caller))
        await owner.execute("UPDATE budgets SET updated_at = now() - interval '101 days'")
        await owner.execute("INSERT INTO lessees VALUES (gen_random_uuid(), now() - interval '2 hours')")
        async with database.system() as connection:
            await connection.execute("SELECT sweep_limits(interval '100 days')")
        found = await owner.execute(
            "SELECT (SELECT count(*) FROM budgets), (SELECT count(*) FROM budget_leases), (SELECT count(*) FROM lessees)"
        )
        assert await found.fetchone() == (0, 0, 1)
