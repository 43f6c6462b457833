"""The gateway over its ledger: what callers were told a call cost is what is written down, and can be reckoned again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.gateway.assemble import Makers, OpenGateway, open_gateway
from stretto.gateway.config import GatewayConfig, Price, Tier, stand_in
from stretto.gateway.ledger import Usage
from stretto.gateway.prices import add_up
from stretto.gateway.provider import Caller, Completion, Message, ModelRequest, TokenCounts, TokenSink
from stretto.gateway.simulated import SimulatedProvider
from stretto.store import DEFAULT_TENANT, Database
from stretto.testing import KeptAnswer
from tests.postgres.gateway.made_calls import OTHER, sums_and_rows

FIRST = Price(Decimal("0.00000125"), Decimal("0.0000100000000000001"))
SECOND = Price(Decimal("0.000003"), Decimal("0.000015"))


class Paid:
    """A model that wants money: it tells the length of what it was asked, and knows a part of it from before."""

    name = "paid"
    simulated = False

    async def complete(self, request: ModelRequest, sink: TokenSink) -> Completion:
        number = len(request.messages[0].text)
        sink.write([str(number)])
        tokens = TokenCounts(input=number, cached_input=7, output=number % 5 + 1, reasoning=1)
        return Completion(model="paid-1", provider=self.name, tokens=tokens)

    async def close(self) -> None:
        pass


def priced(price: Price) -> GatewayConfig:
    """One deployment that costs something."""
    config = stand_in("paid", "openai")
    deployment = replace(config.deployments["paid"], model="paid")
    held = replace(config.routes["default"].tiers[0].deployments[0], deployment=deployment)
    route = replace(config.routes["default"], tiers=(Tier((held,)),))
    return replace(config, routes={"default": route}, deployments={"paid": deployment}, prices={"paid": price})


async def ask(gateway: OpenGateway, count: int) -> list[Completion]:
    """Calls of two tenants at once."""
    tenants = (DEFAULT_TENANT, OTHER)

    async def one(number: int) -> Completion:
        request = ModelRequest(
            model="any",
            messages=[Message("user", f"{number:x>{number + 3}}")],
            caller=Caller(tenant_id=tenants[number % 2], flow="f", path=f"fan[{number}].say", agent="a", priority=0),
        )
        return await gateway.complete(request, KeptAnswer())

    return await asyncio.gather(*map(one, range(count)))


async def test_what_was_told_is_what_is_written(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    makers = Makers(simulated=lambda: SimulatedProvider(seed=1, ttft_s=0.0, tokens_per_s=1e6))
    async with open_gateway(database, priced(FIRST), makers, provider=Paid()) as gateway:
        told = await ask(gateway, 12)
        await gateway.reconfigure(priced(SECOND))
        told += await ask(gateway, 6)
    usage = Usage(database)
    found = [row for tenant in (DEFAULT_TENANT, OTHER) for row in await usage.by(tenant, ["step", "agent"])]
    assert sum(row.calls for row in found) == 18
    assert add_up(row.cost_usd for row in found) == add_up(completion.cost_usd for completion in told) > 0
    assert sum(row.tokens.output for row in found) == sum(completion.tokens.output for completion in told)
    kept, reckoned = await sums_and_rows(owner)
    assert kept == reckoned
    assert len(kept) == 2
    for tenant in (DEFAULT_TENANT, OTHER):
        again = await usage.recompute(tenant)
        assert (again.calls, again.differing, again.unknown) == (9, (), 0)
    async with open_gateway(database, replace(stand_in("sim", "simulated"), prices={"sim": SECOND}), makers) as gateway:
        assert [completion.cost_usd for completion in await ask(gateway, 2)] == [0, 0]
    assert (await usage.recompute(OTHER)).differing == (), "what is simulated costs nothing, whatever price it has"
    versions = await owner.execute("SELECT count(*), count(DISTINCT document) FROM price_versions")
    assert await versions.fetchone() == (3, 3)
