"""Requests that come at constant times, whether or not the ones before are answered; latency counts from when each was due."""

from __future__ import annotations

import asyncio
import gc
import time

from bench.contenders.http_line import Line, connect, post_of
from bench.figures import percentile

WARM_S = 2.0
LINES = 16


async def load(
    postmaster: int, base: str, model: str, rate: float, seconds: float, stream: bool, tokens: int, key: str
) -> dict[str, float]:
    """So many requests a second for so long; latencies in ms."""
    body: dict[str, object] = {
        "model": model,
        "messages": [{"role": "user", "content": "Say something about the sea."}],
        "max_tokens": tokens,
        "stream": stream,
    }
    request, now = post_of(base, body, key), time.perf_counter
    idle = [await connect(base) for _ in range(LINES)]
    gc.collect()
    gc.freeze()
    gc.disable()
    took: list[float] = []
    first: list[float] = []
    sent_late: list[float] = []
    failed = 0

    async def one(due: float, line: Line | None, counted: bool) -> None:
        nonlocal failed
        if line is None or not line.is_open:
            line = await connect(base)
        late = now() - due
        answer = await line.ask(request)
        ended = now()
        idle.append(line)
        if not counted:
            return
        if answer.status != 200 or (stream and not answer.chunks):
            failed += 1
            return
        took.append(ended - due)
        first.append(answer.first_s - due)
        sent_late.append(late)

    began, cpu = now() + 0.05, 0.0
    warm, total = int(rate * WARM_S), int(rate * (WARM_S + seconds))
    async with asyncio.TaskGroup() as group:
        for number in range(total):
            due = began + number / rate
            if (wait_s := due - now()) > 0:
                await asyncio.sleep(wait_s)
            if number == warm:
                cpu = time.process_time()
            group.create_task(one(due, idle.pop() if idle else None, number >= warm))
    spent = time.process_time() - cpu
    for line in idle:
        line.close()
    if not took:
        raise RuntimeError(f"none of {total} requests was answered")
    return {
        **{f"p{share}_ms": percentile(took, share / 100) * 1000 for share in (50, 95, 99)},
        "first_p50_ms": percentile(first, 0.5) * 1000,
        "first_p99_ms": percentile(first, 0.99) * 1000,
        "late_p99_ms": percentile(sent_late, 0.99) * 1000,
        "answered": len(took),
        "failed": failed,
        "lines": len(idle),
        "load_core": spent / seconds,
    }
