"""The contract of `ModelProvider` on what speaks over the network, with `stretto sim` and a server made for the test behind it.

The servers have a thread and a loop of their own, so that their tasks are not taken for the provider's.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Generator, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from typing import Any, Literal

import pytest

from stretto.errors import ModelBroken, ModelError, ModelOverloaded, ModelRateLimited, ModelStalled, ModelUnreachable
from stretto.gateway.config import Provider, Timeouts
from stretto.gateway.provider import ModelProvider, TokenCounts
from stretto.gateway.simulated.server import SimOptions, SimServer
from stretto.gateway.simulated.wire_faults import WireFault
from stretto.gateway.wire import WireProvider
from tests.contract.test_model_provider import ModelProviderContract, Sink, ask
from tests.unit.gateway.wire.raw_server import START, Asked, Line, block_delta, delta, raw_server, sse, typed

QUICK = SimOptions(seed=7, ttft_s=0.0, tokens_per_s=1e6)
SLOW = SimOptions(seed=7, ttft_s=0.01, tokens_per_s=20.0, answer_tokens=(5000, 5000))
PATIENT = Timeouts(5.0, 10.0, 10.0)
Dialect = Literal["openai", "anthropic"]


@contextmanager
def elsewhere(server: AbstractAsyncContextManager[Any]) -> Generator[Any]:
    """A server in a thread of its own; gives what it gives."""
    ready: list[Any] = []
    up = threading.Event()
    loop = asyncio.new_event_loop()
    done = asyncio.Event()

    async def serve() -> None:
        async with server as found:
            ready.append(found)
            up.set()
            await done.wait()

    def run() -> None:
        try:
            loop.run_until_complete(serve())
        finally:
            up.set()
            loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert up.wait(10)
        yield ready[0]
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(10)


class WireContract(ModelProviderContract):
    """The whole contract, in one dialect."""

    dialect: Dialect
    _sims: dict[str, str]
    _broken: list[Any]
    _raw: str

    @pytest.fixture(autouse=True)
    def servers(self) -> Iterator[None]:
        self._broken = []
        with (
            elsewhere(SimServer(QUICK).serving()) as quick,
            elsewhere(SimServer(SLOW).serving()) as slow,
            elsewhere(raw_server(self.break_off)) as raw,
        ):
            self._sims = {"quick": quick, "slow": slow}
            self._raw = raw.url
            yield

    def wired(self, url: str) -> WireProvider:
        return WireProvider(Provider("sim", self.dialect, url, timeouts=PATIENT), lambda: "any")

    def quick(self) -> ModelProvider:
        return self.wired(self._sims["quick"])

    def endless(self) -> ModelProvider:
        return self.wired(self._sims["slow"])

    def breaking(self, after: int, error: ModelError) -> ModelProvider:
        self._broken = [after, error]
        return self.wired(self._raw)

    async def break_off(self, line: Line, asked: Asked) -> None:
        """So many tokens, then an error as the dialect has it."""
        after, error = self._broken
        overloaded = isinstance(error, ModelOverloaded)
        kind = "overloaded_error" if overloaded else "invalid_request_error"
        told = {"type": "error", "error": {"type": kind, "message": error.message}}
        if not after:
            line.answer(529 if overloaded else 400, told)
            return
        line.head()
        if self.dialect == "openai":
            line.send(sse(*[delta("word ")] * after, told, done=False))
        else:
            line.send(typed(START, *[block_delta(0, type="text_delta", text="word ")] * after, told))

    def active(self, provider: ModelProvider) -> int:
        assert isinstance(provider, WireProvider)
        return provider.active


class TestOpenAIWire(WireContract):
    dialect = "openai"


class TestAnthropicWire(WireContract):
    dialect = "anthropic"


DIALECTS = pytest.mark.parametrize("dialect", ["openai", "anthropic"])
SHORT = Timeouts(1.0, 0.3, 0.3)


async def call(
    dialect: Dialect, fault: WireFault | None, timeouts: Timeouts = PATIENT
) -> tuple[ModelError | None, str]:
    """How one call of the simulated server ends, and the text that came."""
    sink = Sink()
    async with SimServer(QUICK, None if fault is None else [fault]).serving() as url:
        provider = WireProvider(Provider("sim", dialect, url, timeouts=timeouts), lambda: "any")
        try:
            completion = await provider.complete(ask(), sink)
        except ModelError as error:
            return error, sink.text
        else:
            assert completion.simulated
            assert completion.tokens.output == len(sink.tokens)
            return None, sink.text
        finally:
            assert provider.active == 0
            await provider.close()


@DIALECTS
@pytest.mark.parametrize("after", [0, 1, 7, 40])
@pytest.mark.parametrize("kind", ["cut", "malformed", "error", "unended", "stall"])
async def test_every_fault_at_any_point(dialect: Dialect, after: int, kind: Any):
    _, whole = await call(dialect, None)
    error, text = await call(dialect, WireFault(kind, after=after, seconds=30), SHORT if kind == "stall" else PATIENT)
    expected: tuple[type[ModelError], ...] = (ModelBroken,)
    if kind == "stall":
        expected = (ModelStalled,) if after else (ModelUnreachable,)
    elif kind == "error":
        expected = (ModelOverloaded,)
    elif kind == "cut" and not after:
        expected = (ModelBroken, ModelUnreachable)  # with the head or before it
    assert isinstance(error, expected), json.dumps([str(error), text])
    assert whole.startswith(text)
    assert bool(text) is bool(after)
    if after:
        assert isinstance(tokens := error.ids["tokens"], TokenCounts)
        assert tokens.estimated
        assert tokens.output > 0


@DIALECTS
async def test_a_drip_is_the_whole_answer(dialect: Dialect):
    _, whole = await call(dialect, None)
    error, text = await call(dialect, WireFault("drip", after=10, seconds=0.0))
    assert error is None
    assert text == whole


@DIALECTS
@pytest.mark.parametrize(
    ("code", "kind"), [(429, ModelRateLimited), (500, ModelOverloaded), (503, ModelOverloaded), (529, ModelOverloaded)]
)
async def test_a_status(dialect: Dialect, code: int, kind: type[ModelError]):
    error, text = await call(dialect, WireFault("status", code=code, retry_after_s=2))
    assert type(error) is kind
    assert error.__dict__["retry_after_s"] == 2
    assert text == ""
