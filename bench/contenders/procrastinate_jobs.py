"""Procrastinate alone: what Stretto's dispatch stands on, without accepting, facts or a journal."""

from __future__ import annotations

import asyncio
import time

import procrastinate

from bench.contenders.arrivals import Arrivals, arrive
from bench.until import until


async def first_step(postmaster: int, url: str, samples: int, per_s: float) -> dict[str, float]:
    """From `defer_async` having returned to the task being called, with a worker in the same process."""
    calls: list[float] = []
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))

    @app.task(name="noop")
    async def noop() -> None:
        calls.append(time.perf_counter())

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        worker = asyncio.create_task(app.run_worker_async(install_signal_handlers=False, concurrency=200))
        for number in range(1, 6):
            await noop.defer_async()
            await until(lambda number=number: len(calls) >= number)
        calls.clear()
        arrivals = Arrivals(calls)

        async def submit() -> None:
            await noop.defer_async()

        await arrive(arrivals, submit, samples, per_s)
        worker.cancel()
        await asyncio.wait([worker])
    return arrivals.result()
