"""Webhooks in: the sources of a tenant, and the public door at which what they send comes in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from stretto.api.body import Body, JsonRoute
from stretto.api.doors import PRINCIPAL, PlatformDoor, PrincipalDoor, needs
from stretto.api.once import OnceDoor
from stretto.api.paging import Limit, NameCursor, Next, page_of
from stretto.api.problems import fails
from stretto.auth import Principal
from stretto.errors import IdempotencyConflict, Invalid, NotFound, NotPossible, SignatureRefused
from stretto.events.webhooks import HookSources, Source, scheme_names
from stretto.events.webhooks.sources import MAX_BODY_BYTES

router = APIRouter(tags=["webhooks"])
sources = APIRouter(prefix="/v1/hook-sources", tags=["webhooks"], route_class=JsonRoute)
READ, WRITE = [needs("webhooks:read")], [needs("webhooks:write")]
NAME = "^[a-z0-9][a-z0-9_-]{0,39}$"


async def _sources(platform: PlatformDoor, principal: PrincipalDoor) -> HookSources:
    return platform.hook_sources(principal.tenant_id)


SourcesDoor = Annotated[HookSources, Depends(_sources)]
"""From where the request's tenant takes webhooks in."""


class SourceShown(BaseModel):
    """A source without its secret. `path` is where on this server it sends to."""

    name: str
    scheme: str
    path: str
    active: bool
    created_by: str
    created_at: datetime


class SourceList(BaseModel):
    """In the order of their names. `schemes` are the ways to sign that a new one may have."""

    sources: list[SourceShown]
    schemes: list[str]
    next: Next


class NewSource(Body):
    """A source to make: how it signs (one of the list's `schemes`), and its secret."""

    name: str = Field(pattern=NAME)
    scheme: str = Field(min_length=1, max_length=40)
    secret: str = Field(min_length=8, max_length=500, repr=False)


class SourceMade(BaseModel):
    """A source just made, and where it sends to."""

    name: str
    scheme: str
    path: str


class HookReceived(BaseModel):
    """What came in. `repeated`: it had come before, and changes nothing."""

    delivery: str
    repeated: bool


@sources.get("", dependencies=READ)
async def list_hook_sources(sources: SourcesDoor, after: NameCursor, limit: Limit = 50) -> SourceList:
    """From where the tenant takes webhooks in."""
    page, following = page_of(await sources.list(after=after, limit=limit + 1), limit, lambda each: each.name)
    return SourceList(sources=[_shown(each) for each in page], schemes=scheme_names(), next=following)


@sources.post("", status_code=201, dependencies=WRITE, responses=fails(Invalid, NotPossible, IdempotencyConflict))
async def add_hook_source(new: NewSource, sources: SourcesDoor, principal: PrincipalDoor, once: OnceDoor) -> SourceMade:
    """Make a source. Its path cannot be guessed; what proves a request is its signature all the same."""
    public_id = await sources.add(new.name, new.scheme, new.secret, by=principal.by, once=once)
    return SourceMade(name=new.name, scheme=new.scheme, path=f"/v1/hooks/{public_id}")


@sources.delete("/{name}", status_code=204, dependencies=WRITE, responses=fails(NotFound))
async def remove_hook_source(
    name: Annotated[str, Path(pattern=NAME, description="The source's name.")], sources: SourcesDoor
) -> None:
    """Remove a source: its path leads nowhere from now on."""
    await sources.remove(name)


@router.post(
    "/v1/hooks/{public_id}",
    status_code=202,
    responses={200: {"model": HookReceived}, **fails(SignatureRefused, NotFound, "ContentTooLarge")},
)
async def receive_hook(
    public_id: Annotated[str, Path(max_length=64)], request: Request, platform: PlatformDoor, response: Response
) -> HookReceived:
    """Take a webhook in: 202 when it is an event from now on, 200 when it had come before, 401 when it is not signed.

    The body is what the source's scheme signs, of whatever type.
    """
    source = await platform.hooks.find(public_id)
    body = await request.body()
    if len(body) > MAX_BODY_BYTES:
        raise HTTPException(413, f"A webhook's body may have {MAX_BODY_BYTES:,} bytes.")
    try:
        received = await platform.hooks.receive(public_id, source, dict(request.headers), body)
    except SignatureRefused:
        # So that the attempt is written into the audit log of the tenant whose source it is.
        by = f"hook {source.name}"
        request.scope[PRINCIPAL] = Principal(source.tenant_id, by, "viewer", "token", scopes=frozenset())
        raise
    response.status_code = 202 if received.first else 200
    return HookReceived(delivery=received.key, repeated=not received.first)


def _shown(source: Source) -> SourceShown:
    return SourceShown(
        name=source.name,
        scheme=source.scheme,
        path=f"/v1/hooks/{source.public_id}",
        active=source.active,
        created_by=source.created_by,
        created_at=source.created_at,
    )
