"""The steps of a run: where each stands, as its facts tell."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from stretto.api.doors import RunsDoor, needs
from stretto.api.paging import NameCursor, Next, page_of
from stretto.api.problems import fails
from stretto.engine.records import Record, records_of
from stretto.errors import RunNotFound, StepNotFound
from stretto.flow.scope import Status, StepState

router = APIRouter(prefix="/v1/runs", tags=["runs"])


class StepShown(BaseModel):
    """A step, or an item of an `each`, `watch` or map. Its output is in its fact `StepCompleted`, its text in the stream."""

    path: str
    kind: str
    status: Status
    attempts: int
    error: str | None
    started_at: datetime | None
    ended_at: datetime | None
    usage: dict[str, Any]


class StepList(BaseModel):
    """Steps in the order in which the run came to know them. `seq` is the row of the journal up to which they tell."""

    steps: list[StepShown]
    next: Next
    seq: int


@router.get("/{run_id}/steps", responses=fails(RunNotFound, StepNotFound), dependencies=[needs("runs:read")])
async def list_steps(
    run_id: UUID,
    runs: RunsDoor,
    after: NameCursor,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = 200,
) -> StepList:
    """Where each step stands. What is inside a loop, a map or a branch is known once that has begun."""
    rows = await runs.journal(run_id)
    progress = await runs.progress_of(rows)
    paths = list(progress.states)
    begin = 0
    if after is not None:
        if after not in progress.states:
            raise StepNotFound(f"Run {run_id} has no step {after!r}. Begin again without `cursor`.")
        begin = paths.index(after) + 1
    page, following = page_of(paths[begin : begin + limit + 1], limit, str)
    records = records_of(rows)
    return StepList(
        steps=[shown(progress.states[path], records.get(path) or Record()) for path in page],
        next=following,
        seq=rows[-1].seq,
    )


def shown(state: StepState, record: Record) -> StepShown:
    """A step as the list shows it."""
    return StepShown(
        path=state.path,
        kind=state.step.kind,
        status=state.status,
        attempts=record.attempts,
        error=state.error or None,
        started_at=record.started,
        ended_at=record.ended,
        usage=record.usage,
    )
