"""The swarm of the examples: a plan of a dozen tasks, work side by side, rejections, a plan made anew, people, committed state."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from stretto import Platform, Settings, load_flow
from stretto.errors import ModelUnreachable
from stretto.flow import facts as f
from stretto.gateway.provider import ModelRequest
from stretto.review import Filter
from stretto.stream import FactEvent
from stretto.testing import ScriptedModel

SWARM = load_flow(Path(__file__).parent.parent.parent / "examples" / "swarm.yaml")
TASKS: list[dict[str, Any]] = [
    {"id": f"part-{n}", "title": f"Part {n}"} | ({"needs": ["part-0"]} if n > 8 else {}) for n in range(12)
]
AGAIN = [
    {"id": "part-3", "title": "Part 3, shorter"},
    {"id": "part-5", "title": "Part 5"},
    {"id": "extra", "title": "Extra"},
]


class Team:
    """Answers as planner, workers and judge; notes what the planner was shown."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.away: set[str] = set()

    def __call__(self, request: ModelRequest) -> str | Mapping[str, Any] | Exception:
        said = request.messages[-1].text
        match request.caller.agent:
            case "planner":
                self.seen.append(said)
                return self.plan(len(self.seen))
            case "worker":
                found = re.search(r"Your part: (.*)", said)
                assert found is not None
                if found[1] in self.away:
                    return ModelUnreachable("the line is dead")
                return f"Text of {found[1]}."
            case _:
                confidence = (
                    0.2 if "Part 3 " in said or 'its parts, "Part 3",' in said else 0.6 if "Part 7" in said else 0.95
                )
                return {"confidence": confidence, "reasons": "too long" if confidence < 0.4 else ""}

    def plan(self, turn: int) -> Mapping[str, Any]:
        """The first plan, what was not taken, and the end."""
        plans: list[tuple[list[Any], str]] = [(TASKS, "the goal"), (AGAIN, "part-3 was too long"), ([], "all is done")]
        tasks, reason = plans[min(turn, 3) - 1]
        return {"tasks": tasks, "reason": reason, "done": not tasks}


async def carried_out(settings: Settings, team: Team) -> tuple[Any, list[f.Fact], dict[str, Any]]:
    """The run, its facts and the committed state; a person takes part 7, and edits the goal after the first round."""
    quick = settings.model_copy(update={"linger_s": 10.0})
    async with Platform.open(quick, provider=ScriptedModel(team)) as platform, asyncio.timeout(60):
        runs = platform.runs()
        run_id = await runs.start(SWARM, {"name": "bakery", "goal": "a newsletter"})
        async for event in runs.follow(run_id):
            if isinstance(event, FactEvent) and event.name == "WaitStarted":
                await platform.state().put("swarms/bakery/goal", "a shorter newsletter", expected=None, by="Ada")
                await take(platform, run_id)
        facts = [f.fact_from(*each) for each in await journal(platform, run_id)]
        page = await platform.state().list("swarms/bakery/parts/")
        parts = {each.key.rpartition("/")[2]: each.value for each in page.documents}
        return await runs.get(run_id), facts, parts


async def take(platform: Platform, run_id: UUID) -> None:
    """Approve what waits for a person."""
    (waiting,) = await platform.reviews().list(Filter(run_id=run_id))
    assert waiting.confidence == 0.6
    await platform.reviews().decide(waiting.id, "approve", by="Ada")


async def journal(platform: Platform, run_id: UUID) -> list[tuple[str, dict[str, Any]]]:
    """Every fact, by name and fields."""
    rows = await platform.runs().journal(run_id)
    named = (
        (row.kind, {"step": row.step, "attempt": row.attempt} | dict(row.body or {}))
        for row in rows
        if row.body is not None
    )
    return [(kind, {key: value for key, value in body.items() if value is not None}) for kind, body in named]


async def test_a_swarm_plans_works_is_judged_plans_anew_and_commits(settings: Settings) -> None:
    team = Team()
    run, facts, parts = await carried_out(settings, team)
    assert run.status == "completed", run.error
    assert set(parts) == {task["id"] for task in TASKS} | {"extra"}
    assert parts["part-3"] == {"title": "Part 3, shorter", "text": "Text of Part 3, shorter."}
    assert parts["part-7"]["text"] == "Text of Part 7."
    plans = [fact for fact in facts if isinstance(fact, f.MapExpanded)]
    assert [(len(plan.items), plan.reason) for plan in plans] == [
        (12, "the goal"),
        (3, "part-3 was too long"),
        (0, "all is done"),
    ]
    assert plans[1].added == ["extra"]
    assert "part-0" in plans[1].dropped
    # The planner of the second round is shown what became of the first, and the goal as a person has edited it.
    assert "part-3: not taken (too long)" in team.seen[1]
    assert "part-7: taken" in team.seen[1]
    assert "The goal: a newsletter" in team.seen[0]
    assert "The goal: a shorter newsletter" in team.seen[1]


async def test_a_provider_that_is_away_costs_tasks_and_they_are_planned_anew(settings: Settings) -> None:
    team = Team()
    team.away = {"Part 5"}
    original = team.plan

    def plan(turn: int) -> Mapping[str, Any]:
        if turn == 2:
            team.away = set()
        return original(turn)

    team.plan = plan
    run, _, parts = await carried_out(settings, team)
    assert run.status == "completed", run.error
    assert "part-5: not taken" in team.seen[1]
    assert parts["part-5"]["text"] == "Text of Part 5."
