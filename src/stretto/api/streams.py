"""A run's stream as server-sent events, from any place in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Annotated
from uuid import UUID

import structlog
from fastapi import APIRouter, Header, Request
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from stretto.api.doors import RunsDoor, needs
from stretto.engine import Runs
from stretto.engine.store import TenantLog
from stretto.errors import Invalid
from stretto.stream import START, Cursor, Event, to_sse

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/v1/runs", tags=["runs"])

HEARTBEAT_S = 15.0
"""Longest silence on a stream, so that proxies and clients can tell a quiet run from a dead connection."""

HEARTBEAT = b": still here\n\n"
RETRY = b"retry: 1000\n\n"


@router.get(
    "/{run_id}/stream",
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {}}}},
    dependencies=[needs("runs:read")],
)
async def stream_run(
    run_id: UUID,
    request: Request,
    runs: RunsDoor,
    after: str | None = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """What happened in the run and what happens, until it ends: events `fact`, `text`, `retract`, `end`.

    `Last-Event-ID` or `after` takes the id of the last event seen. Close an EventSource at `end`: left alone it
    would come back, and get the `end` again.
    """
    await runs.get(run_id)
    text = last_event_id or after
    cursor = Cursor.parse(text) if text else START
    await _check_place(runs, run_id, cursor)
    return EventStream(runs.follow(run_id, cursor), request.app.state.closing)


async def _check_place(runs: Runs, run_id: UUID, cursor: Cursor) -> None:
    """Refuse a cursor of another run now: once the answer has begun, it is too late for a status."""
    if not cursor.seq:
        return
    rows = await TenantLog(runs.database, runs.tenant_id).read(run_id, cursor.seq - 1, 1)
    if not rows or rows[0].seq != cursor.seq:
        raise Invalid(
            f"The cursor names row {cursor.seq}, which run {run_id} does not have. "
            "Send back the id of the last event of this run, or none to start over."
        )


class EventStream(StreamingResponse):
    """Events on the wire. It takes the next event only when the client has room for it, and closes them when it is gone.

    It ends when the events end, when they fail (the client comes back and goes on), when the client
    leaves, and when `closing` is set.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[Event], closing: asyncio.Event, heartbeat_s: float = HEARTBEAT_S) -> None:
        self._chunks = _chunks(events)
        super().__init__(self._chunks, headers={"X-Accel-Buffering": "no"})
        self._closing = closing
        self._heartbeat_s = heartbeat_s
        self._sent_at = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until one of the ends comes."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with aclosing(self._chunks):
            tasks: list[asyncio.Task[object]] = [
                asyncio.create_task(self._send_events(send), name="stream"),
                asyncio.create_task(self._send_heartbeats(send), name="stream heartbeat"),
                asyncio.create_task(self.listen_for_disconnect(receive), name="stream client"),
                asyncio.create_task(self._closing.wait(), name="stream closing"),
            ]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                results = await asyncio.gather(*tasks, return_exceptions=True)
        for error in results:
            if isinstance(error, Exception) and not isinstance(error, OSError):
                log.warning("a stream broke off; its client may come back", error=str(error))
        with suppress(OSError):
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_events(self, send: Send) -> None:
        async for chunk in self._chunks:
            await self._send(send, chunk)
            # A long log comes without a pause. Let others run, and hear whether the client has gone.
            await asyncio.sleep(0)

    async def _send_heartbeats(self, send: Send) -> None:
        while True:
            quiet_s = asyncio.get_running_loop().time() - self._sent_at
            if quiet_s >= self._heartbeat_s:
                await self._send(send, HEARTBEAT)
                quiet_s = 0.0
            await asyncio.sleep(self._heartbeat_s - quiet_s)

    async def _send(self, send: Send, chunk: bytes) -> None:
        self._sent_at = asyncio.get_running_loop().time()
        await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _chunks(events: AsyncGenerator[Event]) -> AsyncGenerator[bytes]:
    yield RETRY
    async with aclosing(events):
        async for event in events:
            yield to_sse(event)
