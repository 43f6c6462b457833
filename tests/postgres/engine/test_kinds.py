"""Each kind of step, carried out by a worker: order, bounds, and what the next step reads."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from stretto.flow import facts as f
from stretto.gateway.provider import ModelRequest
from stretto.testing import ScriptedModel
from tests.crash.played import PlayedModel, step_of
from tests.postgres.engine.stage import Held, Stage, flow, until

AGENTS = {
    "writer": {"model": "m", "prompt": "Write.\n"},
    "reader": {"model": "m", "prompt": "{{ segment }}\n"},
    "guard": {"model": "m", "prompt": "{{ text }}\n", "returns": "Verdict"},
    "planner": {"model": "m", "prompt": "Plan.\n", "returns": "Plan"},
}
TASK_STEPS = {"do": {"tool": "work", "input": {"id": "{{ item.id }}", "needs": "{{ needs }}"}}}
PLANNED = {"plan": {"tool": "plan"}, "tasks": {"map": {"tasks": "{{ plan.tasks }}"}, "steps": TASK_STEPS}}


async def double(n: int) -> int:
    return 2 * n


async def test_a_map_gives_the_outputs_in_the_order_of_its_items_at_most_so_many_at_once(stage: Stage) -> None:
    held = Held()
    stage.use(held=held.tool, double=double)
    steps = {
        "m": {
            "map": {"over": "{{ range(7) | list }}", "concurrency": 3},
            "steps": {"h": {"tool": "held"}, "d": {"tool": "double", "input": {"n": "{{ item }}"}, "after": ["h"]}},
        }
    }
    async with stage.working():
        run_id = await stage.start(flow(steps))
        await held.called(3)
        await stage.happened(run_id, "StepStarted", times=3)
        held.let_go()
        assert (await stage.ended(run_id)).output == [0, 2, 4, 6, 8, 10, 12]
    assert held.most_at_work <= 3
    assert held.calls == 7


async def test_a_map_over_nothing_gives_nothing(stage: Stage) -> None:
    stage.use(double=double)
    steps = {"m": {"map": {"over": "{{ [] }}"}, "steps": {"d": {"tool": "double", "input": {"n": 1}}}}}
    async with stage.working():
        assert (await stage.carry_out(flow(steps))).output == []


async def test_a_flow_has_at_most_so_many_steps_at_work(stage: Stage) -> None:
    held = Held()
    stage.use(held=held.tool)
    async with stage.working():
        run_id = await stage.start(flow({f"s{n}": {"tool": "held"} for n in range(6)}, concurrency=2))
        await held.called(2)
        await stage.happened(run_id, "StepStarted", times=2)
        held.let_go()
        await stage.ended(run_id)
    assert held.most_at_work == 2
    assert held.calls == 6


async def test_each_takes_at_most_so_many_segments_at_once_while_the_text_is_still_written(stage: Stage) -> None:
    model = ScriptedModel({"code": [["a\n", "b\n", "c\n", "d\n", "e\n"]]}, gated=True)
    held = Held()

    async def look(line: str, n: int) -> str:
        return f"{n}{line.strip()}{await held()}"

    stage.use(model, look=look)
    steps = {
        "code": {"agent": "writer"},
        "notes": {
            "tool": "look",
            "input": {"line": "{{ segment }}", "n": "{{ index }}"},
            "each": {"of": "code", "by": "line", "concurrency": 2},
        },
    }
    async with stage.working():
        run_id = await stage.start(flow(steps, agents=AGENTS))
        await model.release(4)
        await held.called(2)
        await stage.happened(run_id, "SegmentCut", times=3)
        assert "StepCompleted" not in await stage.kinds(run_id, "code")
        held.let_go()
        model.open()
        run = await stage.ended(run_id)
    assert [str(value)[:2] for value in run.output] == ["0a", "1b", "2c", "3d", "4e"]
    assert held.most_at_work == 2


async def test_tasks_of_a_plan_begin_as_soon_as_what_they_need_is_done(stage: Stage) -> None:
    began: list[str] = []
    gates = {"slow": asyncio.Event()}

    async def plan() -> dict[str, Any]:
        needs = {"slow": [], "a": [], "b": ["a"], "c": ["b", "slow"]}
        return {"tasks": [{"id": id_, "needs": needed} for id_, needed in needs.items()]}

    async def work(id: str, needs: dict[str, Any]) -> dict[str, Any]:
        began.append(id)
        if id in gates:
            await gates[id].wait()
        return {"id": id, "had": sorted(needs), "said": {name: value["id"] for name, value in needs.items()}}

    stage.use(plan=plan, work=work)
    async with stage.working():
        run_id = await stage.start(flow(PLANNED))
        await stage.happened(run_id, "StepCompleted", "tasks[2].do")
        assert began == ["slow", "a", "b"]
        gates["slow"].set()
        run = await stage.ended(run_id)
    assert [item["had"] for item in run.output] == [[], [], ["a"], ["b", "slow"]]
    assert run.output[3]["said"] == {"b": "b", "slow": "slow"}
    expanded = next(fact for fact in await stage.facts(run_id) if isinstance(fact, f.MapExpanded))
    assert expanded.needs == [[], [], [1], [2, 0]]


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ([{"id": "a", "needs": ["b"]}, {"id": "b", "needs": ["a"]}], "goes in a circle: a needs b needs a."),
        ([{"id": "a", "needs": ["a"]}], "goes in a circle: a needs a."),
        (
            [{"id": "alpha"}, {"id": "b", "needs": ["alpa"]}],
            "needs 'alpa', which is not in the plan. Did it mean 'alpha'?",
        ),
        ([{"id": "a"}, {"id": "a"}], "has two tasks 'a'. Give each its own `id`."),
        ([{"needs": []}], "Task 0 of the plan for tasks has no `id`."),
        ([{"id": "a", "needs": "b"}], "`needs` of task 'a' for tasks must be a list of task ids."),
        ([{"id": str(n)} for n in range(6)], "would run over 6 items, more than its `max` of 5."),
        ("none", "needs a list, but `{{ plan.tasks }}` gave a text."),
    ],
)
async def test_a_plan_that_cannot_be_carried_out_fails_before_anything_of_it_runs(
    stage: Stage, tasks: Any, message: str
) -> None:
    async def plan() -> dict[str, Any]:
        return {"tasks": tasks}

    async def work(id: str, needs: dict[str, Any]) -> str:
        return id

    stage.use(plan=plan, work=work)
    steps = {"plan": {"tool": "plan"}, "tasks": {**PLANNED["tasks"], "map": {"tasks": "{{ plan.tasks }}", "max": 5}}}
    async with stage.working():
        run = await stage.carry_out(flow(steps))
    assert run.status == "failed"
    assert run.error["step"] == "tasks"
    assert message in run.error["error"]
    assert await stage.attempts(run.id) == ["plan"]


async def test_a_loop_reads_its_last_turn_and_ends_when_its_condition_holds_or_after_its_most_turns(
    stage: Stage,
) -> None:
    async def add(before: int | None, step: int) -> int:
        return (before or 0) + step

    stage.use(add=add)
    body = {"sum": {"tool": "add", "input": {"before": "{{ sum }}", "step": "{{ turn }}"}}}
    async with stage.working():
        run = await stage.carry_out(flow({"l": {"loop": {"until": "sum >= 6", "max": 9}, "steps": body}}))
        assert run.output == 6
        assert await stage.attempts(run.id) == ["l[1].sum", "l[2].sum", "l[3].sum"]
        bounded = await stage.carry_out(flow({"l": {"loop": {"until": "sum >= 100", "max": 4}, "steps": body}}))
    assert bounded.output == 10
    ended = [fact for fact in await stage.facts(bounded.id) if isinstance(fact, f.StepCompleted) and fact.step == "l"]
    assert ended[0].note == "ended after its most turns (4); `until` did not hold"


@pytest.mark.parametrize(("n", "taken", "output"), [(1, 0, 10), (5, 1, 20), (9, -1, None)])
async def test_a_branch_takes_the_first_case_that_holds(stage: Stage, n: int, taken: int, output: Any) -> None:
    stage.use(double=double)
    steps = {
        "b": {
            "branch": [
                {"when": "input.n < 3", "steps": {"x": {"tool": "double", "input": {"n": 5}}}},
                {"when": "input.n < 7", "steps": {"y": {"tool": "double", "input": {"n": 10}}}},
            ]
        }
    }
    async with stage.working():
        run = await stage.carry_out(flow(steps, input={"n": {"type": "integer"}}), n=n)
    assert run.output == output
    assert f.BranchTaken(step="b", case=taken) in await stage.facts(run.id)


async def test_a_sub_flow_sees_its_own_input_and_gives_its_output(stage: Stage) -> None:
    stage.use(double=double)
    inner = {
        "flow": "inner",
        "input": {"n": {"type": "integer"}, "more": {"type": "integer", "default": 1}},
        "steps": {"d": {"tool": "double", "input": {"n": "{{ input.n + input.more }}"}}},
    }
    steps = {"s": {"flow": "inner", "input": {"n": "{{ input.n * 10 }}"}}}
    async with stage.working():
        graph = flow(steps, flows={"inner": inner}, input={"n": {"type": "integer"}}, output="{{ s + 1 }}")
        run = await stage.carry_out(graph, n=2)
    assert run.output == 43
    assert f.FlowEntered(step="s", input={"more": 1, "n": 20}) in await stage.facts(run.id)
    assert await stage.attempts(run.id) == ["s.d"]


async def test_a_watcher_stops_what_it_watches_and_the_text_so_far_is_the_output(stage: Stage) -> None:
    model = ScriptedModel(
        {"code": [["a ", "b ", "BAD ", "c ", "d "]], "look": {"approved": False, "comments": "no"}}, gated=True
    )
    stage.use(model)
    steps = {
        "code": {"agent": "writer"},
        "look": {"agent": "guard", "watch": {"of": "code", "every": {"tokens": 3}}, "on": {"reject": {"stop": "code"}}},
    }
    async with stage.working():
        run_id = await stage.start(flow(steps, agents=AGENTS, output="{{ code }}"))
        await model.release(4, of="code")
        await model.release(100, of="look")
        run = await stage.ended(run_id)
    assert run.output == "a b BAD c "
    assert f.StepStopped(step="code", attempt=1, by="look[0]") in await stage.facts(run_id)
    await until(lambda: model.active == 0, "the model call was ended")


async def test_a_watcher_steers_and_readers_drop_what_they_built_on_the_text_given_up(stage: Stage) -> None:
    def play(request: ModelRequest) -> Any:
        if step_of(request) == "code":
            return ["a\n", "bad\n", None] if request.caller.attempt == 1 else ["good\n", "c\n"]
        return {"approved": "bad" not in request.messages[0].text, "comments": "not bad"}

    async def look(line: str) -> str:
        return line.strip().upper()

    model = PlayedModel(play)
    stage.use(model, look=look)
    steps = {
        "code": {"agent": "writer"},
        "guard": {"agent": "guard", "watch": {"of": "code", "every": "line"}, "on": {"reject": {"steer": "code"}}},
        "notes": {"tool": "look", "input": {"line": "{{ segment }}"}, "each": {"of": "code", "by": "line"}},
    }
    async with stage.working():
        run = await stage.carry_out(flow(steps, agents=AGENTS, output="{{ notes | join(' ') }}"))
    text = await stage.text(run.id, "code")
    assert text in ("good\nc\n", "a\ngood\nc\n")
    assert run.output == text.upper().strip().replace("\n", " ")
    facts = await stage.facts(run.id)
    assert [fact.feedback for fact in facts if isinstance(fact, f.StepSteered)] == ["not bad"]
    dropped = {fact.step for fact in facts if isinstance(fact, f.StepDropped)}
    assert {step.partition("[")[0] for step in dropped} == {"guard", "notes"}


async def test_a_watcher_that_is_never_content_ends_the_step(stage: Stage) -> None:
    def play(request: ModelRequest) -> Any:
        return ["a ", "b ", "c ", None] if step_of(request) == "code" else {"approved": False, "comments": "no"}

    stage.use(PlayedModel(play))
    steps = {
        "code": {"agent": "writer", "retry": 1},
        "look": {
            "agent": "guard",
            "watch": {"of": "code", "every": {"tokens": 2}},
            "on": {"reject": {"steer": "code"}},
        },
    }
    async with stage.working():
        run = await stage.carry_out(flow(steps, agents=AGENTS))
    assert run.status == "failed"
    assert "look has cut this step off 5 times and rejects it still." in run.error["error"]
    assert (await stage.attempts(run.id)).count("code") == 6


async def test_items_feed_a_reader_one_by_one(stage: Stage) -> None:
    async def up(n: int) -> int:
        return n + 1

    stage.use(double=double, up=up)
    steps = {
        "m": {"map": {"over": "{{ [1, 2, 3] }}"}, "steps": {"d": {"tool": "double", "input": {"n": "{{ item }}"}}}},
        "e": {"tool": "up", "input": {"n": "{{ segment }}"}, "each": {"of": "m", "by": "item"}},
    }
    async with stage.working():
        run = await stage.carry_out(flow(steps))
    assert run.output == [3, 5, 7]


async def test_a_step_whose_condition_does_not_hold_is_skipped(stage: Stage) -> None:
    stage.use(double=double)
    steps = {
        "a": {"tool": "double", "input": {"n": 1}, "when": "input.go"},
        "b": {"tool": "double", "input": {"n": "{{ a | default(20, true) }}"}},
    }
    async with stage.working():
        run = await stage.carry_out(flow(steps, input={"go": {"type": "boolean"}}), go=False)
    assert run.output == 40
    assert f.StepSkipped(step="a", reason="`when: input.go` does not hold") in await stage.facts(run.id)


async def test_an_unknown_tool_fails_the_step_at_once(stage: Stage) -> None:
    stage.use(double=double)
    async with stage.working():
        run = await stage.carry_out(flow({"a": {"tool": "dubble"}}))
    assert "Did you mean 'double'" in run.error["error"]
    assert await stage.attempts(run.id) == ["a"]
