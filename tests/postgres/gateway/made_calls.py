"""Calls as they come, and what they should come to."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.gateway.calls import Call
from stretto.gateway.config import Deployment, GatewayConfig, Price, Provider
from stretto.gateway.ledger import UsageKey, UsageRow
from stretto.gateway.prices import PriceTable
from stretto.gateway.provider import Caller, TokenCounts
from stretto.store.ids import new_id
from stretto.store.partitions import Month

OTHER = UUID("00000000-0000-7000-8000-000000000002")
NOW = Month.of(datetime.now(UTC)).next.start + timedelta(days=14, hours=12)
"""Noon in the middle of next month: its partition and no other is in question, whatever day it is."""

OPENAI = Provider("openai", "openai", preset="openai")
DEPLOYMENTS = {
    found.name: found
    for found in (
        Deployment("five", OPENAI, "gpt-5"),
        Deployment("pro", Provider("google", "openai", preset="gemini"), "gemini-2.5-pro"),
        Deployment("own", OPENAI, "gpt-5-mini", price=Price(Decimal("0.0000001234567891234"), Decimal("0.3"))),
    )
}
PRICES = PriceTable(GatewayConfig({}, DEPLOYMENTS))


def made_call(at: datetime = NOW, *, caller: Caller | None = None, deployment: str = "five", **changes: Any) -> Call:
    """One call, with the cost that its tokens have."""
    used = DEPLOYMENTS[deployment]
    given: dict[str, Any] = {
        "id": new_id(int(at.timestamp() * 1000)),
        "at": at,
        "caller": caller or Caller(),
        "route": "strong",
        "deployment": deployment,
        "provider": used.provider.name,
        "model": used.model,
        "tokens": TokenCounts(input=100, output=10),
        "price_version": PRICES.version,
        "ttft_s": 0.2,
        "duration_s": 1.0,
    } | changes
    given.setdefault("cost_usd", PRICES.cost(used, given["tokens"]))
    return Call(**given)


def any_calls(count: int, tenants: Sequence[UUID], seed: int = 1, days: int = 3) -> list[Call]:
    """Calls of all sorts, of the same mixture for the same seed."""
    chance = random.Random(seed)
    runs = [new_id(int(NOW.timestamp() * 1000)) for _ in range(5)]
    made: list[Call] = []
    for _ in range(count):
        caller = Caller(
            tenant_id=chance.choice(tenants),
            run_id=chance.choice([*runs, None]),
            flow=chance.choice(["", "write", "read"]),
            path=chance.choice(["", "code", "build[2].code", "fan[0].note"]),
            agent=chance.choice(["coder", "architect"]),
            attempt=chance.randint(1, 2),
            priority=chance.randint(0, 3),
        )
        output = chance.randint(0, 900)
        tokens = TokenCounts(
            input=chance.randint(0, 300_000),
            cached_input=chance.randint(0, 9_000),
            cache_write=chance.randint(0, 900),
            output=output,
            reasoning=chance.randint(0, output),
            estimated=chance.random() < 0.1,
        )
        end = chance.choice(["answered", "answered", "failed", "cancelled", "not_made"])
        not_made = {"tokens": tokens, "cached": chance.choice(["", "exact"]), "ttft_s": None, "cost_usd": Decimal(0)}
        not_made |= {"deployment": "", "price_version": ""}
        made.append(
            replace(
                made_call(
                    NOW - timedelta(days=chance.randrange(days), seconds=chance.randrange(3600)),
                    caller=caller,
                    deployment=chance.choice(list(DEPLOYMENTS)),
                    end=end,
                    outcome=chance.choice(["admitted", "waited"]),
                    tokens=tokens,
                    ttft_s=chance.random(),
                ),
                **(not_made if end == "not_made" else {}),
            )
        )
    return made


def summed(calls: Iterable[Call], keys: Mapping[UsageKey, Any] | None = None) -> UsageRow:
    """What usage should say of these calls."""
    calls = list(calls)

    def made(call: Call) -> bool:
        return call.end != "not_made"

    def amount(of: Callable[[Call], int]) -> int:
        return sum(map(of, calls))

    return UsageRow(
        keys={key: value for key, value in (keys or {}).items()},  # noqa: C416 - of another type
        calls=len(calls),
        failed=amount(lambda call: call.end == "failed"),
        cancelled=amount(lambda call: call.end == "cancelled"),
        not_made=amount(lambda call: call.end == "not_made"),
        cached=amount(lambda call: call.cached != ""),
        estimated=amount(lambda call: call.tokens.estimated),
        simulated_calls=amount(lambda call: call.simulated),
        tokens=TokenCounts(
            input=amount(lambda call: made(call) and call.tokens.input),
            cached_input=amount(lambda call: made(call) and call.tokens.cached_input),
            cache_write=amount(lambda call: made(call) and call.tokens.cache_write),
            output=amount(lambda call: made(call) and call.tokens.output),
            reasoning=amount(lambda call: made(call) and call.tokens.reasoning),
            estimated=any(call.tokens.estimated for call in calls),
        ),
        cost_usd=sum((call.cost_usd for call in calls), Decimal(0)),
    )


SUMS = (
    "count(*), count(*) FILTER (WHERE ended = 'failed'), "
    + ", ".join(
        f"sum(CASE WHEN ended = 'not_made' THEN 0 ELSE {name}_tokens END)"
        for name in ("input", "cached_input", "cache_write", "output", "reasoning")
    )
    + ", sum(cost_usd)"
)
KEYS = "tenant_id, kind, flow, step, agent, route, deployment, provider, model, priority, outcome, simulated"


async def sums_and_rows(owner: AsyncConnection[TupleRow]) -> tuple[list[TupleRow], list[TupleRow]]:
    """The sums by day as they are kept, and as the rows of all tenants give them."""
    kept = await owner.execute(
        f"SELECT day, {KEYS}, calls, failed, input_tokens, cached_input_tokens, cache_write_tokens, output_tokens,"  # pyright: ignore[reportArgumentType]
        " reasoning_tokens, cost_usd FROM usage_days"
    )
    reckoned = await owner.execute(
        f"SELECT (at AT TIME ZONE 'UTC')::date AS day, {KEYS}, {SUMS} FROM calls GROUP BY day, {KEYS}"  # pyright: ignore[reportArgumentType]
    )
    return sorted(await kept.fetchall()), sorted(await reckoned.fetchall())
