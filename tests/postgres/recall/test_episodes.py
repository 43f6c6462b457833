"""Completed runs are kept by what they were about, and recalled when something like it is to be done."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto import Platform
from stretto.errors import Invalid
from stretto.flow.builder import Flow, tool
from stretto.recall.episodes import COLLECTION
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT

OTHER = UUID("00000000-0000-7000-8000-0000000000aa")
SECONDS = 30.0


def flow(name: str = "research", remember: str | None = "{{ input.question }}") -> Any:
    """A flow that gives its question back."""
    step = tool("noop", input={"answer": "about {{ input.question }}"})
    fails = tool("text.count", input={"text": "{{ input.question }}", "wrong": 1}, when="input.question == 'fail'")
    return Flow(
        name,
        input={"question": {"type": "string"}},
        steps={"first": fails, "look": step},
        output="{{ look.answer }}",
        **({} if remember is None else {"remember": remember}),
    ).graph()


async def done(platform: Platform, question: str, graph: Any = None, tenant_id: UUID = DEFAULT_TENANT) -> UUID:
    """A run that is over."""
    runs = platform.runs(tenant_id)
    run_id = await runs.start(graph or flow(), {"question": question})
    async for _ in runs.follow(run_id):
        pass
    return run_id


async def remembered(platform: Platform, count: int, tenant_id: UUID = DEFAULT_TENANT) -> None:
    """Wait until so many runs are kept."""
    before = time.monotonic()
    while True:
        found = await platform.episodes(tenant_id).recall("the moon and the tides", limit=50)
        kept = (
            0 if found.notes and not found.episodes else (await platform.memory(tenant_id).collection(COLLECTION)).items
        )
        if kept == count:
            return
        assert time.monotonic() - before < SECONDS, f"{kept} runs are kept, not {count}"
        await asyncio.sleep(0.05)


async def test_what_is_like_a_task_is_recalled_with_what_it_gave(settings: Settings) -> None:
    async with Platform.open(settings) as platform:
        tides = await done(platform, "What moves the tides of the sea?")
        bread = await done(platform, "How long does bread keep?", flow("kitchen"))
        await done(platform, "Nobody asks for this.", flow("forgetful", remember=None))
        await done(platform, "fail")
        await remembered(platform, 2)
        found = await platform.episodes().recall("Why are there tides in the sea?")
        assert found.episodes[0].run.id == tides
        assert found.episodes[0].run.output == "about What moves the tides of the sea?"
        assert found.episodes[0].task == "What moves the tides of the sea?"
        only = await platform.episodes().recall("Why are there tides, and bread?", flow="kitchen")
        assert [each.run.id for each in only.episodes] == [bread]
        assert (await platform.episodes(OTHER).recall("tides")).episodes == ()


async def test_only_what_happened_lately(settings: Settings, owner: AsyncConnection[TupleRow]) -> None:
    async with Platform.open(settings) as platform:
        run_id = await done(platform, "What moves the tides?")
        await remembered(platform, 1)
        lately = await platform.episodes().recall("tides", within_s=600)
        assert [each.run.id for each in lately.episodes] == [run_id]
        await owner.execute("UPDATE runs SET finished_at = finished_at - interval '1 hour' WHERE id = %s", [run_id])
        await platform.episodes().remember(run_id)
        assert (await platform.episodes().recall("tides", within_s=600)).episodes == []
        assert len((await platform.episodes().recall("tides", within_s=7200)).episodes) == 1


async def test_a_run_that_is_gone_is_forgotten(settings: Settings, owner: AsyncConnection[TupleRow]) -> None:
    async with Platform.open(settings) as platform:
        run_id = await done(platform, "What moves the tides?")
        await remembered(platform, 1)
        await owner.execute("DELETE FROM runs WHERE id = %s", [run_id])
        assert (await platform.episodes().recall("tides")).episodes == []
        assert (await platform.memory().collection(COLLECTION)).items == 0
        assert not await platform.episodes().remember(run_id)


async def test_a_step_recalls_what_was_done_before_it(settings: Settings) -> None:
    looks = Flow(
        "again",
        input={"question": {"type": "string"}},
        steps={"past": tool("runs.recall", input={"task": "{{ input.question }}"})},
        remember="{{ input.question }}",
    ).graph()
    async with Platform.open(settings) as platform:
        first = await done(platform, "What moves the tides?")
        await remembered(platform, 1)
        second = await done(platform, "What moves the tides?", looks)
        told = (await platform.runs().get(second)).output
        assert [(each["run"], each["output"]) for each in told["runs"]] == [(str(first), "about What moves the tides?")]


async def test_bad_questions_are_refused(settings: Settings) -> None:
    async with Platform.open(settings, worker=False) as platform:
        episodes = platform.episodes()
        assert "No run was remembered" in (await episodes.recall("anything")).notes[0]
        for task, limit, within_s in (("  ", 5, None), ("x", 0, None), ("x", 51, None), ("x", 5, 0.0)):
            with pytest.raises(Invalid):
                await episodes.recall(task, limit=limit, within_s=within_s)
