"""Flows: store them, and see what is stored."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Response

from stretto.api.body import Body, JsonRoute
from stretto.api.doors import RunsDoor, needs
from stretto.engine import Flows
from stretto.engine.store import RunStore
from stretto.errors import FlowNotFound
from stretto.flow.compile import compile_document

router = APIRouter(prefix="/v1/flows", tags=["flows"], route_class=JsonRoute)


class FlowName(Body):
    """A stored flow as the list shows it."""

    name: str


class FlowList(Body):
    """The stored flows."""

    flows: list[FlowName]


class StoredFlow(Body):
    """A version of a flow."""

    name: str
    version: int
    document: dict[str, Any]


@router.get("", dependencies=[needs("flows:read")])
async def list_flows(runs: RunsDoor) -> FlowList:
    """The names of the stored flows, in order; at most 1,000."""
    names = await RunStore(runs.database).flow_names(runs.tenant_id)
    return FlowList(flows=[FlowName(name=name) for name in names])


@router.post("", status_code=201, dependencies=[needs("flows:write")])
async def save_flow(document: dict[str, Any], runs: RunsDoor, response: Response) -> StoredFlow:
    """Check a flow's document and store it as the next version; the same document keeps its version.

    Prompts are texts in it. A document with mistakes gets all of them at once, each with its place.
    """
    graph = await asyncio.to_thread(compile_document, document)
    version = await Flows(runs.database, runs.tenant_id).save(graph)
    response.headers["Location"] = f"/v1/flows/{graph.name}"
    return StoredFlow(name=graph.name, version=version, document=dict(graph.document))


@router.get("/{name}", dependencies=[needs("flows:read")])
async def get_flow(name: str, runs: RunsDoor) -> StoredFlow:
    """The latest version of a flow."""
    found = await RunStore(runs.database).flow(runs.tenant_id, name)
    if found is None:
        raise FlowNotFound(f"There is no flow named {name!r}. `GET /v1/flows` lists them.")
    return StoredFlow(name=name, version=found[0], document=found[1])
