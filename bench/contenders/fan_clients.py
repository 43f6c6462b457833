"""Many clients of one event stream, in a process of their own: how long after it was written each sees a token.

Usage: python -m bench.contenders.fan_clients URL CLIENTS SECONDS
Every event's data has `at`, the time at which it was written; both processes read the same machine's clock.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import datetime
from typing import cast
from urllib.parse import urlsplit

import uvloop

from bench.figures import percentile

SETTLE_S = 1.5
MARK = b'"at":"'


class Ear(asyncio.Protocol):
    """One client. It looks for the times in what it gets, and nothing else."""

    def __init__(self, request: bytes, delays_s: list[float]) -> None:
        self.on = False
        self.events = 0
        self._request = request
        self._delays_s = delays_s
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).write(self._request)  # uvloop has a class of its own

    def data_received(self, data: bytes) -> None:
        now = time.time()
        *blocks, self._rest = (self._rest + data).split(b"\n\n")
        for block in blocks:
            begin = block.find(MARK)
            if self.on and begin >= 0 and b"event: text" in block:
                begin += len(MARK)
                at = datetime.fromisoformat(block[begin : block.index(b'"', begin)].decode())
                self.events += 1
                self._delays_s.append(now - at.timestamp())


async def listen(url: str, clients: int, seconds: float) -> dict[str, float]:
    """Listen for so long, once all are there."""
    parts = urlsplit(url)
    request = f"GET {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\n\r\n".encode()
    delays_s: list[float] = []
    ears: list[Ear] = []
    loop = asyncio.get_running_loop()
    for _ in range(clients):
        _, ear = await loop.create_connection(lambda: Ear(request, delays_s), parts.hostname, parts.port)
        ears.append(ear)
    await asyncio.sleep(SETTLE_S)
    for ear in ears:
        ear.on = True
    await asyncio.sleep(seconds)
    for ear in ears:
        ear.on = False
    if not delays_s:
        raise RuntimeError("no client has heard anything")
    return {
        "p50_ms": percentile(delays_s, 0.5) * 1000,
        "p99_ms": percentile(delays_s, 0.99) * 1000,
        "events": float(len(delays_s)),
        "fewest": float(min(ear.events for ear in ears)),
    }


if __name__ == "__main__":
    address, count, span = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.write(json.dumps(runner.run(listen(address, int(count), float(span)))))
