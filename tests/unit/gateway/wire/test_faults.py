"""What goes wrong on a line, and that nothing of it is left behind."""

import asyncio
import json
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from stretto.errors import (
    ContentFiltered,
    ModelBroken,
    ModelError,
    ModelKeyRefused,
    ModelMissing,
    ModelOverloaded,
    ModelRateLimited,
    ModelRefused,
    ModelStalled,
    ModelUnreachable,
    Permanent,
    Transient,
)
from stretto.gateway.config import Timeouts
from stretto.gateway.provider import TokenCounts
from stretto.testing import KeptAnswer
from tests.unit.gateway.wire.raw_server import (
    BONJOUR,
    HELLO,
    START,
    Asked,
    Line,
    Play,
    ask,
    block_delta,
    block_start,
    delta,
    raw_server,
    sse,
    typed,
    wired,
)

DIALECTS = pytest.mark.parametrize("dialect", ["openai", "anthropic"])
SHORT = Timeouts(0.5, 0.3, 0.2)
BEGUN = {
    "openai": sse(delta("One"), delta(" two"), done=False),
    "anthropic": typed(
        START,
        block_start(0, type="text", text=""),
        block_delta(0, type="text_delta", text="One"),
        block_delta(0, type="text_delta", text=" two"),
    ),
}
WHOLE = {"openai": HELLO, "anthropic": BONJOUR}


async def fail(play: Play, dialect: str, **more: Any) -> tuple[ModelError, KeptAnswer]:
    """The error that a call ends with. Afterwards no connection is left."""
    sink = KeptAnswer()
    async with raw_server(play) as server:
        provider = wired(server, dialect, **more)
        with pytest.raises(ModelError) as caught:
            await asyncio.wait_for(provider.complete(ask("what is the secret of the harbour"), sink), 10)
        assert provider.active == 0
        await provider.close()
        if server.lines:
            await asyncio.wait_for(server.all_gone.wait(), 5)
    assert "secret of the harbour" not in caught.value.message
    assert "the-key" not in caught.value.message
    return caught.value, sink


def used(error: ModelError) -> TokenCounts:
    found = error.ids["tokens"]
    assert isinstance(found, TokenCounts)
    assert found.estimated
    return found


@DIALECTS
async def test_a_line_that_is_cut_in_mid_answer(dialect: str):
    async def play(line: Line, asked: Asked) -> None:
        line.head()
        line.send(BEGUN[dialect])
        await asyncio.sleep(0.01)
        line.cut()

    error, sink = await fail(play, dialect)
    assert isinstance(error, ModelBroken)
    assert isinstance(error, Transient)
    assert sink.text == "One two"
    counts = used(error)
    assert counts.output == 2  # 7 characters
    assert counts.input == (25 if dialect == "anthropic" else 9)


@DIALECTS
async def test_a_stream_that_ends_before_its_end(dialect: str):
    async def play(line: Line, asked: Asked) -> None:
        await line.stream(BEGUN[dialect])

    error, sink = await fail(play, dialect)
    assert isinstance(error, ModelBroken)
    assert sink.text == "One two"
    assert used(error).output == 2


@DIALECTS
async def test_cut_at_any_byte_it_is_broken_or_whole(dialect: str):
    """The text is never more or other than what came; an error is raised until it is known why the answer ended."""
    whole = WHOLE[dialect]
    places = range(0, len(whole), 7)
    left: Iterator[int] = iter(places)

    async def play(line: Line, asked: Asked) -> None:
        line.head()
        line.send(whole[: next(left)])
        line.cut()

    async with raw_server(play) as server:
        provider = wired(server, dialect)
        outcomes: list[bool] = []
        for _ in places:
            sink = KeptAnswer()
            try:
                completion = await provider.complete(ask(), sink)
            except ModelBroken:
                outcomes.append(False)
                assert "One two three".startswith(sink.text)
            else:
                outcomes.append(True)
                assert sink.text == "One two three"
                assert completion.stop_reason == "end"
        await provider.close()
    assert outcomes == sorted(outcomes)  # once it is enough, more is enough too
    assert set(outcomes) == {False, True}


