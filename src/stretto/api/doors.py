"""What a request reaches through: the platform, and the runs of the one tenant that there is without authentication."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from stretto.engine import Runs
from stretto.platform import Platform

LOCAL = "local"
"""Who acts through the API while it has no authentication, as facts record it."""


def _platform(request: Request) -> Platform:
    return request.app.state.platform


def _runs(request: Request) -> Runs:
    return request.app.state.runs


PlatformDoor = Annotated[Platform, Depends(_platform)]
"""The platform that this server serves."""

RunsDoor = Annotated[Runs, Depends(_runs)]
"""The runs of the request's tenant."""
