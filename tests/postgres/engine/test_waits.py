"""Runs that wait for time, events and people: no process holds them, and each wait ends once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.engine import Worker
from stretto.errors import NotPossible
from stretto.flow import facts as f
from stretto.flow.graph import Graph
from stretto.review import Edit, Filter
from tests.postgres.engine.stage import Held, Stage, flow, until

ASK = flow(
    {"ask": {"review": {"show": "{{ input.text }}", "question": "Is it good?"}}}, input={"text": {"type": "string"}}
)
EVENT = {"paid": {"wait": {"event": "order.paid", "key": "{{ input.order }}"}}}
ORDER = flow(EVENT, input={"order": {"type": "string"}}, output="{{ paid.data }}")


async def resting(stage: Stage, worker: Worker, graph: Graph, **input: object) -> UUID:
    """A run that waits, and that no process holds."""
    run_id = await stage.start(graph, **input)
    await stage.has_status(run_id, "waiting")
    await until(lambda: worker.active_runs == 0, "no process holds the run")
    return run_id


async def test_a_timer_fires_in_whichever_process_lives(stage: Stage, owner: AsyncConnection[TupleRow]) -> None:
    async with stage.working() as worker:
        run_id = await resting(stage, worker, flow({"w": {"wait": {"for": "400ms"}}}))
    async with stage.working():
        run = await stage.ended(run_id)
    assert run.output == {"timed_out": True, "data": None}
    rows = await stage.rows(run_id)
    began, fired = (next(row for row in rows if row.kind == kind) for kind in ("WaitStarted", "TimerFired"))
    assert fired.at - began.at >= timedelta(milliseconds=400)
    assert await left_over(owner) == (0, 0, 0)


async def test_a_timer_that_is_due_while_no_worker_lives_fires_when_one_comes(stage: Stage) -> None:
    async with stage.working() as worker:
        run_id = await resting(stage, worker, flow({"w": {"wait": {"for": "200ms"}}}))
    await asyncio.sleep(0.3)
    async with stage.working():
        assert (await stage.ended(run_id)).status == "completed"


async def test_a_time_that_has_passed_is_not_waited_for(stage: Stage) -> None:
    graph = flow({"w": {"wait": {"until": "{{ input.day }}"}}}, input={"day": {"type": "string"}})
    async with stage.working():
        run = await stage.carry_out(graph, day="2001-09-09T01:46:40Z")
    assert run.status == "completed"


async def test_an_event_is_for_those_who_wait_for_its_key(stage: Stage) -> None:
    async with stage.working() as worker:
        first, second = [await resting(stage, worker, ORDER, order=order) for order in ("1", "2")]
        any_key = await resting(stage, worker, flow({"w": {"wait": {"event": "order.paid"}}}, output="{{ w.data }}"))
        await stage.runs.deliver("order.shipped", key="1")
        await stage.runs.deliver("order.paid", {"eur": 7}, key="2")
        assert (await stage.ended(second)).output == {"eur": 7}
        assert (await stage.ended(any_key)).output == {"eur": 7}
        assert (await stage.runs.get(first)).status == "waiting"
        await stage.runs.deliver("order.paid", {"eur": 8}, key="1")
        assert (await stage.ended(first)).output == {"eur": 8}


async def test_two_runs_that_wait_for_the_same_event_both_get_it(stage: Stage) -> None:
    async with stage.working() as worker:
        ids = [await resting(stage, worker, ORDER, order="1") for _ in range(2)]
        await stage.runs.deliver("order.paid", 1, key="1")
        assert [(await stage.ended(run_id)).output for run_id in ids] == [1, 1]


async def test_an_event_that_came_before_the_wait_does_not_count(stage: Stage) -> None:
    await stage.runs.deliver("order.paid", "early", key="1")
    async with stage.working() as worker:
        run_id = await resting(stage, worker, ORDER, order="1")
        await stage.runs.deliver("order.paid", "late", key="1")
        assert (await stage.ended(run_id)).output == "late"


async def test_of_two_events_the_first_counts(stage: Stage) -> None:
    async with stage.working() as worker:
        run_id = await resting(stage, worker, ORDER, order="1")
        await stage.runs.deliver("order.paid", 1, key="1")
        await stage.runs.deliver("order.paid", 2, key="1")
        assert (await stage.ended(run_id)).output == 1
    assert (await stage.kinds(run_id)).count("EventReceived") == 1


async def test_a_wait_for_an_event_times_out(stage: Stage, owner: AsyncConnection[TupleRow]) -> None:
    graph = flow({"w": {"wait": {"event": "never", "timeout": "150ms"}}})
    async with stage.working() as worker:
        run_id = await resting(stage, worker, graph)
        assert (await stage.ended(run_id)).output == {"timed_out": True, "data": None}
        await stage.runs.deliver("never", 1)
    assert (await stage.rows(run_id))[-1].kind == "RunCompleted"
    assert await left_over(owner) == (0, 0, 0)


async def test_an_event_in_time_leaves_no_timer(stage: Stage, owner: AsyncConnection[TupleRow]) -> None:
    graph = flow({"w": {"wait": {"event": "soon", "timeout": "1h"}}})
    async with stage.working() as worker:
        run_id = await resting(stage, worker, graph)
        await stage.runs.deliver("soon", 1)
        assert (await stage.ended(run_id)).output == {"timed_out": False, "data": 1}
    assert await left_over(owner) == (0, 0, 0)


async def test_a_flow_emits_what_another_waits_for(stage: Stage) -> None:
    emits = flow(
        {"e": {"emit": {"event": "order.paid", "key": "{{ input.order }}"}, "input": {"eur": 9}}},
        input={"order": {"type": "string"}},
    )
    async with stage.working() as worker:
        run_id = await resting(stage, worker, ORDER, order="5")
        assert (await stage.carry_out(emits, order="5")).output == {"eur": 9}
        assert (await stage.ended(run_id)).output == {"eur": 9}


async def test_a_person_decides(stage: Stage) -> None:
    async with stage.working() as worker:
        run_id = await resting(stage, worker, ASK, text="a draft")
        (asked,) = await stage.reviews.list(Filter(run_id=run_id))
        assert (asked.run_id, asked.step, asked.question, asked.excerpt) == (run_id, "ask", "Is it good?", "a draft")
        await stage.decide(run_id, "ask", "reject", by="ann", comments="too short", edit=Edit("a longer draft"))
        run = await stage.ended(run_id)
    assert run.output == {
        "approved": False,
        "verdict": "reject",
        "comments": "too short",
        "by": "ann",
        "value": "a longer draft",
    }
    assert await stage.reviews.list() == []


async def test_what_was_shown_is_the_value_unless_the_person_changes_it(stage: Stage) -> None:
    async with stage.working() as worker:
        run_id = await resting(stage, worker, ASK, text="a draft")
        await stage.decide(run_id, "ask", "approve", by="ann")
        assert (await stage.ended(run_id)).output["value"] == "a draft"


async def test_of_many_decisions_at_once_one_counts_and_the_others_are_told_so(stage: Stage) -> None:
    async with stage.working() as worker:
        run_id = await resting(stage, worker, ASK, text="a draft")

        async def decide(by: str) -> str | None:
            try:
                await stage.decide(run_id, "ask", "approve", by=by)
            except NotPossible:
                return None
            return by

        heard = [by for by in await asyncio.gather(*(decide(f"person {n}") for n in range(10))) if by is not None]
        assert len(heard) == 1
        assert (await stage.ended(run_id)).output["by"] == heard[0]
    with pytest.raises(NotPossible, match="was decided already: approve by person"):
        await stage.decide(run_id, "ask", "approve", by="late")


async def test_a_decision_is_kept_while_no_worker_lives(stage: Stage) -> None:
    async with stage.working() as worker:
        run_id = await resting(stage, worker, ASK, text="a draft")
    await stage.decide(run_id, "ask", "approve", by="ann")
    async with stage.working():
        assert (await stage.ended(run_id)).output["by"] == "ann"


async def test_a_decision_while_another_step_is_at_work_counts_at_once(stage: Stage) -> None:
    held = Held()
    stage.use(held=held.tool)
    graph = flow({"h": {"tool": "held"}, "ask": {"review": {"show": "x", "question": "?"}}})
    async with stage.working():
        run_id = await stage.start(graph)
        await held.called()
        await stage.happened(run_id, "WaitStarted")
        await stage.decide(run_id, "ask", "approve", by="ann")
        await stage.happened(run_id, "StepCompleted", "ask")
        held.let_go()
        await stage.ended(run_id)
    assert (await stage.kinds(run_id)).count("RunClaimed") == 1


async def test_a_run_that_waits_for_several_things_at_once_takes_each(stage: Stage) -> None:
    steps = {
        "t": {"wait": {"for": "300ms"}},
        "e": {"wait": {"event": "go"}},
        "ask": {"review": {"show": "x", "question": "?"}},
    }
    graph = flow(steps, output="{{ e.data }} {{ ask.by }} {{ t.timed_out }}")
    async with stage.working() as worker:
        run_id = await resting(stage, worker, graph)
        await stage.runs.deliver("go", "gone")
        await stage.decide(run_id, "ask", "approve", by="ann")
        assert (await stage.ended(run_id)).output == "gone ann true"


async def test_a_timer_is_armed_again_after_the_run_was_woken_by_something_else(stage: Stage) -> None:
    steps = {"t": {"wait": {"for": "500ms"}}, "e": {"wait": {"event": "go"}}}
    async with stage.working() as worker:
        run_id = await resting(stage, worker, flow(steps))
        await stage.runs.deliver("go")
        await stage.happened(run_id, "RunRested", times=2)
        await stage.ended(run_id)
    fired = next(fact for fact in await stage.facts(run_id) if isinstance(fact, f.TimerFired))
    assert fired.step == "t"


@pytest.mark.timeout(300)
async def test_a_thousand_runs_wait_for_a_person_without_any_process_and_all_wake(stage: Stage) -> None:
    count = 1000
    graph = flow({"ask": {"review": {"show": "x", "question": "?"}}}, output="{{ ask.comments }}")
    async with stage.working(pool_size=8) as worker:
        tasks_before = len(asyncio.all_tasks())
        ids = await asyncio.gather(*(stage.start(graph) for _ in range(count)))

        async def all_rest() -> bool:
            return len(await stage.runs.list(status="waiting", limit=1000)) == count

        await until(all_rest, "all runs rest", every_s=0.3)
        await until(lambda: worker.active_runs == 0, "no process holds any of them")
        await until(lambda: len(asyncio.all_tasks()) <= tasks_before + 5, "no task is left of them")
        assert len(await stage.reviews.list(limit=2000)) == count
        decisions = (stage.decide(run_id, "ask", "approve", by="ann", comments=str(run_id)) for run_id in ids)
        await asyncio.gather(*decisions)

        async def all_done() -> bool:
            return len(await stage.runs.list(status="completed", limit=1000)) == count

        await until(all_done, "all runs are completed", every_s=0.3)
        assert {str(run.id): run.output for run in await stage.runs.list(limit=1000)} == {str(i): str(i) for i in ids}
        await until(lambda: worker.active_runs == 0, "nothing is held")


async def left_over(owner: AsyncConnection[TupleRow]) -> tuple[int, ...]:
    """Rows of waits, timers and signals."""
    tables = ("waits", "timers", "signals")
    counts = [await (await owner.execute(f"SELECT count(*) FROM stretto.{table}")).fetchone() for table in tables]  # pyright: ignore
    return tuple(row[0] for row in counts if row)


async def test_a_year_is_waited_for_and_can_be_cancelled(stage: Stage) -> None:
    graph = flow({"w": {"wait": {"until": "{{ input.day }}"}}}, input={"day": {"type": "string"}})
    day = (datetime.now(UTC) + timedelta(days=365 * 100)).isoformat()
    async with stage.working() as worker:
        run_id = await resting(stage, worker, graph, day=day)
        await stage.runs.cancel(run_id)
        assert (await stage.ended(run_id)).status == "cancelled"
