"""Attempts beyond one's rights, on their way to the audit log: gathered, so that a flood of them costs one row a second.
What a quota holds up is no such attempt, and is counted only."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from uuid import UUID

import structlog
from starlette.requests import HTTPConnection

from stretto.api.doors import PRINCIPAL, REQUEST_ID
from stretto.auth import AuthStore, Principal
from stretto.errors import NotAllowed, NotFound, NotIdentified, QuotaExceeded, StrettoError, TooManyRequests
from stretto.store import Database

log = structlog.get_logger(__name__)

FLUSH_S = 1.0
MOST_WAITING = 1_000
"""Different attempts kept for one flush; more are counted as one entry, `overflow`."""
NOBODY = UUID(int=0)

_RUN = re.compile(r"^/v1/(?:runs|reviews)/([0-9a-fA-F-]{32,36})(?:/|$)")

Key = tuple[UUID, str, str, str, str, UUID | None]


class Denials:
    """Gathers denied attempts and writes them down every second; `close` writes the last ones. `refused` counts what a
    tenant's quota of runs held up."""

    def __init__(self, database: Database, refused: Callable[[str], None] | None = None) -> None:
        self._store = AuthStore(database)
        self._refused = refused
        self._waiting: dict[Key, tuple[int, str, str]] = {}
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.get_running_loop().create_task(self._write(), name="denials")

    async def close(self) -> None:
        """Write what waits and stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            await self._flush()

    def note(self, request: HTTPConnection, error: StrettoError) -> None:
        """Remember an attempt, if it was one: no credentials that count, no permission, or a run of another tenant."""
        principal = request.scope.get(PRINCIPAL)
        tenant_id, actor = (principal.tenant_id, principal.by) if isinstance(principal, Principal) else (NOBODY, "")
        path = request.scope["path"][:200]
        run_id: UUID | None = None
        if isinstance(error, NotAllowed):
            action = str(error.ids.get("permission", "not allowed"))
        elif isinstance(error, NotIdentified):
            action = "login"
        elif isinstance(error, NotFound):
            run_id, action = _run_in(path), "foreign run"
            if run_id is None:
                return
        else:
            if (
                isinstance(error, QuotaExceeded)
                and not isinstance(error, TooManyRequests)
                and self._refused is not None
            ):
                self._refused("quota")
            return
        address = request.client.host if request.client else ""
        method = request.scope.get("method", "WEBSOCKET")
        key: Key = (tenant_id, actor, action, f"{method} {path}", address, run_id)
        if key not in self._waiting and len(self._waiting) >= MOST_WAITING:
            key = (NOBODY, "", "overflow", "", "", None)
        times, _, _ = self._waiting.get(key, (0, "", ""))
        self._waiting[key] = (times + 1, str(request.scope.get(REQUEST_ID, "")), type(error).__name__)
        self._news.set()

    async def _write(self) -> None:
        while True:
            await self._news.wait()
            await asyncio.sleep(FLUSH_S)
            await self._flush()

    async def _flush(self) -> None:
        waiting, self._waiting = self._waiting, {}
        self._news.clear()
        if not waiting:
            return
        rows = [
            {
                "tenant_id": str(tenant_id),
                "actor": actor,
                "action": action,
                "target": target.replace("\0", ""),
                "address": address,
                "run_id": None if run_id is None else str(run_id),
                "times": times,
                "request_id": request_id,
                "detail": {"error": error},
            }
            for (tenant_id, actor, action, target, address, run_id), (times, request_id, error) in waiting.items()
        ]
        try:
            await self._store.note_denials(rows)
        except Exception as error:
            log.error("could not write denied attempts into the audit log", attempts=len(rows), error=str(error))


def _run_in(path: str) -> UUID | None:
    """The run that a path names."""
    found = _RUN.match(path)
    try:
        return None if found is None else UUID(found[1])
    except ValueError:
        return None
