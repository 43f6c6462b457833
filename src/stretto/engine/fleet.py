"""Who is at work: workers, the queue, runs, and the steps of agents, as one tenant may see them."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from psycopg.rows import TupleRow

from stretto.engine.graphs import COMPILED
from stretto.engine.store import fetch
from stretto.flow.drawing import draw
from stretto.flow.graph import Graph
from stretto.store import Database, uuid7_floor

MOST_WORKERS = 200
MOST_RUNS = 100
"""In so many of the latest running runs steps are looked for."""
MOST_STEPS = 5_000
LATELY = timedelta(hours=24)
"""Runs that have ended are counted if they were accepted so lately."""
SILENCE_S = 10
"""A worker that was not heard of for so long counts as gone; the limit that metrics use, too."""

StepsAre = Literal["at_work", "waiting"]
_INDEX = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class WorkerState:
    """A worker, how many of the tenant's runs it carries out, and where it runs: unknown of older releases' workers."""

    id: int
    last_heartbeat: datetime
    alive: bool
    runs: int
    host: str | None
    pid: int | None
    version: str | None
    started_at: datetime | None


@dataclass(frozen=True, slots=True)
class QueueState:
    """Runs of one priority that wait for a worker; the first since `oldest_at`."""

    priority: int
    depth: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Fleet:
    """All of it. `agents` counts the steps of each agent by what they do; not `complete`: more runs go on than were looked at."""

    workers: list[WorkerState]
    queue: list[QueueState]
    runs: dict[str, int]
    agents: dict[str, Counter[StepsAre]]
    complete: bool


async def fleet_of(database: Database, tenant_id: UUID) -> Fleet:
    """What this tenant may see of the fleet, now."""
    values = {
        "tenant_id": tenant_id,
        "silence_s": SILENCE_S,
        "limit": MOST_WORKERS,
        "since": uuid7_floor(datetime.now(UTC) - LATELY),
        "most_runs": MOST_RUNS,
        "most_steps": MOST_STEPS,
    }
    async with database.tenant(tenant_id) as connection:
        workers = await fetch(connection, "fleet_workers", values)
        queue = await fetch(connection, "fleet_queue", values)
        runs: dict[str, int] = dict(await fetch(connection, "fleet_runs", values))  # pyright: ignore
        steps = await fetch(connection, "fleet_steps", values)
        versions = list({(name, version) for name, version, _, _ in steps})
        names = {"tenant_id": tenant_id, "names": [n for n, _ in versions], "versions": [v for _, v in versions]}
        documents = await fetch(connection, "fleet_flows", names) if versions else []
    agents = await asyncio.to_thread(_agents, tenant_id, steps, documents)
    return Fleet(
        [WorkerState(*row) for row in workers],
        [QueueState(*row) for row in queue],
        runs,
        agents,
        runs.get("running", 0) <= MOST_RUNS and len(steps) < MOST_STEPS,
    )


def _agents(tenant_id: UUID, steps: Sequence[TupleRow], documents: Sequence[TupleRow]) -> dict[str, Counter[StepsAre]]:
    places = {(name, version): _places(COMPILED.of(tenant_id, digest, doc)) for name, version, digest, doc in documents}
    found: dict[str, Counter[StepsAre]] = {}
    for name, version, path, state in steps:
        agents, readers = places.get((name, version), ({}, frozenset[str]()))
        step = _INDEX.sub("", path)
        # What reads a stream is at work in its items; the step that holds them only reads.
        if step in agents and (step not in readers or path.endswith("]")):
            found.setdefault(agents[step], Counter())[state] += 1
    return found


def _places(graph: Graph) -> tuple[dict[str, str], frozenset[str]]:
    """Whose step stands at each path without indices, and which steps read streams."""
    drawing = draw(graph)
    readers = frozenset(edge.target for edge in drawing.edges if edge.kind in ("each", "watch"))
    return {node.id: node.agent for node in drawing.nodes if node.agent is not None}, readers
