"""Secrets that servers of tools are given. They can be set and removed, and never be read."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from stretto.api.body import Body, JsonRoute
from stretto.api.doors import PlatformDoor, PrincipalDoor, needs
from stretto.api.paging import CursorOf, Limit, Next, page_of
from stretto.api.problems import fails
from stretto.errors import Invalid, NotFound
from stretto.gateway.keys import Key

router = APIRouter(prefix="/v1/tool-secrets", tags=["tools"], route_class=JsonRoute)

Name = Annotated[str, Path(max_length=64, description="The secret's name: stretto.yaml says `tenant:NAME`.")]
NameCursor = Annotated[str | None, Depends(CursorOf(str))]


class NewSecret(Body):
    """What a server of tools is given. One line, from 6 characters on."""

    secret: str = Field(min_length=1, max_length=8192)


class SecretShown(BaseModel):
    """A secret's name, and when it was set."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    updated_at: datetime


class SecretList(BaseModel):
    """By name."""

    secrets: list[SecretShown]
    next: Next


@router.get("", dependencies=[needs("secrets:read")])
async def list_tool_secrets(
    platform: PlatformDoor, principal: PrincipalDoor, after: NameCursor, limit: Limit = 50
) -> SecretList:
    """The names of the tenant's secrets for servers of tools."""
    found = await platform.tool_secrets.names(principal.tenant_id, after, limit + 1)
    page, following = page_of(found, limit, lambda each: each.name)
    return SecretList(secrets=[SecretShown.model_validate(each) for each in page], next=following)


@router.put("/{name}", status_code=204, responses=fails(Invalid), dependencies=[needs("secrets:write")])
async def put_tool_secret(name: Name, new: NewSecret, platform: PlatformDoor, principal: PrincipalDoor) -> None:
    """Set a secret, in the place of any other of this name. Servers that have the old one are started anew within 15 s."""
    await platform.tool_secrets.set(principal.tenant_id, name, Key(new.secret))


@router.delete("/{name}", status_code=204, responses=fails(NotFound), dependencies=[needs("secrets:write")])
async def delete_tool_secret(name: Name, platform: PlatformDoor, principal: PrincipalDoor) -> None:
    """Remove a secret. Servers that have it are started anew within 15 s, and refuse to work without it."""
    await platform.tool_secrets.remove(principal.tenant_id, name)
