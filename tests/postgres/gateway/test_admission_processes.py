"""Limits and budgets over several real processes at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.gateway.admission import BudgetNow, Limits
from stretto.gateway.config import GatewayConfig
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT, Database
from tests.postgres.gateway.admitting import Process, Task, Told, finish, made_ready, together

NOTHING_CONFIGURED = GatewayConfig(routes={}, deployments={})


def url_of(settings: Settings) -> str:
    assert settings.database_url is not None
    return settings.database_url


async def budgets_of(database: Database, tenant_id: UUID = DEFAULT_TENANT) -> dict[str, BudgetNow]:
    limits = Limits(database, NOTHING_CONFIGURED)
    return {each.kind: each for each in await limits.overview(tenant_id) if isinstance(each, BudgetNow)}


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_budgets_are_never_exceeded_by_more_than_calls_in_flight(
    seed: int, database: Database, settings: Settings
) -> None:
    processes, callers, most, limit = 3, 6, Decimal("0.02"), Decimal("1.00")
    run_id, run_usd = str(uuid4()), Decimal("0.30")
    plain = Task(month_usd=str(limit), callers=callers, most_usd=str(most), for_s=20.0, hold_s=0.004)
    tasks = [replace(plain, seed=seed * 10 + n) for n in range(processes)]
    tasks[0] = replace(tasks[0], run_id=run_id, run_usd=str(run_usd))
    told = together(url_of(settings), tasks)
    spent = sum((each.cost_usd for each in told), Decimal(0))
    # A call in flight may cost half as much again as it was estimated at.
    slack = processes * callers * most / 2
    assert spent <= limit + slack
    assert spent >= limit * Decimal("0.9")
    assert told[0].cost_usd <= run_usd + callers * most / 2
    assert all(each.calls for each in told)
    now = await budgets_of(database)
    assert now["month"].spent_usd == spent
    assert now["run"].spent_usd == told[0].cost_usd
    for budget in now.values():
        assert (budget.reserved_usd, budget.presumed_usd) == (0, 0)


def most_at_once(told: Sequence[Told]) -> int:
    """How many calls were under way at the busiest moment."""
    edges = [(call[0], 1) for each in told for call in each.calls] + [
        (call[1], -1) for each in told for call in each.calls
    ]
    now = most = 0
    for _, step in sorted(edges):
        now += step
        most = max(most, now)
    return most


def worst_excess(times: Sequence[float], per_s: float) -> float:
    """By how much the calls in any span of time exceed its refill: the least capacity of a bucket that lets them all go."""
    times = sorted(times)
    # The span from call i to call j holds j - i + 1 calls; the greatest of (j - i + 1) - per_s (t_j - t_i), in one walk.
    worst, lowest = 0.0, float("inf")
    for n, time in enumerate(times):
        lowest = min(lowest, n - per_s * time)
        worst = max(worst, n + 1 - per_s * time - lowest)
    return worst


async def used_up(
    owner: AsyncConnection[TupleRow], settings: Settings, tasks: Sequence[Task], level: float
) -> list[Told]:
    """Carry tasks out where limits have been used up to this level."""
    with made_ready(url_of(settings), tasks) as processes:
        await owner.execute("UPDATE limits SET level = %s, updated_at = clock_timestamp()", [level])
        return finish(processes)


async def test_requests_hold_over_processes_whatever_their_clocks_say(
    settings: Settings, owner: AsyncConnection[TupleRow]
) -> None:
    task = Task(requests_per_minute=2400, callers=20, for_s=4.0, hold_s=0.005)
    skewed = [replace(task, skew_s=skew) for skew in (0.0, 86_400.0, -500.0)]
    told = await used_up(owner, settings, skewed, 10)
    times = [call[0] for each in told for call in each.calls]
    per_s, ahead = 40.0, 10.0
    assert worst_excess(times, per_s) <= 10 + 3 * ahead + 1
    assert len(times) >= 0.7 * per_s * 4
    # The processes had about equal parts.
    parts = sorted(len(each.calls) for each in told)
    assert parts[0] * 4 >= parts[-1]


async def test_tokens_hold_over_processes(settings: Settings, owner: AsyncConnection[TupleRow]) -> None:
    task = Task(tokens_per_minute=240_000, tokens=200, callers=20, for_s=3.0, hold_s=0.005)
    told = await used_up(owner, settings, [task] * 2, 1000)
    times = [call[0] for each in told for call in each.calls]
    # 4,000 tokens a second are 20 calls; each process holds up to 1,000 tokens ahead, which are 5 calls.
    assert worst_excess(times, 20) <= 5 + 2 * 5 + 1
    assert len(times) >= 0.7 * 20 * 3


async def test_a_slow_bucket_is_exact_over_processes(settings: Settings) -> None:
    task = Task(bucket=(12, 120, 4), callers=10, for_s=3.0, hold_s=0.001)
    urgent = replace(task, priority=0, calls=4, callers=1)
    told = together(url_of(settings), [task, replace(task, priority=2), urgent])
    ordinary = [call[0] for each in told[:2] for call in each.calls]
    assert worst_excess(ordinary, 2.0) <= 8 + 0.1
    assert len(told[2].calls) == 4  # the reserve was there for P0


@pytest.mark.parametrize("concurrency", [3, 24])
async def test_places_hold_over_processes_and_are_shared(concurrency: int, settings: Settings) -> None:
    task = Task(concurrency=concurrency, callers=30, for_s=5.0, hold_s=0.03)
    told = together(url_of(settings), [task] * 4)
    assert concurrency - 1 <= most_at_once(told) <= concurrency
    parts = sorted(len(each.calls) for each in told)
    assert parts[0] > 0
    assert parts[0] * 5 >= parts[-1]


async def test_what_a_killed_process_held_comes_back_or_counts_as_spent(database: Database, settings: Settings) -> None:
    task = Task(concurrency=4, callers=4, month_usd="1.00", most_usd="0.2", stuck=True, seed=5, alive_s=1.0)
    victim = Process(url_of(settings), task)
    try:
        assert victim.line() == "ready"
        victim.start()
        assert [victim.line() for _ in range(4)] == ["granted"] * 4
        before = await budgets_of(database)
        assert before["month"].reserved_usd > 0
        assert before["month"].presumed_usd == 0
    finally:
        victim.kill()
    (told,) = together(
        url_of(settings), [Task(concurrency=4, callers=4, month_usd="1.00", most_usd="0.001", calls=8, for_s=20.0)]
    )
    assert len(told.calls) >= 8  # its places were free again
    after = await budgets_of(database)
    assert 0 < after["month"].presumed_usd <= before["month"].reserved_usd
    assert after["month"].left_usd == Decimal("1.00") - told.cost_usd - after["month"].presumed_usd


async def test_a_tenant_that_trickles_is_served_beside_one_that_bursts(
    settings: Settings, owner: AsyncConnection[TupleRow], database: Database
) -> None:
    burst, trickle = str(uuid4()), str(uuid4())
    crowd = Task(requests_per_minute=3000, tenants=(burst,), callers=1000, for_s=4.0, hold_s=0.001)
    few = Task(requests_per_minute=3000, tenants=(trickle,), callers=2, for_s=4.0, hold_s=0.05)
    mixed = Task(requests_per_minute=3000, tenants=(burst,) * 99 + (trickle,), callers=200, for_s=4.0, hold_s=0.02)
    told = await used_up(owner, settings, [crowd, few, mixed], 5)
    assert len(told[1].calls) >= 10
    by_trickle = [call for call in told[2].calls if call[2] == trickle]
    assert len(by_trickle) >= 10
