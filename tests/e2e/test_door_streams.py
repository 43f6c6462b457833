"""Clients that leave, that do not read, and that wait long for the first word."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import openai
import pytest
from aiohttp import web

from stretto.api.openai import answering
from stretto.errors import ModelBroken, ModelRefused
from stretto.gateway.config import Deployment, GatewayConfig, Provider, Route, Tier, Weighted
from stretto.gateway.provider import Completion, ModelRequest, TokenSink
from stretto.settings import Settings
from stretto.testing import ScriptedModel
from tests.e2e.doors import (
    ASK,
    SAY,
    SONG,
    SONGS,
    Steady,
    anthropic_client,
    door,
    ended,
    never_stop,
    openai_client,
    until,
)
from tests.e2e.wire import Client

PROMPT = 1.0
"""So fast must a call end once its client has left, in seconds."""


async def talk_until_cut_off(request: ModelRequest, sink: TokenSink) -> Completion:
    """A word each hundredth of a second."""
    for _ in range(10_000):
        sink.write(["la "])
        await asyncio.sleep(0.01)
    return ended()


async def say_nothing(request: ModelRequest, sink: TokenSink) -> Completion:
    await asyncio.sleep(100)
    return ended()


async def test_a_client_that_leaves_in_mid_stream_ends_the_call(settings: Settings):
    model = Steady(talk_until_cut_off)
    async with door(settings, model) as (_, url), openai_client(url) as client:
        stream = await client.chat.completions.create(**SAY, stream=True)
        async for _ in stream:
            break
        assert model.active == 1
        await stream.close()
        await until(lambda: model.cancelled == 1 and model.active == 0, PROMPT)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_before_the_first_word_ends_the_call(settings: Settings, stream: bool):
    model = Steady(say_nothing)
    async with door(settings, model) as (_, url), openai_client(url) as client:
        asking = asyncio.create_task(client.chat.completions.create(**SAY, stream=stream))
        await until(lambda: model.active == 1, 10)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await until(lambda: model.cancelled == 1 and model.active == 0, PROMPT)


async def test_a_hundred_clients_that_leave_leave_no_task_behind(settings: Settings):
    model = Steady(talk_until_cut_off)
    async with door(settings, model) as (_, url), openai_client(url) as client:

        async def come_and_go() -> None:
            stream = await client.chat.completions.create(**SAY, stream=True)
            async for _ in stream:
                break
            await stream.close()

        await come_and_go()
        await until(lambda: model.active == 0, PROMPT)
        before = {task.get_name() for task in asyncio.all_tasks()}
        for _ in range(10):
            await asyncio.gather(*(come_and_go() for _ in range(10)))
        await until(lambda: model.active == 0, PROMPT)
        assert model.cancelled == 101
        left = {task.get_name() for task in asyncio.all_tasks()} - before
        assert not {name for name in left if name.startswith("door")}


async def test_answers_that_come_at_once_disturb_nothing(settings: Settings):
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))

    async def answer_at_once(request: ModelRequest, sink: TokenSink) -> Completion:
        sink.write([SONG])
        return ended(SONG)

    async with door(settings, Steady(answer_at_once)) as (_, url):
        body = {**SAY, "stream": True}
        answers = await asyncio.gather(*(Client(url).post("/v1/chat/completions", body) for _ in range(50)))
        assert {answer.status for answer in answers} == {200}
        assert all(answer.body.endswith(b"data: [DONE]\n\n") for answer in answers)
    assert complaints == []


@asynccontextmanager
async def deaf_client(url: str) -> AsyncGenerator[asyncio.StreamReader]:
    """A client that has asked for a stream and reads nothing of it; what it reads later is given."""
    place = urlsplit(url)
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
    line.setblocking(False)
    await asyncio.get_running_loop().sock_connect(line, (place.hostname, place.port))
    body = json.dumps({**SAY, "stream": True}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Length: {len(body)}\r\n\r\n"
    await asyncio.get_running_loop().sock_sendall(line, head.encode() + body)
    reader, writer = await asyncio.open_connection(sock=line, limit=4_096)
    try:
        yield reader
    finally:
        writer.transport.abort()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def test_a_client_that_does_not_read_ends_the_call_and_is_told_when_it_reads_again(settings: Settings):
    model = Steady(never_stop)
    async with door(settings, model) as (_, url), deaf_client(url) as reader:
        await until(lambda: model.cancelled == 1 and model.active == 0, 20)
        async with asyncio.timeout(15):
            heard = b""
            while b"does not read it" not in heard:
                piece = await reader.read(65_536)
                assert piece, "it ended without an error"
                heard = heard[-200:] + piece


async def test_an_endless_answer_in_one_piece_ends_too(settings: Settings):
    model = Steady(never_stop)
    async with door(settings, model) as (_, url), openai_client(url) as client:
        with pytest.raises(openai.BadRequestError, match="longer than 4,000,000 characters"):
            await client.chat.completions.create(**SAY)
        await until(lambda: model.cancelled == 1 and model.active == 0, PROMPT)


async def test_a_client_that_never_reads_is_cut_off(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(answering, "GRACE_S", 0.2)
    model = Steady(never_stop)
    async with door(settings, model) as (_, url), deaf_client(url) as reader:
        await until(lambda: model.cancelled == 1 and model.active == 0, 20)
        await until(lambda: not [t for t in asyncio.all_tasks() if t.get_name().startswith("door")], 10)
        # uvicorn complains when an answer ends without its end on a connection that stands; this one was cut.
        assert [record.message for record in caplog.records if record.name.startswith("uvicorn")] == []
        heard = b""
        try:
            while piece := await reader.read(65_536):
                heard = heard[-200:] + piece
        except ConnectionError:
            pass
        assert b"[DONE]" not in heard
        assert b"does not read it" not in heard
        # The server is as well as before.
        assert (await Client(url).get("/healthz")).status == 200


async def test_the_line_is_kept_warm_until_the_first_word(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(answering, "HEARTBEAT_S", 0.03)
    silent = asyncio.Event()

    async def think_first(request: ModelRequest, sink: TokenSink) -> Completion:
        await silent.wait()
        sink.write([SONG])
        return ended(SONG)

    model = Steady(think_first)
    async with door(settings, model) as (_, url):
        raw = asyncio.create_task(Client(url).post("/v1/chat/completions", {**SAY, "stream": True}))
        async with openai_client(url) as client, anthropic_client(url) as other:

            async def hear() -> str:
                stream = await client.chat.completions.create(**SAY, stream=True)
                return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

            async def hear_too() -> str:
                async with other.messages.stream(**SAY, max_tokens=100) as stream:
                    return "".join([text async for text in stream.text_stream])

            heard = [asyncio.create_task(hear()), asyncio.create_task(hear_too())]
            await until(lambda: model.active == 3, 10)
            await asyncio.sleep(0.2)
            silent.set()
            assert await asyncio.gather(*heard) == [SONG, SONG]
        answer = await raw
        assert answer.body.count(b": still here\n\n") > 1
        assert answer.body.startswith(b": still here\n\n")


async def test_an_error_after_a_heartbeat_is_an_event(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(answering, "HEARTBEAT_S", 0.03)

    async def think_and_fail(request: ModelRequest, sink: TokenSink) -> Completion:
        await asyncio.sleep(0.2)
        raise ModelRefused("no answer comes")

    async with door(settings, Steady(think_and_fail)) as (_, url), openai_client(url) as client:
        stream = await client.chat.completions.create(**SAY, stream=True)
        with pytest.raises(openai.APIError, match="no answer comes"):
            await anext(aiter(stream))


async def test_a_server_that_stops_tells_those_who_listen(settings: Settings):
    model = Steady(talk_until_cut_off)
    heard: list[str] = []

    async def listen(url: str) -> None:
        async with openai_client(url) as client:
            async for chunk in await client.chat.completions.create(**SAY, stream=True):
                heard.append(chunk.choices[0].delta.content or "")

    async with door(settings, model) as (_, url):
        listening = asyncio.create_task(listen(url))
        await until(lambda: heard, 10)
    with pytest.raises(openai.APIError, match="stopped"):
        await listening
    assert model.active == 0


@asynccontextmanager
async def endless_upstream() -> AsyncGenerator[tuple[str, asyncio.Event]]:
    """A provider that talks until its client has gone; its address, and what is set then."""
    gone = asyncio.Event()

    async def talk(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await answer.prepare(request)
        chunk = {"id": "1", "choices": [{"index": 0, "delta": {"content": "la "}, "finish_reason": None}]}
        try:
            while request.transport is not None and not request.transport.is_closing():
                await answer.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
                await asyncio.sleep(0.01)
        except ConnectionError:
            pass
        gone.set()
        return answer

    app = web.Application()
    app.router.add_post("/v1/chat/completions", talk)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1", gone
    finally:
        await runner.cleanup()


async def test_a_client_that_leaves_closes_the_line_to_the_provider(settings: Settings):
    async with endless_upstream() as (there, gone):
        provider = Provider("there", "openai", url=there)
        deployment = Deployment("there", provider, "singer")
        route = Route("fast", (Tier((Weighted(deployment),)),))
        config = GatewayConfig({"fast": route}, {"there": deployment}, {"there": provider}, digest="there")
        async with door(settings, None, config) as (_, url), openai_client(url) as client:
            stream = await client.chat.completions.create(**SAY, stream=True)
            async for _ in stream:
                break
            assert not gone.is_set()
            await stream.close()
            async with asyncio.timeout(PROMPT):
                await gone.wait()


@pytest.mark.parametrize("pause_s", [0.0, 0.1])
async def test_another_deployment_takes_over_as_long_as_nothing_was_sent(settings: Settings, pause_s: float):
    async def break_first(request: ModelRequest, sink: TokenSink) -> Completion:
        if request.model == "first":
            sink.write(["Wrong."])
            if pause_s:
                await asyncio.sleep(pause_s)  # long enough for the client to get it
            raise ModelBroken("a string broke")
        sink.write(["Right."])
        return ended("Right.")

    provider = Provider("here", "simulated")
    made = {name: Deployment(name, provider, name) for name in ("first", "second")}
    tiers = tuple(Tier((Weighted(deployment),)) for deployment in made.values())
    config = GatewayConfig({"fast": Route("fast", tiers)}, made, {"here": provider}, digest="two")
    async with door(settings, Steady(break_first), config) as (_, url), openai_client(url) as client:
        whole = await client.chat.completions.create(**SAY)
        assert whole.choices[0].message.content == "Right."
        heard: list[str] = []

        async def listen() -> None:
            async for chunk in await client.chat.completions.create(**SAY, stream=True):
                heard.append(chunk.choices[0].delta.content or "")

        if pause_s:
            with pytest.raises(openai.APIError, match="a string broke"):
                await listen()
            assert "".join(heard) == "Wrong."
        else:
            await listen()
            assert "".join(heard) == "Right."


# Flows


async def test_a_flow_streams_its_output_while_it_is_written(settings: Settings):
    model = ScriptedModel({"verse": SONG, "chorus": "La la la."}, gated=True)
    async with door(settings, model) as (platform, url), openai_client(url) as client:
        await Client(url).post("/v1/flows", SONGS)
        releasing = asyncio.create_task(model.release(3, of="verse"))  # the stream begins with the first word
        stream = await client.chat.completions.create(
            model="flow:songs", messages=ASK, stream=True, stream_options={"include_usage": True}
        )
        await releasing
        first: list[str] = []
        async for chunk in stream:
            first.append(chunk.choices[0].delta.content or "")
            if "".join(first):
                break
        (run,) = await platform.runs().list()
        assert run.status == "running"
        assert stream.response.headers["x-stretto-run-id"] == str(run.id)
        model.open()
        usage = None
        rest: list[str] = []
        async for chunk in stream:
            usage = chunk.usage or usage
            rest += [choice.delta.content or "" for choice in chunk.choices]
        assert "".join(first + rest) == f"{SONG}\n\nLa la la."
        run = await platform.runs().get(run.id)
        assert (run.input, run.output) == ({"topic": "Sing."}, f"{SONG}\n\nLa la la.")

        whole = await client.chat.completions.create(model="flow:songs", messages=ASK)
        assert whole.choices[0].message.content == f"{SONG}\n\nLa la la."
        assert whole.model == "flow:songs"
        assert whole.usage is not None
        assert whole.usage == usage
        assert whole.usage.completion_tokens > 15


async def test_a_flow_speaks_anthropics_dialect_too(settings: Settings):
    async with door(settings, ScriptedModel({"verse": SONG, "chorus": "La."})) as (_, url):
        await Client(url).post("/v1/flows", SONGS)
        asked: Any = {"model": "flow:songs", "messages": ASK, "max_tokens": 10}
        async with anthropic_client(url) as client, client.messages.stream(**asked) as stream:
            assert await stream.get_final_text() == f"{SONG}\n\nLa."


async def test_the_run_goes_on_when_its_client_leaves(settings: Settings):
    model = ScriptedModel({"verse": SONG, "chorus": "La."}, gated=True)
    async with door(settings, model) as (platform, url), openai_client(url) as client:
        await Client(url).post("/v1/flows", SONGS)
        releasing = asyncio.create_task(model.release(3, of="verse"))
        stream = await client.chat.completions.create(model="flow:songs", messages=ASK, stream=True)
        await releasing
        async for _ in stream:
            break
        await stream.close()
        (run,) = await platform.runs().list()
        await asyncio.sleep(0.1)
        assert not platform.hub.is_followed(run.id)
        model.open()
        async with asyncio.timeout(10):
            async for _ in platform.runs().follow(run.id):
                pass
        assert (await platform.runs().get(run.id)).output == f"{SONG}\n\nLa."


async def test_what_a_flow_is_not_told_it_asks_for(settings: Settings):
    flow = {**SONGS, "input": {"topic": {"type": "string"}, "lines": {"type": "integer"}}}
    async with door(settings, ScriptedModel({"verse": "a", "chorus": "b"})) as (platform, url):
        await Client(url).post("/v1/flows", flow)
        async with openai_client(url) as client:
            with pytest.raises(openai.BadRequestError, match=r"`lines` \(integer\)"):
                await client.chat.completions.create(model="flow:songs", messages=ASK)
            assert await platform.runs().list() == []
            given = {"topic": "rain", "lines": 3}
            for fields in ({"messages": [{"role": "user", "content": json.dumps(given)}]}, {"messages": ASK}):
                extra = {"input": given} if fields["messages"] == ASK else None
                answer = await client.chat.completions.create(model="flow:songs", **fields, extra_body=extra)  # type: ignore[arg-type]
                assert answer.choices[0].message.content == "a\n\nb"
            assert [run.input for run in await platform.runs().list()] == [given, given]


async def test_the_same_idempotency_key_gives_the_same_run(settings: Settings):
    async with door(settings, ScriptedModel({"verse": "a", "chorus": "b"})) as (platform, url):
        await Client(url).post("/v1/flows", SONGS)
        async with openai_client(url) as client:
            for _ in range(2):
                answer = await client.chat.completions.create(
                    model="flow:songs", messages=ASK, extra_headers={"Idempotency-Key": "k", "x-stretto-priority": "1"}
                )
                assert answer.choices[0].message.content == "a\n\nb"
        (run,) = await platform.runs().list()
        assert run.priority == 1


RETRIED = {**SONGS, "retry": {"attempts": 2, "backoff": "10ms"}}


async def test_text_that_was_sent_and_is_taken_back_ends_the_stream_with_the_runs_id(settings: Settings):
    model = ScriptedModel({"verse": [["One, ", "two, ", ModelBroken("a string broke")], "Three."], "chorus": "La."})
    model.gated = True
    async with door(settings, model) as (platform, url), openai_client(url) as client:
        await Client(url).post("/v1/flows", RETRIED)
        heard: list[str] = []
        releasing = asyncio.create_task(model.release(1, of="verse"))
        stream = await client.chat.completions.create(model="flow:songs", messages=ASK, stream=True)
        await releasing

        async def listen() -> None:
            async for chunk in stream:
                heard.append(chunk.choices[0].delta.content or "")
                if heard[-1]:
                    model.open()

        with pytest.raises(openai.APIError, match="took back") as told:
            await listen()
        (run,) = await platform.runs().list()
        assert str(run.id) in str(told.value)
        async with asyncio.timeout(10):
            async for _ in platform.runs().follow(run.id):
                pass
        assert (await platform.runs().get(run.id)).output == "Three.\n\nLa."


async def test_text_that_is_taken_back_before_it_was_sent_is_never_seen(settings: Settings):
    model = ScriptedModel({"verse": [["One, ", "two, ", ModelBroken("a string broke")], "Three."], "chorus": "La."})
    async with door(settings, model) as (_, url), openai_client(url) as client:
        await Client(url).post("/v1/flows", RETRIED)
        whole = await client.chat.completions.create(model="flow:songs", messages=ASK)
        assert whole.choices[0].message.content == "Three.\n\nLa."


async def test_a_run_that_fails_is_an_error_that_names_it(settings: Settings):
    async with door(settings, ScriptedModel({"verse": ModelRefused("no"), "chorus": "La."})) as (platform, url):
        await Client(url).post("/v1/flows", SONGS)
        async with openai_client(url) as client:
            for stream in (False, True):
                with pytest.raises(openai.InternalServerError, match="failed at step 'verse'") as told:
                    await client.chat.completions.create(model="flow:songs", messages=ASK, stream=stream)
                latest = (await platform.runs().list())[0]
                assert str(latest.id) in str(told.value)
                assert told.value.response.headers["x-stretto-run-id"] == str(latest.id)
                assert told.value.response.headers["x-should-retry"] == "false"


async def test_a_long_output_that_nobody_could_stream_comes_whole_and_does_not_overflow(settings: Settings):
    flow = {**SONGS, "output": "{{ verse | upper }}"}
    text = "la " * 300_000
    async with door(settings, ScriptedModel({"verse": [[text]] * 2, "chorus": "La."})) as (_, url):
        await Client(url).post("/v1/flows", flow)
        async with openai_client(url) as client:
            stream = await client.chat.completions.create(model="flow:songs", messages=ASK, stream=True)
            heard = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
            assert heard == text.upper()
