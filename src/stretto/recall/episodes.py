"""Runs as episodes of memory: kept once they are over, and recalled by what is to be done.

A flow says with `remember` what its runs are about. The event of its end tells so, and whoever carries events
keeps it: the text under the run's id in a collection of the tenant's memory. What came of it stays in the run alone.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from stretto.engine import Flows, Run, Runs
from stretto.errors import FlowNotFound, Invalid, MemoryNotFound, OutputInvalid, RunNotFound
from stretto.flow.graph import Graph
from stretto.memory import Item, Memory

COLLECTION = "stretto.runs"
"""Memory's, of each tenant."""
MOST_TASK_CHARS = 20_000
"""Of what a run was about; the rest is cut off."""
MOST_RECALLED = 50

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Episode:
    """A past run that is like what is to be done."""

    run: Run
    task: str
    """What it was about."""
    score: float
    """What the episodes are ordered by, from 0 to 1."""
    similarity: float | None
    """The cosine between both tasks; None where words alone have found it."""


@dataclass(frozen=True, slots=True)
class Recalled:
    """The most similar first. `notes` say what the search had to do without."""

    episodes: Sequence[Episode]
    notes: Sequence[str] = ()


class Episodes:
    """One tenant's past runs."""

    def __init__(self, runs: Runs, flows: Flows, memory: Memory) -> None:
        self._runs = runs
        self._flows = flows
        self._memory = memory

    async def remember(self, run_id: UUID) -> bool:
        """Keep a completed run, if its flow says what its runs are about. The same again changes nothing."""
        try:
            run = await self._runs.get(run_id)
            graph = await self._flows.graph(run.flow_name, run.flow_version)
        except (RunNotFound, FlowNotFound):
            return False  # its time was over before anybody came to it
        task = _task(run, graph)
        if not task:
            return False
        at = run.finished_at or run.accepted_at
        metadata = {"flow": run.flow_name, "at": int(at.timestamp())}
        await self._memory.remember(COLLECTION, [Item(str(run_id), task, metadata)])
        return True

    async def recall(
        self,
        task: str,
        *,
        flow: str | None = None,
        within_s: float | None = None,
        limit: int = 5,
    ) -> Recalled:
        """The completed runs whose task is most like this one: of a flow, or of the last seconds, if wanted.

        Raises `Invalid` for an empty task, or a limit or time that makes no sense.
        """
        if not task.strip():
            raise Invalid("Say what is to be done: the task is empty.")
        if not 1 <= limit <= MOST_RECALLED:
            raise Invalid(f"1 to {MOST_RECALLED} runs are recalled at a time, not {limit}.")
        if within_s is not None and not within_s > 0:
            raise Invalid(f"A time lasts more than 0 seconds, not {within_s:g}.")
        filter: dict[str, Any] = {} if flow is None else {"flow": flow}
        if within_s is not None:
            filter["at"] = {"gte": int(time.time() - min(within_s, time.time()))}
        try:
            found = await self._memory.search(COLLECTION, task, filter=filter, limit=limit)
        except MemoryNotFound:
            return Recalled((), ("No run was remembered yet. A flow says with `remember` what its runs are about.",))
        runs = {run.id: run for run in await self._runs.some([UUID(hit.key) for hit in found.hits])}
        if gone := [hit.key for hit in found.hits if UUID(hit.key) not in runs]:
            await self._memory.forget(COLLECTION, gone)  # runs go when their time is over
        episodes = [
            Episode(
                runs[UUID(hit.key)],
                hit.text,
                hit.score,
                next((each.score for each in hit.lists if each.list == "vector"), None),
            )
            for hit in found.hits
            if UUID(hit.key) in runs
        ]
        return Recalled(episodes, found.notes)


def _task(run: Run, graph: Graph) -> str:
    """What a run was about; nothing where that is not to be remembered."""
    if graph.remember is None or run.status != "completed":
        return ""
    try:
        told = graph.remember.render({"input": run.input})
    except OutputInvalid as error:
        log.warning("a run is not remembered: `remember` cannot be read", run_id=str(run.id), error=str(error))
        return ""
    return " ".join(str(told).split())[:MOST_TASK_CHARS]
