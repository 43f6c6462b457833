"""Agents that stream in Stretto: provider → step → fan-out to a follower → journal, all in one process."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, aclosing
from typing import Any
from uuid import UUID

from bench.contender import Meter
from bench.contenders.gaps import Gaps, Lag
from bench.contenders.sse_server import WORDS, serving
from bench.contenders.worker import config_before, working
from bench.until import until
from stretto.engine import Runs, StepContext
from stretto.flow.compile import compile_document
from stretto.flow.graph import Graph
from stretto.gateway.provider import Message, ModelRequest
from stretto.gateway.simulated import SimulatedProvider
from stretto.gateway.tokens import split_tokens
from stretto.stream import TextEvent
from stretto.testing import KeptAnswer
from stretto.tools import Tools

TEAM = 4
"""Agents of one run."""
TOKENS_PER_S = 50.0
SETTLE_S = 1.0


def team() -> Graph:
    """Agents that write at the same time."""
    agents = {"writer": {"model": "fast", "prompt": "Write an essay on part {{ n }}.\nAs long as you can.\n"}}
    steps = {f"a{n}": {"agent": "writer", "input": {"n": n}} for n in range(TEAM)}
    return compile_document({"flow": "team", "agents": agents, "steps": steps})


def provider_for(seconds: float) -> SimulatedProvider:
    """Answers long enough that all agents still write when the last one has begun and the time is over."""
    tokens = int(TOKENS_PER_S * (seconds + SETTLE_S + 20))
    return SimulatedProvider(0, 0.2, TOKENS_PER_S, answer_tokens=(tokens, tokens))


async def hold(
    postmaster: int, url: str, agents: int, seconds: float, wire: bool = True, spare: bool = True
) -> dict[str, float]:
    """So many agents at 50 tokens/s each, a follower on each run; what the followers saw for `seconds`.

    With `wire`, a server in another process answers; without, the simulated provider in this one.
    """
    async with AsyncExitStack() as stack:
        models: dict[str, Any] = {"provider": provider_for(seconds)}
        if wire:
            server = serving(int(TOKENS_PER_S * (seconds + 60)), TOKENS_PER_S)
            models = {"config": config_before(await stack.enter_async_context(server))}
        many = max(200, agents)
        platform = await stack.enter_async_context(working(url, concurrent_runs=many, spare=spare, **models))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        door, gaps, lag = platform.runs(), Gaps(), Lag()
        graph = team()
        ids = await asyncio.gather(*(door.start(graph, {}) for _ in range(agents // TEAM)))
        readers = [group.create_task(follow(door, run_id, gaps)) for run_id in ids]
        await until(lambda: gaps.streams == agents, most_s=60)
        await asyncio.sleep(SETTLE_S)
        lagging = group.create_task(lag.watch())
        meter = Meter(postmaster)
        gaps.start()
        await asyncio.sleep(seconds)
        gaps.stop()
        spent = meter.read()
        if done := sum(reader.done() for reader in readers):
            raise RuntimeError(f"{done} runs ended before the time was over")
        for task in (lagging, *readers):
            task.cancel()
        for run_id in ids:
            await door.cancel(run_id)
    due = agents * TOKENS_PER_S * spent["wall_s"]
    mean = sum(len(word) + 1 for word in WORDS) / len(WORDS) if wire else mean_token(gaps.sample)
    seen = gaps.chars / mean
    return {**gaps.result(), **spent_per(spent, due), "delivered": seen / due, "lag_ms": lag.worst_s * 1000}


def spent_per(spent: dict[str, float], tokens: float) -> dict[str, float]:
    """CPU per token in µs, and the share of one core."""
    return {
        "cpu_us": spent["cpu_s"] / tokens * 1e6,
        "postgres_us": spent["postgres_s"] / tokens * 1e6,
        "core": spent["cpu_s"] / spent["wall_s"],
    }


def mean_token(text: str) -> float:
    """Characters of a token of the simulated provider, on average."""
    return len(text) / max(1, len(split_tokens(text)))


async def follow(door: Runs, run_id: UUID, gaps: Gaps) -> None:
    """Read a run as a client does."""
    async with aclosing(door.follow(run_id)) as events:
        async for event in events:
            if isinstance(event, TextEvent):
                gaps.saw((run_id, event.step), event.text)


async def provider_alone(postmaster: int, agents: int, seconds: float) -> dict[str, float]:
    """What the simulated provider itself costs: the same calls into a sink that throws the text away."""
    provider = provider_for(seconds)

    class Nowhere(KeptAnswer):
        def write(self, tokens: list[str]) -> None:
            pass

    async with asyncio.TaskGroup() as group:
        asked = [(Message("user", f"Write an essay on part {n}."),) for n in range(agents)]
        requests = [ModelRequest(model="fast", messages=messages) for messages in asked]
        tasks = [group.create_task(provider.complete(request, Nowhere())) for request in requests]
        await until(lambda: provider.active == agents)
        await asyncio.sleep(SETTLE_S)
        meter = Meter(postmaster)
        await asyncio.sleep(seconds)
        spent = meter.read()
        for task in tasks:
            task.cancel()
    return spent_per(spent, agents * TOKENS_PER_S * spent["wall_s"])


async def burst(postmaster: int, url: str, runs: int, tokens: int, at_once: int) -> dict[str, float]:
    """Write, fan-out and persist alone: steps that write as fast as they may, `at_once` tokens with each call."""
    words = split_tokens("The quick brown fox jumps over the lazy dog, and the dog, being lazy, lets it pass. " * 8)
    tools = Tools()

    async def pour(ctx: StepContext) -> None:
        for n in range(0, tokens, at_once):
            first = n % (len(words) - at_once)
            ctx.write(words[first : first + at_once])
            if n % 200 < at_once:  # what one read of a socket may hold; then others have their turn
                await ctx.drain()
                await asyncio.sleep(0)

    tools.add("pour", pour)
    graph = compile_document({"flow": "burst", "steps": {"pour": {"tool": "pour"}}})
    async with working(url, tools=tools) as platform:
        door, gaps = platform.runs(), Gaps()

        async def one() -> None:
            await follow(door, await door.start(graph, {}), gaps)

        await asyncio.gather(*(one() for _ in range(2)))
        gaps.start()
        meter = Meter(postmaster)
        await asyncio.gather(*(one() for _ in range(runs)))
        spent = meter.read()
    total = runs * tokens
    return {**spent_per(spent, total), "tokens_per_s": total / spent["wall_s"]}


async def store(postmaster: int, url: str, runs: int, tokens: int) -> dict[str, float]:
    """Carry out runs of one agent that streams so many tokens at 50 a second; their bytes are counted afterwards."""
    provider = SimulatedProvider(0, 0.2, TOKENS_PER_S, answer_tokens=(tokens, tokens))
    agents = {"writer": {"model": "fast", "prompt": "Write an essay.\nAs long as you can.\n", "max_tokens": tokens}}
    graph = compile_document({"flow": "writer", "agents": agents, "steps": {"write": {"agent": "writer"}}})
    async with working(url, provider=provider) as platform:
        door = platform.runs()

        async def one() -> None:
            async for _ in door.follow(await door.start(graph, {})):
                pass

        await asyncio.gather(*(one() for _ in range(runs)))
    return {"runs": runs}
