"""A run is broken off after each of its appends to a journal in memory, and goes on to the same end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from stretto.agents import agent_handler
from stretto.engine.step import Handler
from stretto.stream.log import Row
from stretto.tools import tool_handler
from tests.crash.evidence import check_order, results
from tests.crash.grand import GRAND, noting_tools, play
from tests.crash.memory import MemoryRun
from tests.crash.played import PlayedModel

AT_ONCE = 8


@pytest.fixture
def handlers(tmp_path: Path) -> dict[str, Handler]:
    """What answers the steps of the flow with everything."""
    return {"agent": agent_handler(PlayedModel(play)), "tool": tool_handler(noting_tools(tmp_path / "effects"))}


async def test_broken_off_after_any_append_a_run_comes_to_the_same_end(handlers: dict[str, Handler]) -> None:
    whole = MemoryRun(GRAND, handlers, {"task": "it"})
    assert await whole.carry_on()
    check_order(whole.rows)
    expected = results(whole.rows)
    gate = asyncio.Semaphore(AT_ONCE)

    async def break_off(after: int) -> bool:
        async with gate:
            run = MemoryRun(GRAND, handlers, {"task": "it"})
            lived = await run.carry_on(dies_after=after)
            before: list[Row] = list(run.rows)
            if not lived:
                assert await run.carry_on()
            assert run.rows[: len(before)] == before
            check_order(run.rows)
            assert results(run.rows) == expected, f"broken off after append {after}"
            return not lived

    died = await asyncio.gather(*(break_off(after) for after in range(whole.appends)))
    assert sum(died) >= whole.appends * 0.8


async def test_broken_off_many_times_a_run_still_comes_to_the_same_end(handlers: dict[str, Handler]) -> None:
    whole = MemoryRun(GRAND, handlers, {"task": "it"})
    assert await whole.carry_on()
    run = MemoryRun(GRAND, handlers, {"task": "it"})
    for _ in range(100):
        if await run.carry_on(dies_after=9):
            break
    check_order(run.rows)
    assert results(run.rows) == results(whole.rows)
