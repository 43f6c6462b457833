"""What somebody can tell a run: pause, resume, cancel, feedback, priority."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from stretto.errors import NotPossible, RunNotFound, StepNotFound
from stretto.flow import facts as f
from stretto.store.ids import new_id
from stretto.testing import ScriptedModel
from tests.postgres.engine.stage import Held, Stage, flow, until

WRITER = {"writer": {"model": "m", "prompt": "Write.\n"}}
TWO = {"a": {"tool": "held"}, "b": {"tool": "quick", "after": ["a"]}}


async def quick() -> str:
    return "done"


async def test_a_paused_run_finishes_what_is_at_work_and_starts_nothing_until_it_is_resumed(stage: Stage) -> None:
    held = Held()
    stage.use(held=held.tool, quick=quick)
    async with stage.working() as worker:
        run_id = await stage.start(flow(TWO))
        await held.called()
        await stage.runs.pause(run_id, by="ann")
        await stage.happened(run_id, "RunPaused")
        held.let_go()
        await stage.has_status(run_id, "paused")
        await until(lambda: worker.active_runs == 0, "no process holds the paused run")
        assert await stage.kinds(run_id, "a") == ["StepStarted", "StepCompleted"]
        assert await stage.kinds(run_id, "b") == []
        await stage.runs.resume(run_id, by="bob")
        assert (await stage.ended(run_id)).output == "done"
        facts = await stage.facts(run_id)
        assert f.RunPaused(by="ann") in facts
        assert f.RunContinued(by="bob") in facts


async def test_a_run_paused_before_it_was_claimed_starts_nothing(stage: Stage) -> None:
    stage.use(quick=quick)
    run_id = await stage.start(flow({"b": {"tool": "quick"}}))
    await stage.runs.pause(run_id)
    async with stage.working():
        await stage.has_status(run_id, "paused")
        assert await stage.attempts(run_id) == []
        await stage.runs.resume(run_id)
        await stage.ended(run_id)


async def test_pausing_and_resuming_in_one_breath_leaves_the_run_going(stage: Stage) -> None:
    held = Held()
    stage.use(held=held.tool, quick=quick)
    async with stage.working():
        run_id = await stage.start(flow(TWO))
        await held.called()
        for _ in range(5):
            await stage.runs.pause(run_id)
            await stage.runs.resume(run_id)
        held.let_go()
        assert (await stage.ended(run_id)).status == "completed"


async def test_a_cancelled_run_keeps_the_text_that_was_shown(stage: Stage) -> None:
    model = ScriptedModel({"code": "one two three four"}, gated=True)
    stage.use(model)
    async with stage.working():
        run_id = await stage.start(flow({"code": {"agent": "writer"}}, agents=WRITER))
        await model.release(2)
        await stage.runs.cancel(run_id, by="ann", reason="enough")
        run = await stage.ended(run_id)
        assert run.status == "cancelled"
        assert run.finished_at is not None
        assert await stage.text(run_id, "code") == "one two"
        assert (await stage.facts(run_id))[-1] == f.RunCancelled(by="ann", reason="enough")
        await until(lambda: model.active == 0, "the model call was ended")


async def test_a_waiting_run_that_is_cancelled_is_listed_so_and_waits_for_nobody(stage: Stage) -> None:
    async with stage.working() as worker:
        run_id = await stage.start(flow({"ask": {"review": {"show": "x", "question": "?"}}}))
        await stage.has_status(run_id, "waiting")
        await until(lambda: worker.active_runs == 0, "nothing holds it")
        await stage.runs.cancel(run_id)
        run = await stage.ended(run_id)
        assert (run.status, run.finished_at is not None) == ("cancelled", True)
        assert await stage.reviews.list() == []


async def test_a_cancelled_run_is_carried_on_without_repeating_what_was_finished(stage: Stage) -> None:
    model = ScriptedModel({"code": ["one two three", "four"]}, gated=True)
    calls: list[str] = []

    async def note(idempotency_key: str) -> str:
        calls.append(idempotency_key)
        return "noted"

    stage.use(model, note=note)
    steps = {"first": {"tool": "note"}, "code": {"agent": "writer", "after": ["first"]}}
    async with stage.working():
        run_id = await stage.start(flow(steps, agents=WRITER))
        await model.release(1)
        await stage.runs.cancel(run_id)
        await stage.ended(run_id)
        model.open()
        await stage.runs.resume(run_id, by="ann")
        await stage.happened(run_id, "RunRetried")
        run = await stage.has_status(run_id, "completed")
        assert run.output == "four"
        assert run.error is None
        assert await stage.attempts(run_id) == ["first", "code", "code"]
        assert calls == [f"{run_id}/first"]


async def test_a_run_that_was_cancelled_while_it_waited_asks_again(stage: Stage) -> None:
    async with stage.working():
        run_id = await stage.start(flow({"ask": {"review": {"show": "x", "question": "?"}}}, output="{{ ask.by }}"))
        await stage.has_status(run_id, "waiting")
        await stage.runs.cancel(run_id)
        await stage.ended(run_id)
        with pytest.raises(NotPossible):
            await stage.decide(run_id, "ask", "approve", by="ann")
        await stage.runs.resume(run_id)
        await stage.has_status(run_id, "waiting")
        await until(stage.reviews.list, "the inbox shows it again")
        await stage.decide(run_id, "ask", "approve", by="ann")
        run = await stage.has_status(run_id, "completed")
        assert run.output == "ann"


async def test_being_cancelled_often_does_not_count_against_a_step(stage: Stage) -> None:
    model = ScriptedModel({"code": "one two"}, gated=True)
    stage.use(model)
    async with stage.working():
        run_id = await stage.start(flow({"code": {"agent": "writer"}}, agents=WRITER))
        for attempt in range(1, 9):
            await stage.happened(run_id, "StepStarted", times=attempt)
            await stage.runs.cancel(run_id)
            await stage.has_status(run_id, "cancelled")
            await stage.runs.resume(run_id)
        await stage.happened(run_id, "StepStarted", times=9)
        model.open()
        assert (await stage.has_status(run_id, "completed")).output == "one two"


async def test_feedback_now_cuts_the_step_off_and_lets_it_go_on_with_it(stage: Stage) -> None:
    model = ScriptedModel({"code": ["one two three", " and shorter"]}, gated=True)
    stage.use(model)
    async with stage.working():
        run_id = await stage.start(flow({"code": {"agent": "writer"}}, agents=WRITER))
        await model.release(2)
        await stage.runs.inject(run_id, "code", "Be brief.", mode="now", by="ann")
        await until(lambda: len(model.requests) == 2, "the model is asked again")
        model.open()
        assert (await stage.ended(run_id)).output == "one two and shorter"
        asked = model.requests[1].messages
        assert [message.role for message in asked] == ["user", "assistant", "user"]
        assert asked[1].text == "one two"
        assert "Be brief." in asked[2].text
        facts = await stage.facts(run_id)
        assert f.StepSteered(step="code", attempt=1, feedback="Be brief.", keep=7, by="ann") in facts


async def test_feedback_next_lets_the_step_finish_its_turn_first(stage: Stage) -> None:
    model = ScriptedModel({"code": ["one two three", "four"]}, gated=True)
    stage.use(model)
    async with stage.working():
        run_id = await stage.start(flow({"code": {"agent": "writer"}}, agents=WRITER))
        await model.release(1)
        await stage.runs.inject(run_id, "code", "Be brief.", by="ann")
        await stage.happened(run_id, "FeedbackGiven")
        model.open()
        assert (await stage.ended(run_id)).output == "four"
        assert await stage.attempts(run_id) == ["code"]
        assert "Be brief." in model.requests[1].messages[-1].text


async def test_feedback_for_a_step_that_has_not_begun_is_there_when_it_begins(stage: Stage) -> None:
    held = Held()
    model = ScriptedModel({"code": "text"})
    stage.use(model, held=held.tool)
    async with stage.working():
        steps = {"a": {"tool": "held"}, "code": {"agent": "writer", "after": ["a"]}}
        run_id = await stage.start(flow(steps, agents=WRITER))
        await held.called()
        await stage.runs.inject(run_id, "code", "Be brief.", mode="now")
        await stage.happened(run_id, "FeedbackGiven")
        held.let_go()
        await stage.ended(run_id)
        assert "Be brief." in model.requests[0].messages[-1].text


async def test_a_step_inside_a_loop_is_found_by_its_plain_name(stage: Stage) -> None:
    model = ScriptedModel({"code": ["one two", "three"]}, gated=True)
    stage.use(model)
    steps = {"build": {"loop": {"until": "turn >= 1", "max": 2}, "steps": {"code": {"agent": "writer"}}}}
    async with stage.working():
        run_id = await stage.start(flow(steps, agents=WRITER))
        await model.release(1)
        await stage.runs.inject(run_id, "code", "Be brief.", mode="now")
        await stage.happened(run_id, "StepSteered", "build[1].code")
        model.open()
        assert (await stage.ended(run_id)).output == "onethree"


async def test_what_is_told_to_a_run_that_is_over_is_refused(stage: Stage) -> None:
    stage.use(quick=quick)
    async with stage.working():
        run = await stage.carry_out(flow({"b": {"tool": "quick"}}))
    runs = stage.runs
    for told in (
        runs.pause(run.id),
        runs.resume(run.id),
        runs.cancel(run.id),
        runs.retry(run.id),
        runs.inject(run.id, "b", "x"),
        runs.set_priority(run.id, 1),
    ):
        with pytest.raises(NotPossible, match="is completed"):
            await told
    rows = await stage.rows(run.id)
    assert rows[-1].kind == "RunCompleted"


async def test_nonsense_is_refused(stage: Stage) -> None:
    stage.use(quick=quick)
    run_id = await stage.start(flow({"b": {"tool": "quick"}}))
    unknown = new_id()
    with pytest.raises(RunNotFound):
        await stage.runs.pause(unknown)
    with pytest.raises(RunNotFound):
        await stage.runs.inject(unknown, "b", "x")
    with pytest.raises(StepNotFound):
        await stage.runs.inject(run_id, "nowhere", "x")
    with pytest.raises(NotPossible, match="empty"):
        await stage.runs.inject(run_id, "b", "  ")
    with pytest.raises(NotPossible, match="priority"):
        await stage.runs.set_priority(run_id, 7)
    assert await stage.kinds(run_id) == ["RunAccepted"]


async def test_runs_of_higher_priority_are_taken_first(stage: Stage) -> None:
    order: list[int] = []

    async def note(number: int) -> None:
        order.append(number)

    stage.use(note=note)
    graph = flow(
        {"a": {"tool": "note", "input": {"number": "{{ input.number }}"}}}, input={"number": {"type": "integer"}}
    )
    ids = [await stage.runs.start(graph, {"number": n}, priority=n) for n in (3, 1, 2, 0)]
    late = await stage.runs.start(graph, {"number": 9}, priority=3)
    await stage.runs.set_priority(ids[0], 2)
    async with stage.working(concurrent_runs=1):
        for run_id in [*ids, late]:
            await stage.ended(run_id)
    assert order[:2] == [0, 1]
    assert order[-1] == 9
    assert (await stage.runs.get(ids[0])).priority == 2


async def test_a_signal_during_the_claim_is_heard(stage: Stage) -> None:
    """Whatever moment a run is told to stop at, it stops."""
    held = Held()
    stage.use(held=held.tool)
    graph = flow({"a": {"tool": "held"}})

    async def start_and_cancel(pause_s: float) -> Any:
        run_id = await stage.start(graph)
        await asyncio.sleep(pause_s)
        await stage.runs.cancel(run_id)
        return (await stage.ended(run_id)).status

    async with stage.working():
        ended = await asyncio.gather(*(start_and_cancel(n / 1000) for n in range(0, 40, 2)))
    assert set(ended) == {"cancelled"}
    assert held.at_work == 0
