"""Work that arrives one at a time or at a rate, and how long each piece waits until its first step is called."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bench.figures import percentile
from bench.until import until


@dataclass
class Arrivals:
    """`calls` is when steps were called, in order: the contender appends to it."""

    calls: list[float]
    submitted: list[float] = field(default_factory=list[float])
    accepted: list[float] = field(default_factory=list[float])

    def result(self) -> dict[str, float]:
        """Milliseconds. Work is begun in the order in which it came, so the n-th call belongs to the n-th arrival."""
        waits = [call - accepted for call, accepted in zip(sorted(self.calls), sorted(self.accepted), strict=True)]
        whole = [call - submitted for call, submitted in zip(sorted(self.calls), self.submitted, strict=True)]
        return {
            "p50_ms": max(0.0, percentile(waits, 0.5) * 1000),
            "p95_ms": max(0.0, percentile(waits, 0.95) * 1000),
            "with_accept_p50_ms": percentile(whole, 0.5) * 1000,
            "with_accept_p95_ms": percentile(whole, 0.95) * 1000,
        }


SHORT_PAUSE = (0.005, 0.025)


async def arrive(
    arrivals: Arrivals,
    submit: Callable[[], Awaitable[None]],
    samples: int,
    per_s: float,
    *,
    pause_s: tuple[float, float] = SHORT_PAUSE,
) -> None:
    """Submit so many pieces of work: at this rate, or (0) each a random pause after the one before was begun.

    The pause spans the time between two polls of whoever polls, so that no sample falls in step with it.
    """
    chance = random.Random(7)

    async def one() -> None:
        arrivals.submitted.append(time.perf_counter())
        await submit()
        arrivals.accepted.append(time.perf_counter())

    if not per_s:
        for number in range(1, samples + 1):
            await one()
            await until(lambda number=number: len(arrivals.calls) >= number, 0.001)
            await asyncio.sleep(chance.uniform(*pause_s))
        return
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(samples):
            await asyncio.sleep(max(0.0, began + number / per_s - time.perf_counter()))
            group.create_task(one())
    await until(lambda: len(arrivals.calls) >= samples)
