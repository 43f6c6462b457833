"""The whole swarm in bad weather: a worker is killed, a provider is away, somebody else writes, the money runs out."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal
from uuid import UUID

from stretto import Platform, Settings
from stretto.flow import facts as f
from stretto.stream import Cursor
from tests.crash.evidence import check_order
from tests.postgres.engine.stage import until
from tests.postgres.swarm.recorded import check_recorded
from tests.postgres.swarm.scenes import (
    SWARM,
    Played,
    attend,
    budget_spent,
    conflicting_write,
    decide,
    outcome,
    play,
    priced,
    provider_down,
    with_budget,
    worker_killed,
)
from tests.postgres.swarm.team import EXTRA, GOAL, PARTS, Team, TeamModel

WITHIN_S = 60.0


def reasons_of(played: Played) -> list[str]:
    """Why each plan is as it is."""
    return [fact.reason for fact in played.facts if isinstance(fact, f.MapExpanded)]


def asked_for(played: Played, part: str) -> list[str]:
    """What workers were told who had to write this part."""
    return [said for said in played.team.asked["worker"] if f"Your part: {PARTS[part][0]}" in said]


async def retried(platform: Platform, run_id: UUID) -> bool:
    """Whether the run has heard that it is to go on."""
    return any(row.kind == "RunRetried" for row in await platform.runs().journal(run_id))


async def test_workers_are_killed_and_no_finished_task_runs_twice_and_no_write_is_lost(settings: Settings) -> None:
    played = await worker_killed(settings, 0.01)
    assert played.run.status == "completed", played.run.error
    check_order(played.rows)  # no gap, and nothing of a step after its end
    workers = [row.body["worker"] for row in played.rows if row.kind == "RunClaimed" and row.body is not None]
    assert len(set(workers)) == 3
    again = [row.step for row in played.rows if row.kind == "StepStarted" and (row.attempt or 1) > 1]
    assert again, "somebody was in the middle of something"
    assert set(played.texts) == {*PARTS, EXTRA[0]}
    assert {part: len(versions) for part, versions in played.parts.items()} == dict.fromkeys(played.parts, 1)
    done = Counter(row.step for row in played.rows if row.kind == "StepCompleted")
    assert set(done.values()) == {1}
    assert reasons_of(played)[1] == "recipe: too long; farmer: name the farm; prices: too dry"
    check_recorded("swarm-worker-killed", played)


async def test_a_provider_that_is_away_costs_tasks_and_they_are_planned_anew(settings: Settings) -> None:
    played = await provider_down(settings)
    assert played.run.status == "completed", played.run.error
    failed = [fact.step for fact in played.facts if isinstance(fact, f.StepFailed)]
    assert len(failed) == 4, "two parts, two attempts each"
    assert "event: nobody could write it" in reasons_of(played)[1]
    assert played.texts["event"] == PARTS["event"][1]
    assert set(played.texts) == {*PARTS, EXTRA[0]}
    check_recorded("swarm-provider-down", played)


async def test_what_somebody_else_writes_meanwhile_is_built_upon_and_not_overwritten(settings: Settings) -> None:
    played = await conflicting_write(settings)
    assert played.run.status == "completed", played.run.error
    (failed,) = [fact for fact in played.facts if isinstance(fact, f.StepFailed)]
    assert (failed.kind, failed.retry_in_s) == ("StateConflict", None), "the same write would be refused again"
    first, second = played.parts["question"]
    assert (first.by, second.by) == ("Ada", f"run {played.run.id}")
    assert first.value["text"] == "What shall we bake for your birthday?"
    assert second.value["text"].startswith(first.value["text"]), "hers is in it"
    assert "question: somebody else has changed this part meanwhile" in reasons_of(played)[1]
    before, after = asked_for(played, "question")
    assert "birthday" not in before
    assert "birthday" in after
    # The text that builds upon hers was judged, and passed by a person, anew.
    decisions = [fact for fact in played.facts if isinstance(fact, f.ReviewDecided) and fact.verdict == "approve"]
    assert len(decisions) == 2
    assert all(len(versions) == 1 for part, versions in played.parts.items() if part != "question")
    check_recorded("swarm-conflicting-write", played)


async def test_the_planner_is_told_that_the_money_is_nearly_spent_and_plans_no_more(settings: Settings) -> None:
    played = await budget_spent(settings)
    assert played.run.status == "completed", played.run.error
    assert reasons_of(played) == ["what the goal needs", "the budget is nearly spent"]
    assert "There are 0.036 US dollars left" in played.team.asked["planner"][0]
    spent = played.run.output["spent_usd"]
    assert 0 < spent <= 0.036
    assert set(played.texts) == set(PARTS) - {"recipe", "farmer", "prices"}
    check_recorded("swarm-budget-spent", played)


async def test_a_run_whose_money_runs_out_says_so_and_with_more_the_swarm_goes_on_from_what_is_committed(
    settings: Settings,
) -> None:
    short = await play(settings, Team(near_end_usd=0), graph=with_budget("0.024 usd"), config=priced("10"))
    assert short.run.status == "failed"
    assert short.run.error is not None
    assert "of 0.024 US dollars left" in short.run.error["error"]
    assert "Raise the budget" in short.run.error["error"]
    assert 0 < short.run.cost_usd <= Decimal("0.024")
    kinds = {fact.kind for fact in short.facts if isinstance(fact, f.StepFailed)}
    assert kinds == {"BudgetExceeded"}
    kept = short.texts
    assert 0 < len(kept) < len(PARTS)

    whole = await play(settings, Team(), graph=with_budget("2 usd"), config=priced("10"))
    assert whole.run.status == "completed", whole.run.error
    assert not any(asked_for(whole, part) for part in kept), "what is done stays"
    assert set(whole.texts) >= set(PARTS)
    assert all(whole.texts[part] == text for part, text in kept.items())


async def test_a_month_that_is_spent_stops_the_run_and_when_it_is_raised_the_same_run_goes_on(
    settings: Settings,
) -> None:
    team = Team()
    quick = settings.model_copy(update={"linger_s": 10.0})
    config = priced("10", month_usd="0.024")
    async with (
        Platform.open(quick, provider=TeamModel(team), config=config) as platform,
        asyncio.timeout(WITHIN_S),
    ):
        runs = platform.runs()
        run_id = await runs.start(SWARM, {"name": "bakery", "goal": GOAL})
        await attend(platform, run_id, decide)
        stopped = await outcome(platform, run_id, team)
        assert stopped.run.status == "failed"
        assert "The tenant's month has" in stopped.run.error["error"]
        assert 0 < len(stopped.texts) < len(PARTS)

        await platform.gateway.reconfigure(priced("10", month_usd="5"))
        await runs.retry(run_id, by="Ada")
        await until(lambda: retried(platform, run_id), "the run is retried")
        await attend(platform, run_id, decide, after=Cursor(len(stopped.rows)))
        played = await outcome(platform, run_id, team)
    assert played.run.status == "completed", played.run.error
    check_order(played.rows)
    assert played.rows[: len(stopped.rows)] == stopped.rows
    assert set(played.texts) == {*PARTS, EXTRA[0]}
    assert all(len(versions) == 1 for versions in played.parts.values())
