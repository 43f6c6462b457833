"""A server that says exactly what a test tells it, byte by byte, on a free port; and what tests ask it with."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from stretto.gateway.config import Provider, Timeouts
from stretto.gateway.provider import Message, ModelRequest
from stretto.gateway.wire import WireProvider
from stretto.gateway.wire.connection import OnLimits


@dataclass
class Asked:
    """A request that came."""

    path: str
    headers: dict[str, str]
    body: Any


class Line(asyncio.Protocol):
    """One connection. What is sent goes out as one chunk of the body."""

    def __init__(self, server: "RawServer") -> None:
        self.server = server
        self.transport: asyncio.Transport
        self.buffer = b""
        self.player: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.lines.add(self)
        self.server.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.lines.discard(self)
        if self.player is not None:
            self.player.cancel()
        if not self.server.lines:
            self.server.all_gone.set()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, mark, rest = self.buffer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:])}
        size = int(headers.get("content-length", 0))
        if not mark or len(rest) < size:
            return
        self.buffer = rest[size:]
        asked = Asked(lines[0].split(" ")[1], headers, json.loads(rest[:size]))
        self.server.asked.append(asked)
        self.player = asyncio.create_task(self.server.play(self, asked))

    def head(self, status: int = 200, kind: str = "text/event-stream", **headers: str) -> None:
        named = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        self.transport.write(
            f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n{named}Transfer-Encoding: chunked\r\n\r\n".encode()
        )

    def send(self, data: bytes) -> None:
        if data:  # an empty chunk would be the end
            self.transport.write(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self) -> None:
        self.transport.write(b"0\r\n\r\n")

    def cut(self) -> None:
        self.transport.close()

    def answer(self, status: int, value: Any, kind: str = "application/json", **headers: str) -> None:
        """A whole answer."""
        self.head(status, kind, **headers)
        self.send(value if isinstance(value, bytes) else json.dumps(value).encode())
        self.end()

    async def stream(self, data: bytes, chunks: int = 1) -> None:
        """A whole stream, in about so many chunks."""
        self.head()
        size = max(1, -(-len(data) // chunks))
        for start in range(0, len(data), size):
            self.send(data[start : start + size])
            await asyncio.sleep(0)
        self.end()


Play = Callable[[Line, Asked], Coroutine[Any, Any, None]]


@dataclass
class RawServer:
    """What came so far, and the connections that are open."""

    play: Play
    url: str = ""
    asked: list[Asked] = field(default_factory=list[Asked])
    connections: int = 0
    lines: set[Line] = field(default_factory=set[Line])
    all_gone: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def raw_server(play: Play) -> AsyncGenerator[RawServer]:
    """Answers each request as `play` does. An error in `play` fails the test."""
    found = RawServer(play)
    played: list[asyncio.Task[None]] = []
    server = await asyncio.get_running_loop().create_server(lambda: Line(found), "127.0.0.1", 0, backlog=1024)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    try:
        yield found
    finally:
        server.close()
        for line in list(found.lines):
            line.transport.abort()
        for _ in range(3):
            await asyncio.sleep(0)
        played = [line.player for line in found.lines if line.player is not None]
        await asyncio.gather(*played, return_exceptions=True)


PATIENT = Timeouts(2.0, 5.0, 5.0)


def wired(
    server: RawServer | str,
    dialect: Any = "openai",
    *,
    timeouts: Timeouts = PATIENT,
    on_limits: OnLimits | None = None,
    stream: bool = True,
    key: str | None = "the-key",
    **more: Any,
) -> WireProvider:
    url = server if isinstance(server, str) else server.url
    provider = Provider("acme", dialect, url, timeouts=timeouts, **more)
    return WireProvider(provider, lambda: key, on_limits, stream=stream)


def ask(prompt: str = "Write about tides and harbours.", **more: Any) -> ModelRequest:
    return ModelRequest(model="big", messages=[Message("user", prompt)], **more)


def sse(*events: Any, done: bool = True) -> bytes:
    """Events in OpenAI's way."""
    told = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    return told + (b"data: [DONE]\n\n" if done else b"")


def delta(content: str | None = None, finish: str | None = None, **more: Any) -> dict[str, Any]:
    """A chunk of OpenAI's."""
    new = ({} if content is None else {"content": content}) | more
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "big-2025",
        "choices": [{"index": 0, "delta": new, "finish_reason": finish}],
    }


USAGE = {"id": "chatcmpl-1", "choices": [], "usage": {"prompt_tokens": 19, "completion_tokens": 3, "total_tokens": 22}}
HELLO = sse(
    delta(role="assistant", content=""), delta("One"), delta(" two"), delta(" three"), delta(finish="stop"), USAGE
)


def typed(*events: dict[str, Any]) -> bytes:
    """Events in Anthropic's way."""
    return b"".join(
        b"event: " + event["type"].encode() + b"\ndata: " + json.dumps(event).encode() + b"\n\n" for event in events
    )


START: dict[str, Any] = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "content": [],
        "model": "claude-x",
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 25,
            "cache_read_input_tokens": 7,
            "cache_creation_input_tokens": 3,
            "output_tokens": 1,
        },
    },
}
STOP: dict[str, Any] = {"type": "message_stop"}


def block_start(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def block_delta(index: int, **new: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": new}


def block_stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def message_delta(reason: str, output: int) -> dict[str, Any]:
    return {
        "type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": None},
        "usage": {"output_tokens": output},
    }


BONJOUR = typed(
    START,
    block_start(0, type="text", text=""),
    {"type": "ping"},
    block_delta(0, type="text_delta", text="One"),
    block_delta(0, type="text_delta", text=" two"),
    block_delta(0, type="text_delta", text=" three"),
    block_stop(0),
    message_delta("end_turn", 15),
    STOP,
)
