"""A budget that does not suffice any more is told of: once, when it is certain, in the transaction that makes it so."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

from stretto.gateway.admission import Limits
from stretto.gateway.calls import Call
from stretto.gateway.grants import Short
from stretto.gateway.provider import Caller, TokenCounts
from stretto.store import DEFAULT_TENANT, Database
from tests.postgres.events.hearing import told
from tests.postgres.gateway.test_admission import call, config, deployment, granted, want

NONE = TokenCounts()
FREE = deployment()


async def settle(database: Database, limits: Limits, calls: list[Call]) -> None:
    async with database.tenant(DEFAULT_TENANT) as connection:
        await limits.settle_in(connection, DEFAULT_TENANT, calls)


async def spend(database: Database, limits: Limits, cost: str, caller: Caller = Caller(priority=1)) -> None:  # noqa: B008
    grant = await granted(limits, want(FREE, cost, caller), 5)
    grant.settle(NONE, Decimal(cost))
    await settle(database, limits, [call(caller, cost)])


async def test_once_however_many_calls_are_refused(database: Database) -> None:
    async with Limits(database, config(FREE, month_usd="2")) as limits:
        await spend(database, limits, "1.5")
        assert await told(database) == []
        for _ in range(3):
            assert isinstance(await limits.wait(want(FREE, "0.75"), 0.25), Short)
        assert isinstance(await limits.ask(want(FREE, "1")), Short)
    ((name, data),) = await told(database)
    assert name == "budget.exhausted"
    assert data["budget"].startswith("month:")
    assert data | {"budget": ""} == {"budget": "", "limit_usd": "2", "spent_usd": "1.5", "needed_usd": "0.75"}


async def test_money_that_may_come_back_exhausts_nothing(database: Database) -> None:
    async with Limits(database, config(FREE, month_usd="2")) as limits, Limits(database, config(FREE)) as other:
        first = await granted(limits, want(FREE, "1.5"))
        assert isinstance(await limits.ask(want(FREE, "1")), Short)
        await other.reconfigure(config(FREE, month_usd="2"))
        assert isinstance(await other.ask(want(FREE, "1")), Short)
        first.settle(NONE, Decimal("0.25"))
        await settle(database, limits, [call(Caller(), "0.25")])
        (await granted(limits, want(FREE, "1"), 5)).settle(NONE, Decimal(0))
    assert await told(database) == []


async def test_refused_while_the_cost_is_not_yet_written_down(database: Database) -> None:
    caller = Caller(run_id=uuid4(), path="a", run_budget_usd=Decimal(1))
    async with Limits(database, config(FREE)) as limits:
        first = await granted(limits, want(FREE, "0.9", caller))
        first.settle(NONE, Decimal("0.9"))
        assert isinstance(await limits.ask(want(FREE, "0.5", caller)), Short)
        assert await told(database) == []
        await settle(database, limits, [call(caller, "0.9")])
    ((name, data),) = await told(database)
    about = {"budget": f"run:{caller.run_id}", "limit_usd": "1", "spent_usd": "0.9", "needed_usd": "0.5"}
    assert (name, data) == ("budget.exhausted", about)


async def test_a_raised_budget_is_told_of_anew(database: Database) -> None:
    async with Limits(database, config(FREE, month_usd="1")) as limits:
        await spend(database, limits, "1")
        assert isinstance(await limits.ask(want(FREE, "0.5")), Short)
        await limits.reconfigure(config(FREE, month_usd="3"))
        await spend(database, limits, "0.75")
        assert len(await told(database)) == 1
        await spend(database, limits, "1")
        assert isinstance(await limits.ask(want(FREE, "0.5")), Short)
        await limits.reconfigure(config(FREE, month_usd="1"))
        assert isinstance(await limits.ask(want(FREE, "0.5")), Short)
    assert [data["limit_usd"] for _, data in await told(database)] == ["1", "3"]


async def test_a_call_beyond_the_whole_budget_says_nothing_of_it(database: Database) -> None:
    async with Limits(database, config(FREE, month_usd="2")) as limits:
        assert isinstance(await limits.ask(want(FREE, "5")), Short)
        small = await limits.ask(want(FREE, "0.1"))  # nor does it keep a smaller one from asking
        assert not isinstance(small, Short), small
        small.settle(NONE, Decimal(0))
        assert await told(database) == []
        await spend(database, limits, "1.5")
        assert isinstance(await limits.ask(want(FREE, "1")), Short)
    assert len(await told(database)) == 1


async def test_what_lies_free_here_is_no_room_for_a_larger_call(database: Database) -> None:
    async with Limits(database, config(FREE, month_usd="10")) as limits:
        for _ in range(2):
            await spend(database, limits, "4.75")  # something is leased ahead of calls to come
        assert isinstance(await limits.ask(want(FREE, "0.75")), Short)
    ((_, data),) = await told(database)
    assert data["needed_usd"] == "0.75"
