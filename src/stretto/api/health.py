"""Is the process alive, and can it do its work?"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import structlog
from fastapi import APIRouter, Response

from stretto.api.doors import PlatformDoor
from stretto.api.errors import problem
from stretto.platform import Platform

log = structlog.get_logger(__name__)
router = APIRouter(tags=["health"])

LEAST_BYTES = 200 * 2**20
"""A disk with less room than this is about to be full."""

DATABASE_ANSWERS_S = 2.0
"""A database that takes longer than this for an empty transaction counts as away."""


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process lives and answers."""
    return {"status": "alive"}


@router.get("/readyz", response_model=None)
async def readyz(platform: PlatformDoor) -> dict[str, Any] | Response:
    """Runs that are started now are carried out now: database, worker and disk are well. Else 503 with what is amiss."""
    missing: list[dict[str, str]] = []
    if not await _database_answers(platform):
        remedy = "Look at its log; runs that were accepted are safe and go on when it is back."
        missing.append({"part": "database", "detail": "The database does not answer.", "remedy": remedy})
    if not await _worker_works(platform):
        remedy = "Look for why it ended in the log, and start Stretto again."
        missing.append({"part": "worker", "detail": "No worker is at work in this process.", "remedy": remedy})
    if (free := await asyncio.to_thread(_free_bytes, platform.settings.home_path)) < LEAST_BYTES:
        detail = f"The disk of STRETTO_HOME has {free // 2**20} MiB left."
        missing.append({"part": "disk", "detail": detail, "remedy": "Make room there."})
    if missing:
        return problem(503, "NotReady", " ".join(each["detail"] for each in missing), missing, {"Retry-After": "1"})
    provider = platform.gateway
    return {"status": "ready", "models": {"answered_by": provider.name, "simulated": provider.simulated}}


def _free_bytes(folder: Path) -> int:
    """Room on the disk of a folder; of one that is not there yet, no question."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return LEAST_BYTES


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
