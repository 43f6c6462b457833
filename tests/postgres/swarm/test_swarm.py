"""The swarm of the examples: a plan of a dozen tasks, work side by side, rejections, a plan made anew, people, committed state."""

from __future__ import annotations

from stretto import Settings
from stretto.flow import facts as f
from tests.postgres.swarm.recorded import check_recorded
from tests.postgres.swarm.scenes import calm
from tests.postgres.swarm.team import BETTER, EXTRA, GOAL, PARTS


async def test_a_swarm_plans_works_is_judged_plans_anew_and_commits(settings: Settings) -> None:
    played = await calm(settings)
    assert played.run.status == "completed", played.run.error
    texts = played.texts
    assert set(texts) == {*PARTS, EXTRA[0]}
    assert texts["bread"] == PARTS["bread"][1]
    assert texts["recipe"] == PARTS["recipe"][1], "the long one was rejected"
    assert texts["prices"] == BETTER["more warmly"]
    assert texts["farmer"] == BETTER["with the farm's name"], "a person had sent it back"
    assert texts["question"] == "Which bread that you miss is nowhere to be had? Write to us, and we try to bake it."
    plans = [fact for fact in played.facts if isinstance(fact, f.MapExpanded)]
    assert [len(plan.items) for plan in plans] == [12, 4, 0]
    assert plans[0].reason == "what the goal needs"
    assert plans[1].reason == "recipe: too long; farmer: name the farm; prices: too dry"
    assert plans[1].added == [EXTRA[0]]
    assert "bread" in plans[1].dropped
    assert plans[2].reason == "all is done"
    decisions = [fact for fact in played.facts if isinstance(fact, f.ReviewDecided)]
    assert sorted(fact.verdict for fact in decisions) == ["approve", "reject"]
    # The planner of the second round is shown what became of the first, and the goal as a person has edited it.
    first, second, _ = played.team.asked["planner"]
    assert "recipe: not taken (too long)" in second
    assert "bread: taken" in second
    assert f"The goal: {GOAL}\n" in first
    assert f"The goal: {GOAL}, for people in a hurry\n" in second
    check_recorded("swarm", played)


async def test_workers_work_side_by_side_and_are_given_what_they_need(settings: Settings) -> None:
    played = await calm(settings)
    at_work = most = 0
    for row in played.rows:
        if row.step is not None and row.step.endswith(".draft"):
            at_work += (row.kind == "StepStarted") - (row.kind == "StepCompleted")
            most = max(most, at_work)
    assert most >= 4
    (asked,) = [each for each in played.team.asked["worker"] if f"Your part: {PARTS['subject'][0]}" in each]
    assert '"bread"' in asked, "the subject line needs the bread"
    assert all("Known already" not in each for each in played.team.asked["worker"] if PARTS["greeting"][0] in each)


async def test_what_the_swarm_gives_is_all_that_was_committed(settings: Settings) -> None:
    played = await calm(settings)
    given = {document["key"].rpartition("/")[2]: document["value"]["text"] for document in played.run.output["parts"]}
    assert given == played.texts
