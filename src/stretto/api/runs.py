"""Runs: start them, list them, look at one and at what happened in it, fork it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, Field

from stretto.api.body import Body, JsonRoute
from stretto.api.doors import RunsDoor, needs
from stretto.api.shown import RunDetail, RunSummary, Status
from stretto.engine import Edits, Runs, fork
from stretto.engine.store import TenantLog
from stretto.flow.compile import compile_document
from stretto.stream.cursor import MAX_SEQ
from stretto.stream.log import TEXT

router = APIRouter(prefix="/v1/runs", tags=["runs"], route_class=JsonRoute)

FACTS_PAGE = 1_000
"""Rows of a journal, text among them, that one page of facts is taken from."""


class RunList(BaseModel):
    """Latest runs first. `next` is what `before` takes for the page after this one; null on the last."""

    runs: list[RunSummary]
    next: UUID | None


class FactItem(BaseModel):
    """A fact, with the fields of the stream's `fact` event."""

    seq: int
    name: str
    step: str | None
    data: Mapping[str, Any]
    at: datetime


class FactList(BaseModel):
    """Facts in order. `next` is what `after` takes to go on; null when there are no more yet."""

    facts: list[FactItem]
    next: int | None


class NewRun(Body):
    """A run to start: of a stored flow by name, or of a flow's document, which is stored."""

    flow: str | dict[str, Any]
    input: dict[str, Any] = Field(default_factory=dict[str, Any])
    priority: int | None = Field(default=None, ge=0, le=3, description="0 (first) to 3 (last).")


class NewFork(Body):
    """From which step a fork goes on, and what it changes: fields of the input, outputs of steps."""

    step: str
    input: dict[str, Any] = Field(default_factory=dict[str, Any])
    outputs: dict[str, Any] = Field(default_factory=dict[str, Any])


@router.get("", dependencies=[needs("runs:read")])
async def list_runs(
    runs: RunsDoor,
    status: Status | None = None,
    flow: str | None = None,
    before: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> RunList:
    """Runs, latest first, optionally of one status or flow."""
    found = await runs.list(status=status, flow_name=flow, before=before, limit=limit + 1)
    page = found[:limit]
    return RunList(
        runs=[RunSummary.model_validate(run) for run in page],
        next=page[-1].id if len(found) > limit else None,
    )


@router.post("", status_code=201, dependencies=[needs("runs:start")])
async def start_run(
    new: NewRun,
    runs: RunsDoor,
    response: Response,
    idempotency_key: Annotated[str | None, Header()] = None,
) -> RunDetail:
    """Accept a run; after the 201 no crash loses it. The same `Idempotency-Key` again gives the same run."""
    flow = new.flow if isinstance(new.flow, str) else await asyncio.to_thread(compile_document, new.flow)
    run_id = await runs.start(flow, new.input, priority=new.priority, idempotency_key=idempotency_key)
    return await _created(runs, run_id, response)


@router.get("/{run_id}", dependencies=[needs("runs:read")])
async def get_run(run_id: UUID, runs: RunsDoor) -> RunDetail:
    """One run, with input, output and error."""
    return RunDetail.model_validate(await runs.get(run_id))


@router.get("/{run_id}/facts", dependencies=[needs("runs:read")])
async def list_facts(run_id: UUID, runs: RunsDoor, after: Annotated[int, Query(ge=0, le=MAX_SEQ)] = 0) -> FactList:
    """What happened in the run after row `after`, without its text, a page at a time; a page may be empty."""
    await runs.get(run_id)
    rows = await TenantLog(runs.database, runs.tenant_id).read(run_id, after, FACTS_PAGE)
    facts = [
        FactItem(seq=row.seq, name=row.kind, step=row.step, data=row.data, at=row.at)
        for row in rows
        if row.kind != TEXT
    ]
    return FactList(facts=facts, next=rows[-1].seq if len(rows) == FACTS_PAGE else None)


@router.post("/{run_id}/fork", status_code=201, dependencies=[needs("runs:start")])
async def fork_run(run_id: UUID, new: NewFork, runs: RunsDoor, response: Response) -> RunDetail:
    """Start a run that keeps what does not depend on the step, and goes on from there."""
    return await _created(runs, await fork(runs, run_id, new.step, Edits(new.input, new.outputs)), response)


async def _created(runs: Runs, run_id: UUID, response: Response) -> RunDetail:
    response.headers["Location"] = f"/v1/runs/{run_id}"
    return RunDetail.model_validate(await runs.get(run_id))
