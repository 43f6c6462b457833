"""Budgets over several processes with random costs, in memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from stretto.gateway.calls import Call
from stretto.gateway.config import Budgets, Deployment, GatewayConfig, Provider
from stretto.gateway.grants import Grant, Short, Want
from stretto.gateway.provider import LOCAL_TENANT, Caller, TokenCounts
from stretto.testing import LimitBook, MemoryLimits

DEPLOYMENT = Deployment("d", Provider("p", "simulated"), "m")
LIMIT = Decimal(4)
CENTS = st.integers(0, 300).map(lambda cents: Decimal(cents) / 100)
STEP = st.tuples(st.sampled_from(["ask", "ask", "ask", "end", "end", "write"]), st.integers(0, 2), CENTS, CENTS)


@dataclass
class Made:
    """A call under way."""

    process: int
    grant: Grant
    estimate: Decimal
    cost: Decimal


class World:
    """Three processes on one budget, and what truly happens."""

    def __init__(self, processes: list[MemoryLimits], book: LimitBook) -> None:
        self.processes = processes
        self.book = book
        self.under_way: list[Made] = []
        self.unwritten: list[tuple[int, Decimal]] = []
        self.spent = self.excess = Decimal(0)

    async def step(self, what: str, n: int, estimate: Decimal, cost: Decimal) -> None:
        if what == "ask":
            grant = await self.processes[n].ask(Want(Caller(), DEPLOYMENT, 10, 10, estimate))
            if not isinstance(grant, Short):
                self.under_way.append(Made(n, grant, estimate, cost))
        elif what == "end" and self.under_way:
            made = self.under_way.pop(0)
            made.grant.settle(TokenCounts(), made.cost)
            self.unwritten.append((made.process, made.cost))
            self.spent += made.cost
            self.excess += max(made.cost - made.estimate, Decimal(0))
        elif what == "write":
            self.write()
        self.check()

    def write(self) -> None:
        for n, cost in self.unwritten:
            call = Call(id=uuid4(), at=datetime.now(UTC), caller=Caller(), route="r", cost_usd=cost)
            self.processes[n].count(LOCAL_TENANT, [call])
        self.unwritten = []

    def check(self) -> None:
        reserved = sum((made.estimate for made in self.under_way), Decimal(0))
        # Beyond the limit is at most what calls cost beyond their estimates.
        assert self.spent + reserved <= LIMIT + self.excess
        written = sum(self.book.spent.values(), Decimal(0))
        assert written + sum((cost for _, cost in self.unwritten), Decimal(0)) == self.spent


@settings(max_examples=60, deadline=None)
@given(st.lists(STEP, min_size=60, max_size=150))
def test_a_budget_is_exceeded_only_by_what_calls_cost_beyond_their_estimates(
    steps: list[tuple[str, int, Decimal, Decimal]],
) -> None:
    async def run() -> None:
        book = LimitBook()
        config = GatewayConfig(routes={}, deployments={}, budgets=Budgets(LIMIT))
        processes = [MemoryLimits(config, book) for _ in range(3)]
        for process in processes:
            await process.open()
        world = World(processes, book)
        for step in steps:
            await world.step(*step)
        for made in list(world.under_way):
            await world.step("end", made.process, Decimal(0), Decimal(0))
        world.write()
        for process in processes:
            await process.close()
        assert sum(book.spent.values(), Decimal(0)) == world.spent
        assert all(amount == 0 for leases in book.leased.values() for amount in leases.values())

    asyncio.run(run())