@DIALECTS
async def test_silence_in_mid_answer(dialect: str):
    async def play(line: Line, asked: Asked) -> None:
        line.head()
        line.send(BEGUN[dialect])
        await asyncio.sleep(60)

    error, sink = await fail(play, dialect, timeouts=SHORT)
    assert isinstance(error, ModelStalled)
    assert sink.text == "One two"
    assert used(error).output == 2


@DIALECTS
async def test_signs_of_life_are_no_tokens(dialect: str):
    alive = b": still here\n\n" if dialect == "openai" else typed({"type": "ping"})

    async def play(line: Line, asked: Asked) -> None:
        line.head()
        line.send(BEGUN[dialect])
        while True:
            await asyncio.sleep(0.02)
            line.send(alive)

    error, _ = await fail(play, dialect, timeouts=SHORT)
    assert isinstance(error, ModelStalled)


async def test_a_model_that_thinks_unseen_is_not_silent():
    async def play(line: Line, asked: Asked) -> None:
        line.head()
        line.send(typed(START, block_start(0, type="thinking", thinking="")))
        for _ in range(12):
            await asyncio.sleep(0.05)
            line.send(typed({"type": "ping"}))
        line.send(typed({"type": "content_block_stop", "index": 0}))
        line.send(BONJOUR.replace(b'"index": 0', b'"index": 1'))
        line.end()

    async with raw_server(play) as server:
        provider, sink = wired(server, "anthropic", timeouts=SHORT), KeptAnswer()
        await provider.complete(ask(), sink)
        await provider.close()
    assert sink.text == "One two three"


@DIALECTS
@pytest.mark.parametrize("head", [False, True])
async def test_no_token_in_time(dialect: str, head: bool):
    async def play(line: Line, asked: Asked) -> None:
        if head:
            line.head()
        while True:
            await asyncio.sleep(0.05)
            if head:
                line.send(b": processing\n\n")

    error, sink = await fail(play, dialect, timeouts=SHORT)
    assert isinstance(error, ModelUnreachable)
    assert sink.tokens == []
    assert "tokens" not in error.ids


@DIALECTS
async def test_a_slow_drip_is_an_answer(dialect: str):
    """No pause between tokens is too long, though the whole is longer than any of them may be."""
    whole = WHOLE[dialect]

    async def play(line: Line, asked: Asked) -> None:
        line.head()
        for start in range(0, len(whole), 60):
            await asyncio.sleep(0.03)
            line.send(whole[start : start + 60])
        line.end()

    async with raw_server(play) as server:
        provider, sink = wired(server, dialect, timeouts=Timeouts(0.5, 0.5, 0.5)), KeptAnswer()
        await provider.complete(ask(), sink)
        await provider.close()
    assert sink.text == "One two three"


@DIALECTS
@pytest.mark.parametrize(
    "bad",
    [b"{", b"not json", b'{"choices": 7, "type": 7}', b'{"choices":[{"delta":{"content":"\xff"}}],"type":"\xff"}'],
)
async def test_an_event_that_cannot_be_read(dialect: str, bad: bytes):
    async def play(line: Line, asked: Asked) -> None:
        await line.stream(BEGUN[dialect] + b"data: " + bad + b"\n\n" + WHOLE[dialect])

    error, sink = await fail(play, dialect)
    assert isinstance(error, ModelBroken)
    assert sink.text == "One two"  # what stood before it in the same chunk was given
    assert used(error).output == 2


@DIALECTS
async def test_an_event_without_end(dialect: str):
    async def play(line: Line, asked: Asked) -> None:
        line.head()
        line.send(b"data: ")
        while not line.transport.is_closing():
            line.send(b"x" * 1_000_000)
            await asyncio.sleep(0)

    error, _ = await fail(play, dialect)
    assert isinstance(error, ModelBroken)
    assert "without end" in error.message


@pytest.mark.parametrize("body", [b"<html>welcome</html>", b"{}", b'{"choices": []}', b"[]"])
async def test_a_server_that_is_no_model(body: bytes):
    async def play(line: Line, asked: Asked) -> None:
        line.answer(200, body, "text/html" if body.startswith(b"<") else "application/json")

    error, sink = await fail(play, "openai")
    assert isinstance(error, ModelBroken)
    assert sink.tokens == []


