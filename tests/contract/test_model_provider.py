"""The contract of `ModelProvider`, run on everything that ships as one.

Derive a class from `ModelProviderContract` to run it on a provider of your own.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from stretto.errors import ModelError, ModelOverloaded, ModelRefused
from stretto.gateway.provider import Completion, Message, ModelProvider, ModelRequest
from stretto.gateway.simulated import Fault, SimulatedProvider
from stretto.testing import KeptAnswer, ScriptedModel

VERDICT: dict[str, Any] = {
    "type": "object",
    "properties": {"approved": {"type": "boolean"}, "comments": {"type": "string"}},
    "required": ["approved", "comments"],
    "additionalProperties": False,
}


class Sink(KeptAnswer):
    """Collects; may call back at each write."""

    def __init__(self, at_write: Callable[[], None] | None = None) -> None:
        super().__init__()
        self.some = asyncio.Event()
        self._at_write = at_write

    def write(self, tokens: list[str]) -> None:
        if self._at_write:
            self._at_write()
        super().write(tokens)
        self.some.set()


def ask(prompt: str = "Write about tides and harbours.", **more: Any) -> ModelRequest:
    return ModelRequest(model="strong", messages=[Message("user", prompt)], **more)


class ModelProviderContract:
    """What every provider does."""

    def quick(self) -> ModelProvider:
        """Answers every request at once, each prompt with a text of its own of ten tokens or more."""
        raise NotImplementedError

    def endless(self) -> ModelProvider:
        """Writes a first token soon and does not end while the test lasts."""
        raise NotImplementedError

    def breaking(self, after: int, error: ModelError) -> ModelProvider:
        """Raises the error after that many tokens."""
        raise NotImplementedError

    def active(self, provider: ModelProvider) -> int:
        """How many calls the provider has in hand."""
        raise NotImplementedError

    async def test_the_text_is_in_the_sink_when_the_call_ends(self):
        provider, sink = self.quick(), Sink()
        completion = await provider.complete(ask(), sink)
        assert isinstance(completion, Completion)
        assert len(sink.tokens) >= 10
        assert all(isinstance(token, str) and token for token in sink.tokens)
        assert completion.stop_reason == "end"
        assert completion.tokens.output == len(sink.tokens)
        assert completion.tokens.input > 0
        assert completion.model
        assert completion.provider == provider.name
        # What is simulated says so; a provider that is not may find that a simulated server answers it.
        assert completion.simulated >= provider.simulated
        assert self.active(provider) == 0
        await provider.close()

    async def test_calls_at_once_do_not_mix(self):
        provider = self.quick()
        alone: list[str] = []
        for n in range(30):
            sink = Sink()
            await provider.complete(ask(f"Write about harbour number {n} and boat {n}."), sink)
            alone.append(sink.text)
        sinks = [Sink() for _ in alone]
        async with asyncio.TaskGroup() as group:
            for n, sink in enumerate(sinks):
                group.create_task(provider.complete(ask(f"Write about harbour number {n} and boat {n}."), sink))
        assert [sink.text for sink in sinks] == alone
        assert len(set(alone)) > 1
        assert self.active(provider) == 0
        await provider.close()

    async def test_cancelling_ends_the_call_and_leaves_nothing(self):
        provider, sink = self.endless(), Sink()
        tasks = asyncio.all_tasks()
        call = asyncio.create_task(provider.complete(ask(), sink))
        await sink.some.wait()
        assert self.active(provider) == 1
        call.cancel()
        written = len(sink.tokens)
        with pytest.raises(asyncio.CancelledError):
            await call
        assert self.active(provider) == 0
        assert asyncio.all_tasks() == tasks
        await asyncio.sleep(0.05)
        assert len(sink.tokens) == written
        await provider.close()

    async def test_cancelling_at_the_very_start(self):
        provider, sink = self.endless(), Sink()
        call = asyncio.create_task(provider.complete(ask(), sink))
        await asyncio.sleep(0)
        call.cancel()
        written = len(sink.tokens)
        with pytest.raises(asyncio.CancelledError):
            await call
        assert self.active(provider) == 0
        await asyncio.sleep(0.05)
        assert len(sink.tokens) == written
        await provider.close()

    async def test_cancelling_one_leaves_the_others(self):
        provider = self.endless()
        sinks = [Sink() for _ in range(5)]
        calls = [asyncio.create_task(provider.complete(ask(), sink)) for sink in sinks]
        for sink in sinks:
            await sink.some.wait()
        calls[2].cancel()
        await asyncio.wait([calls[2]])
        assert self.active(provider) == 4
        for sink in sinks:
            sink.some.clear()
        for n in (0, 1, 3, 4):
            await sinks[n].some.wait()
        assert not sinks[2].some.is_set()
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        assert self.active(provider) == 0
        await provider.close()

    @pytest.mark.parametrize("error", [ModelOverloaded("too much"), ModelRefused("no")])
    async def test_an_error_before_any_text(self, error: ModelError):
        provider, sink = self.breaking(0, error), Sink()
        with pytest.raises(type(error), match=error.message):
            await provider.complete(ask(), sink)
        assert sink.tokens == []
        assert self.active(provider) == 0
        await provider.close()

    async def test_an_error_after_text_leaves_the_text(self):
        provider, sink = self.breaking(3, ModelOverloaded("the line broke")), Sink()
        with pytest.raises(ModelOverloaded, match="the line broke"):
            await provider.complete(ask(), sink)
        assert len(sink.tokens) == 3
        assert self.active(provider) == 0
        await provider.close()

    async def test_a_sink_that_fails_fails_its_own_call_alone(self):
        provider, good = self.quick(), Sink()

        def fail() -> None:
            raise RuntimeError("the reader is gone")

        bad = asyncio.create_task(provider.complete(ask(), Sink(fail)))
        fine = asyncio.create_task(provider.complete(ask(), good))
        with pytest.raises(RuntimeError, match="the reader is gone"):
            await bad
        await fine
        assert len(good.tokens) >= 10
        assert self.active(provider) == 0
        await provider.close()

    async def test_max_tokens_cuts_the_answer_off(self):
        provider, sink = self.quick(), Sink()
        completion = await provider.complete(ask(max_tokens=4), sink)
        assert completion.stop_reason == "length"
        assert len(sink.tokens) == completion.tokens.output == 4
        await provider.close()

    async def test_a_structured_answer_is_json(self):
        provider, sink = self.quick(), Sink()
        await provider.complete(ask("Is it good?", returns=VERDICT), sink)
        assert set(orjson.loads(sink.text)) == {"approved", "comments"}
        await provider.close()

    async def test_after_close_no_call_is_taken(self):
        provider, sink = self.quick(), Sink()
        await provider.close()
        with pytest.raises(ModelError, match="closed"):
            await provider.complete(ask(), sink)
        assert sink.tokens == []
        await provider.close()


class TestScriptedModel(ModelProviderContract):
    def quick(self) -> ModelProvider:
        def answer(request: ModelRequest) -> Any:
            if request.returns is not None:
                return {"approved": True, "comments": "fine"}
            return f"One two three four five six seven eight nine ten: {request.messages[-1].text}"

        return ScriptedModel(answer)

    def endless(self) -> ModelProvider:
        return ScriptedModel(lambda _: ["on "] * 100_000)

    def breaking(self, after: int, error: ModelError) -> ModelProvider:
        return ScriptedModel([["word "] * after + [error]])

    def active(self, provider: ModelProvider) -> int:
        assert isinstance(provider, ScriptedModel)
        return provider.active


class TestSimulatedProvider(ModelProviderContract):
    def quick(self) -> ModelProvider:
        return SimulatedProvider(7, 0.0, 100_000.0)

    def endless(self) -> ModelProvider:
        return SimulatedProvider(7, 0.01, 20.0, answer_tokens=(5000, 5000))

    def breaking(self, after: int, error: ModelError) -> ModelProvider:
        fault = Fault("break", after=after, error=error) if after else Fault("refuse", error=error)
        return SimulatedProvider(7, 0.0, 100_000.0, faults={1: fault})

    def active(self, provider: ModelProvider) -> int:
        assert isinstance(provider, SimulatedProvider)
        return provider.active
