"""Runs in Stretto: accepted, put into the queue, claimed by the worker, journaled, completed."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise
from uuid import UUID

from bench.contender import Meter
from bench.contenders.arrivals import Arrivals, arrive
from bench.contenders.worker import working
from bench.figures import percentile
from bench.flows import Clock, chain, turns
from stretto.engine import Runs
from stretto.flow.graph import Graph


async def steps(postmaster: int, url: str, runs: int, length: int) -> dict[str, float]:
    """Durable steps per second of so many runs at once, from `start` until the last run is seen to be completed."""
    clock = Clock()
    async with working(url, tools=clock.tools) as platform:
        door = platform.runs()
        graph = chain(length)
        for _ in range(2):  # a worker that has been at work for some seconds
            await complete(door, graph, runs // 2)
        clock.calls.clear()
        meter = Meter(postmaster)
        await complete(door, graph, runs)
        spent = meter.read()
        total = runs * length
        assert len(clock.calls) == total, "every step ran once"
    return {
        "steps_per_s": total / spent["wall_s"],
        "cpu_us": spent["cpu_s"] / total * 1e6,
        "postgres_us": spent["postgres_s"] / total * 1e6,
    }


async def complete(door: Runs, graph: Graph, count: int) -> list[UUID]:
    """Start so many runs at once and wait until the database says that all are completed."""
    ids = await asyncio.gather(*(door.start(graph, {}) for _ in range(count)))
    await until_status(door, ids, "completed")
    return ids


async def until_status(door: Runs, ids: list[UUID], status: str, every_s: float = 0.01) -> None:
    """Wait until all these runs have this status in the database."""
    query = "SELECT count(*) FROM runs WHERE id = ANY(%s) AND status = %s"
    while True:
        async with door.database.tenant(door.tenant_id) as connection:
            row = await (await connection.execute(query, [ids, status])).fetchone()
        if row is not None and row[0] == len(ids):
            return
        await asyncio.sleep(every_s)


async def alone(postmaster: int, url: str, length: int, times: int) -> dict[str, float]:
    """One run at a time: from one step's call to the next one's, and the whole run from `start` to its last fact."""
    clock = Clock()
    gaps: list[float] = []
    whole: list[float] = []
    async with working(url, tools=clock.tools) as platform:
        door, graph = platform.runs(), chain(length)
        await complete(door, graph, 3)
        for _ in range(times):
            clock.calls.clear()
            began = time.perf_counter()
            run_id = await door.start(graph, {})
            async for _ in door.follow(run_id):
                pass
            whole.append((time.perf_counter() - began) / length)
            gaps += [after - before for before, after in pairwise(clock.calls)]
    return {
        "gap_p50_ms": percentile(gaps, 0.5) * 1000,
        "gap_p95_ms": percentile(gaps, 0.95) * 1000,
        "per_step_ms": percentile(whole, 0.5) * 1000,
    }


async def first_step(postmaster: int, url: str, samples: int, per_s: float) -> dict[str, float]:
    """From `start` having returned (the run is accepted) to its first step being called; see `arrive`."""
    clock = Clock()
    async with working(url, tools=clock.tools) as platform:
        door, graph = platform.runs(), chain(1)
        await complete(door, graph, 5)
        clock.calls.clear()
        arrivals = Arrivals(clock.calls)

        async def submit() -> None:
            await door.start(graph, {})

        await arrive(arrivals, submit, samples, per_s)
    return arrivals.result()


async def store(postmaster: int, url: str, runs: int, length: int, loop: bool = False) -> dict[str, float]:
    """Carry out runs whose bytes are counted afterwards; each step gives 100 characters."""
    async with working(url, tools=Clock().tools) as platform:
        graph = turns(length) if loop else chain(length, "note")
        for done in range(0, runs, 50):
            await complete(platform.runs(), graph, min(50, runs - done))
    return {"runs": runs}
