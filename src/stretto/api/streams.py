"""A run's stream as server-sent events, from any place in it: as it happens, or once more as it happened."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response

from stretto.api.doors import PrincipalDoor, RunsDoor, needs
from stretto.api.event_stream import EventStream, OpenStreams
from stretto.api.problems import fails
from stretto.api.standing import standing_of
from stretto.engine import Runs
from stretto.errors import Invalid, RunNotFound, ServerFull, TooManyStreams
from stretto.stream import START, Batch, Cursor, Event, Row
from stretto.stream.events import chunked, to_sse
from stretto.stream.pace import LONGEST_GAP_S, Pace
from stretto.stream.timeline import Timeline

router = APIRouter(prefix="/v1/runs", tags=["runs"])

RETRY = b"retry: 1000\n\n"
"""So many ms a browser waits before it comes back."""

MOST_SPEED = 100.0
PAGE = 500
"""Rows of a journal that a replay reads at once."""

SSE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}},
    **fails(Invalid, RunNotFound, TooManyStreams, ServerFull),
}
After = Annotated[str | None, Query(description="The id of the last event seen; `Last-Event-ID` counts more.")]
LastEventId = Annotated[
    str | None, Header(description="The id of the last event seen, as browsers send it when they come back.")
]


def streams_of(request: Request) -> OpenStreams:
    """The streams of this process."""
    return request.app.state.streams


@router.get("/{run_id}/stream", response_class=Response, responses=SSE, dependencies=[needs("runs:read")])
async def stream_run(
    run_id: UUID,
    request: Request,
    runs: RunsDoor,
    principal: PrincipalDoor,
    after: After = None,
    last_event_id: LastEventId = None,
) -> Response:
    """What happened in the run and what happens, until it ends: events `fact`, `text`, `retract`, `end`.

    `Last-Event-ID` or `after` takes the id of the last event seen. Close an EventSource at `end`: left alone it
    would come back, and get the `end` again.
    """
    cursor = await place_in(runs, run_id, last_event_id or after)
    chunks = as_sse(runs.batches(run_id, cursor))
    return EventStream(chunks, streams_of(request), principal.tenant_id, standing=standing_of(request, "runs:read"))


@router.get("/{run_id}/replay", response_class=Response, responses=SSE, dependencies=[needs("runs:read")])
async def replay_run(
    run_id: UUID,
    request: Request,
    runs: RunsDoor,
    principal: PrincipalDoor,
    speed: Annotated[float, Query(ge=0, le=MOST_SPEED, description="2 is twice as fast; 0 gives all at once.")] = 1.0,
    gaps: Annotated[
        bool, Query(description=f"Sit out also gaps of over {LONGEST_GAP_S:.0f} s in which nothing happened.")
    ] = False,
    after: After = None,
    last_event_id: LastEventId = None,
) -> Response:
    """The run once more as it was, with the events of its stream, every token at its time. Nothing is carried out again.

    A run that goes on is replayed up to where it is; the stream then ends without `end`, and whoever comes back with
    the last id gets what has come since.
    """
    cursor = await place_in(runs, run_id, last_event_id or after)
    chunks = replayed(runs, run_id, cursor, speed, None if gaps else LONGEST_GAP_S)
    return EventStream(chunks, streams_of(request), principal.tenant_id, standing=standing_of(request, "runs:read"))


async def place_in(runs: Runs, run_id: UUID, text: str | None) -> Cursor:
    """The cursor that a client sends. Raises `RunNotFound`, and `Invalid` for a cursor that is not of this run: once an
    answer has begun, it is too late for a status."""
    await runs.get(run_id)
    cursor = Cursor.parse(text) if text else START
    if cursor.seq:
        rows = await runs.log.read(run_id, cursor.seq - 1, 1)
        if not rows or rows[0].seq != cursor.seq:
            raise Invalid(
                f"The cursor names row {cursor.seq}, which run {run_id} does not have. "
                "Send back the id of the last event of this run, or none to start over."
            )
    return cursor


async def as_sse(batches: AsyncGenerator[Batch]) -> AsyncGenerator[bytes]:
    """Batches as chunks of server-sent events."""
    yield RETRY
    async with aclosing(batches):
        async for batch in batches:
            for chunk in batch.sse():
                yield chunk
                if not batch.shared:
                    # A long log comes without a pause. Let others run, and hear whether the client has gone.
                    await asyncio.sleep(0)


async def replayed(
    runs: Runs, run_id: UUID, after: Cursor, speed: float, longest_gap_s: float | None
) -> AsyncGenerator[bytes]:
    """A run's journal as chunks of server-sent events, at the pace at which it was written."""
    yield RETRY
    pace: Pace | None = None
    due: list[bytes] = []
    async with aclosing(_timed(runs, run_id, after)) as moments:
        async for some in moments:
            for at, event in some:
                pace = pace or Pace(at, speed, longest_gap_s)
                if (left_s := pace.left_s(at)) > 0:
                    for chunk in chunked(due):
                        yield chunk
                    due = []
                    await asyncio.sleep(left_s)
                due.append(to_sse(event))
            for chunk in chunked(due):
                yield chunk
            due = []
            await asyncio.sleep(0)


async def _timed(runs: Runs, run_id: UUID, after: Cursor) -> AsyncGenerator[Sequence[tuple[datetime, Event]]]:
    """The events of a journal with their times, some at a time."""
    told = Timeline(after)
    rows: Sequence[Row] = await runs.log.read(run_id, max(after.seq - 1, 0), PAGE)
    last = len(rows) < PAGE
    if after.seq and rows:
        told.resume(rows[0])
        rows = rows[1:]
    while True:
        for row in rows:
            if some := list(told.take(row)):
                yield some
        if last or not rows:
            break
        rows = await runs.log.read(run_id, rows[-1].seq, PAGE)
        last = len(rows) < PAGE
    if some := list(told.rest()):
        yield some
