"""Checkpoints of LangGraph in PostgreSQL: by `StrettoSaver` and by LangGraph's own saver, under the same graphs."""

from __future__ import annotations

import asyncio
import operator
import random
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from string import ascii_lowercase
from typing import Annotated, Any, Literal, TypedDict
from uuid import uuid4

import psycopg
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph

from bench.contender import Meter
from bench.contenders import langgraph_runs
from bench.figures import percentile
from stretto.langgraph import StrettoSaver
from stretto.settings import load_settings
from stretto.store import Database

Which = Literal["stretto", "langgraph"]
WORDS = 80
"""About half a kilobyte, as a short message."""


class Notes(TypedDict):
    notes: Annotated[list[str], operator.add]
    count: int


def words(number: int) -> str:
    """A note that no other is like, so that PostgreSQL's compression does not hide how much is stored."""
    chance = random.Random(number)
    return " ".join("".join(chance.choices(ascii_lowercase, k=chance.randint(2, 9))) for _ in range(WORDS))


@asynccontextmanager
async def saver(which: Which, url: str) -> AsyncGenerator[BaseCheckpointSaver[Any]]:
    """The checkpointer, each with eight connections."""
    if which == "langgraph":
        async with langgraph_runs.saver(url) as found:
            yield found
        return
    database = await Database.open(load_settings(database_url=url, pool_size=langgraph_runs.POOL_SIZE))
    found = StrettoSaver(database)
    yield found
    await found.aclose()
    await database.close()


def notes(length: int, checkpointer: BaseCheckpointSaver[Any]) -> Any:
    """A loop of two nodes, carried out until the state holds so many notes."""

    async def note(state: Notes) -> dict[str, Any]:
        return {"notes": [words(len(state["notes"]))]}

    async def count(state: Notes) -> dict[str, Any]:
        return {"count": state.get("count", 0) + 1}

    def further(state: Notes) -> str:
        return END if len(state["notes"]) >= length else "note"

    graph = StateGraph(Notes)
    graph.add_node("note", note)
    graph.add_node("count", count)
    graph.add_edge(START, "note")
    graph.add_edge("note", "count")
    graph.add_conditional_edges("count", further)
    return graph.compile(checkpointer=checkpointer)


def thread(length: int) -> RunnableConfig:
    return {"configurable": {"thread_id": str(uuid4())}, "recursion_limit": 2 * length + 5}


async def nodes(
    postmaster: int, url: str, which: Which, threads: int, length: int, durability: str = "async"
) -> dict[str, float]:
    """Nodes per second of so many threads at once, and the bytes that they leave behind."""
    async with saver(which, url) as checkpointer:
        graph = notes(length, checkpointer)
        await asyncio.gather(*(notes(3, checkpointer).ainvoke({"notes": []}, thread(3)) for _ in range(8)))
        before = await size(url)
        meter = Meter(postmaster)
        await asyncio.gather(
            *(graph.ainvoke({"notes": []}, thread(length), durability=durability) for _ in range(threads))
        )
        spent = meter.read()
    done = threads * length * 2
    return {
        "nodes_per_s": done / spent["wall_s"],
        "cpu_us": spent["cpu_s"] / done * 1e6,
        "postgres_us": spent["postgres_s"] / done * 1e6,
        "bytes_per_node": (await size(url) - before) / done,
    }


async def resume(postmaster: int, url: str, which: Which, length: int, times: int) -> dict[str, float]:
    """How long it takes to read the state of a thread with so many notes: by a saver that is new, again by the same; and its history."""
    config = thread(length)
    async with saver(which, url) as checkpointer:
        await notes(length, checkpointer).ainvoke({"notes": []}, config)
    first: list[float] = []
    again: list[float] = []
    async with saver(which, url) as checkpointer:
        for _ in range(times):
            graph = notes(length, anew(checkpointer))
            for took in (first, again):
                began = time.perf_counter()
                state = await graph.aget_state(config)
                took.append((time.perf_counter() - began) * 1000)
                assert len(state.values["notes"]) == length
        began = time.perf_counter()
        found = [each async for each in notes(length, anew(checkpointer)).aget_state_history(config)]
        history = (time.perf_counter() - began) * 1000
        assert len(found) == 2 * length + 2
    return {"first_p50_ms": percentile(first, 0.5), "again_p50_ms": percentile(again, 0.5), "history_ms": history}


def anew(checkpointer: BaseCheckpointSaver[Any]) -> BaseCheckpointSaver[Any]:
    """Another saver on the same connections, which remembers nothing."""
    if isinstance(checkpointer, StrettoSaver):
        return StrettoSaver(checkpointer.store.database)
    assert isinstance(checkpointer, AsyncPostgresSaver)
    return AsyncPostgresSaver(checkpointer.conn)


async def size(url: str) -> int:
    """How many bytes all tables of the database have, with their indexes."""
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        cursor = await connection.execute(
            "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
        )
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])
