"""Money that tools spend: a tenant's own budget for it, held before the call and spent once for each idempotency key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from stretto.engine.step import StepContext
from stretto.errors import ArgumentsInvalid, BudgetExceeded, ToolRefused
from stretto.store import Database, load_queries
from stretto.tools.tool import Effects, Tool

LimitOf = Callable[[UUID], Awaitable[Decimal | None]]
"""What a tenant's tools may spend in a calendar month (UTC), in US dollars; None: nothing was set."""
MOST_USD = Decimal(1_000_000_000)
_Q = load_queries("stretto.tools")


@dataclass(frozen=True, slots=True)
class Spent:
    """What a tenant's tools have spent this month, and what is held by calls whose outcome is not known."""

    limit_usd: Decimal | None
    spent_usd: Decimal
    held_usd: Decimal


class Purse:
    """The budget for spending of all tenants. It holds over all processes: each change waits for the one before it."""

    def __init__(self, database: Database, limit_of: LimitOf) -> None:
        self._database = database
        self._limit_of = limit_of

    async def hold(self, ctx: StepContext, tool: str, amount_usd: Decimal, key: str) -> None:
        """Set money aside for a call; the same key is held once, however often it is tried. Raises `BudgetExceeded`."""
        limit = await self._limit_of(ctx.tenant_id)
        if limit is None:
            raise BudgetExceeded(
                f"{tool} would spend ${amount_usd:f}, but no budget for spending is set. "
                "Set `budgets: {spending: 50 usd}` in stretto.yaml."
            )
        asked = {
            "key": key,
            "run_id": ctx.run_id,
            "step": ctx.path,
            "tool": tool,
            "amount": amount_usd,
            "limit": limit,
        }
        async with self._database.tenant(ctx.tenant_id) as connection:
            await connection.execute(_Q["lock_purse"])
            row = await (await connection.execute(_Q["hold_money"], asked)).fetchone()
        assert row is not None
        outcome, left = row
        if outcome == "short":
            raise BudgetExceeded(
                f"{tool} would spend ${amount_usd:f}, but of this month's budget for spending (${limit:f}) only ${left:f} is left. "
                "Raise `spending` under `budgets` in stretto.yaml, or spend less."
            )
        if outcome == "other":
            raise ToolRefused(
                f"{tool} was asked to spend another amount under the same idempotency key ({left:f} and {amount_usd:f} USD)."
            )

    async def settle(self, tenant_id: UUID, key: str, *, spent: bool) -> None:
        """The call has ended: the money is spent, or free again."""
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute(_Q["settle_money"], {"key": key, "state": "spent" if spent else "released"})

    async def spent(self, tenant_id: UUID) -> Spent:
        """How a tenant's budget for spending stands."""
        async with self._database.tenant(tenant_id) as connection:
            row = await (await connection.execute(_Q["money_now"])).fetchone()
        assert row is not None
        return Spent(await self._limit_of(tenant_id), row[0], row[1])


@dataclass(frozen=True)
class Guarded:
    """A tool that spends, behind the purse."""

    tool: Tool
    purse: Purse | None

    @property
    def name(self) -> str:
        """The tool's."""
        return self.tool.name

    @property
    def description(self) -> str:
        """The tool's."""
        return self.tool.description

    @property
    def effects(self) -> Effects:
        """It spends."""
        return "spends"

    @property
    def amount(self) -> str:
        """The tool's."""
        return self.tool.amount

    @property
    def schema(self) -> Mapping[str, Any]:
        """The tool's."""
        return self.tool.schema

    async def call(self, ctx: StepContext, arguments: Mapping[str, Any], key: str) -> Any:
        """Hold the money, then make the call. What may have been spent counts as spent until the same call is made again."""
        if self.purse is None:
            raise ToolRefused(f"{self.name} spends money, and nobody keeps a budget for it here.")
        amount = amount_in(self.name, self.amount, arguments)
        await self.purse.hold(ctx, self.name, amount, key)
        try:
            result = await self.tool.call(ctx, arguments, key)
        except (ToolRefused, ArgumentsInvalid):
            await self.purse.settle(ctx.tenant_id, key, spent=False)  # it says that it did nothing
            raise
        await self.purse.settle(ctx.tenant_id, key, spent=True)
        return result


def amount_in(tool: str, name: str, arguments: Mapping[str, Any]) -> Decimal:
    """The amount that a call is to spend. Raises `ArgumentsInvalid` for what is no amount of money."""
    value = arguments.get(name)
    try:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise InvalidOperation
        amount = Decimal(str(value))
        if not (amount.is_finite() and 0 <= amount <= MOST_USD):
            raise InvalidOperation
    except InvalidOperation:
        raise ArgumentsInvalid(
            f"The tool {tool!r} spends money, and its argument {name!r} says how much, but it is {value!r:.60}. "
            "Give an amount in US dollars from 0 on.",
            tool=tool,
        ) from None
    return amount
