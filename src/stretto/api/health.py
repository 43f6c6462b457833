"""Is the process alive, and can it do its work?"""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from fastapi import APIRouter, Response

from stretto.api.doors import PlatformDoor
from stretto.api.errors import problem
from stretto.platform import Platform

log = structlog.get_logger(__name__)
router = APIRouter(tags=["health"])

DATABASE_ANSWERS_S = 2.0
"""A database that takes longer than this for an empty transaction counts as away."""


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process lives and answers."""
    return {"status": "alive"}


@router.get("/readyz", response_model=None)
async def readyz(platform: PlatformDoor) -> dict[str, Any] | Response:
    """Runs that are started now are carried out now: the database answers and a worker is at work here."""
    missing: list[dict[str, str]] = []
    if not await _database_answers(platform):
        missing.append({"part": "database", "detail": "The database does not answer."})
    if not await _worker_works(platform):
        missing.append({"part": "worker", "detail": "No worker is at work in this process."})
    if missing:
        return problem(503, "NotReady", " ".join(each["detail"] for each in missing), missing, {"Retry-After": "1"})
    provider = platform.gateway
    return {"status": "ready", "models": {"answered_by": provider.name, "simulated": provider.simulated}}


async def _database_answers(platform: Platform) -> bool:
    try:
        async with asyncio.timeout(DATABASE_ANSWERS_S), platform.database.system():
            return True
    except Exception as error:
        log.warning("the database does not answer", error=str(error))
        return False


async def _worker_works(platform: Platform) -> bool:
    if platform.worker is None:
        return False
    try:
        async with asyncio.timeout(0):  # it is ready now, or it is not
            await platform.worker.ready()
    except TimeoutError:
        return False
    return True
