"""Runs that are paused while they wait: however a wait ends, what it brought is kept, and the run stays paused until it is resumed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pytest

from stretto.engine import Worker
from stretto.errors import NotPossible
from stretto.flow import facts as f
from tests.postgres.engine.stage import Held, Stage, flow, until

ASK = {"review": {"show": "x", "question": "?"}}
DUE = {"review": {"show": "x", "question": "?", "deadline": "1s"}}
LOOP = {"turns": {"loop": {"until": "ask.approved", "max": 2}, "steps": {"ask": ASK}, "output": "{{ ask }}"}}
INNER = {"flow": "inner", "steps": {"ask": ASK}}


async def paused(stage: Stage, worker: Worker, steps: Mapping[str, Any], **rest: Any) -> UUID:
    """A run that waits and was paused meanwhile; no process holds it."""
    run_id = await stage.start(flow(steps, **rest))
    await stage.has_status(run_id, "waiting")
    await stage.runs.pause(run_id, by="ann")
    await stage.has_status(run_id, "paused")
    await until(lambda: worker.active_runs == 0, "no process holds the paused run")
    return run_id


async def stays(stage: Stage, worker: Worker, run_id: UUID, fact: str) -> None:
    """The wait has ended, and the run rests again, paused as before."""
    await stage.happened(run_id, fact)
    await until(lambda: worker.active_runs == 0, "no process holds the paused run")
    assert (await stage.runs.get(run_id)).status == "paused"
    last = (await stage.facts(run_id))[-1]
    assert last == f.RunRested(status="paused")


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param({"ask": ASK}, id="the last step"),
        pytest.param({"ask": ASK, "b": {"tool": "quick", "after": ["ask"]}}, id="another comes after it"),
        pytest.param(LOOP, id="in a loop"),
        pytest.param({"part": {"flow": "inner"}}, id="in a flow within"),
    ],
)
async def test_a_decision_is_kept_and_the_run_goes_on_when_it_is_resumed(stage: Stage, steps: dict[str, Any]) -> None:
    async def quick() -> str:
        return "done"

    stage.use(quick=quick)
    rest = {"flows": {"inner": INNER}} if "part" in steps else {}
    async with stage.working() as worker:
        run_id = await paused(stage, worker, steps, **rest)
        (asked,) = await stage.reviews.list()
        await stage.reviews.decide(asked.id, "approve", by="bob")
        await stays(stage, worker, run_id, "ReviewDecided")
        assert await stage.attempts(run_id) == []
        await stage.runs.resume(run_id, by="ann")
        run = await stage.ended(run_id)
    assert run.status == "completed"
    kinds = await stage.kinds(run_id)
    assert kinds.index("ReviewDecided") < kinds.index("RunContinued") < kinds.index("RunCompleted")
    assert kinds.count("ReviewDecided") == 1


async def test_an_event_that_comes_while_a_run_is_paused_is_kept(stage: Stage) -> None:
    async with stage.working() as worker:
        run_id = await paused(stage, worker, {"w": {"wait": {"event": "paid"}}}, output="{{ w.data }}")
        await stage.runs.deliver("paid", 7)
        await stays(stage, worker, run_id, "EventReceived")
        await stage.runs.resume(run_id)
        assert (await stage.ended(run_id)).output == 7


async def test_time_that_is_up_while_a_run_is_paused_does_not_end_it(stage: Stage) -> None:
    async with stage.working() as worker:
        steps = {
            "w": {"wait": {"for": "1s"}},
            "e": {"wait": {"event": "paid"}},
        }  # so that it cannot end before it is paused
        run_id = await paused(stage, worker, steps, output="{{ w.timed_out }}")
        await stage.runs.deliver("paid")
        await stage.happened(run_id, "EventReceived")
        await stays(stage, worker, run_id, "TimerFired")
        await stage.runs.resume(run_id)
        assert (await stage.ended(run_id)).output is True


async def test_a_deadline_that_decides_while_a_run_is_paused_does_not_end_it(stage: Stage) -> None:
    async with stage.working() as worker:
        run_id = await paused(stage, worker, {"ask": DUE, "other": ASK})
        await stage.decide(run_id, "other", "reject", by="bob")
        await stage.happened(run_id, "ReviewDecided", "ask")
        await stage.happened(run_id, "ReviewDecided", "other")
        await stays(stage, worker, run_id, "ReviewDecided")
        await stage.runs.resume(run_id)
        assert (await stage.ended(run_id)).status == "completed"


async def test_the_last_step_at_work_ends_and_the_run_stays_paused(stage: Stage) -> None:
    held = Held()
    stage.use(held=held.tool)
    async with stage.working() as worker:
        run_id = await stage.start(flow({"a": {"tool": "held"}}))
        await held.called()
        await stage.runs.pause(run_id)
        await stage.happened(run_id, "RunPaused")
        held.let_go()
        await stays(stage, worker, run_id, "StepCompleted")
        await stage.runs.resume(run_id)
        assert (await stage.ended(run_id)).output == 1


async def test_a_run_that_is_paused_with_all_decided_may_be_cancelled(stage: Stage) -> None:
    async with stage.working() as worker:
        run_id = await paused(stage, worker, {"ask": ASK})
        await stage.decide(run_id, "ask", "approve", by="bob")
        await stays(stage, worker, run_id, "ReviewDecided")
        await stage.runs.cancel(run_id)
        assert (await stage.ended(run_id)).status == "cancelled"
        with pytest.raises(NotPossible):
            await stage.runs.pause(run_id)
