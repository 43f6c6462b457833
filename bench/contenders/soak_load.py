"""Clients that stream without an end: calls end and begin anew, and some are left in mid-answer."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter

from bench.contenders.http_line import Answer, Line, connect, post_of

CANCELLED = 0.1
"""Share of the calls that their client leaves within their first 3 s."""
GENTLE_S = 4.0
"""The streams begin over so long a time."""


async def stream(postmaster: int, base: str, streams: int, seconds: float) -> dict[str, float]:
    """So many streams at once for so long; what became of them."""
    told: Counter[str] = Counter()
    ends = time.monotonic() + seconds
    chance = random.Random(7)

    def body(number: int) -> bytes:
        return post_of(
            base,
            {
                "model": "fast",
                "messages": [{"role": "user", "content": f"Write about the sea, part {number}."}],
                "stream": True,
            },
        )

    async def ask(line: Line, number: int) -> Answer | None:
        answer = line.ask(body(number))
        if chance.random() >= CANCELLED:
            return await answer
        await asyncio.wait([answer], timeout=chance.uniform(0.05, 3.0))
        if answer.done():
            return answer.result()
        line.close()
        return None

    async def client(number: int) -> None:
        await asyncio.sleep(number * GENTLE_S / streams)
        line: Line | None = None
        while time.monotonic() < ends:
            if line is None or not line.is_open:
                line = await connect(base)
            number += streams
            answer = await ask(line, number)
            if answer is None:
                told["cancelled"] += 1
                continue
            told["tokens"] += answer.chunks
            told[{200: "answered", 0: "lost"}.get(answer.status, "refused")] += 1
            if answer.status not in (0, 200):
                told[f"status {answer.status}"] += 1
                await asyncio.sleep(0.5)
        if line is not None:
            line.close()

    cpu = time.process_time()
    async with asyncio.TaskGroup() as group:
        for number in range(streams):
            group.create_task(client(number))
    return {
        "answered": 0, "cancelled": 0, "lost": 0, "refused": 0, **told,
        "tokens_per_s": told["tokens"] / seconds, "load_core": (time.process_time() - cpu) / seconds,
    }  # fmt: skip
