"""Flows: check them, store them in versions, see how these differ, put them away."""

from __future__ import annotations

import asyncio
import difflib
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from stretto.api.doors import InsideDoor, PlatformDoor, PrincipalDoor, needs
from stretto.api.drawn import GraphShown, document_shown, graph_shown
from stretto.api.flow_source import TAKES_YAML, YAML, FlowRoute, flow_text, read_flow
from stretto.api.once import OnceDoor
from stretto.api.paging import Limit, NameCursor, Next, VersionCursor, page_of
from stretto.api.problems import fails
from stretto.api.shown import Status
from stretto.auth import Principal
from stretto.engine import Flows
from stretto.engine.flows import FlowEntry
from stretto.errors import FlowInvalid, FlowNotFound, IdempotencyConflict
from stretto.flow.json_patch import patch_between

router = APIRouter(prefix="/v1/flows", tags=["flows"], route_class=FlowRoute)

FlowName = Annotated[str, Path(min_length=1, max_length=200, description="The flow's name.")]
Version = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="Which version; default: the latest.")]


async def _flows(platform: PlatformDoor, principal: PrincipalDoor) -> Flows:
    return Flows(platform.database, principal.tenant_id)


FlowsDoor = Annotated[Flows, Depends(_flows)]
"""The flows of the request's tenant."""


class LatestRunShown(BaseModel):
    """The run of a flow that was accepted last."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    status: Status
    accepted_at: datetime


class FlowShown(BaseModel):
    """A flow as the list shows it: its latest version, made at `updated_at`."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    version: int
    updated_at: datetime
    created_at: datetime
    archived_at: datetime | None
    last_run: LatestRunShown | None = Field(
        description="Its latest run; null where there is none, and for those who may not see runs."
    )


class FlowList(BaseModel):
    """By name."""

    flows: list[FlowShown]
    next: Next


class StoredFlow(BaseModel):
    """A version of a flow, with its prompts inside. `archived_at` says since when the flow is put away."""

    name: str
    version: int
    archived_at: datetime | None
    document: dict[str, Any]


class FlowVersionShown(BaseModel):
    """A version; `digest` is the SHA-256 of its canonical document, in hex."""

    model_config = ConfigDict(from_attributes=True)

    version: int
    digest: str
    created_at: datetime


class VersionList(BaseModel):
    """Latest first."""

    versions: list[FlowVersionShown]
    next: Next


class FlowProblem(BaseModel):
    """A mistake in a flow, where it stands, and what to do about it."""

    place: str
    message: str
    remedy: str
    line: int = Field(description="Counted from 1, in a flow that came as text; otherwise 0.")
    column: int = Field(description="Counted from 1, in a flow that came as text; otherwise 0.")


class Checked(BaseModel):
    """Whether a document is a flow, and all that is wrong with it."""

    valid: bool
    name: str | None
    problems: list[FlowProblem]
    graph: GraphShown | None = Field(description="The flow to be drawn, where it is one.")


class Change(BaseModel):
    """An operation of a JSON Patch (RFC 6902)."""

    op: str
    path: str
    value: Any = None


class Difference(BaseModel):
    """How two versions differ: a JSON Patch from one to the other, and lines for people (unified diff of YAML)."""

    name: str
    version_from: int
    version_to: int
    patch: list[Change]
    lines: str


@router.get("", dependencies=[needs("flows:read")])
async def list_flows(
    flows: FlowsDoor,
    principal: PrincipalDoor,
    after: NameCursor,
    archived: Annotated[bool, Query(description="Also those that are put away.")] = False,
    limit: Limit = 50,
) -> FlowList:
    """The stored flows, by name."""
    found = await flows.list(after, limit + 1, archived=archived)
    page, following = page_of(found, limit, lambda flow: flow.name)
    return FlowList(flows=[_flow_shown(flow, principal) for flow in page], next=following)


@router.post(
    "",
    status_code=201,
    responses=fails(FlowInvalid, IdempotencyConflict),
    openapi_extra=TAKES_YAML,
    dependencies=[needs("flows:write")],
)
async def save_flow(
    document: dict[str, Any], flows: FlowsDoor, request: Request, response: Response, once: OnceDoor
) -> StoredFlow:
    """Check a flow's document and store it as the next version; the same document keeps its version.

    Prompts are texts in it. A document with mistakes gets all of them at once, each with its place. A flow that was
    put away comes back. Instead of the document, its text may be sent as YAML.
    """
    graph = await asyncio.to_thread(read_flow, request, document)
    version = await flows.save(graph, once)
    response.headers["Location"] = f"/v1/flows/{graph.name}"
    return StoredFlow(name=graph.name, version=version, archived_at=None, document=dict(graph.document))


