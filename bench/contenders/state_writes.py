"""Sixteen writers of the shared state: all of one document, or each of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from bench.contender import Meter
from bench.contenders.stretto_streams import spent_per
from stretto.errors import StateConflict
from stretto.settings import load_settings
from stretto.state import ANY, State
from stretto.store import DEFAULT_TENANT, Database

PLAN = {"goal": "tides", "tasks": [{"id": number, "done": False, "note": "x" * 20} for number in range(8)], "n": 0}
"""About half a kilobyte, as a plan of a small swarm."""
ADD_ONE = [{"op": "increment", "path": "/n"}]


async def patched(postmaster: int, url: str, writers: int, commits: int, documents: int) -> dict[str, float]:
    """Operations on what is there, so that no writer has to read before."""

    async def write(state: State, key: str) -> int:
        await state.patch(key, ADD_ONE)
        return 0

    return await _measure(postmaster, url, writers, commits, documents, write)


async def updated(postmaster: int, url: str, writers: int, commits: int, documents: int) -> dict[str, float]:
    """`update`: read, change, and put over the version that was read; again when another was faster, from the second time locked."""

    async def write(state: State, key: str) -> int:
        calls = 0

        def change(value: dict[str, Any]) -> dict[str, Any]:
            nonlocal calls
            calls += 1
            return {**value, "n": value["n"] + 1}

        await state.update(key, change)
        return calls - 1

    return await _measure(postmaster, url, writers, commits, documents, write)


async def compared(postmaster: int, url: str, writers: int, commits: int, documents: int) -> dict[str, float]:
    """The same without end and without pauses, as one would write it by hand."""

    async def write(state: State, key: str) -> int:
        conflicts = 0
        found = await state.get(key)
        while True:
            try:
                await state.put(key, {**found.value, "n": found.value["n"] + 1}, expected=found.version)
            except StateConflict:
                conflicts += 1
                found = await state.get(key)
            else:
                return conflicts

    return await _measure(postmaster, url, writers, commits, documents, write)


async def _measure(
    postmaster: int,
    url: str,
    writers: int,
    commits: int,
    documents: int,
    write: Callable[[State, str], Awaitable[int]],
) -> dict[str, float]:
    database = await Database.open(load_settings(database_url=url, pool_size=writers))
    state = State(database, DEFAULT_TENANT, {})
    keys = [f"plans/{number}" for number in range(documents)]
    for key in keys:
        await state.put(key, PLAN, expected=ANY)
    took_ms: list[float] = []
    conflicts = 0

    async def work(writer: int, count: int) -> None:
        nonlocal conflicts
        for number in range(count):
            began = time.perf_counter()
            vain = await write(state, keys[(writer + number * writers) % documents])
            conflicts += vain
            took_ms.append((time.perf_counter() - began) * 1000)

    await asyncio.gather(*(work(writer, 10) for writer in range(writers)))
    took_ms.clear()
    conflicts = 0
    meter = Meter(postmaster)
    await asyncio.gather(*(work(writer, commits // writers) for writer in range(writers)))
    spent = meter.read()
    done = len(took_ms)
    counted = sum([(await state.get(key)).value["n"] for key in keys])
    assert counted == done + writers * 10, "an update was lost"
    await database.close()
    took_ms.sort()
    per = spent_per(spent, done)
    return {
        "commits_per_s": done / spent["wall_s"],
        "p50_ms": took_ms[done // 2],
        "p95_ms": took_ms[done * 95 // 100],
        "conflicts_per_commit": conflicts / done,
        "cpu_us": per["cpu_us"],
        "postgres_us": per["postgres_us"],
    }
