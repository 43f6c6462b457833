"""A small HTTP client that can stop in the middle of a stream: one connection for each request, on h11."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import h11

TIMEOUT_S = 60


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Sse:
    """A server-sent event."""

    id: str
    event: str
    data: Any


class Client:
    """Talks to the server at `url`."""

    def __init__(self, url: str) -> None:
        self.host = urlsplit(url).netloc
        self._address = (urlsplit(url).hostname, urlsplit(url).port)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.request("GET", path, headers)

    async def post(self, path: str, body: Any, **headers: str) -> Answer:
        """Post a value as JSON, or bytes as they are."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.request("POST", path, {"content_type": "application/json"} | headers, raw)

    async def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        async with asyncio.timeout(TIMEOUT_S), self._open(method, path, headers, body) as (response, data):
            found = b"".join([chunk async for chunk in data])
            return Answer(response.status_code, headers_of(response), found)

    async def events(self, path: str, last_event_id: str = "", **headers: str) -> AsyncGenerator[Sse]:
        """The events of a stream until the server ends it. Close it to leave earlier."""
        if last_event_id:
            headers["last_event_id"] = last_event_id
        async with self._open("GET", path, headers) as (response, data):
            assert response.status_code == 200, b"".join([chunk async for chunk in data])
            assert headers_of(response)["content-type"].startswith("text/event-stream")
            waiting = b""
            async for chunk in data:
                *blocks, waiting = (waiting + chunk).split(b"\n\n")
                for block in blocks:
                    fields = dict(line.split(b": ", 1) for line in block.split(b"\n") if not line.startswith(b":"))
                    if b"data" in fields:
                        yield Sse(
                            fields.get(b"id", b"").decode(), fields[b"event"].decode(), json.loads(fields[b"data"])
                        )

    async def some_events(self, path: str, last_event_id: str = "", most: int = 1_000_000) -> list[Sse]:
        """At most so many events; then the connection is cut."""
        found: list[Sse] = []
        async with asyncio.timeout(TIMEOUT_S), aclosing(self.events(path, last_event_id)) as events:
            async for event in events:
                found.append(event)
                if len(found) == most:
                    break
        return found

    @asynccontextmanager
    async def _open(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes = b""
    ) -> AsyncGenerator[tuple[h11.Response, AsyncGenerator[bytes]]]:
        reader, writer = await asyncio.open_connection(*self._address)
        wire = h11.Connection(h11.CLIENT)

        async def next_event() -> Any:
            while (event := wire.next_event()) is h11.NEED_DATA:
                wire.receive_data(await reader.read(65536))
            return event

        async def data() -> AsyncGenerator[bytes]:
            while isinstance(event := await next_event(), h11.Data):
                yield bytes(event.data)

        try:
            lines = {"host": self.host, "connection": "close"} | {n.replace("_", "-"): v for n, v in headers.items()}
            if body or method == "POST":
                lines.setdefault("content-length", str(len(body)))
            writer.write(wire.send(h11.Request(method=method, target=path, headers=list(lines.items()))) or b"")
            if body:
                writer.write(wire.send(h11.Data(data=body)) or b"")
            await writer.drain()
            response = await next_event()
            assert isinstance(response, h11.Response)
            async with aclosing(data()) as chunks:
                yield response, chunks
        finally:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)


def headers_of(response: h11.Response) -> dict[str, str]:
    return {name.decode(): value.decode() for name, value in response.headers}


class Reader:
    """What a client has on its screen. It accepts no event that repeats text or leaves some out."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.facts: list[int] = []
        self.last_id = ""
        self.status: str | None = None

    def take(self, event: Sse) -> None:
        data = event.data
        assert self.status is None, "nothing comes after the end"
        match event.event:
            case "text":
                before = self.texts.get(data["step"], "")
                assert data["offset"] == len(before), f"{data} comes after {before!r}"
                assert data["text"]
                self.texts[data["step"]] = before + data["text"]
            case "retract":
                before = self.texts[data["step"]]
                assert 0 <= data["from_offset"] < len(before), f"{data} takes nothing back of {before!r}"
                self.texts[data["step"]] = before[: data["from_offset"]]
            case "fact":
                assert data["seq"] > (self.facts[-1] if self.facts else 0)
                self.facts.append(data["seq"])
            case _:
                assert event.event == "end"
                self.status = data["status"]
        self.last_id = event.id

    def take_all(self, events: list[Sse]) -> "Reader":
        for event in events:
            self.take(event)
        return self
