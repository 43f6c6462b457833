"""Steps that ask a person and do nothing else rest meanwhile: no place is taken, nothing is in memory, and nothing is lost."""

from __future__ import annotations

import asyncio
from uuid import UUID

from stretto.engine import Run, Worker, fork
from stretto.engine.step import Question, StepContext
from stretto.review import Filter
from tests.postgres.engine.stage import Stage, flow, until

ASKING = {"work": {"tool": "ask"}}


async def ask(ctx: StepContext) -> str:
    """A tool that writes, asks, and writes on from where it was."""
    if not ctx.text:
        ctx.write(["Before. "])
        ctx.keep_text()
    answer = await ctx.ask(Question(f"{ctx.run_id}/{ctx.path}", "Go on?", {}, {}), rest=True)
    ctx.write([f"After {answer.verdict}."])
    return ctx.text


async def resting(stage: Stage, worker: Worker, run_id: UUID) -> Run:
    run = await stage.has_status(run_id, "waiting")
    await until(lambda: worker.active_runs == 0, "no process holds the run")
    return run


async def test_a_step_that_asks_rests_and_goes_on_with_what_it_wrote(stage: Stage) -> None:
    stage.use(ask=ask)
    async with stage.working() as worker:
        run_id = await stage.start(flow(ASKING, output="{{ work }}"))
        await resting(stage, worker, run_id)
        await stage.decide(run_id, "work", "approve", by="ann")
        assert (await stage.ended(run_id)).output == "Before. After approve."
    kinds = await stage.kinds(run_id, "work")
    expected = [
        "StepStarted",
        "TextKept",
        "PersonAsked",
        "StepRested",
        "PersonAnswered",
        "StepStarted",
        "StepCompleted",
    ]
    assert kinds == expected


async def test_more_runs_can_ask_than_a_process_carries(stage: Stage) -> None:
    stage.use(ask=ask)
    async with stage.working(concurrent_runs=1, concurrent_steps=1):
        ids = [await stage.start(flow(ASKING, output="{{ work }}")) for _ in range(3)]
        for run_id in ids:
            await stage.has_status(run_id, "waiting")
        for run_id in ids:
            await stage.decide(run_id, "work", "approve", by="ann")
        for run_id in ids:
            assert (await stage.ended(run_id)).status == "completed"


async def test_other_steps_work_on_and_the_answer_is_heard_at_once(stage: Stage) -> None:
    go = asyncio.Event()

    async def slow() -> str:
        await go.wait()
        return "slow"

    stage.use(ask=ask, slow=slow)
    async with stage.working():
        run_id = await stage.start(flow(ASKING | {"slow": {"tool": "slow"}}, output="{{ work }} {{ slow }}"))
        await stage.happened(run_id, "StepRested")
        await stage.decide(run_id, "work", "reject", by="ann")
        await stage.happened(run_id, "StepCompleted", "work")
        go.set()
        assert (await stage.ended(run_id)).output == "Before. After reject. slow"
    assert (await stage.kinds(run_id)).count("RunClaimed") == 1


async def test_a_step_that_failed_before_it_asked_goes_on_asking_whatever_wakes_its_run(stage: Stage) -> None:
    tries: list[int] = []

    async def flaky(ctx: StepContext) -> str:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError("away")
        return await ask(ctx)

    stage.use(flaky=flaky)
    steps = {"work": {"tool": "flaky", "retry": {"attempts": 3, "backoff": "10ms"}}}
    async with stage.working() as worker:
        run_id = await stage.start(flow(steps, output="{{ work }}"))
        await resting(stage, worker, run_id)
        await stage.runs.set_priority(run_id, 0)
        await stage.happened(run_id, "RunRested", times=2)
        assert (await stage.runs.get(run_id)).status == "waiting"
        await stage.decide(run_id, "work", "approve", by="ann")
        assert (await stage.ended(run_id)).output == "Before. After approve."


async def test_a_run_that_is_cancelled_asks_nobody_and_asks_anew_when_it_is_tried_again(stage: Stage) -> None:
    stage.use(ask=ask)
    async with stage.working() as worker:
        run_id = await stage.start(flow(ASKING, output="{{ work }}"))
        await resting(stage, worker, run_id)
        await stage.runs.cancel(run_id)
        assert (await stage.ended(run_id)).status == "cancelled"
        assert not await stage.reviews.list(Filter(run_id=run_id))
        await stage.runs.retry(run_id)
        await resting(stage, worker, run_id)
        await stage.decide(run_id, "work", "approve", by="ann")
        assert (await stage.ended(run_id)).output == "Before. After approve."


async def test_what_is_decided_while_the_run_is_paused_counts_when_it_goes_on(stage: Stage) -> None:
    stage.use(ask=ask)
    async with stage.working() as worker:
        run_id = await stage.start(flow(ASKING, output="{{ work }}"))
        await resting(stage, worker, run_id)
        await stage.runs.pause(run_id)
        await stage.has_status(run_id, "paused")
        await stage.decide(run_id, "work", "approve", by="ann")
        await stage.happened(run_id, "PersonAnswered")
        assert (await stage.runs.get(run_id)).status == "paused"
        await stage.runs.resume(run_id)
        assert (await stage.ended(run_id)).output == "Before. After approve."


async def test_a_fork_of_a_run_that_rests_asks_for_itself(stage: Stage) -> None:
    stage.use(ask=ask)
    graph = flow(ASKING | {"other": {"emit": {"event": "other"}}}, output="{{ work }}")
    async with stage.working() as worker:
        run_id = await stage.start(graph)
        await resting(stage, worker, run_id)
        copy_id = await fork(stage.runs, run_id, "other")
        await resting(stage, worker, copy_id)
        assert len(await stage.reviews.list()) == 2
        await stage.decide(copy_id, "work", "approve", by="ann")
        assert (await stage.ended(copy_id)).output == "Before. After approve."
        assert (await stage.runs.get(run_id)).status == "waiting"


async def test_what_holds_a_step_that_asks_fails_and_the_question_goes(stage: Stage) -> None:
    """The container may fail, so the run goes on, and nobody is asked for nothing."""
    asks = {"review": {"show": "x", "question": "?"}}

    async def fail(when: str) -> None:
        await until(stage.reviews.list, "somebody is asked")
        raise ValueError(when)

    stage.use(ask=ask, fail=fail)
    for step in (ASKING["work"], asks):
        inside = {"q": step, "f": {"tool": "fail", "input": {"when": "now"}}}
        steps = {
            "box": {"map": {"over": ["one"]}, "steps": inside, "optional": True},
            "hold": {"wait": {"event": "go"}},
        }
        async with stage.working():
            run_id = await stage.start(flow(steps))
            await stage.happened(run_id, "StepFailed", "box")
            await until(lambda: nobody_is_asked(stage), "the question is withdrawn")
            await stage.runs.deliver("go")
            assert (await stage.ended(run_id)).status == "completed"


async def nobody_is_asked(stage: Stage) -> bool:
    return not await stage.reviews.list()
