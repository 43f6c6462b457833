"""Server-sent events on the wire: for clients that read, that stop reading, that leave, and while the server ends."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, contextmanager, suppress
from uuid import UUID

import structlog
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from stretto.api.errors import of_error
from stretto.api.openai.answering import CUT
from stretto.api.standing import Standing
from stretto.errors import ServerFull, StrettoError, TooManyStreams
from stretto.settings import Settings

log = structlog.get_logger(__name__)

HEARTBEAT_S = 15.0
"""Longest silence on a stream, so that proxies and clients can tell a quiet run from a dead connection."""

HEARTBEAT = b": still here\n\n"
GOODBYE_S = 2.0
"""So long a client may take to read the end, when the server closes."""


class OpenStreams:
    """The streams of this process: how many there may be, for how long a client may read nothing, and when all end."""

    def __init__(self, settings: Settings, refused: Callable[[str], None] | None = None) -> None:
        self.refused = refused or _uncounted
        """Counts a stream or a message that a limit held up, by whose."""
        self.closing = asyncio.Event()
        """Set when the server closes."""
        self.stall_s = settings.stream_stall_s
        self._most, self._most_of_tenant = settings.streams, settings.tenant_streams
        self._open: Counter[UUID] = Counter()
        self._count = 0

    @property
    def count(self) -> int:
        """Streams open now."""
        return self._count

    @contextmanager
    def place(self, tenant_id: UUID) -> Generator[None]:
        """One stream more, for as long as the block lasts. Raises `TooManyStreams` or `ServerFull`."""
        if self._open[tenant_id] >= self._most_of_tenant:
            self.refused("streams")
            raise TooManyStreams
        if self._count >= self._most:
            self.refused("server")
            raise ServerFull
        self._open[tenant_id] += 1
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1
            self._open[tenant_id] -= 1
            if not self._open[tenant_id]:
                del self._open[tenant_id]


def _uncounted(by: str) -> None:
    """Nobody counts."""


class EventStream(StreamingResponse):
    """Chunks of events on the wire. It takes the next one only when the client has room for it, and closes them when it
    is gone.

    It ends when the chunks end, when they fail (the client comes back and goes on), when the client leaves or reads
    nothing for long, when the server closes, and with an event `error` when the client loses its `standing`.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        chunks: AsyncGenerator[bytes],
        streams: OpenStreams,
        tenant_id: UUID,
        heartbeat_s: float = HEARTBEAT_S,
        standing: Standing | None = None,
    ) -> None:
        super().__init__(chunks, headers={"X-Accel-Buffering": "no"})
        self._chunks = chunks
        self._streams = streams
        self._tenant_id = tenant_id
        self._heartbeat_s = heartbeat_s
        self._standing = standing
        self._sent_at = 0.0
        self._sending = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until one of the ends comes."""
        async with aclosing(self._chunks):
            try:
                with self._streams.place(self._tenant_id):
                    await self._serve(scope, receive, send)
            except (TooManyStreams, ServerFull) as error:
                await of_error(error)(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        cut: Callable[[], None] | None = scope.get(CUT)
        tasks: list[asyncio.Task[object]] = [
            asyncio.create_task(self._send_events(send), name="stream"),
            asyncio.create_task(self._watch(send), name="stream heartbeat"),
            asyncio.create_task(self.listen_for_disconnect(receive), name="stream client"),
            asyncio.create_task(self._streams.closing.wait(), name="stream closing"),
            asyncio.create_task(self._lost(), name="stream standing"),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stalled = tasks[1].done()
            if stalled and cut is not None:
                cut()
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        goodbye = b""
        if isinstance(lost := results[-1], StrettoError):
            results.pop()
            log.info("ended a stream whose client may read it no longer", error=type(lost).__name__)
            goodbye = b"event: error\ndata: " + bytes(of_error(lost).body) + b"\n\n"
        for error in results:
            if isinstance(error, Exception) and not isinstance(error, OSError):
                told = error.message if isinstance(error, StrettoError) else repr(error)
                log.warning("a stream broke off; its client may come back", error=told)
        if stalled:
            log.info("cut off a stream whose client does not read", stall_s=self._streams.stall_s)
            return
        try:
            async with asyncio.timeout(GOODBYE_S):
                with suppress(OSError):
                    await send({"type": "http.response.body", "body": goodbye, "more_body": False})
        except TimeoutError:
            if cut is not None:
                cut()

    async def _lost(self) -> StrettoError:
        """Why the client may read no longer, once that is so."""
        if self._standing is None:
            await asyncio.Event().wait()
            raise AssertionError("nobody sets this event")
        return await self._standing.lost()

    async def _send_events(self, send: Send) -> None:
        async for chunk in self._chunks:
            await self._send(send, chunk)

    async def _watch(self, send: Send) -> None:
        """Send heartbeats; returns when the client has read nothing for long."""
        clock, stall_s = asyncio.get_running_loop().time, self._streams.stall_s
        while True:
            quiet_s = clock() - self._sent_at
            if self._sending:
                if quiet_s >= stall_s:
                    return
                await asyncio.sleep(min(self._heartbeat_s, stall_s - quiet_s))
                continue
            if quiet_s >= self._heartbeat_s:
                try:
                    async with asyncio.timeout(stall_s):
                        await self._send(send, HEARTBEAT)
                except TimeoutError:
                    return
                quiet_s = 0.0
            await asyncio.sleep(min(self._heartbeat_s - quiet_s, stall_s))

    async def _send(self, send: Send, chunk: bytes) -> None:
        self._sent_at = asyncio.get_running_loop().time()
        self._sending = True
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        self._sending = False
