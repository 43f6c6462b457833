"""What agents built with pydantic-ai use is counted and paid for as all else."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

pytest.importorskip("pydantic_ai", reason="the extra pydantic-ai is not installed")

from pydantic_ai import Agent, ModelSettings

from stretto.agents import hosted
from stretto.flow import facts as f
from stretto.flow.compile import compile_document
from stretto.gateway.config import Price, Route, Tier, stand_in
from stretto.platform import Platform
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT
from stretto.testing import Asks, ScriptedModel
from stretto.tools import Tools
from tests.postgres.gateway.test_runs_pay import ended, facts

ASK = {"tool": "desk.answer", "input": {"prompt": "Say it."}}


def desk() -> Tools:
    """An agent that looks before it answers, in at most ten tokens a turn."""
    agent = Agent(model_settings=ModelSettings(max_tokens=10))
    agent.tool_plain(name="look")(lambda: "a b c")
    tools = Tools()
    tools.put(hosted(agent, name="desk.answer"))
    return tools


async def test_usage_and_budget(settings: Settings) -> None:
    config = stand_in("scripted", "simulated")
    cent = Price(Decimal(0), Decimal("0.01"))
    deployment = replace(config.deployments["scripted"], price=cent)
    held = replace(config.routes["default"].tiers[0].deployments[0], deployment=deployment)
    route = Route("default", (Tier((held,)),))
    config = replace(config, routes={"default": route}, deployments={"scripted": deployment})
    model = ScriptedModel(
        [Asks(("look", {}), text="one two"), "one two three four", Asks(("look", {}), text="one")] * 3
    )
    loop = {"l": {"loop": {"until": "false", "max": 9}, "steps": {"ask": ASK | {"retry": 1}}}}
    async with Platform.open(settings, provider=model, config=config, tools=desk()) as platform:
        once = compile_document({"flow": "once", "steps": {"ask": ASK}})
        run = await ended(platform, await platform.runs().start(once, {}))
        assert (run.status, run.output, run.cost_usd) == ("completed", "one two three four", Decimal("0.06"))
        calls = [fact for fact in await facts(platform, run.id) if isinstance(fact, f.CallDecided)]
        assert [(call.step, call.attempt, call.outcome) for call in calls] == [("ask", 1, "admitted")] * 2
        # Ten tokens are reserved for a call, so the first turn of the loop is admitted, and the second is not.
        graph = compile_document({"flow": "paid", "budget": "0.10 usd", "steps": loop})
        poor = await ended(platform, await platform.runs().start(graph, {}))
        await platform.gateway.flush()
        rows = await platform.usage().by(DEFAULT_TENANT, ["run"])
    assert (poor.status, poor.cost_usd) == ("failed", Decimal("0.01"))
    assert "The run has" in poor.error["error"]
    assert {row.keys["run"]: row.cost_usd for row in rows} == {run.id: run.cost_usd, poor.id: poor.cost_usd}
