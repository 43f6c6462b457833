"""Streams through the openai SDK and pydantic-ai: from the wire (or a function) to the consumer; nothing is kept."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from openai import AsyncOpenAI
from pydantic_ai import Agent
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

from bench.contenders.gaps import Gaps, Lag
from bench.contenders.sse_server import WORDS, serving
from bench.until import until

TOKENS_PER_S = 50.0
SETTLE_S = 1.0
Saw = Callable[[str], None]
Read = Callable[[Saw], Awaitable[None]]
"""Reads one whole answer and tells of each piece of text."""


def client_for(url: str) -> AsyncOpenAI:
    """A client as its documentation makes one; its own pool allows 1,000 connections."""
    return AsyncOpenAI(api_key="none", base_url=url, max_retries=0)


def by_openai(url: str) -> Read:
    client = client_for(url)

    async def read(saw: Saw) -> None:
        stream = await client.chat.completions.create(
            model="bench-1", messages=[{"role": "user", "content": "Write."}], stream=True
        )
        async for chunk in stream:
            if chunk.choices and (text := chunk.choices[0].delta.content):
                saw(text)

    return read


def by_agent(agent: Agent[None, str]) -> Read:
    async def read(saw: Saw) -> None:
        async with agent.run_stream("Write.") as result:
            async for text in result.stream_text(delta=True, debounce_by=None):
                saw(text)

    return read


def by_function(tokens: int, tokens_per_s: float) -> Read:
    """pydantic-ai with its own model double: a function that yields the tokens."""

    async def answer(messages: Any, info: Any) -> AsyncIterator[str]:
        began = time.perf_counter()
        for n in range(tokens):
            if tokens_per_s:
                await asyncio.sleep(max(0.0, began + n / tokens_per_s - time.perf_counter()))
            yield f" {WORDS[n % len(WORDS)]}"

    return by_agent(Agent(FunctionModel(stream_function=answer)))


@asynccontextmanager
async def reader(kind: str, tokens: int, tokens_per_s: float) -> AsyncGenerator[Read]:
    """How one of the references reads an answer of so many tokens."""
    if kind == "pydantic-ai-function":
        yield by_function(tokens, tokens_per_s)
        return
    async with serving(tokens, tokens_per_s) as url:
        if kind == "openai":
            yield by_openai(url)
        else:
            provider = OpenAIProvider(openai_client=client_for(url))
            yield by_agent(Agent(OpenAIChatModel("bench-1", provider=provider)))


async def hold(postmaster: int, kind: str, agents: int, seconds: float) -> dict[str, float]:
    """So many streams at 50 tokens/s each; what their consumers saw for `seconds`."""
    gaps, lag = Gaps(), Lag()
    begun: set[int] = set()

    async with reader(kind, int(TOKENS_PER_S * (seconds + 60)), TOKENS_PER_S) as read, asyncio.TaskGroup() as group:

        def saw(number: int) -> Saw:
            def note(text: str) -> None:
                begun.add(number)
                gaps.saw(number, text)

            return note

        tasks = []
        for number in range(agents):
            tasks.append(group.create_task(read(saw(number))))  # pyright: ignore[reportArgumentType]
            if number % 20 == 19:
                await asyncio.sleep(0.02)
        await until(lambda: len(begun) == agents, most_s=40)
        await asyncio.sleep(SETTLE_S)
        tasks.append(group.create_task(lag.watch()))
        began, cpu = time.perf_counter(), time.process_time()
        gaps.start()
        await asyncio.sleep(seconds)
        gaps.stop()
        wall, spent = time.perf_counter() - began, time.process_time() - cpu
        for task in tasks:
            task.cancel()
    due = agents * TOKENS_PER_S * wall
    seen = gaps.chars * len(WORDS) / sum(len(word) + 1 for word in WORDS)
    return {
        **gaps.result(),
        "cpu_us": spent / max(1.0, seen) * 1e6,
        "core": spent / wall,
        "delivered": seen / due,
        "lag_ms": lag.worst_s * 1000,
    }


async def burst(postmaster: int, kind: str, runs: int, tokens: int) -> dict[str, float]:
    """Answers as fast as they come, one after the other."""
    seen = 0

    def saw(text: str) -> None:
        nonlocal seen
        seen += 1

    async with reader(kind, tokens, 0) as read:
        await read(saw)
        seen, cpu, began = 0, time.process_time(), time.perf_counter()
        for _ in range(runs):
            await read(saw)
        spent, wall = time.process_time() - cpu, time.perf_counter() - began
    total = runs * tokens
    return {"cpu_us": spent / total * 1e6, "tokens_per_s": total / wall, "pieces": seen}
