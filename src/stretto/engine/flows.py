"""The door to stored flows: their versions, which are never changed, and whether they are put away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.engine.announced import flow_saved
from stretto.engine.graphs import COMPILED
from stretto.engine.rows import json_text
from stretto.engine.store import RunStore, fetch
from stretto.errors import FlowArchived, FlowNotFound
from stretto.flow.graph import Graph
from stretto.store import Database
from stretto.store.idempotency import Once, claim


@dataclass(frozen=True, slots=True)
class LatestRun:
    """The run of a flow that was accepted last."""

    id: UUID
    status: str
    accepted_at: datetime


@dataclass(frozen=True, slots=True)
class FlowEntry:
    """A flow as the list shows it: its latest version, made at `updated_at`, and its latest run, if it has one."""

    name: str
    version: int
    updated_at: datetime
    created_at: datetime
    archived_at: datetime | None
    last_run: LatestRun | None


@dataclass(frozen=True, slots=True)
class FlowVersion:
    """A version of a flow; `digest` is the SHA-256 of its canonical document, in hex."""

    version: int
    digest: str
    created_at: datetime


class Flows:
    """What one tenant can do with flows. Raises `FlowNotFound` for what the tenant does not have."""

    def __init__(self, database: Database, tenant_id: UUID) -> None:
        self._database = database
        self._store = RunStore(database)
        self._tenant_id = tenant_id

    async def save(self, graph: Graph, once: Once | None = None) -> int:
        """Store a flow; gives its version, the same for the same document. One that is archived comes back."""
        async with self._database.tenant(self._tenant_id) as connection:
            version, archived = await save_in(connection, self._tenant_id, graph)
            earlier = await claim(connection, self._tenant_id, once, "flow", f"{graph.name} version {version}")
            if archived and earlier is None:
                await fetch(connection, "restore_flow", {"tenant_id": self._tenant_id, "name": graph.name})
            return version

    async def list(self, after: str | None = None, limit: int = 50, *, archived: bool = False) -> list[FlowEntry]:
        """Flows by name, after one of them."""
        return await self._entries(after=after, limit=limit, archived=archived)

    async def get(self, name: str) -> FlowEntry:
        """One flow, also an archived one."""
        found = await self._entries(name=name, limit=1, archived=True)
        if not found:
            raise _missing(name)
        return found[0]

    async def document(self, name: str, version: int | None = None) -> tuple[int, Mapping[str, Any]]:
        """A version and its document; the latest where none is named."""
        found = await self._store.flow(self._tenant_id, name, version)
        if found is None:
            raise _missing(name, version)
        return found[0], found[1]

    async def graph(self, name: str, version: int | None = None) -> Graph:
        """The graph of a version; the latest where none is named."""
        found = await self._store.flow(self._tenant_id, name, version)
        if found is None:
            raise _missing(name, version)
        _, document, digest = found
        return COMPILED.of(self._tenant_id, digest, document)

    async def versions(self, name: str, before: int | None = None, limit: int = 50) -> list[FlowVersion]:
        """A flow's versions, latest first."""
        values = {"tenant_id": self._tenant_id, "name": name, "before": before, "limit": limit}
        async with self._database.tenant(self._tenant_id) as connection:
            rows = await fetch(connection, "list_versions", values)
        if not rows and before is None:
            raise _missing(name)
        return [FlowVersion(*row) for row in rows]

    async def archive(self, name: str) -> None:
        """Put a flow away: it starts no new run, and its schedules do not fire. Runs that are under way go on."""
        await self.get(name)
        values = {"tenant_id": self._tenant_id, "name": name, "at": datetime.now(UTC)}
        async with self._database.tenant(self._tenant_id) as connection:
            await fetch(connection, "archive_flow", values)

    async def restore(self, name: str) -> None:
        """Bring an archived flow back."""
        await self.get(name)
        async with self._database.tenant(self._tenant_id) as connection:
            await fetch(connection, "restore_flow", {"tenant_id": self._tenant_id, "name": name})

    async def _entries(
        self, *, limit: int, archived: bool, after: str | None = None, name: str | None = None
    ) -> list[FlowEntry]:
        values = {
            "tenant_id": self._tenant_id,
            "after": after,
            "name": name,
            "archived": archived,
            "limit": limit,
        }
        async with self._database.tenant(self._tenant_id) as connection:
            rows = await fetch(connection, "list_flows", values)
        return [
            FlowEntry(name, version, updated, created, gone, None if run is None else LatestRun(run, status, accepted))
            for name, version, updated, created, gone, run, status, accepted in rows
        ]


async def save_in(connection: AsyncConnection[TupleRow], tenant_id: UUID, graph: Graph) -> tuple[int, bool]:
    """Store a flow in a transaction that somebody else holds; gives its version, and whether the flow is archived."""
    known = {"tenant_id": tenant_id, "name": graph.name, "digest": graph.digest}
    version, archived = (await fetch(connection, "find_version", known))[0]
    if version is not None:
        return version, archived
    at = datetime.now(UTC)
    event = flow_saved(graph.name, graph.digest, at)
    values = {**known, "document": json_text(graph.document), "at": at, "event": json_text(event)}
    while not (found := await fetch(connection, "save_flow", values)):
        pass  # the conflict was waited for, so the next try sees the other's version
    return int(found[0][0]), archived


async def check_startable(connection: AsyncConnection[TupleRow], tenant_id: UUID, name: str) -> None:
    """Raises `FlowArchived` for a flow that starts no run."""
    if await fetch(connection, "is_archived", {"tenant_id": tenant_id, "name": name}):
        raise archived_flow(name)


def archived_flow(name: str) -> FlowArchived:
    """The error that says so."""
    return FlowArchived(
        f"Flow {name!r} is archived, so it starts no run. `POST /v1/flows/{name}/restore` brings it back, as does "
        "storing it anew."
    )


def _missing(name: str, version: int | None = None) -> FlowNotFound:
    if version is not None:
        return FlowNotFound(
            f"There is no version {version} of a flow {name!r}. `GET /v1/flows/{name}/versions` lists them."
        )
    return FlowNotFound(f"There is no flow named {name!r}. `GET /v1/flows` lists them.")
