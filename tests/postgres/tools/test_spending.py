"""What tools spend: held before the call, once for each key, within the month's budget over all processes."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from stretto.errors import ArgumentsInvalid, BudgetExceeded, ToolFailed, ToolRefused
from stretto.store import DEFAULT_TENANT, Database
from stretto.testing import FakeContext
from stretto.tools import Tools
from stretto.tools.spending import Purse
from tests.unit.agents.made import context_for


def purse_of(database: Database, limit: str | None = "10") -> Purse:
    """A purse with the same limit for everybody."""

    async def limit_of(tenant_id: UUID) -> Decimal | None:
        return None if limit is None else Decimal(limit)

    return Purse(database, limit_of)


def step() -> FakeContext:
    """A step of the default tenant."""
    ctx = context_for()
    ctx.tenant_id = DEFAULT_TENANT
    return ctx


class Shop:
    """A tool that spends, and what became of its calls."""

    def __init__(self, purse: Purse | None) -> None:
        self.paid: list[tuple[float, str]] = []
        self.fails: Exception | None = None
        self.tools = Tools(purse=purse)
        self.tools.add("shop.pay", self.pay, effects="spends", amount="amount_usd")

    async def pay(self, amount_usd: float, idempotency_key: str) -> str:
        """Pay."""
        self.paid.append((amount_usd, idempotency_key))
        if self.fails is not None:
            raise self.fails
        return "paid"

    async def call(self, key: str, **arguments: Any) -> Any:
        """As a step or an agent calls it."""
        tool = await self.tools.get_for(DEFAULT_TENANT, "shop.pay")
        return await tool.call(step(), arguments, key)


async def test_a_tool_spends_within_the_months_budget(database: Database) -> None:
    purse = purse_of(database)
    shop = Shop(purse)
    assert await shop.call("a", amount_usd=6) == "paid"
    with pytest.raises(
        BudgetExceeded, match=r"would spend \$6, but of this month's budget for spending \(\$10\) only \$4 is left"
    ):
        await shop.call("b", amount_usd=6)
    assert await shop.call("c", amount_usd=4) == "paid"
    assert [amount for amount, _ in shop.paid] == [6, 4]
    now = await purse.spent(DEFAULT_TENANT)
    assert (now.limit_usd, now.spent_usd, now.held_usd) == (10, 10, 0)
    assert (await purse.spent(uuid4())).spent_usd == 0


async def test_the_same_call_is_held_once(database: Database) -> None:
    purse = purse_of(database)
    shop = Shop(purse)
    shop.fails = RuntimeError("the line broke")
    for _ in range(3):  # nobody knows whether it was paid: it counts, and the same call may be made again
        with pytest.raises(ToolFailed, match="the line broke"):
            await shop.call("a", amount_usd=6)
    assert (await purse.spent(DEFAULT_TENANT)).held_usd == 6
    with pytest.raises(BudgetExceeded):
        await shop.call("b", amount_usd=6)
    shop.fails = None
    await shop.call("a", amount_usd=6)
    await shop.call("a", amount_usd=6)  # after a crash before its answer was written down
    now = await purse.spent(DEFAULT_TENANT)
    assert (now.spent_usd, now.held_usd) == (6, 0)
    with pytest.raises(ToolRefused, match="another amount under the same idempotency key"):
        await shop.call("a", amount_usd=5)


async def test_what_was_refused_is_free_again(database: Database) -> None:
    purse = purse_of(database)
    shop = Shop(purse)
    shop.fails = ToolRefused("no such account")
    with pytest.raises(ToolRefused):
        await shop.call("a", amount_usd=10)
    with pytest.raises(ArgumentsInvalid):
        await shop.call("b", amount_usd=10, to="nobody")
    assert (await purse.spent(DEFAULT_TENANT)).held_usd == 0
    shop.fails = None
    assert await shop.call("a", amount_usd=10) == "paid"


@pytest.mark.parametrize("amount", [-1, True, None, "NaN", "much", float("inf"), 1e12, {"usd": 1}])
async def test_only_money_can_be_spent(database: Database, amount: Any) -> None:
    shop = Shop(purse_of(database))
    with pytest.raises(ArgumentsInvalid, match="its argument 'amount_usd' says how much"):
        await shop.call("a", amount_usd=amount)
    assert shop.paid == []


async def test_without_a_budget_nothing_is_spent(database: Database) -> None:
    for purse, error in ((None, ToolRefused), (purse_of(database, None), BudgetExceeded)):
        shop = Shop(purse)
        with pytest.raises(error):
            await shop.call("a", amount_usd=1)
        assert shop.paid == []


async def test_many_at_once_do_not_spend_more_than_there_is(database: Database) -> None:
    shops = [Shop(purse_of(database)) for _ in range(4)]  # as in four processes
    outcomes = await asyncio.gather(
        *(shop.call(f"{n}/{m}", amount_usd=1) for n, shop in enumerate(shops) for m in range(8)), return_exceptions=True
    )
    assert outcomes.count("paid") == 10
    assert sum(len(shop.paid) for shop in shops) == 10
    assert all(isinstance(each, BudgetExceeded) for each in outcomes if each != "paid")