@router.post("/validate", openapi_extra=TAKES_YAML, dependencies=[needs("flows:read")])
async def validate_flow(document: dict[str, Any], request: Request, inside_of: InsideDoor) -> Checked:
    """Check a flow's document and store nothing: every problem at once, each with its place and its remedy.

    Instead of the document, its text may be sent as YAML; then problems have a line and a column.
    """
    try:
        graph = await asyncio.to_thread(read_flow, request, document)
    except FlowInvalid as error:
        problems = [
            FlowProblem(place=each.file, message=each.message, remedy=each.remedy, line=each.line, column=each.column)
            for each in error.problems[:1000]
        ]
        return Checked(valid=False, name=None, problems=problems, graph=None)
    shown = await asyncio.to_thread(graph_shown, graph, inside_of)
    return Checked(valid=True, name=graph.name, problems=[], graph=shown)


@router.get(
    "/{name}",
    response_model=StoredFlow,
    responses={200: {"content": {YAML: {"schema": {"type": "string"}}}}, **fails(FlowNotFound)},
    dependencies=[needs("flows:read")],
)
async def get_flow(name: FlowName, flows: FlowsDoor, request: Request, version: Version = None) -> Any:
    """A version of a flow, the latest unless another is named. `Accept: application/yaml` gives its text."""
    found, document = await flows.document(name, version)
    if request.headers.get("accept", "").partition(",")[0].partition(";")[0].strip().lower() == YAML:
        return Response(await asyncio.to_thread(flow_text, document), media_type=YAML)
    shown = await flows.get(name)
    return StoredFlow(name=name, version=found, archived_at=shown.archived_at, document=dict(document))


@router.get("/{name}/graph", responses=fails(FlowNotFound), dependencies=[needs("flows:read")])
async def get_flow_graph(
    name: FlowName, flows: FlowsDoor, inside_of: InsideDoor, version: Version = None
) -> GraphShown:
    """A version of a flow as nodes and edges, to be drawn."""
    _, document = await flows.document(name, version)
    return await asyncio.to_thread(document_shown, document, inside_of)


@router.get("/{name}/versions", responses=fails(FlowNotFound), dependencies=[needs("flows:read")])
async def list_flow_versions(name: FlowName, flows: FlowsDoor, before: VersionCursor, limit: Limit = 50) -> VersionList:
    """A flow's versions, latest first."""
    found = await flows.versions(name, before, limit + 1)
    page, following = page_of(found, limit, lambda each: each.version)
    return VersionList(versions=[FlowVersionShown.model_validate(each) for each in page], next=following)


@router.get("/{name}/diff", responses=fails(FlowNotFound), dependencies=[needs("flows:read")])
async def compare_flow_versions(
    name: FlowName,
    flows: FlowsDoor,
    version_from: Annotated[int, Query(alias="from", ge=1, le=2**31 - 1, description="The version to begin with.")],
    version_to: Annotated[
        int | None, Query(alias="to", ge=1, le=2**31 - 1, description="The version to end with; default: the latest.")
    ] = None,
) -> Difference:
    """How two versions of a flow differ."""
    _, before = await flows.document(name, version_from)
    latest, after = await flows.document(name, version_to)
    patch, lines = await asyncio.to_thread(_compare, dict(before), dict(after))
    return Difference(
        name=name,
        version_from=version_from,
        version_to=latest,
        patch=[Change(**each) for each in patch],
        lines=lines,
    )


@router.post("/{name}/archive", responses=fails(FlowNotFound), dependencies=[needs("flows:write")])
async def archive_flow(name: FlowName, flows: FlowsDoor, principal: PrincipalDoor) -> FlowShown:
    """Put a flow away: it starts no new run, and its schedules do not fire. Runs that are under way go on."""
    await flows.archive(name)
    return _flow_shown(await flows.get(name), principal)


@router.post("/{name}/restore", responses=fails(FlowNotFound), dependencies=[needs("flows:write")])
async def restore_flow(name: FlowName, flows: FlowsDoor, principal: PrincipalDoor) -> FlowShown:
    """Bring a flow back that was put away."""
    await flows.restore(name)
    return _flow_shown(await flows.get(name), principal)


def _flow_shown(flow: FlowEntry, principal: Principal) -> FlowShown:
    shown = FlowShown.model_validate(flow)
    return shown if principal.may("runs:read") else shown.model_copy(update={"last_run": None})


def _compare(before: dict[str, Any], after: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    old, new = flow_text(before).splitlines(), flow_text(after).splitlines()
    return patch_between(before, after), "\n".join(difflib.unified_diff(old, new, "from", "to", lineterm=""))
