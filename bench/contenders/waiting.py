"""Many runs that wait for a person: what they cost a process, and how fast they all wake. Stretto and two references."""

from __future__ import annotations

import asyncio
import gc
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from bench.contenders.stretto_runs import until_status
from bench.contenders.worker import working
from bench.flows import Clock, note, person
from bench.until import until

AT_ONCE = 50
"""Decisions that arrive at the same time."""


def memory_kb() -> float:
    """What this process alone would free by ending (USS), garbage collected."""
    gc.collect()
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return float(sum(int(line.split()[1]) for line in lines if line.startswith(("Private_Clean", "Private_Dirty"))))


def objects() -> int:
    """Python objects that the collector tracks."""
    gc.collect()
    return len(gc.get_objects())


async def in_batches(coroutines: list[Any]) -> None:
    """Await all, so many at a time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(coroutine: Any) -> None:
        async with gate:
            await coroutine

    await asyncio.gather(*(one(coroutine) for coroutine in coroutines))


async def stretto(postmaster: int, url: str, runs: int) -> dict[str, float]:
    """Runs that wait for a review; another thousand went through before, so that the process has its full size."""
    async with working(url, tools=Clock().tools) as platform:
        door, graph = platform.runs(), person()

        async def park() -> list[Any]:
            ids = await asyncio.gather(*(door.start(graph, {}) for _ in range(runs)))
            await until_status(door, ids, "waiting", 0.05)
            await until(lambda: platform.worker is None or not platform.worker.active_runs)
            return ids

        async def decide(run_id: Any) -> None:
            reviews = platform.reviews()
            await reviews.decide(await reviews.of_step(run_id, "ask"), "approve", by="bench")

        async def wake(ids: list[Any]) -> float:
            began = time.perf_counter()
            await in_batches([decide(run_id) for run_id in ids])
            await until_status(door, ids, "completed", 0.02)
            return time.perf_counter() - began

        await wake(await park())
        before, tracked = memory_kb(), objects()
        ids = await park()
        after, tracked_after = memory_kb(), objects()
        took = await wake(ids)
    return {
        "kb_per_run": max(0.0, (after - before) / runs),
        "objects_per_run": (tracked_after - tracked) / runs,
        "woken_per_s": runs / took,
    }


async def dbos(postmaster: int, url: str, runs: int) -> dict[str, float]:
    """Workflows that wait in `recv`, in the process that started them."""
    from dbos import DBOS  # noqa: PLC0415  (only the process that measures it pays for it)

    from bench.contenders.dbos_runs import calls, launched, person  # noqa: PLC0415

    with launched(url):

        async def park(count: int) -> list[Any]:
            calls.clear()
            handles = [await DBOS.start_workflow_async(person) for _ in range(count)]
            await until(lambda: len(calls) >= count)
            await asyncio.sleep(1)
            return handles

        async def wake(handles: list[Any]) -> float:
            began = time.perf_counter()
            await in_batches([DBOS.send_async(handle.workflow_id, "approve", "decision") for handle in handles])
            await asyncio.gather(*(handle.get_result() for handle in handles))
            return time.perf_counter() - began

        await wake(await park(min(100, runs)))
        before, tracked = memory_kb(), objects()
        handles = await park(runs)
        after, tracked_after = memory_kb(), objects()
        took = await wake(handles)
    return {
        "kb_per_run": max(0.0, (after - before) / runs),
        "objects_per_run": (tracked_after - tracked) / runs,
        "woken_per_s": runs / took,
    }


async def langgraph(postmaster: int, url: str, runs: int) -> dict[str, float]:
    """Threads that stopped at an `interrupt`; the caller resumes each of them (there is no worker)."""
    from langgraph.graph import END, START, StateGraph  # noqa: PLC0415
    from langgraph.types import Command, interrupt  # noqa: PLC0415

    from bench.contenders.langgraph_runs import Notes, saver, thread  # noqa: PLC0415

    async def draft(state: Notes) -> dict[str, Any]:
        return {"notes": [note()]}

    async def ask(state: Notes) -> dict[str, Any]:
        return {"notes": [interrupt(state["notes"][-1])]}

    async def publish(state: Notes) -> dict[str, Any]:
        return {}

    async with saver(url) as checkpointer:
        graph = StateGraph(Notes)
        for name, node in (("draft", draft), ("ask", ask), ("publish", publish)):
            graph.add_node(name, node)
        for start, end in ((START, "draft"), ("draft", "ask"), ("ask", "publish"), ("publish", END)):
            graph.add_edge(start, end)
        flow = graph.compile(checkpointer=checkpointer)

        async def park(count: int) -> list[Any]:
            threads = [thread(10) for _ in range(count)]
            await in_batches([flow.ainvoke({"notes": [str(uuid4())]}, each) for each in threads])
            return threads

        async def wake(threads: list[Any]) -> float:
            began = time.perf_counter()
            await in_batches([flow.ainvoke(Command(resume="approve"), each) for each in threads])
            return time.perf_counter() - began

        await wake(await park(min(100, runs)))
        before, tracked = memory_kb(), objects()
        threads = await park(runs)
        after, tracked_after = memory_kb(), objects()
        took = await wake(threads)
    return {
        "kb_per_run": max(0.0, (after - before) / runs),
        "objects_per_run": (tracked_after - tracked) / runs,
        "woken_per_s": runs / took,
    }
