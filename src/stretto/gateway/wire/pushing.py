"""Bytes pushed to a function as they arrive, without waking a task for each.

aiohttp wakes whoever reads a body through a future in the body's `_waiter`: for each piece that is a future, a step
of the task, and coroutines four deep. Here the place of the future is taken by an object that has the three methods aiohttp uses of it, and
that calls a function once the piece is parsed. At 300 streams of 50 tokens/s that saves an eighth of a token's CPU time
(13.2 µs against 15.1 µs, of which 5.2 µs are the kernel's and the loop's).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp

UNKNOWN = object()
Take = Callable[[bytes], None]


class Pushed:
    """Gives what a body holds, and what comes, to `take`, until the body ends or `take` or the connection fails."""

    __slots__ = ("_closed", "_content", "_ended", "_loop", "_take")

    def __init__(self, response: aiohttp.ClientResponse, take: Take) -> None:
        self._content: Any = response.content
        self._take = take
        self._loop = asyncio.get_running_loop()
        self._ended = self._loop.create_future()
        self._closed = closing_of(response)

    async def wait(self) -> None:
        """Wait for the end. Raises what `take` raised, or what broke the connection."""
        if self._closed is not None:
            self._closed.remove_done_callback(heed)  # of the call before
            self._closed.add_done_callback(heed)
            self._closed.add_done_callback(self._lost)
        try:
            self._drain()
            await self._ended
        finally:
            if self._closed is not None:
                self._closed.remove_done_callback(self._lost)
            if self._content._waiter is self:
                self._content._waiter = None
            # An error in the old one leads back here by its traceback; all of the call would stay until the collector comes by.
            self._ended = self._loop.create_future()
            self._ended.cancel()

    def _drain(self) -> None:
        if self._ended.done():
            return
        content = self._content
        try:
            while data := content.read_nowait():
                self._take(data)
            if content.at_eof():
                self._ended.set_result(None)
            else:
                content._waiter = self
        except BaseException as error:
            self._ended.set_exception(error)

    def _lost(self, _: asyncio.Future[None]) -> None:
        """The connection is gone. aiohttp says so to readers, but not where what came was no HTTP: they would wait for ever."""
        self._content._waiter = None
        self._drain()
        if not self._ended.done():
            self._ended.set_exception(aiohttp.ClientPayloadError("the connection was lost"))

    # What aiohttp calls: in the midst of parsing what came, so that the work is put off until all of it is parsed.

    def done(self) -> bool:
        """As of a future that still waits."""
        return False

    def set_result(self, _: None) -> None:
        """There is something to read, or the end."""
        self._loop.call_soon(self._drain)

    def set_exception(self, _: BaseException) -> None:
        """The connection broke; reading raises it."""
        self._loop.call_soon(self._drain)


def heed(closed: asyncio.Future[None]) -> None:
    """Take note of how a connection was lost, also long after its call, so that asyncio does not complain of it."""
    if not closed.cancelled():
        closed.exception()


async def push(response: aiohttp.ClientResponse, take: Take) -> None:
    """Give each chunk of a body to `take` as it arrives. Raises what `take` raises, or what broke the connection."""
    if has_place(response.content):
        await Pushed(response, take).wait()
        return
    while chunk := await response.content.readany():
        take(chunk)


def has_place(content: aiohttp.StreamReader) -> bool:
    """Whether this aiohttp wakes its readers through `_waiter`, and nobody reads."""
    return getattr(content, "_waiter", UNKNOWN) is None


def closing_of(response: aiohttp.ClientResponse) -> asyncio.Future[None] | None:
    """What is done when the connection of this response is lost; None where it has been given back already."""
    connection = response.connection
    return None if connection is None else getattr(connection.protocol, "closed", None)
