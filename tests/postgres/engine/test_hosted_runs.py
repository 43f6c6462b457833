"""Steps that agents built with pydantic-ai carry out, in real runs."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("pydantic_ai", reason="the extra pydantic-ai is not installed")

from pydantic_ai import Agent

from stretto.agents import hosted, lend_models
from stretto.errors import ModelOverloaded
from stretto.flow import facts as f
from stretto.testing import ScriptedModel
from stretto.tools import builtin_tools, tool_handler
from tests.postgres.engine.stage import Stage, flow, until

STEP = {"tool": "desk.answer", "input": {"prompt": "Say it."}}


def host(stage: Stage, model: ScriptedModel) -> None:
    """Let the stage's tool steps be carried out by an agent that this model answers."""
    tools = builtin_tools()
    tools.put(hosted(Agent(instructions="Be kind."), name="desk.answer"))
    stage.handlers["tool"] = lend_models(model, tool_handler(tools))


async def test_its_text_streams_and_its_output_goes_on(stage: Stage) -> None:
    host(stage, ScriptedModel(["Hello, all of you."]))
    async with stage.working():
        passed_on = {"tool": "noop", "input": {"said": "{{ say }}"}}
        run = await stage.carry_out(flow({"say": STEP, "next": passed_on}))
    assert (run.status, run.output) == ("completed", {"said": "Hello, all of you."})
    assert await stage.text(run.id, "say") == "Hello, all of you."
    done = next(fact for fact in await stage.facts(run.id) if isinstance(fact, f.StepCompleted))
    assert (done.of, done.output) == ("value", "Hello, all of you.")


async def test_a_model_that_fails_is_asked_again_by_the_engine(stage: Stage) -> None:
    model = ScriptedModel([["Hel", ModelOverloaded("busy")], "Good day."])
    host(stage, model)
    async with stage.working():
        run = await stage.carry_out(flow({"say": STEP | {"retry": {"attempts": 2, "backoff": "1ms"}}}))
    assert (run.status, run.output) == ("completed", "Good day.")
    assert await stage.text(run.id, "say") == "Good day."
    failed = [fact for fact in await stage.facts(run.id) if isinstance(fact, f.StepFailed)]
    assert [(fact.kind, fact.attempt) for fact in failed] == [("ModelOverloaded", 1)]


async def test_feedback_cuts_it_off_and_is_heard(stage: Stage) -> None:
    model = ScriptedModel(["Hello, all of you.", "Hi."], gated=True)
    host(stage, model)
    async with stage.working():
        run_id = await stage.start(flow({"say": STEP}))
        await model.release(2)
        await until(lambda: stage.text(run_id, "say"), "some text is on disk")
        await stage.runs.inject(run_id, "say", "Be shorter.", mode="now")
        await stage.happened(run_id, "StepSteered")
        await until(lambda: len(model.requests) == 2, "it was asked again")
        model.open()
        run = await stage.ended(run_id)
    assert (run.output, await stage.text(run_id, "say")) == ("Hi.", "Hi.")
    told = [message.text for message in model.requests[1].messages]
    assert told[0] == "Be kind."
    assert told[1].index("Say it.") < told[1].index("Hello") < told[1].index("Be shorter.")


async def test_a_cancelled_run_ends_its_call(stage: Stage) -> None:
    model = ScriptedModel(["Hello, all of you."], gated=True)
    host(stage, model)
    async with stage.working():
        run_id = await stage.start(flow({"say": STEP}))
        await model.release(1)
        await stage.runs.cancel(run_id)
        run = await stage.ended(run_id)
        await until(lambda: not model.active, "the call has ended")
    assert run.status == "cancelled"
    await asyncio.sleep(0)
    assert len(model.requests) == 1
