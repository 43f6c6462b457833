"""Servers' tools in runs: called by steps and by agents, asking models under the run's budget, told in its facts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from stretto.engine import Run
from stretto.engine.rows import row_fact
from stretto.flow import facts as f
from stretto.flow.compile import compile_document
from stretto.gateway.config import stand_in
from stretto.gateway.tool_servers import ToolServer
from stretto.platform import Platform
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT
from stretto.stream.log import TEXT
from stretto.testing import Asks, ScriptedModel
from tests.mcp.conftest import SECRET

Odd = Callable[..., ToolServer]


@asynccontextmanager
async def platform_of(settings: Settings, model: ScriptedModel, *servers: ToolServer) -> AsyncGenerator[Platform]:
    config = stand_in("scripted", "simulated")
    routes = {**config.routes, "quick": replace(config.routes["default"], name="quick")}
    config = replace(config, routes=routes, mcp={each.name: each for each in servers})
    async with Platform.open(settings, provider=model, config=config) as platform:
        yield platform


async def carry_out(platform: Platform, document: Mapping[str, Any]) -> tuple[Run, list[f.Fact]]:
    runs = platform.runs()
    run_id = await runs.start(compile_document({"flow": "test", **document}), {})
    async with asyncio.timeout(30), aclosing(runs.follow(run_id)) as events:
        async for event in events:
            if event.event == "end":
                break
    facts = [row_fact(row) for row in await runs.journal(run_id) if row.kind != TEXT]
    return await runs.get(run_id), facts


async def test_a_step_calls_a_servers_tool_with_its_key(settings: Settings, odd: Odd) -> None:
    async with platform_of(settings, ScriptedModel({}), odd()) as platform:
        steps = {"work": {"tool": "odd.keys", "input": {"text": "hi"}}}
        run, _ = await carry_out(platform, {"steps": steps, "output": "{{ work }}"})
    assert run.status == "completed"
    seen = json.loads(run.output)
    assert seen["key"] == seen["arguments"]["idempotency_key"]
    assert seen["key"].endswith("/work")


async def test_a_server_that_dies_in_a_step_is_started_for_the_next_attempt(settings: Settings, odd: Odd) -> None:
    steps = {"work": {"tool": "odd.die", "retry": {"attempts": 2, "backoff": "10ms"}}}
    async with platform_of(settings, ScriptedModel({}), odd()) as platform:
        run, facts = await carry_out(platform, {"steps": steps})
    assert run.status == "failed"
    assert "I cannot go on" in str(run.error)
    assert len([fact for fact in facts if isinstance(fact, f.StepStarted)]) == 2


async def test_an_agent_is_offered_what_fits_and_hears_of_mistakes_without_secrets(
    settings: Settings, odd: Odd, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks = Asks(("odd.leak", {}), ("odd.big", {"bytes": "many"}), ("odd.fails", {}))
    model = ScriptedModel([asks, "Done."])
    agents = {"a": {"model": "m", "prompt": "Work.\n", "tools": ["odd.*"]}}
    server = odd(secrets={"TOKEN": "env:ODD_SERVERS_TOKEN"}, allow=("leak", "big", "fails"))
    monkeypatch.setenv("ODD_SERVERS_TOKEN", SECRET)
    async with platform_of(settings, model, server) as platform:
        run, facts = await carry_out(platform, {"agents": agents, "steps": {"work": {"agent": "a"}}})
    assert run.status == "completed"
    offered = {spec.name: spec for spec in model.requests[0].tools}
    assert set(offered) == {"odd_leak", "odd_big", "odd_fails"}
    assert offered["odd_big"].parameters["required"] == ["bytes"]
    told = {fact.tool: fact for fact in facts if isinstance(fact, f.ToolCalled)}
    assert told["odd.leak"].output["token"] == "[secret TOKEN]"
    assert 'bytes: "many" is not of type "integer"' in told["odd.big"].error
    assert "no luck with [secret TOKEN]" in told["odd.fails"].error
    assert SECRET not in str(model.requests) + str(facts) + str(run)


async def test_a_server_asks_a_model_and_the_run_pays(settings: Settings, odd: Odd) -> None:
    model = ScriptedModel({"quick": "Four."})
    async with platform_of(settings, model, odd(sampling="quick")) as platform:
        steps = {"work": {"tool": "odd.ask_model"}}
        run, facts = await carry_out(platform, {"budget": "$1", "steps": steps, "output": "{{ work }}"})
        assert json.loads(run.output)["content"]["text"] == "Four."
        (request,) = model.requests
        caller = request.caller
        assert (caller.tenant_id, caller.run_id, caller.path) == (DEFAULT_TENANT, run.id, "work")
        assert (caller.agent, str(caller.run_budget_usd), request.max_tokens) == ("odd.ask_model", "1.0", 50)
        (decided,) = [fact for fact in facts if isinstance(fact, f.CallDecided)]
        assert (decided.step, decided.route, decided.outcome) == ("work", "quick", "admitted")


async def test_a_new_configuration_reaches_the_servers(settings: Settings, odd: Odd) -> None:
    async with platform_of(settings, ScriptedModel({})) as platform:
        steps = {"work": {"tool": "odd.pid"}}
        run, _ = await carry_out(platform, {"steps": steps})
        assert run.status == "failed"
        assert "no tool 'odd.pid'" in str(run.error)
        await platform._reconfigure(replace(platform.gateway.config, mcp={"odd": odd()}))
        run, _ = await carry_out(platform, {"steps": steps})
        assert run.status == "completed"
