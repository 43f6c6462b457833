"""Runs: start them, list them, look at one and at what happened in it, fork it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from stretto.api.body import Body, JsonRoute
from stretto.api.doors import InsideDoor, RunsDoor, needs
from stretto.api.drawn import GraphShown, document_shown
from stretto.api.once import OnceDoor
from stretto.api.paging import IdCursor, Limit, Next, VersionCursor, cursor_at, page_of
from stretto.api.problems import fails
from stretto.api.shown import FlowName, Priority, RunDetail, RunSummary, Status, StepPath, with_usage
from stretto.api.usage import UsageDoor
from stretto.engine import Edits, Flows, Run, fork
from stretto.engine.store import TenantLog
from stretto.errors import (
    FlowArchived,
    FlowInvalid,
    FlowNotFound,
    IdempotencyConflict,
    InputInvalid,
    NotPossible,
    RunNotFound,
    StepNotFound,
)
from stretto.flow.compile import compile_document
from stretto.stream.log import TEXT

router = APIRouter(prefix="/v1/runs", tags=["runs"], route_class=JsonRoute)

FACTS_PAGE = 1_000
"""Rows of a journal, text among them, that one page of facts is taken from."""


class RunList(BaseModel):
    """Latest runs first, unless the oldest were asked for first."""

    runs: list[RunSummary]
    next: Next


class FactItem(BaseModel):
    """A fact, with the fields of the stream's `fact` event."""

    seq: int
    name: str
    step: str | None
    data: Mapping[str, Any]
    at: datetime


class FactList(BaseModel):
    """Facts in order. `next` is null when there are no more yet."""

    facts: list[FactItem]
    next: Next


@dataclass(frozen=True, slots=True)
class _Only:
    """Which runs are listed."""

    status: list[Status] | None
    flow: list[FlowName] | None
    priority: list[int] | None
    parent: UUID | None
    since: datetime | None
    until: datetime | None
    text: str | None
    oldest_first: bool


async def _only(
    status: Annotated[list[Status] | None, Query(max_length=7, description="One of these.")] = None,
    flow: Annotated[list[FlowName] | None, Query(max_length=20, description="Of one of these flows.")] = None,
    priority: Annotated[list[Priority] | None, Query(max_length=4, description="One of these.")] = None,
    parent: Annotated[UUID | None, Query(description="Forks of this run.")] = None,
    since: Annotated[AwareDatetime | None, Query(description="Accepted then or later.")] = None,
    until: Annotated[AwareDatetime | None, Query(description="Accepted earlier than that.")] = None,
    q: Annotated[
        str | None,
        Query(
            min_length=1,
            max_length=100,
            description="The flow's name holds this, or the id begins with it.",
        ),
    ] = None,
    order: Annotated[
        Literal["latest", "oldest"], Query(description="Which come first; pages of one order go on in that order.")
    ] = "latest",
) -> _Only:
    return _Only(status, flow, priority, parent, since, until, q, order == "oldest")


class NewRun(Body):
    """A run to start: of a stored flow by name, or of a flow's document, which is stored."""

    flow: FlowName | dict[str, Any]
    input: dict[str, Any] = Field(default_factory=dict[str, Any])
    priority: Priority | None = Field(default=None, description="0 (first) to 3 (last); none: the flow's own.")


class NewFork(Body):
    """From which step a fork goes on, and what it changes: fields of the input, outputs of steps."""

    step: StepPath
    input: dict[str, Any] = Field(default_factory=dict[str, Any])
    outputs: dict[str, Any] = Field(default_factory=dict[str, Any])


