"""Usage: the same from sums and from calls, exact, one tenant's alone; estimates by past runs; invoices compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.errors import FlowNotFound, Invalid
from stretto.gateway.calls import Call
from stretto.gateway.ledger import USAGE_KEYS, LedgerWriter, Usage, UsageKey, UsageRow, total
from stretto.gateway.provider import Caller, TokenCounts
from stretto.store import DEFAULT_TENANT, Database
from stretto.store.ids import new_id
from tests.postgres.gateway.made_calls import NOW, OTHER, any_calls, made_call, summed

BOTH = (DEFAULT_TENANT, OTHER)
MIDNIGHT = NOW.replace(hour=0)
OF_CALL: dict[UsageKey, Callable[[Call], Any]] = {
    "day": lambda call: call.at.date(),
    "flow": lambda call: call.caller.flow,
    "step": lambda call: call.caller.step_id,
    "run": lambda call: call.caller.run_id,
    "attempt": lambda call: call.caller.attempt,
    "agent": lambda call: call.caller.agent,
    "route": lambda call: call.route,
    "deployment": lambda call: call.deployment,
    "provider": lambda call: call.provider,
    "model": lambda call: call.model,
    "priority": lambda call: call.caller.priority,
    "outcome": lambda call: call.outcome,
}


async def written(database: Database, calls: Sequence[Call]) -> Usage:
    async with LedgerWriter(database) as ledger:
        for call in calls:
            ledger.record(call)
    return Usage(database)


def grouped(calls: Sequence[Call], keys: Sequence[UsageKey]) -> dict[tuple[Any, ...], UsageRow]:
    groups: dict[tuple[Any, ...], list[Call]] = {}
    for call in calls:
        groups.setdefault(tuple(OF_CALL[key](call) for key in keys), []).append(call)
    return {group: summed(found, dict(zip(keys, group, strict=True))) for group, found in groups.items()}


def found_groups(rows: Sequence[UsageRow]) -> dict[tuple[Any, ...], UsageRow]:
    bare = [
        UsageRow(**{name: getattr(row, name) for name in row.__dataclass_fields__ if not name.endswith("_s")})
        for row in rows
    ]
    assert len({tuple(row.keys.values()) for row in rows}) == len(rows)
    return {tuple(row.keys.values()): row for row in bare}


async def test_usage_by_any_key_is_the_sum_of_its_calls(database: Database) -> None:
    calls = any_calls(400, BOTH)
    usage = await written(database, calls)
    for tenant_id in BOTH:
        mine = [call for call in calls if call.caller.tenant_id == tenant_id]
        choices: list[Sequence[UsageKey]] = [(), *((key,) for key in USAGE_KEYS), ("day", "model"), ("step", "run")]
        for keys in choices:
            for latency in (False, True):
                rows = await usage.by(tenant_id, keys, latency=latency)
                assert found_groups(rows) == grouped(mine, keys)
                assert total(rows) == summed(mine)


async def test_a_time_and_filters_narrow_it(database: Database) -> None:
    calls = any_calls(300, [DEFAULT_TENANT])
    usage = await written(database, calls)

    def within(call: Call, since: datetime | None, until: datetime | None) -> bool:
        return (since is None or call.at >= since) and (until is None or call.at < until)

    times = (None, MIDNIGHT - timedelta(days=1), NOW - timedelta(minutes=31), MIDNIGHT + timedelta(days=1))
    for since in times:
        for until in times:
            rows = await usage.by(DEFAULT_TENANT, ["day", "deployment"], since, until)
            chosen = [call for call in calls if within(call, since, until)]
            assert found_groups(rows) == grouped(chosen, ["day", "deployment"])
    run_id = next(call.caller.run_id for call in calls if call.caller.run_id)
    narrowed: list[dict[UsageKey, Any]] = [
        {"flow": "write", "agent": "coder"},
        {"run": run_id},
        {"run": None, "priority": 2},
        {"day": NOW.date(), "step": "code"},
    ]
    for filters in narrowed:
        rows = await usage.by(DEFAULT_TENANT, ["model"], filters=filters)
        chosen = [call for call in calls if all(OF_CALL[key](call) == value for key, value in filters.items())]
        assert found_groups(rows) == grouped(chosen, ["model"])


async def test_rows_come_by_day_and_then_by_cost(database: Database) -> None:
    usage = await written(database, any_calls(300, [DEFAULT_TENANT]))
    rows = await usage.by(DEFAULT_TENANT, ["day", "model"])
    order = [(row.keys["day"], -row.cost_usd) for row in rows]
    assert order == sorted(order)
    costs = [row.cost_usd for row in await usage.by(DEFAULT_TENANT, ["agent", "model"])]
    assert costs == sorted(costs, reverse=True)


async def test_latencies_are_those_of_answered_calls(database: Database) -> None:
    answered = [made_call(ttft_s=number / 100, duration_s=float(number)) for number in range(101)]
    others = [made_call(end="failed", ttft_s=90.0, duration_s=900.0), made_call(end="not_made", ttft_s=None)]
    usage = await written(database, [*answered, *others, made_call(ttft_s=None, duration_s=50.0)])
    [row] = await usage.by(DEFAULT_TENANT, latency=True)
    assert (row.ttft_p50_s, row.ttft_p95_s, row.duration_p50_s) == (0.5, 0.95, 50.0)
    [without] = await usage.by(DEFAULT_TENANT)
    assert without.ttft_p50_s is None
    assert without.duration_p95_s is None


async def test_nothing_used_is_no_row_and_nonsense_is_refused(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = Usage(database)
    assert await usage.by(DEFAULT_TENANT) == []
    assert await usage.by(DEFAULT_TENANT, latency=True) == []
    assert await usage.by(DEFAULT_TENANT, ["day"]) == []
    with pytest.raises(Invalid, match="colour"):
        await usage.by(DEFAULT_TENANT, ["colour"])  # pyright: ignore[reportArgumentType]
    await written(database, any_calls(40, [DEFAULT_TENANT]))
    monkeypatch.setattr("stretto.gateway.ledger.usage.MAX_ROWS", 3)
    with pytest.raises(Invalid, match="fewer keys"):
        await usage.by(DEFAULT_TENANT, ["step", "agent", "model"])


async def test_simulated_calls_are_told(database: Database) -> None:
    calls = [made_call(model="a", simulated=True), made_call(model="b"), made_call(model="c", simulated=True)]
    usage = await written(database, [*calls, made_call(model="c")])
    rows = await usage.by(DEFAULT_TENANT, ["model"])
    assert {row.keys["model"]: row.simulated for row in rows} == {"a": "yes", "b": "no", "c": "partly"}


async def add_runs(
    database: Database,
    version: int,
    count: int,
    *,
    tenant_id: UUID = DEFAULT_TENANT,
    status: str = "completed",
    parent: UUID | None = None,
) -> list[UUID]:
    """Runs of the flow `write`, the first the oldest."""
    base = int(NOW.timestamp() * 1000)
    added = [new_id(base + version * 1000 + number) for number in range(count)]
    async with database.tenant(tenant_id) as connection:
        await connection.execute(
            "INSERT INTO flows VALUES (%s, 'write', %s, %s, '{}', now()) ON CONFLICT DO NOTHING",
            [tenant_id, version, str(version)],
        )
        cursor = connection.cursor()
        await cursor.executemany(
            "INSERT INTO runs (id, tenant_id, flow_name, flow_version, status, priority, input, parent_id, accepted_at,"
            " updated_at, finished_at) VALUES (%s, %s, 'write', %s, %s, 1, '{}', %s, now(), now(), now())",
            [(run_id, tenant_id, version, status, parent) for run_id in added],
        )
    return added


def call_of(run_id: UUID, cost_usd: str, output: int = 10, **changes: Any) -> Call:
    tenant_id = changes.pop("tenant_id", DEFAULT_TENANT)
    caller = Caller(tenant_id=tenant_id, run_id=run_id, flow="write")
    return made_call(
        caller=caller, cost_usd=Decimal(cost_usd), tokens=TokenCounts(input=5, cached_input=5, output=output), **changes
    )


async def test_an_estimate_is_by_past_runs_of_the_newest_version(database: Database) -> None:
    old, new = await add_runs(database, 1, 6), await add_runs(database, 2, 10)
    [parent, *_] = new
    forks = await add_runs(database, 2, 3, parent=parent)
    failed = await add_runs(database, 2, 3, status="failed")
    calls = [call_of(run_id, "100") for run_id in [*old, *forks, *failed]]
    # Ten runs: one without any call, the others of 1 to 9 cents in two calls each.
    for cents, run_id in enumerate(new[1:], start=1):
        calls += [call_of(run_id, f"0.00{cents}", output=cents), call_of(run_id, f"0.00{9 * cents:02}"[:6])]
    usage = await written(database, calls)
    found = await usage.estimate(DEFAULT_TENANT, "write")
    assert (found.runs, found.versions, found.enough, found.simulated) == (10, (2,), True, False)
    assert found.cost_usd is not None
    assert found.calls is not None
    assert found.output_tokens is not None
    costs = sorted(
        [Decimal(0)] + [sum((c.cost_usd for c in calls if c.caller.run_id == r), Decimal(0)) for r in new[1:]]
    )
    assert (found.cost_usd.p50, found.cost_usd.p90) == (costs[4], costs[8])
    assert found.cost_usd.mean == sum(costs) / 10
    assert (found.calls.p50, found.calls.mean) == (2, Decimal("1.8"))
    assert found.output_tokens.p90 == 18
    assert "10 completed runs of version 2" in found.how


async def test_an_estimate_says_when_there_is_too_little_to_go_by(
    database: Database, owner: AsyncConnection[TupleRow]
) -> None:
    await owner.execute("INSERT INTO tenants VALUES (%s, 'other', now())", [OTHER])
    usage = Usage(database)
    with pytest.raises(FlowNotFound):
        await usage.estimate(DEFAULT_TENANT, "write")
    old, new = await add_runs(database, 1, 2), await add_runs(database, 2, 2)
    await written(database, [call_of(run_id, "1") for run_id in old] + [call_of(run_id, "3") for run_id in new])
    found = await usage.estimate(DEFAULT_TENANT, "write")
    assert (found.runs, found.versions, found.enough) == (4, (2, 1), False)
    assert found.cost_usd is not None
    assert found.cost_usd.mean == 2
    assert "little to go by" in found.how
    await add_runs(database, 1, 0, tenant_id=OTHER)
    nothing = await usage.estimate(OTHER, "write")
    assert (nothing.runs, nothing.enough, nothing.cost_usd) == (0, False, None)


async def test_simulated_runs_count_only_where_there_are_no_others(database: Database) -> None:
    runs = await add_runs(database, 1, 8)
    usage = await written(database, [call_of(run_id, "0", simulated=True) for run_id in runs[:6]])
    async with database.tenant(DEFAULT_TENANT) as connection:
        await connection.execute("UPDATE runs SET status = 'cancelled' WHERE id = ANY(%s)", [runs[6:]])
    found = await usage.estimate(DEFAULT_TENANT, "write")
    assert (found.runs, found.simulated, found.enough) == (6, True, True)
    assert "cost says nothing" in found.how
    async with database.tenant(DEFAULT_TENANT) as connection:
        await connection.execute("UPDATE runs SET status = 'completed'")
    await written(database, [call_of(run_id, "2") for run_id in runs[6:]])
    found = await usage.estimate(DEFAULT_TENANT, "write")
    assert (found.runs, found.simulated, found.enough) == (2, False, False)
    assert "6 in which the simulated model answered are left out" in found.how


async def test_an_invoice_is_compared_by_day_and_model(database: Database, tmp_path: Path) -> None:
    day, tokens = date(2026, 11, 3), TokenCounts(input=100, cached_input=50, output=10)
    at = datetime.combine(day, NOW.timetz())

    def bought(model: str, cost_usd: str, **changes: Any) -> Call:
        changes = {"tokens": tokens, "model": model, "cost_usd": Decimal(cost_usd)} | changes
        return made_call(id=new_id(), at=at, **changes)

    usage = await written(
        database,
        [
            bought("gpt-5-2025-08-07", "0.25"),
            bought("gpt-5", "0.25"),
            bought("gpt-5", "0", end="not_made", cached="exact"),
            bought("gpt-5", "0", simulated=True),
            bought("gpt-5-mini", "0.125"),
            bought("o3", "1"),
            bought("gpt-5", "9", caller=Caller(tenant_id=OTHER)),
            bought("gemini-2.5-pro", "9", deployment="pro"),
        ],
    )
    invoice = tmp_path / "invoice.csv"
    invoice.write_text(
        "day,model,input,cached_input,output,cost_usd\n"
        f"{day},gpt-5,200,100,20,0.50\n"
        f"{day},gpt-5-mini,100,50,12,0.125000001\n"
        f"{day},gpt-4.1,7,0,1,2.00\n"
    )
    found = await usage.reconcile(DEFAULT_TENANT, "openai", invoice)
    assert [(d.model, d.missing, d.cost_usd, d.tokens) for d in found.differences] == [
        ("gpt-4.1", "ledger", None, None),
        ("o3", "invoice", None, None),
        ("gpt-5-mini", "", Decimal("0.000000001"), 2),
    ]
    assert (found.agree, found.first, found.last) == (1, day, day)
    assert (found.ledger_usd, found.invoice_usd) == (Decimal("1.625"), Decimal("2.625000001"))
    assert found.difference_usd == Decimal("1.000000001")
    assert (found.ledger_tokens, found.invoice_tokens) == (640, 490)
    [before] = await usage.by(DEFAULT_TENANT)
    assert before.calls == 7
