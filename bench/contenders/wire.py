"""Stretto's side of the wire: from a server's events to a sink, and on through the gateway and an agent's step."""

from __future__ import annotations

import time

from bench.contender import Meter
from bench.contenders.gaps import Gaps
from bench.contenders.sse_server import serving
from bench.contenders.stretto_streams import follow, spent_per
from bench.contenders.worker import config_before, working
from stretto.flow.compile import compile_document
from stretto.gateway.provider import Message, ModelRequest
from stretto.gateway.wire import WireProvider
from stretto.testing import KeptAnswer


class Counting(KeptAnswer):
    """A sink that counts what it gets."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def write(self, tokens: list[str]) -> None:
        """Count, as the references' consumers do."""
        self.count += len(tokens)


async def burst(postmaster: int, runs: int, tokens: int) -> dict[str, float]:
    """Answers as fast as they come, one after the other, through the wire alone."""
    request = ModelRequest(model="bench-1", messages=(Message("user", "Write."),))
    async with serving(tokens, 0) as url:
        provider = WireProvider(config_before(url).providers["bench"], lambda: None)
        try:
            await provider.complete(request, Counting())
            sink, cpu, began = Counting(), time.process_time(), time.perf_counter()
            for _ in range(runs):
                await provider.complete(request, sink)
            spent, wall = time.process_time() - cpu, time.perf_counter() - began
        finally:
            await provider.close()
    total = runs * tokens
    if sink.count != total:
        raise RuntimeError(f"{sink.count} tokens came of {total}")
    return {"cpu_us": spent / total * 1e6, "tokens_per_s": total / wall, "pieces": sink.count}


async def agents(postmaster: int, url: str, runs: int, tokens: int) -> dict[str, float]:
    """The same answers through the gateway into agents' steps: fanned out to a follower, and in the journal."""
    graph = compile_document(
        {
            "flow": "writer",
            "agents": {"writer": {"model": "fast", "prompt": "Write.\nAs long as you can.\n"}},
            "steps": {"write": {"agent": "writer"}},
        }
    )
    async with serving(tokens, 0) as address, working(url, config=config_before(address)) as platform:
        door, gaps = platform.runs(), Gaps()
        await follow(door, await door.start(graph, {}), gaps)
        gaps.start()
        meter = Meter(postmaster)
        for _ in range(runs):
            await follow(door, await door.start(graph, {}), gaps)
        spent = meter.read()
    total = runs * tokens
    return {**spent_per(spent, total), "tokens_per_s": total / spent["wall_s"], "chars": gaps.chars}
