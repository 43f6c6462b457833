"""What a request reaches through: the platform, whose request it is, and the runs of that tenant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request
from starlette.datastructures import Headers

from stretto.auth import is_key
from stretto.engine import Runs
from stretto.platform import Platform
from stretto.store import DEFAULT_TENANT


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whose request it is. `by` is who acts, as facts record it: `local`, or the key that was shown."""

    tenant_id: UUID
    by: str


LOCAL = Visitor(DEFAULT_TENANT, "local")
"""Who comes without a key: somebody on this machine, since nobody else is served."""


async def visitor_of(platform: Platform, headers: Headers) -> Visitor:
    """Whose request it is, by `Authorization: Bearer st_…` or `x-api-key: st_…`.

    Other values are passed over: clients of OpenAI and Anthropic must send some key, and the local tenant has none.
    Raises `KeyRefused`.
    """
    scheme, _, token = headers.get("authorization", "").partition(" ")
    token = token.strip() if scheme.lower() == "bearer" else ""
    key = token if is_key(token) else headers.get("x-api-key", "").strip()
    if not is_key(key):
        return LOCAL
    holder = await platform.keys.holder(key)
    return Visitor(holder.tenant_id, f"key {holder.prefix}")


def platform_of(request: Request) -> Platform:
    """The platform that this server serves."""
    return request.app.state.platform


async def _platform(request: Request) -> Platform:
    return platform_of(request)


async def _visitor(request: Request) -> Visitor:
    return await visitor_of(platform_of(request), request.headers)


PlatformDoor = Annotated[Platform, Depends(_platform)]
"""The platform that this server serves."""

VisitorDoor = Annotated[Visitor, Depends(_visitor)]
"""Whose request it is."""


async def _runs(request: Request, visitor: VisitorDoor) -> Runs:
    return platform_of(request).runs(visitor.tenant_id)


RunsDoor = Annotated[Runs, Depends(_runs)]
"""The runs of the request's tenant."""