@router.get("", dependencies=[needs("runs:read")])
async def list_runs(
    runs: RunsDoor, usage: UsageDoor, only: Annotated[_Only, Depends(_only)], last: IdCursor, limit: Limit = 50
) -> RunList:
    """Runs, latest first or oldest first, all or some."""
    found = await runs.list(
        status=only.status,
        flow_name=only.flow,
        priority=only.priority,
        parent_id=only.parent,
        since=only.since,
        until=only.until,
        text=only.text,
        last=last,
        limit=limit + 1,
        oldest_first=only.oldest_first,
    )
    page, following = page_of(found, limit, lambda run: run.id)
    used = await usage.of_runs(runs.tenant_id, [run.id for run in page])
    return RunList(runs=[with_usage(RunSummary.model_validate(run), used) for run in page], next=following)


@router.post(
    "",
    status_code=201,
    response_model=RunDetail,
    responses=fails(FlowNotFound, FlowInvalid, InputInvalid, FlowArchived, IdempotencyConflict),
    dependencies=[needs("runs:start")],
)
async def start_run(new: NewRun, runs: RunsDoor, once: OnceDoor) -> Response:
    """Accept a run; after the 201 no crash loses it."""
    flow = new.flow if isinstance(new.flow, str) else await asyncio.to_thread(compile_document, new.flow)
    return _created(await runs.accept(flow, new.input, priority=new.priority, idempotency_key=once))


@router.get("/{run_id}", response_model=RunDetail, responses=fails(RunNotFound), dependencies=[needs("runs:read")])
async def get_run(run_id: UUID, runs: RunsDoor, usage: UsageDoor) -> Response:
    """One run, with input, output and error."""
    run = RunDetail.model_validate(await runs.get(run_id))
    used = await usage.of_runs(runs.tenant_id, [run_id])
    return _shown(with_usage(run, used))


@router.get("/{run_id}/graph", responses=fails(RunNotFound, FlowNotFound), dependencies=[needs("runs:read")])
async def get_run_graph(run_id: UUID, runs: RunsDoor, inside_of: InsideDoor) -> GraphShown:
    """The flow of the run, in the version that it runs, as nodes and edges to be drawn."""
    run = await runs.get(run_id)
    _, document = await Flows(runs.database, runs.tenant_id).document(run.flow_name, run.flow_version)
    return await asyncio.to_thread(document_shown, document, inside_of)


@router.get("/{run_id}/facts", responses=fails(RunNotFound), dependencies=[needs("runs:read")])
async def list_facts(
    run_id: UUID,
    runs: RunsDoor,
    after: VersionCursor,
    limit: Annotated[int, Query(ge=1, le=FACTS_PAGE, description="Rows of the journal, text among them.")] = FACTS_PAGE,
) -> FactList:
    """What happened in the run, without its text, a page at a time; a page may be empty, and others follow."""
    await runs.get(run_id)
    rows = await TenantLog(runs.database, runs.tenant_id).read(run_id, after or 0, limit)
    facts = [
        FactItem(seq=row.seq, name=row.kind, step=row.step, data=row.data, at=row.at)
        for row in rows
        if row.kind != TEXT
    ]
    return FactList(facts=facts, next=cursor_at(rows[-1].seq) if len(rows) == limit else None)


@router.post(
    "/{run_id}/fork",
    status_code=201,
    response_model=RunDetail,
    responses=fails(RunNotFound, StepNotFound, InputInvalid, NotPossible, FlowArchived, IdempotencyConflict),
    dependencies=[needs("runs:start")],
)
async def fork_run(run_id: UUID, new: NewFork, runs: RunsDoor, once: OnceDoor) -> Response:
    """Start a run that keeps what does not depend on the step, and goes on from there."""
    fork_id = await fork(runs, run_id, new.step, Edits(new.input, new.outputs), once)
    return _created(await runs.get(fork_id))


def _created(run: Run) -> Response:
    return _shown(RunDetail.model_validate(run), 201, {"Location": f"/v1/runs/{run.id}"})


def _shown(run: RunDetail, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A run as JSON, made once: what FastAPI makes of a model costs a good part of the request."""
    return Response(run.model_dump_json(), status, headers, media_type="application/json")
