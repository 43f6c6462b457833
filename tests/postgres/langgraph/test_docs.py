"""The example and the page on LangGraph do what they say."""

from __future__ import annotations

import asyncio
import re
import runpy
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langgraph", reason="the extra langgraph is not installed")

from stretto.langgraph import StrettoSaver
from stretto.settings import Settings
from stretto.store import Database

ROOT = Path(__file__).parents[3]


def environment(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setenv("STRETTO_HOME", str(settings.home))
    monkeypatch.setenv("STRETTO_DATABASE_URL", settings.database_url or "")


async def test_the_example(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, settings)
    example = await asyncio.to_thread(runpy.run_path, str(ROOT / "examples/langgraph_desk.py"))
    async with asyncio.timeout(60):
        output = await example["main"]()
    assert output == {"topic": "tides", "draft": "Dear reader, some words on tides.", "sent": True}


async def test_the_page(database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    environment(monkeypatch, settings)
    page = await asyncio.to_thread((ROOT / "docs/langgraph.md").read_text, encoding="utf-8")
    names: dict[str, Any] = {}
    for example in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(example, "docs/langgraph.md", "exec"), names)
    started = await asyncio.to_thread((ROOT / "examples/langgraph_desk.py").read_text, encoding="utf-8")
    hosted = '        platform.tools.put(desk := host(compiled, name="desk"))\n'
    assert hosted in page
    assert hosted in started
    await names["with_a_thread_of_ones_own"]()
    saved = StrettoSaver(database)
    found = await saver_state(saved)
    assert found == "Dear reader, some words on tides."


async def saver_state(saver: StrettoSaver) -> str:
    state = await saver.aget_tuple({"configurable": {"thread_id": "mine"}})
    assert state is not None
    return state.checkpoint["channel_values"]["draft"]
