"""A server with doors for SDKs, the SDKs' clients, and models that do what a script cannot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from stretto.api import serving
from stretto.gateway.config import Deployment, GatewayConfig, Provider, Route, Tier, Weighted
from stretto.gateway.provider import (
    Completion,
    ModelProvider,
    ModelRequest,
    TokenCounts,
    TokenSink,
    ToolCall,
    ToolCallPiece,
)
from stretto.platform import Platform
from stretto.settings import Settings

SONG = "Nº 1: a 🎻 sings, and nobody hears it but the rain.\n\nThen it stops."
ASK: Any = [{"role": "user", "content": "Sing."}]
SAY: dict[str, Any] = {"model": "fast", "messages": ASK}


SONGS: dict[str, Any] = {
    "flow": "songs",
    "input": {"topic": {"type": "string"}},
    "agents": {"singer": {"model": "fast", "prompt": "Sing of {{ topic }}."}},
    "steps": {
        "verse": {"agent": "singer", "input": {"topic": "{{ input.topic }}"}},
        "chorus": {"agent": "singer", "input": {"topic": "{{ verse }}"}},
    },
    "output": "{{ verse }}\n\n{{ chorus }}",
}


@asynccontextmanager
async def door(
    settings: Settings, model: ModelProvider | None, config: GatewayConfig | None = None
) -> AsyncGenerator[tuple[Platform, str]]:
    """A platform whose calls `model` answers (None: whoever the configuration names), and the address of its server."""
    settings = settings.model_copy(update={"port": 0, "host": "127.0.0.1"})
    async with Platform.open(settings, provider=model, config=config) as platform, serving(platform) as url:
        yield platform, url


def routes(*names: str) -> GatewayConfig:
    """A configuration with these routes, each with a deployment of its own, and no other name."""
    provider = Provider("here", "simulated")
    deployments = {f"{name}-1": Deployment(f"{name}-1", provider, name) for name in names}
    return GatewayConfig(
        {name: Route(name, (Tier((Weighted(deployments[f"{name}-1"]),)),)) for name in names},
        deployments,
        {"here": provider},
        digest=" ".join(names),
    )


@asynccontextmanager
async def openai_client(url: str, key: str = "of-another-service") -> AsyncGenerator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=30) as client:
        yield client


@asynccontextmanager
async def anthropic_client(url: str, key: str = "of-another-service") -> AsyncGenerator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=url, api_key=key, max_retries=0, timeout=30) as client:
        yield client


async def until(met: Callable[[], object], within_s: float) -> None:
    """Wait until something is so."""
    for _ in range(int(within_s / 0.01)):
        if met():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"it was not so within {within_s:g} s")


class Steady:
    """A model that does what it is told for each call, and tells how many calls are under way and were cut off."""

    name = "steady"
    simulated = True

    def __init__(self, answer: Callable[[ModelRequest, TokenSink], Awaitable[Completion]]) -> None:
        self._answer = answer
        self.requests: list[ModelRequest] = []
        self.active = 0
        self.cancelled = 0

    async def complete(self, request: ModelRequest, sink: TokenSink) -> Completion:
        self.requests.append(request)
        self.active += 1
        try:
            return await self._answer(request, sink)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.active -= 1

    async def close(self) -> None:
        pass


def ended(text: str = "", **fields: Any) -> Completion:
    """How a call of `Steady` ends."""
    return Completion(model="steady/1", provider="steady", tokens=TokenCounts(input=3, output=len(text)), **fields)


async def call_two_tools(request: ModelRequest, sink: TokenSink) -> Completion:
    """Say a word, then call two tools at once, each in pieces."""
    sink.write(["Let me look."])
    for n, city in enumerate(("Oslo", "Rome")):
        sink.tool_call(ToolCallPiece(n, id=f"call_{n}", name="weather"))
        for piece in ('{"city"', ': "', city, '"}'):
            sink.tool_call(ToolCallPiece(n, arguments=piece))
            await asyncio.sleep(0)
    calls = tuple(ToolCall(f"call_{n}", "weather", f'{{"city": "{city}"}}') for n, city in enumerate(("Oslo", "Rome")))
    return ended("Let me look.", stop_reason="tool_calls", tool_calls=calls)


async def never_stop(request: ModelRequest, sink: TokenSink) -> Completion:
    """Write 10,000 characters at a time, for as long as it is let."""
    text = ["x" * 10_000]
    for _ in range(100_000):
        sink.write(text)
        await asyncio.sleep(0)
    return ended()