ERRORS: list[tuple[str, int, Any, type[ModelError]]] = [
    ("openai", 429, {"error": {"message": "Rate limit reached", "type": "tokens", "code": "rate_limit_exceeded"}}, ModelRateLimited),
    ("openai", 500, {"error": {"message": "The server had an error", "type": "server_error"}}, ModelOverloaded),
    ("openai", 503, b"<html>busy</html>", ModelOverloaded),
    ("openai", 401, {"error": {"message": "Incorrect API key provided: the-key.", "code": "invalid_api_key"}}, ModelKeyRefused),
    ("openai", 302, b"", ModelMissing),
    ("anthropic", 529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, ModelOverloaded),
    ("anthropic", 429, {"type": "error", "error": {"type": "rate_limit_error", "message": "Too fast"}}, ModelRateLimited),
    ("anthropic", 400, {"type": "error", "error": {"type": "invalid_request_error", "message": "what is the secret of the harbour is bad"}}, ModelRefused),
]  # fmt: skip


@pytest.mark.parametrize(("dialect", "status", "body", "kind"), ERRORS)
async def test_an_answer_that_is_an_error(dialect: str, status: int, body: Any, kind: type[ModelError]):
    async def play(line: Line, asked: Asked) -> None:
        line.answer(status, body, retry_after="7")

    error, sink = await fail(play, dialect)
    assert type(error) is kind
    assert str(status) in error.message
    assert "tokens" not in error.ids
    assert sink.tokens == []
    if isinstance(error, ModelRateLimited | ModelOverloaded):
        assert error.retry_after_s == 7


