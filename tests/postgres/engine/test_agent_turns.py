"""An agent's turns are durable: what is over is neither paid for nor done again."""

from __future__ import annotations

import asyncio

from stretto.flow import facts as f
from stretto.testing import Asks, ScriptedModel
from tests.postgres.engine.stage import Stage, flow

STEPS = {"find": {"agent": "finder"}}
AGENTS = {"finder": {"model": "m", "prompt": "Find it.\n", "tools": ["look", "buy"]}}


async def test_another_worker_goes_on_after_the_last_turn(stage: Stage) -> None:
    calls: list[tuple[str, str]] = []
    begun, gone = asyncio.Event(), asyncio.Event()

    async def look(idempotency_key: str) -> str:
        calls.append(("look", idempotency_key))
        return "a house"

    async def buy(idempotency_key: str) -> str:
        calls.append(("buy", idempotency_key))
        begun.set()
        if not gone.is_set():
            await asyncio.sleep(60)
        return "bought"

    model = ScriptedModel([Asks(("look", {}), ("buy", {}), text="I look and buy."), "All done."])
    stage.use(model, look=look, buy=buy)
    async with stage.working():
        run_id = await stage.start(flow(STEPS, agents=AGENTS))
        await stage.happened(run_id, "ToolCalled")
        await begun.wait()
    gone.set()
    async with stage.working():
        run = await stage.ended(run_id)
    assert run.output == "All done."
    assert await stage.text(run_id, "find") == "I look and buy.\n\nAll done."
    assert len(model.requests) == 2  # the first turn was not asked for again
    assert calls == [("look", f"{run_id}/find/1.0"), ("buy", f"{run_id}/find/1.1"), ("buy", f"{run_id}/find/1.1")]
    facts = await stage.facts(run_id)
    assert [(fact.turn, fact.attempt) for fact in facts if isinstance(fact, f.ModelAnswered)] == [(1, 1)]
    assert [(fact.tool, fact.attempt) for fact in facts if isinstance(fact, f.ToolCalled)] == [("look", 1), ("buy", 2)]
    assert not [fact for fact in facts if isinstance(fact, f.TextRetracted)]


async def test_a_failed_turn_is_taken_again_and_the_ones_before_it_stand(stage: Stage) -> None:
    looked: list[str] = []

    async def look(what: str) -> str:
        looked.append(what)
        return f"a {what}"

    model = ScriptedModel(
        [
            Asks(("look", {"what": "cat"}), text="One."),
            ["Tw", RuntimeError("gone")],
            Asks(("look", {"what": "dog"})),
            "Both.",
        ]
    )
    stage.use(model, look=look)
    agents = {"finder": AGENTS["finder"] | {"tools": ["look"]}}
    async with stage.working():
        run = await stage.carry_out(
            flow({"find": STEPS["find"] | {"retry": {"attempts": 2, "backoff": "1ms"}}}, agents=agents)
        )
    assert (run.status, run.output, looked) == ("completed", "Both.", ["cat", "dog"])
    retracted = [fact for fact in await stage.facts(run.id) if isinstance(fact, f.TextRetracted)]
    assert [fact.position for fact in retracted] == [len("One.\n\n")]
    assert [message.role for message in model.requests[3].messages] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "tool",
    ]


async def test_a_step_tried_again_by_hand_calls_no_tool_twice(stage: Stage) -> None:
    paid: list[int] = []

    async def pay(sum: int) -> str:
        paid.append(sum)
        return "paid"

    model = ScriptedModel([Asks(("pay", {"sum": 5})), RuntimeError("down"), "Paid."])
    stage.use(model, pay=pay)
    agents = {"finder": AGENTS["finder"] | {"tools": ["pay"]}}
    async with stage.working():
        run = await stage.carry_out(flow({"find": STEPS["find"] | {"retry": 1}}, agents=agents))
        assert run.status == "failed"
        await stage.runs.retry(run.id)
        assert (await stage.has_status(run.id, "completed")).output == "Paid."
    assert paid == [5]
