"""DBOS: workflows of async steps, each step's result committed before the next begins. Default settings."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from contextlib import contextmanager
from itertools import pairwise

from dbos import DBOS, DBOSConfig

from bench import flows
from bench.contender import Meter
from bench.contenders.arrivals import SHORT_PAUSE, Arrivals, arrive
from bench.figures import percentile

calls: list[float] = []


@DBOS.step()
async def noop() -> None:
    calls.append(time.perf_counter())


@DBOS.step()
async def note() -> str:
    calls.append(time.perf_counter())
    return flows.note()


@DBOS.workflow()
async def chain(length: int) -> None:
    for _ in range(length):
        await noop()


@DBOS.workflow()
async def growing(length: int) -> None:
    """Each step's result is kept, as the steps of a flow keep theirs."""
    notes: list[str] = []
    for _ in range(length):
        notes.append(await note())


@DBOS.workflow()
async def person() -> None:
    await note()
    await DBOS.recv_async("decision", timeout_seconds=600)
    await noop()


@contextmanager
def launched(url: str) -> Generator[None]:
    """DBOS at work in this process, as its documentation sets it up."""
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": url.replace("postgresql://", "postgresql+psycopg://"),
        "log_level": "ERROR",
        "application_version": "1",
    }
    DBOS(config=config)
    DBOS.launch()
    try:
        yield
    finally:
        DBOS.destroy()


async def steps(postmaster: int, url: str, runs: int, length: int, most_s: float = 60.0) -> dict[str, float]:
    """Steps per second of so many workflows at once; what is not done after `most_s` is not counted."""
    with launched(url):
        warming = [await DBOS.start_workflow_async(chain, length // 2) for _ in range(runs // 5)]
        await asyncio.gather(*(handle.get_result() for handle in warming))
        calls.clear()
        meter = Meter(postmaster)
        handles = await asyncio.gather(*(DBOS.start_workflow_async(chain, length) for _ in range(runs)))
        results = [asyncio.ensure_future(handle.get_result()) for handle in handles]
        _, open_ = await asyncio.wait(results, timeout=most_s)
        spent, done = meter.read(), len(calls)
        for result in open_:
            result.cancel()
    return {
        "steps_per_s": done / spent["wall_s"],
        "cpu_us": spent["cpu_s"] / done * 1e6,
        "postgres_us": spent["postgres_s"] / done * 1e6,
    }


async def alone(postmaster: int, url: str, length: int, times: int) -> dict[str, float]:
    """One workflow at a time: from one step's call to the next one's, and the whole workflow."""
    gaps: list[float] = []
    whole: list[float] = []
    with launched(url):
        await (await DBOS.start_workflow_async(chain, 5)).get_result()
        for _ in range(times):
            calls.clear()
            began = time.perf_counter()
            handle = await DBOS.start_workflow_async(chain, length)
            await handle.get_result()
            whole.append((time.perf_counter() - began) / length)
            gaps += [after - before for before, after in pairwise(calls)]
    return {
        "gap_p50_ms": percentile(gaps, 0.5) * 1000,
        "gap_p95_ms": percentile(gaps, 0.95) * 1000,
        "per_step_ms": percentile(whole, 0.5) * 1000,
    }


async def first_step(postmaster: int, url: str, samples: int, per_s: float, queued: bool) -> dict[str, float]:
    """From the workflow being enqueued (or, not `queued`, started in this process) to its first step being called."""
    with launched(url):
        if queued:
            await DBOS.register_queue_async("bench")
            await (await DBOS.enqueue_workflow_async("bench", chain, 1)).get_result()
        else:
            await (await DBOS.start_workflow_async(chain, 1)).get_result()
        calls.clear()
        arrivals = Arrivals(calls)

        async def submit() -> None:
            if queued:
                await DBOS.enqueue_workflow_async("bench", chain, 1)
            else:
                await DBOS.start_workflow_async(chain, 1)

        await arrive(arrivals, submit, samples, per_s, pause_s=(0.0, 1.0) if queued else SHORT_PAUSE)
    return arrivals.result()


async def store(postmaster: int, url: str, runs: int, length: int) -> dict[str, float]:
    """Carry out workflows whose bytes are counted afterwards."""
    with launched(url):
        for done in range(0, runs, 20):
            handles = [await DBOS.start_workflow_async(growing, length) for _ in range(min(20, runs - done))]
            await asyncio.gather(*(handle.get_result() for handle in handles))
    return {"runs": runs}
