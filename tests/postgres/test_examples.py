"""Every example, and the flow of the README, runs to its end with no model and no key."""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from pathlib import Path
from uuid import UUID

import pytest

from stretto import Graph, Platform, Settings, load_flow
from stretto.engine import Run
from stretto.gateway.simulated import SimulatedProvider
from stretto.review import Filter
from stretto.stream import FactEvent

ROOT = Path(__file__).parent.parent.parent
INPUTS = {"pair-programming": {"task": "a function that counts words"}}
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))


async def run_through(settings: Settings, flow: Graph, given: dict[str, str] | None = None) -> tuple[Run, list[str]]:
    """The ended run and the names of its facts; every question to a person is answered with yes."""
    provider = SimulatedProvider(ttft_s=0.01, tokens_per_s=3000)
    names: list[str] = []
    quick = settings.model_copy(update={"linger_s": 10.0, "sweep_s": 0.1})
    async with Platform.open(quick, provider=provider) as platform, asyncio.timeout(60):
        runs = platform.runs()
        run_id = await runs.start(flow, given or {})
        async with aclosing(runs.follow(run_id)) as events:
            async for event in events:
                if isinstance(event, FactEvent):
                    names.append(event.name)
                    if event.name == "WaitStarted" and event.data["wait"] == "review":
                        await say_yes(platform, run_id)
        run = await runs.get(run_id)
    await provider.close()
    return run, names


async def say_yes(platform: Platform, run_id: UUID) -> None:
    """Approve what waits."""
    for waiting in await platform.reviews().list(Filter(run_id=run_id)):
        await platform.reviews().decide(waiting.id, "approve", by="a test")


def test_there_are_examples_of_all_that_is_promised():
    assert {path.stem for path in EXAMPLES} >= {
        "ask-a-person",
        "follow-the-writer",
        "guard",
        "pair-programming",
        "plan-and-map",
    }


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
async def test_an_example_runs(path: Path, settings: Settings):
    run, names = await run_through(settings, load_flow(path), INPUTS.get(path.stem))
    assert run.error is None
    assert run.status == "completed"
    assert run.output
    assert "StepCompleted" in names
    assert "simulated" in str([run.output, names]) or path.stem == "pair-programming"


async def test_the_flow_of_the_readme_runs(settings: Settings, tmp_path: Path):
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    file = tmp_path / "follow.yaml"
    file.write_text(text)
    run, names = await run_through(settings, load_flow(file))
    assert run.status == "completed"
    assert "simulated" in run.output
    assert names.index("SegmentCut") < max(i for i, name in enumerate(names) if name == "StepCompleted")
