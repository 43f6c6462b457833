"""What a request reaches through: the platform, who asks, what he may do, and the runs of his tenant."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import HTTPConnection

from stretto.auth import Permission, Principal
from stretto.engine import Runs
from stretto.errors import LoginNeeded
from stretto.flow.drawing import InsideOf
from stretto.platform import Platform

PRINCIPAL = "stretto.principal"
"""Where a request's scope keeps its `Principal`; authentication puts it there."""

SESSION = "stretto.session"
"""Where a request's scope keeps its `Session`, if it came with one."""

AGAIN = "stretto.again"
"""Where a request's scope keeps what finds out anew who asks; for what stays open for long."""

REQUEST_ID = "stretto.request_id"
"""Where a request's scope keeps its id."""

TRACEPARENT = "stretto.traceparent"
"""Where a request's scope keeps its place in a trace (W3C Trace Context)."""


def platform_of(request: HTTPConnection) -> Platform:
    """The platform that this server serves."""
    return request.scope["app"].state.platform


def principal_of(request: HTTPConnection) -> Principal:
    """Who asks. Raises `LoginNeeded` where nobody is known."""
    principal = request.scope.get(PRINCIPAL)
    if not isinstance(principal, Principal):
        raise LoginNeeded
    return principal


class Needs:
    """A dependency that lets pass only who has a permission. Every route declares one, which a test checks."""

    def __init__(self, permission: Permission) -> None:
        self.permission: Permission = permission

    async def __call__(self, request: HTTPConnection) -> None:
        """Raises `NotAllowed`, or `LoginNeeded`."""
        principal_of(request).check(self.permission)


def needs(permission: Permission) -> Any:
    """For `dependencies=[needs("runs:read")]` of a route."""
    return Depends(Needs(permission))


async def _platform(request: HTTPConnection) -> Platform:
    return platform_of(request)


async def _principal(request: HTTPConnection) -> Principal:
    return principal_of(request)


PlatformDoor = Annotated[Platform, Depends(_platform)]
"""The platform that this server serves."""


async def _inside_of(request: HTTPConnection) -> InsideOf:
    return platform_of(request).tools.inside_of


InsideDoor = Annotated[InsideOf, Depends(_inside_of)]
"""What the platform's tools are made of, to be drawn."""

PrincipalDoor = Annotated[Principal, Depends(_principal)]
"""Who asks."""


async def _runs(request: HTTPConnection) -> Runs:
    return platform_of(request).runs(principal_of(request).tenant_id)


RunsDoor = Annotated[Runs, Depends(_runs)]
"""The runs of the request's tenant."""
