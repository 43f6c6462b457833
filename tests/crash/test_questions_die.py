"""Whoever waits for a person in the middle of a call is killed: the person is asked once, and heard once."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any, Literal
from uuid import UUID

import pytest

from stretto.engine.step import Question, StepContext
from stretto.review import Edit, Filter
from stretto.settings import Settings
from stretto.store import Database
from stretto.stream import Hub
from tests.crash.worker import CONTEXT
from tests.postgres.engine.stage import Stage, flow

GRAPHS = {name: flow({"work": {"tool": name}}, output="{{ work }}") for name in ("ask", "rest")}
FORM: dict[str, Any] = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
QUESTION = Question("the-question", "Who are you?", {}, {"form": FORM, "rules": {"mandatory": True}})


async def ask(ctx: StepContext) -> str:
    """A tool that asks, and stays at work meanwhile."""
    answer = await ctx.ask(QUESTION)
    return f"{answer.verdict} {answer.value}"


async def rest(ctx: StepContext) -> str:
    """A tool that rests while it asks."""
    answer = await ctx.ask(QUESTION, rest=True)
    return f"{answer.verdict} {answer.value}"


def stage_of(database: Database, hub: Hub, settings: Settings) -> Stage:
    quick = settings.model_copy(update={"sweep_s": 0.05, "linger_s": 0.0})
    stage = Stage(database, hub, quick)
    stage.use(ask=ask, rest=rest)
    return stage


def work_and_die(settings: dict[str, Any], run_id: UUID) -> None:
    """Carry the run on until its question stands in the inbox; then be killed."""

    async def work() -> None:
        database = await Database.open(Settings(**settings))
        async with Hub() as hub:
            stage = stage_of(database, hub, Settings(**settings))
            async with stage.working():
                while not await stage.reviews.list(Filter(run_id=run_id)):  # noqa: ASYNC110 - another process would ask as well
                    await asyncio.sleep(0.02)
                os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(work())


@pytest.mark.parametrize("tool", list(GRAPHS))
@pytest.mark.parametrize("when", ["between", "afterwards"])
async def test_a_killed_worker_asks_nobody_twice(
    database: Database, settings: Settings, when: Literal["between", "afterwards"], tool: str
) -> None:
    async with Hub() as hub:
        stage = stage_of(database, hub, settings)
        run_id = await stage.start(GRAPHS[tool])
        process = CONTEXT.Process(target=work_and_die, args=(settings.model_dump(), run_id))
        process.start()
        await asyncio.to_thread(process.join, 30)
        assert process.exitcode == -signal.SIGKILL
        (review,) = await stage.reviews.list(Filter(run_id=run_id))
        said = Edit({"name": "Ada"})
        if when == "between":
            await stage.reviews.decide(review.id, "approve", by="ann", edit=said)
        async with stage.working():
            if when == "afterwards":
                if tool == "ask":  # what rests may have come to rest before the worker was killed
                    await stage.happened(run_id, "StepStarted", times=2)
                (again,) = await stage.reviews.list(Filter(run_id=run_id))
                assert again.id == review.id
                await stage.reviews.decide(review.id, "approve", by="ann", edit=said)
            assert (await stage.ended(run_id)).output == "approve {'name': 'Ada'}"
        kinds = await stage.kinds(run_id)
        assert (kinds.count("PersonAsked"), kinds.count("PersonAnswered")) == (1, 1)
        assert not await stage.reviews.list(Filter(state="withdrawn", run_id=run_id))
