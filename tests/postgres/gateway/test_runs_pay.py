"""Runs and the gateway together: budgets, buckets and fallback as the facts of a run tell them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from stretto.engine import Run
from stretto.engine.rows import facts_of
from stretto.engine.store import TenantLog
from stretto.errors import ModelBroken
from stretto.flow import facts as f
from stretto.flow.compile import compile_document
from stretto.gateway.config import Bucket, Budgets, GatewayConfig, Limits, Price, Route, Tier, stand_in
from stretto.gateway.provider import ModelProvider
from stretto.platform import Platform
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT
from stretto.testing import ScriptedModel

AGENTS = {"writer": {"model": "m", "prompt": "Write.\n", "max_tokens": 10}}
CENT_A_TOKEN = Price(Decimal(0), Decimal("0.01"))


def priced(**changes: Any) -> GatewayConfig:
    """One scripted deployment, a cent for each token of its answers."""
    config = stand_in("scripted", "simulated")
    deployment = replace(config.deployments["scripted"], price=CENT_A_TOKEN)
    route = config.routes["default"]
    held = replace(route.tiers[0].deployments[0], deployment=deployment)
    bucket = changes.pop("bucket", None)
    route = Route("default", (Tier((held,)),), bucket=None if bucket is None else bucket.name)
    buckets = {} if bucket is None else {bucket.name: bucket}
    return replace(config, routes={"default": route}, deployments={"scripted": deployment}, buckets=buckets, **changes)


@asynccontextmanager
async def house(settings: Settings, model: ModelProvider, config: GatewayConfig) -> AsyncGenerator[Platform]:
    async with Platform.open(settings, provider=model, config=config) as platform:
        yield platform


async def facts(platform: Platform, run_id: UUID) -> Sequence[f.Fact]:
    return facts_of(await TenantLog(platform.database, DEFAULT_TENANT).read(run_id, 0, 10_000))


async def ended(platform: Platform, run_id: UUID, *also: str) -> Run:
    async with asyncio.timeout(60):
        while True:
            run = await platform.runs().get(run_id)
            if run.status in ("completed", "failed", "cancelled", *also):
                return run
            await asyncio.sleep(0.02)


async def carry_out(platform: Platform, document: dict[str, Any], *also: str, priority: int | None = None) -> Run:
    graph = compile_document({"flow": "paid", "agents": AGENTS, **document})
    return await ended(platform, await platform.runs().start(graph, {}, priority=priority), *also)


LOOP = {"l": {"loop": {"until": "false", "max": 9}, "steps": {"code": {"agent": "writer"}}}}


async def test_a_run_stops_calling_models_when_its_budget_is_spent(settings: Settings):
    model = ScriptedModel({"writer": "one two three four"})
    async with house(settings, model, priced()) as platform:
        run = await carry_out(platform, {"steps": LOOP, "budget": "0.20 usd"})
        told = await facts(platform, run.id)
        await platform.gateway.flush()
        (row,) = await platform.usage().by(DEFAULT_TENANT, ["run"])
    assert run.status == "failed"
    assert "The run has" in run.error["error"]
    calls = [fact for fact in told if isinstance(fact, f.CallDecided)]
    assert [call.outcome for call in calls] == ["admitted"] * (len(calls) - 1) + ["rejected"]
    # Ten tokens are reserved for a call, so the last is refused while less than ten cents are left.
    assert Decimal("0.10") < run.cost_usd <= Decimal("0.20")
    assert run.cost_usd == row.cost_usd == sum(Decimal(call.cost_usd) for call in calls)
    failed = next(fact for fact in told if isinstance(fact, f.StepFailed))
    assert (failed.step[:2], failed.kind) == ("l[", "BudgetExceeded")


async def test_steps_at_once_do_not_overshoot_a_budget(settings: Settings):
    model = ScriptedModel({"writer": "one two three four five six seven eight nine ten"})
    items = [str(n) for n in range(30)]
    many = {"fan": {"map": {"over": items, "concurrency": 30}, "steps": {"write": {"agent": "writer", "retry": 1}}}}
    async with house(settings, model, priced()) as platform:
        run = await carry_out(platform, {"steps": many, "budget": "0.55 usd"})
    assert run.status == "failed"
    assert run.cost_usd <= Decimal("0.55")
    assert len(model.requests) == 5


async def test_a_steps_budget_counts_all_its_turns(settings: Settings):
    model = ScriptedModel({"writer": "one two three four"})
    steps = {"l": {"loop": {"until": "false", "max": 9}, "steps": {"code": {"agent": "writer", "budget": "0.15 usd"}}}}
    async with house(settings, model, priced()) as platform:
        run = await carry_out(platform, {"steps": steps})
    assert "The step has" in run.error["error"]
    assert run.cost_usd <= Decimal("0.15")


async def test_a_tenants_month_ends_for_all_its_runs(settings: Settings):
    model = ScriptedModel({"writer": "one two three four five six seven eight nine ten"})
    config = priced(budgets=Budgets(month_usd=Decimal("0.25")))
    async with house(settings, model, config) as platform:
        runs = [await carry_out(platform, {"steps": {"a": {"agent": "writer"}}}) for _ in range(3)]
        shown = await platform.gateway.limits_overview(DEFAULT_TENANT)
    assert [run.status for run in runs] == ["completed", "completed", "failed"]
    assert "The tenant's month has" in runs[2].error["error"]
    (month,) = [budget for budget in shown.budgets if budget.kind == "month"]
    assert month.limit_usd == Decimal("0.25")
    assert month.spent_usd + month.reserved_usd >= Decimal("0.20")


async def test_who_wants_hears_of_budgets_that_runs_have_exhausted(settings: Settings):
    model = ScriptedModel({"writer": "one two three four"})
    config = priced(budgets=Budgets(month_usd=Decimal("0.50")))
    async with house(settings, model, config) as platform:
        first = await carry_out(platform, {"steps": LOOP, "budget": "0.20 usd"})
        fan = {"map": {"over": list("abcdefgh"), "concurrency": 8}, "steps": {"write": {"agent": "writer", "retry": 1}}}
        _, *refused = [await carry_out(platform, {"steps": {"fan": fan}}) for _ in range(3)]
        await platform.gateway.flush()
        async with asyncio.timeout(10):
            while len(told := await platform.events().list(type_="stretto.budget.")) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    assert {run.status for run in (first, *refused)} == {"failed"}
    month, of_run = (each.data for each in told)
    assert {**of_run, "spent_usd": ""} == {
        "budget": f"run:{first.id}",
        "limit_usd": "0.2",
        "spent_usd": "",
        "needed_usd": "0.1",
    }
    assert Decimal(of_run["spent_usd"]) == first.cost_usd
    assert month["budget"].startswith("month:")
    assert Decimal("0.40") < Decimal(month["spent_usd"]) <= Decimal("0.50")


@pytest.mark.parametrize(
    ("priority", "level", "status", "outcome"),
    [
        (0, 1.0, "completed", "admitted"),  # the reserve is there for it
        (1, 3.5, "completed", "waited"),
        (2, 2.0, "waiting", "deferred"),
        (3, 2.0, "completed", "skipped"),
    ],
)
async def test_a_bucket_nearly_empty_serves_by_priority(
    settings: Settings, priority: int, level: float, status: str, outcome: str
):
    # The table of the mission, but a token comes each second.
    bucket = Bucket("posts", capacity=30, refill_per_minute=60, reserve=5)
    model = ScriptedModel({"writer": "words"})
    async with house(settings, model, priced(bucket=bucket)) as platform:
        async with platform.database.system() as connection:
            await connection.execute(
                "UPDATE limits SET level = %s, updated_at = clock_timestamp() WHERE name LIKE '%%posts'", [level]
            )
        run = await carry_out(platform, {"steps": {"a": {"agent": "writer"}}}, "waiting", priority=priority)
        told = await facts(platform, run.id)
    assert run.status == status
    assert [fact.outcome for fact in told if isinstance(fact, f.CallDecided)] == [outcome]
    if outcome == "deferred":
        (deferred,) = [fact for fact in told if isinstance(fact, f.StepDeferred)]
        assert deferred.in_s == 1800
        assert not [fact for fact in told if isinstance(fact, f.StepFailed)]
    if outcome == "skipped":
        assert [fact.step for fact in told if isinstance(fact, f.StepSkipped)] == ["a"]


async def test_a_fallback_is_told_and_its_text_stands_once(settings: Settings):
    config = stand_in("scripted", "simulated")
    first = replace(config.deployments["scripted"], name="first", price=CENT_A_TOKEN)
    second = replace(first, name="second")
    held = config.routes["default"].tiers[0].deployments[0]
    tiers = tuple(Tier((replace(held, deployment=each),)) for each in (first, second))
    config = replace(
        config, routes={"default": Route("default", tiers)}, deployments={"first": first, "second": second}
    )
    model = ScriptedModel([["half of ", ModelBroken("cut")], "the whole text"])
    async with house(settings, model, config) as platform:
        run = await carry_out(platform, {"steps": {"a": {"agent": "writer"}}})
        told = await facts(platform, run.id)
    assert (run.status, run.output) == ("completed", "the whole text")
    decided = [fact for fact in told if isinstance(fact, f.CallDecided)]
    assert [(fact.deployment, bool(fact.error)) for fact in decided] == [("first", True), ("second", False)]
    assert [fact.position for fact in told if isinstance(fact, f.TextRetracted)] == [0]
    assert not [fact for fact in told if isinstance(fact, f.StepFailed)]
    assert run.cost_usd == Decimal("0.04"), "one token of the first, three of the second"


async def test_a_command_that_only_looks_leaves_the_limits_as_they_are(settings: Settings):
    config = priced(bucket=Bucket("posts"))
    deployment = replace(config.deployments["scripted"], limits=Limits(requests_per_minute=60, concurrency=3))
    held = replace(config.routes["default"].tiers[0].deployments[0], deployment=deployment)
    route = replace(config.routes["default"], tiers=(Tier((held,)),))
    config = replace(config, routes={"default": route}, deployments={"scripted": deployment})
    async with house(settings, ScriptedModel([]), config) as platform:
        before = await platform.gateway.limits_overview(DEFAULT_TENANT)
        async with Platform.open(settings, worker=False) as other:
            seen = await other.gateway.limits_overview(DEFAULT_TENANT)
        after = await platform.gateway.limits_overview(DEFAULT_TENANT)
    kinds = ["bucket", "concurrency", "requests"]
    for shown in (before, seen, after):
        assert sorted(limit.kind for limit in shown.limits) == kinds
    assert {limit.capacity for limit in after.limits} == {30, 3, 60}
