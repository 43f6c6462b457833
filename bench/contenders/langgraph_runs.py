"""LangGraph: a compiled graph with a checkpointer; each run is a thread."""

from __future__ import annotations

import asyncio
import operator
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Annotated, Any, TypedDict
from uuid import uuid4

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import MemorySaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from bench import flows
from bench.contender import Meter
from bench.figures import percentile

calls: list[float] = []
POOL_SIZE = 8
"""As many connections as Stretto's pool has."""


class Count(TypedDict):
    count: int


class Notes(TypedDict):
    notes: Annotated[list[str], operator.add]


@asynccontextmanager
async def saver(url: str | None) -> AsyncGenerator[BaseCheckpointSaver[Any]]:
    """The checkpointer: in PostgreSQL, or in memory without a URL."""
    if url is None:
        yield MemorySaver()
        return
    kwargs = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    async with AsyncConnectionPool(url, min_size=POOL_SIZE, max_size=POOL_SIZE, kwargs=kwargs) as pool:
        found = AsyncPostgresSaver(pool)  # pyright: ignore[reportArgumentType]
        await found.setup()
        yield found


def chain(length: int, checkpointer: BaseCheckpointSaver[Any]) -> Any:
    """So many nodes, one after the other, which do nothing."""

    async def noop(state: Count) -> dict[str, Any]:
        calls.append(time.perf_counter())
        return {}

    graph = StateGraph(Count)
    before = START
    for n in range(length):
        graph.add_node(f"s{n}", noop)
        graph.add_edge(before, f"s{n}")
        before = f"s{n}"
    graph.add_edge(before, END)
    return graph.compile(checkpointer=checkpointer)


def growing(length: int, checkpointer: BaseCheckpointSaver[Any]) -> Any:
    """One node, carried out so many times; each time it adds a note to the state."""

    async def note(state: Notes) -> dict[str, Any]:
        return {"notes": [flows.note()]}

    graph = StateGraph(Notes)
    graph.add_node("note", note)
    graph.add_edge(START, "note")

    def further(state: Notes) -> str:
        return END if len(state["notes"]) >= length else "note"

    graph.add_conditional_edges("note", further)
    return graph.compile(checkpointer=checkpointer)


def thread(length: int) -> RunnableConfig:
    """The configuration of a new thread that may take so many nodes."""
    return {"configurable": {"thread_id": str(uuid4())}, "recursion_limit": length + 5}


async def steps(
    postmaster: int, runs: int, length: int, url: str | None = None, durability: str | None = None, most_s: float = 60.0
) -> dict[str, float]:
    """Nodes per second of so many threads at once; what is not done after `most_s` is not counted."""
    async with saver(url) as checkpointer:
        graph = chain(length, checkpointer)
        await asyncio.gather(*(graph.ainvoke({"count": 0}, thread(length)) for _ in range(runs // 10)))
        calls.clear()
        meter = Meter(postmaster)
        tasks = [
            asyncio.create_task(graph.ainvoke({"count": 0}, thread(length), durability=durability)) for _ in range(runs)
        ]
        _, open_ = await asyncio.wait(tasks, timeout=most_s)
        spent, done = meter.read(), len(calls)
        for task in open_:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return {
        "steps_per_s": done / spent["wall_s"],
        "cpu_us": spent["cpu_s"] / done * 1e6,
        "postgres_us": spent["postgres_s"] / done * 1e6,
    }


async def alone(postmaster: int, length: int, times: int, url: str | None = None) -> dict[str, float]:
    """One thread at a time: from one node's call to the next one's, and the whole thread."""
    gaps: list[float] = []
    whole: list[float] = []
    async with saver(url) as checkpointer:
        graph = chain(length, checkpointer)
        await graph.ainvoke({"count": 0}, thread(length))
        for _ in range(times):
            calls.clear()
            began = time.perf_counter()
            await graph.ainvoke({"count": 0}, thread(length))
            whole.append((time.perf_counter() - began) / length)
            gaps += [after - before for before, after in pairwise(calls)]
    return {
        "gap_p50_ms": percentile(gaps, 0.5) * 1000,
        "gap_p95_ms": percentile(gaps, 0.95) * 1000,
        "per_step_ms": percentile(whole, 0.5) * 1000,
    }


async def store(postmaster: int, url: str, runs: int, length: int) -> dict[str, float]:
    """Carry out threads whose bytes are counted afterwards."""
    async with saver(url) as checkpointer:
        graph = growing(length, checkpointer)
        for _ in range(runs):
            await graph.ainvoke({"notes": []}, thread(length))
    return {"runs": runs}
