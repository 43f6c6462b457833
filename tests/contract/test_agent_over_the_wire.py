"""An agent with tools, through the real gateway and wire in both dialects, answered by `stretto sim`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest

from stretto import Platform, Settings
from stretto.flow import facts as f
from stretto.flow.compile import compile_document
from stretto.gateway.read_config import read_config
from stretto.gateway.simulated.cassette import Cassette
from stretto.gateway.simulated.server import SimOptions, SimServer
from stretto.stream import FactEvent
from stretto.tools import Tools

SAID = (
    {"match": "Which is longer", "reply": "I count both.", "tool_calls": [
        {"name": "words_count", "arguments": {"text": "a b"}},
        {"name": "words_count", "arguments": {"text": "a b c"}},
    ]},
    {"match": "3", "reply": "The second."},
)  # fmt: skip
FLOW = compile_document(
    {
        "flow": "compare",
        "agents": {"counter": {"model": "fast", "prompt": "Which is longer?\n", "tools": ["words.*"]}},
        "steps": {"answer": {"agent": "counter"}},
    }
)


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
async def test_a_model_calls_tools_and_reads_what_they_gave(dialect: str, settings: Settings, tmp_path: Path) -> None:
    cassette = tmp_path / "said.jsonl"
    cassette.write_bytes(b"\n".join(orjson.dumps(line) for line in SAID))
    tools = Tools()

    @tools.tool("words.count", effects="reads")
    async def count(text: str) -> int:
        return len(text.split())

    sim = SimServer(SimOptions(ttft_s=0.0, tokens_per_s=1e6, cassette=Cassette.load(cassette)))
    async with sim.serving() as url, asyncio.timeout(60):
        told = f"providers:\n  sim: {{dialect: {dialect}, url: {url}}}\nroutes: {{fast: [sim/sim-1]}}\n"
        async with Platform.open(settings, config=read_config(told, "stretto.yaml", {}), tools=tools) as platform:
            run_id = await platform.runs().start(FLOW, {})
            events = [event async for event in platform.runs().follow(run_id)]
            run = await platform.runs().get(run_id)
    assert (run.status, run.output) == ("completed", "The second.")
    names = [event.name for event in events if isinstance(event, FactEvent)]
    assert names.count("ToolCalled") == 2
    assert names.count("CallDecided") == 2
    assert names.index("ModelAnswered") < names.index("ToolCalled")
    assert f.FACTS.keys() >= set(names)
