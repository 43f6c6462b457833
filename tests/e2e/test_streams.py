"""What a run's streams do beyond following it: replay, steps, the WebSocket, limits, and clients that do not read."""

import asyncio
import json
import select
import socket
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from stretto.settings import Settings
from stretto.testing import ScriptedModel
from tests.e2e.test_api import NOTES, REVIEWED, SCORE, choir, server, start, until_status
from tests.e2e.wire import Client, Reader, Sse


@asynccontextmanager
async def opened(client: Client, run: str, **headers: str) -> AsyncGenerator[ClientConnection]:
    async with connect(f"ws://{client.host}{run}/control", additional_headers=headers) as wire:
        yield wire


async def told(wire: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(30):
        return json.loads(await wire.recv())


async def ask(wire: ClientConnection, command: str, **fields: Any) -> dict[str, Any]:
    """Send a command and give its reply; for times when nothing is watched."""
    await wire.send(json.dumps({"command": command, **fields}))
    return await told(wire)


def as_sse(message: dict[str, Any]) -> Sse:
    data = {name: value for name, value in message.items() if name not in ("event", "id")}
    return Sse(message["id"], message["event"], data)


async def watched(wire: ClientConnection, most: int = 1_000_000) -> list[Sse]:
    found: list[Sse] = []
    while len(found) < most:
        found.append(as_sse(await told(wire)))
        if found[-1].event == "end":
            break
    return found


async def test_a_socket_shows_what_the_stream_shows(settings: Settings):
    model = choir()
    model.gated = True
    async with server(settings, model) as (client, _):
        run = await start(client)
        async with opened(client, run) as wire:
            assert await ask(wire, "watch", id=7) == {"event": "done", "id": 7, "command": "watch"}
            model.open()
            reader = Reader().take_all(await watched(wire))
            assert (reader.texts["lead"], reader.status) == (SCORE, "completed")
            stored = await client.some_events(f"{run}/stream")
            assert reader.facts == Reader().take_all(stored).facts
            # The connection stays, and takes up the run from any place.
            for event in stored[:-1:7]:
                assert (await ask(wire, "watch", after=event.id))["event"] == "done"
                rest = await watched(wire)
                assert rest == (await client.some_events(f"{run}/stream", event.id))


async def test_a_socket_takes_commands_and_says_what_is_wrong(settings: Settings):
    async with server(settings) as (client, _):
        run = await start(client, REVIEWED)
        await until_status(client, run, "waiting")
        async with opened(client, run) as wire:
            for command, status in (("pause", "paused"), ("resume", "waiting"), ("cancel", "cancelled")):
                assert await ask(wire, command, id="n-1") == {"event": "done", "id": "n-1", "command": command}
                await until_status(client, run, status)
            wrong: list[tuple[dict[str, Any], int, str]] = [
                ({"command": "pause", "id": 1}, 409, "NotPossible"),
                ({"command": "dance"}, 422, "RequestInvalid"),
                ({"command": "priority", "priority": 9}, 422, "RequestInvalid"),
                ({"command": "inject", "step": "no", "text": "hm", "id": 2}, 404, "StepNotFound"),
                ({"command": "inject", "step": "draft", "text": "a\0b"}, 422, "RequestInvalid"),
                ({"command": "watch", "after": "99999"}, 422, "Invalid"),
                ({"command": "watch", "after": "x"}, 422, "Invalid"),
                ({"command": "watch", "colour": "red"}, 422, "RequestInvalid"),
                ({}, 422, "RequestInvalid"),
            ]
            for message, status, name in wrong:
                await wire.send(json.dumps(message))
                reply = await told(wire)
                assert (reply["event"], reply["id"]) == ("problem", message.get("id"))
                found = reply["problem"]
                assert (found["status"], found["type"]) == (status, f"urn:stretto:error:{name}"), message
                assert found["detail"]
            for text in ("{", "[]", '"pause"', "null", "[" * 5000):
                await wire.send(text)
                assert (await told(wire))["problem"]["status"] in (400, 422)
            reply = await ask(wire, "priority", priority="1")
            assert reply["problem"]["errors"][0]["pointer"] == "#/priority"
            assert (await ask(wire, "resume"))["event"] == "done"
        await until_status(client, run, "waiting")


async def test_what_a_socket_may_not_do_is_told_before_it_opens_or_when_it_asks(settings: Settings):
    async with server(settings) as (client, _):
        run = await start(client, REVIEWED)
        for path, status in ((f"/v1/runs/{uuid4()}", 404), ("/v1/runs/x", 422)):
            with pytest.raises(InvalidStatus) as refused:
                async with opened(client, path):
                    pass
            assert refused.value.response.status_code == status
            assert refused.value.response.headers["content-type"] == "application/problem+json"
        with pytest.raises(InvalidStatus):
            async with opened(client, run, origin="https://evil.example"):
                pass
        key = (await client.post("/v1/keys", {"role": "viewer"})).json["key"]
        async with opened(client, run, authorization=f"Bearer {key}") as wire:
            assert (await ask(wire, "watch"))["event"] == "done"
            await wire.send(json.dumps({"command": "cancel", "id": "c"}))
            while (reply := await told(wire))["event"] not in ("problem", "done"):
                pass
            assert (reply["event"], reply["problem"]["status"]) == ("problem", 403)
        await until_status(client, run, "waiting")


async def test_a_socket_that_sends_what_it_may_not_is_closed(settings: Settings):
    async with server(settings) as (client, _):
        run = await start(client, REVIEWED)
        for message, code in ((b"bytes", 1003), ("x" * (3 << 20), 1009)):
            async with opened(client, run) as wire:
                await wire.send(message)
                with pytest.raises(ConnectionClosed) as closed:
                    await told(wire)
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == code


async def test_a_server_that_ends_closes_its_sockets(settings: Settings):
    async with server(settings) as (client, _):
        run = await start(client, REVIEWED)
        wire = await connect(f"ws://{client.host}{run}/control")
    with pytest.raises(ConnectionClosed) as closed:
        await told(wire)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012


async def test_a_run_is_replayed_from_any_place(settings: Settings):
    async with server(settings) as (client, _):
        run = await start(client)
        await until_status(client, run, "completed")
        stored = Reader().take_all(await client.some_events(f"{run}/stream"))
        for query in ("speed=0", "speed=100"):
            events = await client.some_events(f"{run}/replay?{query}")
            replayed = Reader().take_all(events)
            assert (replayed.texts, replayed.facts, replayed.status) == (stored.texts, stored.facts, stored.status)
            assert sum(event.event == "text" for event in events) > len(NOTES)  # token by token
        for place in range(0, len(events) - 1, 5):
            reader = Reader().take_all(events[: place + 1])
            reader.take_all(await client.some_events(f"{run}/replay?speed=0", reader.last_id))
            assert (reader.texts, reader.facts, reader.status) == (stored.texts, stored.facts, stored.status)
        for query in ("speed=-1", "speed=101", "speed=nan", "after=x", "after=99999"):
            assert (await client.get(f"{run}/replay?{query}")).status == 422, query


async def test_streams_are_not_compressed(settings: Settings):
    async with server(settings) as (client, _):
        run = await start(client)
        await until_status(client, run, "completed")
        for path in (f"{run}/stream", f"{run}/replay?speed=0"):
            answer = await client.request("GET", path, {"accept-encoding": "zstd, br, gzip"})
            assert "content-encoding" not in answer.headers
            assert b"event: end" in answer.body


async def test_a_run_that_goes_on_is_replayed_so_far(settings: Settings):
    async with server(settings) as (client, _):
        run = await start(client, REVIEWED)
        await until_status(client, run, "waiting")
        events = await client.some_events(f"{run}/replay?speed=0")
        reader = Reader().take_all(events)
        assert (reader.texts, reader.status) == ({"draft": "a draft"}, None)
        assert await client.some_events(f"{run}/replay?speed=0", reader.last_id) == []
        await client.post(f"{run}/control", {"command": "cancel"})
        await until_status(client, run, "cancelled")
        reader.take_all(await client.some_events(f"{run}/replay?speed=0", reader.last_id))
        assert reader.status == "cancelled"


async def test_steps_are_listed_in_pages(settings: Settings):
    async with server(settings) as (client, _):
        run = await start(client)
        await until_status(client, run, "completed")
        whole = (await client.get(f"{run}/steps")).json
        found = {step["path"]: step for step in whole["steps"]}
        assert whole["next"] is None
        assert {step["status"] for step in found.values()} <= {"completed", "dropped"}
        assert (found["lead"]["kind"], found["lead"]["attempts"], found["lead"]["error"]) == ("agent", 2, "too loud")
        assert found["lead"]["started_at"] < found["lead"]["ended_at"]
        assert any(path.startswith("second") and path != "second" for path in found)
        pages: list[str] = []
        query = "limit=2"
        while True:
            page = (await client.get(f"{run}/steps?{query}")).json
            pages += [step["path"] for step in page["steps"]]
            if page["next"] is None:
                break
            query = f"limit=2&cursor={page['next']}"
        assert pages == list(found)
        assert (await client.get(f"{run}/steps?cursor=bm8")).json["type"] == "urn:stretto:error:StepNotFound"
        assert (await client.get(f"/v1/runs/{uuid4()}/steps")).status == 404


async def test_streams_are_limited_per_tenant_and_process(settings: Settings):
    few = settings.model_copy(update={"streams": 3, "tenant_streams": 2})
    async with server(few) as (client, _):
        run = await start(client, REVIEWED)
        await until_status(client, run, "waiting")
        async with aclosing(client.events(f"{run}/stream")) as one:
            await anext(one)
            async with opened(client, run):
                refused = await client.get(f"{run}/stream")
                assert (refused.status, refused.json["type"]) == (429, "urn:stretto:error:TooManyStreams")
                assert int(refused.headers["retry-after"]) >= 1
                with pytest.raises(InvalidStatus) as shut:
                    async with opened(client, run):
                        pass
                assert shut.value.response.status_code == 429
        await until_open(client, run)
    async with (
        server(few.model_copy(update={"streams": 1})) as (client, _),
        aclosing(client.events(f"{run}/stream")) as one,
    ):
        await anext(one)
        refused = await client.get(f"{run}/stream")
        assert (refused.status, refused.json["type"]) == (503, "urn:stretto:error:ServerFull")


async def until_open(client: Client, run: str) -> None:
    """Wait until the server has seen that the other streams are gone."""
    for _ in range(500):
        async with aclosing(client.events(f"{run}/stream")) as one, aclosing(client.events(f"{run}/stream")) as two:
            try:
                await anext(one)
                await anext(two)
                return
            except AssertionError:
                await asyncio.sleep(0.01)
    raise AssertionError("the places never came free")


def unread(client: Client, request: bytes) -> socket.socket:
    """A connection whose client asks and then reads nothing."""
    host, _, port = client.host.rpartition(":")
    wire = socket.socket()
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    wire.connect((host, int(port)))
    wire.sendall(request)
    return wire


async def test_a_client_that_does_not_read_is_cut_off_and_harms_nobody(settings: Settings):
    long = [f"Nº {n}: " + "🎻" * 1000 for n in range(2000)]
    model = ScriptedModel({"draft": [long]})
    model.gated = True
    impatient = settings.model_copy(update={"stream_stall_s": 2.0, "max_text_chars": 10_000_000})
    async with server(impatient, model) as (client, _):
        run = await start(client, REVIEWED)
        head = f"host: {client.host}\r\n"
        deaf = unread(client, f"GET {run}/stream HTTP/1.1\r\n{head}\r\n".encode())
        upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
        key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        watch = b'{"command":"watch"}'
        frame = bytes([0x81, 0x80 | len(watch), 0, 0, 0, 0]) + watch
        deaf_socket = unread(client, f"GET {run}/control HTTP/1.1\r\n{head}{upgrade}{key}\r\n".encode())
        assert b" 101 " in await asyncio.to_thread(deaf_socket.recv, 1000)
        deaf_socket.sendall(frame)
        listening = asyncio.create_task(client.some_events(f"{run}/stream", most=2200))
        await until_status(client, run, "running")
        model.open()
        await until_status(client, run, "waiting")
        await client.post(f"{run}/control", {"command": "cancel"})
        reader = Reader().take_all(await listening)
        assert reader.texts["draft"] == "".join(long)
        await asyncio.gather(*[asyncio.to_thread(until_reset, wire) for wire in (deaf, deaf_socket)])
        # Who was cut off comes back, and gets all.
        back = Reader().take_all(await client.some_events(f"{run}/stream"))
        assert back.texts["draft"] == reader.texts["draft"]


def until_reset(wire: socket.socket) -> None:
    """Wait until the server has cut the connection, reading nothing before."""
    with wire:
        poll = select.poll()
        poll.register(wire, 0)
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(100)):
                return
    raise AssertionError("the connection is still open")