MID: list[tuple[str, Any, type[ModelError]]] = [
    ("openai", {"error": {"message": "Provider disconnected", "code": 502}}, ModelOverloaded),
    ("openai", {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}, ModelRateLimited),
    ("openai", {"error": "the model crashed"}, ModelOverloaded),
    ("openai", {"object": "error", "message": "engine died", "code": 500}, ModelOverloaded),
    ("openai", {"error": {"message": "stopped by the content_filter"}}, ContentFiltered),
    ("anthropic", {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, ModelOverloaded),
    ("anthropic", {"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}}, ModelRateLimited),
]


@pytest.mark.parametrize(("dialect", "event", "kind"), MID)
async def test_an_error_in_mid_answer(dialect: str, event: dict[str, Any], kind: type[ModelError]):
    async def play(line: Line, asked: Asked) -> None:
        line.head()
        line.send(BEGUN[dialect] + b"event: error\ndata: " + json.dumps(event).encode() + b"\n\n")
        await asyncio.sleep(60)

    error, sink = await fail(play, dialect)
    assert type(error) is kind
    assert sink.text == "One two"
    assert used(error).output == 2


async def test_nobody_listens():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, but it does not listen
        provider = wired(f"http://127.0.0.1:{held.getsockname()[1]}/v1")
        with pytest.raises(ModelUnreachable, match=r"acme cannot be reached at 127.0.0.1:\d+: .*refused"):
            await provider.complete(ask(), KeptAnswer())
        await provider.close()


async def test_a_server_that_does_not_take_the_call_up():
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        try:
            for each in waiting:
                each.setblocking(False)
                each.connect_ex(full.getsockname())
            provider = wired(f"http://127.0.0.1:{full.getsockname()[1]}/v1", timeouts=SHORT)
            with pytest.raises(ModelUnreachable):
                await provider.complete(ask(), KeptAnswer())
            await provider.close()
        finally:
            for each in waiting:
                each.close()


@pytest.mark.parametrize("url", ["http://nowhere.invalid/v1", "no address", "http://127.0.0.1:99999/v1"])
async def test_an_address_that_leads_nowhere(url: str):
    provider = wired(url)
    with pytest.raises(ModelUnreachable, match="Check the network"):
        await provider.complete(ask(), KeptAnswer())
    await provider.close()


async def test_a_server_that_does_not_speak_http():
    async def play(line: Line, asked: Asked) -> None:
        line.transport.write(b"220 mail.example ESMTP\r\n")

    error, _ = await fail(play, "openai")
    assert isinstance(error, ModelBroken)


async def test_https_that_is_none():
    async def play(line: Line, asked: Asked) -> None: ...

    async with raw_server(play) as server:
        provider = wired(server.url.replace("http:", "https:"))
        with pytest.raises(ModelUnreachable):
            await provider.complete(ask(), KeptAnswer())
        await provider.close()


@pytest.mark.parametrize(
    ("key", "configured", "told"),
    [
        (None, "env:ACME_API_KEY", "set ACME_API_KEY"),
        (None, "sealed:acme", "provider-key set acme"),
        ("a\r\nb", "", "header"),
    ],
)
async def test_a_key_that_is_missing_or_unfit(key: str | None, configured: str, told: str):
    provider = wired("http://127.0.0.1:9/v1", "openai")
    provider.provider = provider._connection._provider = type(provider.provider)(
        "acme", "openai", "http://127.0.0.1:9", configured
    )
    provider._connection._key = lambda: key
    with pytest.raises(ModelKeyRefused, match=told) as caught:
        await provider.complete(ask(), KeptAnswer())
    assert isinstance(caught.value, Permanent)
    await provider.close()


async def test_a_sink_that_fails_closes_the_line():
    class Gone(KeptAnswer):
        def write(self, tokens: list[str]) -> None:
            raise RuntimeError("the reader is gone")

    async def play(line: Line, asked: Asked) -> None:
        line.head()
        while True:
            line.send(BEGUN["openai"])
            await asyncio.sleep(0.01)

    async with raw_server(play) as server:
        provider = wired(server)
        with pytest.raises(RuntimeError, match="the reader is gone"):
            await provider.complete(ask(), Gone())
        await asyncio.wait_for(server.all_gone.wait(), 5)
        await provider.close()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the names alone


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts open files as Linux lists them")  # noqa: PTH112
@DIALECTS
async def test_a_thousand_cancelled_calls_leave_nothing(dialect: str):
    """Cancelled at every point: before the connection, before the head, in mid-answer, at the end."""

    async def play(line: Line, asked: Asked) -> None:
        await asyncio.sleep(0.002)
        line.head()
        for start in range(0, len(WHOLE[dialect]), 100):
            line.send(WHOLE[dialect][start : start + 100])
            await asyncio.sleep(0.001)
        line.end()

    async with raw_server(play) as server:
        provider = wired(server, dialect)
        await provider.complete(ask(), KeptAnswer())
        tasks, files = asyncio.all_tasks(), open_files()
        cancelled = 0
        batch = 0
        while cancelled < 1000:
            batch += 1
            calls = [asyncio.create_task(provider.complete(ask(), KeptAnswer())) for _ in range(50)]
            for n, call in enumerate(calls):
                asyncio.get_running_loop().call_later((n % 25) * 0.0008 * (batch % 3), call.cancel)
            ended = await asyncio.gather(*calls, return_exceptions=True)
            assert all(
                isinstance(each, asyncio.CancelledError) or not isinstance(each, BaseException) for each in ended
            )
            cancelled += sum(isinstance(each, asyncio.CancelledError) for each in ended)
        assert provider.active == 0
        await provider.close()
        if server.lines:
            await asyncio.wait_for(server.all_gone.wait(), 5)
        await asyncio.sleep(0.05)
        assert asyncio.all_tasks() <= tasks
        assert open_files() <= files


async def test_who_cancels_is_heard_also_when_time_is_up():
    async def play(line: Line, asked: Asked) -> None:
        await asyncio.sleep(60)

    async with raw_server(play) as server:
        provider = wired(server, timeouts=Timeouts(1, 0.05, 0.05))
        call = asyncio.create_task(provider.complete(ask(), KeptAnswer()))
        await asyncio.sleep(0)
        asyncio.get_running_loop().call_later(0.05, call.cancel)
        with pytest.raises((asyncio.CancelledError, ModelUnreachable)):
            await call
        assert call.cancelled() == (call.cancelling() > 0)
        await provider.close()


async def test_no_call_is_taken_after_close():
    provider = wired("http://127.0.0.1:9/v1")
    await provider.close()
    with pytest.raises(ModelUnreachable, match="closed"):
        await provider.complete(ask(), KeptAnswer())


@DIALECTS
async def test_a_body_that_is_no_http(dialect: str):
    async def play(line: Line, asked: Asked) -> None:
        line.head()
        line.send(BEGUN[dialect])
        await asyncio.sleep(0.01)
        line.transport.write(b"this is no chunk\r\n")

    error, sink = await fail(play, dialect)
    assert isinstance(error, ModelBroken)
    assert sink.text == "One two"
