"""The lightest HTTP client that measures: one connection, one request at a time, nothing parsed that need not be."""

from __future__ import annotations

import asyncio
import json
import time
from typing import cast
from urllib.parse import urlsplit


def post_of(url: str, body: dict[str, object], key: str = "none") -> bytes:
    """The bytes of a chat completion's request to this base URL (which ends in `/v1`)."""
    parts, data = urlsplit(url), json.dumps(body).encode()
    head = (
        f"POST {parts.path}/chat/completions HTTP/1.1\r\nhost: {parts.netloc}\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


class Answer:
    """What came of a request."""

    __slots__ = ("chunks", "first_s", "status")

    def __init__(self) -> None:
        self.status = 0
        """0: the connection was lost."""
        self.chunks = 0
        """Events of a stream's answer."""
        self.first_s = 0.0
        """When the first byte of the body came, by `perf_counter` (uvloop's own clock counts whole milliseconds)."""


class Line(asyncio.Protocol):
    """A connection that is kept. `ask` again only when the answer before is there."""

    MARK = b'"delta"'

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._done: asyncio.Future[Answer] | None = None
        self._answer = Answer()
        self._head = bytearray()
        self._left = -1
        self._in_body = False
        self._tail = b""
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport, self.is_open = cast("asyncio.Transport", transport), True  # uvloop's is none by class

    def connection_lost(self, exc: Exception | None) -> None:
        """The answer in hand, if any, is lost."""
        self.is_open = False
        if self._done is not None and not self._done.done():
            self._answer.status = 0
            self._done.set_result(self._answer)

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        """Send a request; the future has its answer."""
        assert self._transport is not None
        self._answer, self._in_body, self._tail = Answer(), False, b""
        self._head.clear()
        self._done = self._loop.create_future()
        self._transport.write(request)
        return self._done

    def data_received(self, data: bytes) -> None:
        """Find the head, then the end."""
        if self._done is None or self._done.done():
            return
        if not self._in_body:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._head[:end]).lower()
            self._in_body, data = True, bytes(self._head[end + 4 :])
            self._answer.status = int(head[9:12])
            _, found, rest = head.partition(b"content-length:")
            self._left = int(rest.split(b"\r\n", 1)[0]) if found else -1
        if not data and self._left:
            return
        answer = self._answer
        answer.first_s = answer.first_s or time.perf_counter()
        if self._left >= 0:
            self._left -= len(data)
            ended = self._left <= 0
        else:
            answer.chunks += data.count(self.MARK)
            self._tail = (self._tail + data)[-7:]
            ended = self._tail == b"\r\n0\r\n\r\n"
        if ended:
            self._done.set_result(answer)

    def close(self) -> None:
        """Leave, whether or not an answer is under way."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()


async def connect(url: str) -> Line:
    """A new connection."""
    parts = urlsplit(url)
    _, line = await asyncio.get_running_loop().create_connection(Line, parts.hostname or "", parts.port or 80)
    return line
