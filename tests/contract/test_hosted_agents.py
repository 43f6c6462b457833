"""An agent built with pydantic-ai and one of our own get the same from the same gateway, with `stretto sim` behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

pytest.importorskip("pydantic_ai", reason="the extra pydantic-ai is not installed")

from pydantic import BaseModel
from pydantic_ai import Agent, NativeOutput

from stretto.agents import hosted
from stretto.flow.compile import compile_document
from stretto.flow.facts import CallDecided
from stretto.gateway.config import Dialect, GatewayConfig, Provider, Route, Tier, stand_in
from stretto.gateway.simulated.server import SimOptions, SimServer
from stretto.platform import Platform
from stretto.settings import Settings
from stretto.tools import Tools
from tests.postgres.gateway.test_runs_pay import ended, facts

SYSTEM, PROMPT = "You know the sea.\n", "Write about tides and harbours.\n"


class Verdict(BaseModel):
    """What comes of it."""

    approved: bool
    comments: str


def look() -> str:
    """Look out of the window."""
    return "a lighthouse"


def config_for(dialect: Dialect, url: str) -> GatewayConfig:
    """One deployment at this server, which answers whatever is asked."""
    config = stand_in("sim", dialect)
    provider = Provider("sim", dialect, url)
    deployment = replace(config.deployments["sim"], provider=provider, model="any")
    held = replace(config.routes["default"].tiers[0].deployments[0], deployment=deployment)
    return replace(
        config,
        providers={"sim": provider},
        deployments={"sim": deployment},
        routes={"default": Route("default", (Tier((held,)),))},
    )


@pytest.fixture(params=["openai", "anthropic"])
async def platform(settings: Settings, request: pytest.FixtureRequest) -> AsyncIterator[Platform]:
    """A platform whose models are at a server of `stretto sim`."""
    tools = Tools({"look": look})
    tools.put(hosted(Agent(system_prompt=SYSTEM), name="theirs.writer"))
    tools.put(hosted(Agent(system_prompt=SYSTEM, tools=[look]), name="theirs.looker"))
    tools.put(hosted(Agent(system_prompt=SYSTEM, output_type=NativeOutput(Verdict)), name="theirs.judge"))
    sim = SimServer(SimOptions(seed=7, ttft_s=0.0, tokens_per_s=1e6))
    async with (
        sim.serving() as url,
        Platform.open(settings, config=config_for(request.param, url), tools=tools) as platform,
    ):
        yield platform


@pytest.mark.parametrize(
    ("theirs", "tools", "prompt"),
    [("writer", [], PROMPT), ("looker", ["look"], "Call look, then write about tides.\n")],
)
async def test_the_same_text(platform: Platform, theirs: str, tools: list[str], prompt: str) -> None:
    ours = {"model": "strong", "system": SYSTEM, "prompt": prompt, "tools": tools}
    steps = {"ours": {"agent": "ours"}, "theirs": {"tool": f"theirs.{theirs}", "input": {"prompt": prompt}}}
    output = {"ours": "{{ ours }}", "theirs": "{{ theirs }}"}
    graph = compile_document({"flow": "both", "agents": {"ours": ours}, "steps": steps, "output": output})
    run = await ended(platform, await platform.runs().start(graph, {}))
    assert run.status == "completed"
    assert len(run.output["ours"]) > 20
    assert run.output["theirs"] == run.output["ours"]
    calls = [fact.step for fact in await facts(platform, run.id) if isinstance(fact, CallDecided)]
    assert sorted(calls) == sorted(["ours", "theirs"] * (1 + len(tools)))


async def test_the_schema_of_a_structured_output_is_kept_to(platform: Platform) -> None:
    steps = {"theirs": {"tool": "theirs.judge", "input": {"prompt": PROMPT}}}
    run = await ended(platform, await platform.runs().start(compile_document({"flow": "judge", "steps": steps}), {}))
    assert run.status == "completed"
    assert Verdict.model_validate(run.output)
