"""Whole calls over a real connection: what is sent, what comes back, and that connections are kept."""

import asyncio
import gc
import socket
import struct
from typing import Any

import pytest

from stretto.gateway.grants import ProviderLimits
from stretto.gateway.provider import TokenCounts
from stretto.testing import KeptAnswer
from tests.unit.gateway.wire.raw_server import BONJOUR, HELLO, Asked, Line, ask, raw_server, wired

BOTH = pytest.mark.parametrize(("dialect", "told"), [("openai", HELLO), ("anthropic", BONJOUR)])
WHOLE = {
    "openai": {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "big-2025",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "One two three", "refusal": None},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 19, "completion_tokens": 3, "total_tokens": 22},
    },
    "anthropic": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [{"type": "text", "text": "One two three"}],
        "stop_reason": "end_turn",
        "usage": {
            "input_tokens": 25,
            "cache_read_input_tokens": 7,
            "cache_creation_input_tokens": 3,
            "output_tokens": 15,
        },
    },
}


@BOTH
@pytest.mark.parametrize("chunks", [1, 7, 10_000])
async def test_a_stream(dialect: str, told: bytes, chunks: int):
    async def play(line: Line, asked: Asked) -> None:
        await line.stream(told, chunks)

    async with raw_server(play) as server:
        provider, sink = wired(server, dialect), KeptAnswer()
        completion = await provider.complete(ask(), sink)
        await provider.close()
    assert sink.tokens == ["One", " two", " three"]
    assert completion.stop_reason == "end"
    assert completion.provider == "acme"
    if dialect == "openai":
        assert completion.model == "big-2025"
        assert completion.tokens == TokenCounts(input=19, output=3)
    else:
        assert completion.model == "claude-x"
        assert completion.tokens == TokenCounts(input=25, cached_input=7, cache_write=3, output=15)
    assert provider.active == 0


@BOTH
async def test_one_write_for_one_chunk_of_the_network(dialect: str, told: bytes):
    class Counting(KeptAnswer):
        writes = 0

        def write(self, tokens: list[str]) -> None:
            self.writes += 1
            super().write(tokens)

    async def play(line: Line, asked: Asked) -> None:
        await line.stream(told)

    async with raw_server(play) as server:
        provider, sink = wired(server, dialect), Counting()
        await provider.complete(ask(), sink)
        await provider.close()
    assert sink.writes == 1


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_that_does_not_stream(dialect: str, stream: bool):
    async def play(line: Line, asked: Asked) -> None:
        line.answer(200, WHOLE[dialect])

    async with raw_server(play) as server:
        provider, sink = wired(server, dialect, stream=stream), KeptAnswer()
        completion = await provider.complete(ask(), sink)
        await provider.close()
    assert sink.text == "One two three"
    assert completion.tokens.output == (3 if dialect == "openai" else 15)
    assert completion.stop_reason == "end"
    assert server.asked[0].body.get("stream", False) is stream


@BOTH
async def test_what_is_sent(dialect: str, told: bytes):
    async def play(line: Line, asked: Asked) -> None:
        await line.stream(told)

    async with raw_server(play) as server:
        provider = wired(server, dialect, headers={"X-Team": "red"})
        await provider.complete(ask(idempotency_key="once"), KeptAnswer())
        await provider.close()
    asked = server.asked[0]
    assert asked.headers["idempotency-key"] == "once"
    assert asked.headers["x-team"] == "red"
    assert asked.headers["accept-encoding"] == "identity"
    if dialect == "openai":
        assert asked.path == "/v1/chat/completions"
        assert asked.headers["authorization"] == "Bearer the-key"
        assert asked.body["stream_options"] == {"include_usage": True}
    else:
        assert asked.path == "/v1/messages"
        assert asked.headers["x-api-key"] == "the-key"
        assert asked.headers["anthropic-version"] == "2023-06-01"
        assert "authorization" not in asked.headers


@BOTH
async def test_a_connection_serves_many_calls(dialect: str, told: bytes):
    async def play(line: Line, asked: Asked) -> None:
        line.head()
        line.send(told)
        await asyncio.sleep(0.01)  # the end of the body often comes after the end of the answer
        line.end()

    async with raw_server(play) as server:
        provider = wired(server, dialect)
        for _ in range(5):
            await provider.complete(ask(), KeptAnswer())
        assert server.connections == 1
        await asyncio.gather(*(provider.complete(ask(), KeptAnswer()) for _ in range(4)))
        assert server.connections == 4
        await provider.close()


async def test_a_server_that_keeps_the_line_open_after_the_end_holds_nobody_up():
    async def play(line: Line, asked: Asked) -> None:
        line.head()
        line.send(HELLO)

    async with raw_server(play) as server:
        provider, sink = wired(server), KeptAnswer()
        completion = await asyncio.wait_for(provider.complete(ask(), sink), 3)
        assert (sink.text, completion.tokens.output) == ("One two three", 3)
        await asyncio.wait_for(server.all_gone.wait(), 2)  # and the connection is not used again
        await provider.close()


async def test_limits_are_told_of_answers_and_of_errors():
    told: list[tuple[str, ProviderLimits]] = []
    headers = {
        "x_ratelimit_limit_requests": "60",
        "x_ratelimit_remaining_requests": "59",
        "x_ratelimit_reset_requests": "1s",
    }
    statuses = iter((200, 429))

    async def play(line: Line, asked: Asked) -> None:
        line.answer(next(statuses), WHOLE["openai"], **headers)

    async with raw_server(play) as server:
        provider = wired(server, on_limits=lambda model, limits: told.append((model, limits)))
        await provider.complete(ask(), KeptAnswer())
        with pytest.raises(Exception, match="429"):
            await provider.complete(ask(), KeptAnswer())
        await provider.close()
    assert told == [("big", ProviderLimits(60, 59, 1.0))] * 2


async def test_a_new_key_counts_at_once():
    keys: Any = iter(["old", "new"])

    async def play(line: Line, asked: Asked) -> None:
        await line.stream(HELLO)

    async with raw_server(play) as server:
        provider = wired(server)
        provider._connection._key = lambda: next(keys)
        await provider.complete(ask(), KeptAnswer())
        await provider.complete(ask(), KeptAnswer())
        await provider.close()
    assert [asked.headers["authorization"] for asked in server.asked] == ["Bearer old", "Bearer new"]


async def test_a_kept_connection_that_is_reset_is_replaced_without_a_word():
    heard: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: heard.append(context))

    async def play(line: Line, asked: Asked) -> None:
        await line.stream(HELLO)

    async with raw_server(play) as server:
        provider = wired(server)
        await provider.complete(ask(), KeptAnswer())
        for line in list(server.lines):
            linger = struct.pack("ii", 1, 0)  # so that closing is a reset
            line.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            line.transport.abort()
        await asyncio.wait_for(server.all_gone.wait(), 5)
        await asyncio.sleep(0.05)
        await provider.complete(ask(), KeptAnswer())
        assert server.connections == 2
        await provider.close()
    gc.collect()
    assert heard == []
