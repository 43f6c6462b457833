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
from stretto.gateway.config import GatewayConfig, Provider, Route, Tier, stand_in
from stretto.gateway.simulated.server import SimOptions, SimServer
from stretto.platform import Platform
from stretto.settings import Settings
from stretto.tools import Tools
from tests.postgres.gateway.test_runs_pay import ended

SYSTEM, PROMPT = "You know the sea.\n", "Write about tides and harbours.\n"


class Verdict(BaseModel):
    """What comes of it."""

    approved: bool
    comments: str


def config_for(url: str) -> GatewayConfig:
    """One deployment at this server, which answers whatever is asked."""
    config = stand_in("sim", "openai")
    provider = Provider("sim", "openai", url)
    deployment = replace(config.deployments["sim"], provider=provider, model="any")
    held = replace(config.routes["default"].tiers[0].deployments[0], deployment=deployment)
    return replace(
        config,
        providers={"sim": provider},
        deployments={"sim": deployment},
        routes={"default": Route("default", (Tier((held,)),))},
    )


@pytest.fixture
async def platform(settings: Settings) -> AsyncIterator[Platform]:
    """A platform whose models are at a server of `stretto sim`."""
    tools = Tools()
    tools.put(hosted(Agent(system_prompt=SYSTEM), name="theirs.writer"))
    tools.put(hosted(Agent(system_prompt=SYSTEM, output_type=NativeOutput(Verdict)), name="theirs.judge"))
    sim = SimServer(SimOptions(seed=7, ttft_s=0.0, tokens_per_s=1e6))
    async with (
        sim.serving() as url,
        Platform.open(settings, config=config_for(url), tools=tools) as platform,
    ):
        yield platform


async def test_the_same_text(platform: Platform) -> None:
    writer = {"model": "strong", "system": SYSTEM, "prompt": PROMPT}
    steps = {"ours": {"agent": "writer"}, "theirs": {"tool": "theirs.writer", "input": {"prompt": PROMPT}}}
    output = {"ours": "{{ ours }}", "theirs": "{{ theirs }}"}
    graph = compile_document({"flow": "both", "agents": {"writer": writer}, "steps": steps, "output": output})
    run = await ended(platform, await platform.runs().start(graph, {}))
    assert run.status == "completed"
    assert len(run.output["ours"]) > 20
    assert run.output["theirs"] == run.output["ours"]


async def test_the_schema_of_a_structured_output_is_kept_to(platform: Platform) -> None:
    steps = {"theirs": {"tool": "theirs.judge", "input": {"prompt": PROMPT}}}
    run = await ended(platform, await platform.runs().start(compile_document({"flow": "judge", "steps": steps}), {}))
    assert run.status == "completed"
    assert Verdict.model_validate(run.output)
