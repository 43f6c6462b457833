"""The door to runs: start them, look at them, tell them something. Works from any process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.engine.flows import archived_flow, save_in
from stretto.engine.graphs import COMPILED
from stretto.engine.rows import fact_row, facts_of, json_text, texts_of
from stretto.engine.store import Run, RunStore, TenantLog, fetch, insert_run
from stretto.errors import FlowNotFound, InputInvalid, NotPossible, RunNotFound, StepNotFound
from stretto.flow import facts as f
from stretto.flow.graph import Graph
from stretto.flow.inputs import validate_input
from stretto.flow.progress import Progress
from stretto.store import Database, uuid7_floor
from stretto.store.acting import traceparent_now
from stretto.store.idempotency import Once, claim, once
from stretto.store.ids import made_at, new_id
from stretto.stream.cursor import START, Cursor
from stretto.stream.events import Batch, Event
from stretto.stream.hub import Hub
from stretto.stream.log import Row

MOST_AT_ONCE = 2_000
"""Rows of a journal that are folded in the event loop; more take a thread, so that others are not held up."""

_DIGITS = 32


class Runs:
    """What one tenant can do with runs.

    Every method raises `RunNotFound` for a run that the tenant does not have, and
    `DatabaseUnreachable` when the database is away.
    """

    def __init__(self, database: Database, hub: Hub, tenant_id: UUID) -> None:
        self.database = database
        self._hub = hub
        self._store = RunStore(database)
        self.tenant_id = tenant_id

    # Start

    async def start(
        self,
        flow: Graph | str,
        input: Mapping[str, Any] | None = None,
        *,
        priority: int | None = None,
        idempotency_key: str | Once | None = None,
    ) -> UUID:
        """Accept a run; once this returns, no crash loses it. `flow` is a graph, or the name of a stored flow.

        With an `idempotency_key` that was used before, gives the run that it started; raises
        `IdempotencyConflict` when that was another request. A text stands for a request with this flow, input and
        priority. Raises `InputInvalid`, `FlowNotFound` or `FlowArchived`.
        """
        async with self.database.tenant(self.tenant_id) as connection:
            found = await self._accept(connection, flow, input, priority, idempotency_key, commit=True)
        return found.id if isinstance(found, Run) else found

    async def accept(
        self,
        flow: Graph | str,
        input: Mapping[str, Any] | None = None,
        *,
        priority: int | None = None,
        idempotency_key: str | Once | None = None,
    ) -> Run:
        """As `start`, but gives the run as it was accepted; one that the key started before, as it is now."""
        async with self.database.tenant(self.tenant_id) as connection:
            found = await self._accept(connection, flow, input, priority, idempotency_key, commit=True)
        return found if isinstance(found, Run) else await self.get(found)

    async def start_in(
        self,
        connection: AsyncConnection[TupleRow],
        flow: Graph | str,
        input: Mapping[str, Any] | None = None,
        *,
        priority: int | None = None,
        idempotency_key: str | Once | None = None,
    ) -> UUID:
        """As `start`, in a transaction that somebody else holds."""
        found = await self._accept(connection, flow, input, priority, idempotency_key)
        return found.id if isinstance(found, Run) else found

    async def _accept(
        self,
        connection: AsyncConnection[TupleRow],
        flow: Graph | str,
        input: Mapping[str, Any] | None,
        priority: int | None,
        idempotency_key: str | Once | None,
        *,
        commit: bool = False,
    ) -> Run | UUID:
        """The run that is accepted; the id alone of one that the key started before."""
        if priority is not None and priority not in range(4):
            raise InputInvalid(f"A priority is 0 (first), 1, 2 or 3 (last), not {priority}.")
        name = flow if isinstance(flow, str) else flow.name
        run_id = new_id()
        at = made_at(run_id)
        request = idempotency_key
        if not isinstance(request, Once):
            document = None if isinstance(flow, str) else flow.digest
            request = once(request, name, document, input or {}, priority)
        if (known := await claim(connection, self.tenant_id, request, "run", str(run_id), at=at)) is not None:
            return UUID(known)
        graph, version = await self._graph(connection, flow)
        valid = validate_input(graph, input or {})
        rank = graph.priority if priority is None else priority
        values = {
            "tenant_id": self.tenant_id,
            "run_id": run_id,
            "flow_name": name,
            "flow_version": version,
            "priority": rank,
            "input": json_text(valid),
            "parent_id": None,
            "at": at,
        }
        accepted = f.RunAccepted(flow=name, version=version, input=valid, priority=rank, traceparent=traceparent_now())
        await insert_run(connection, values, [(run_id, fact_row(1, accepted, at))], commit=commit)
        return Run(run_id, name, version, "accepted", rank, valid, None, None, None, Decimal(0), at, at, None)

    async def _graph(self, connection: AsyncConnection[TupleRow], flow: Graph | str) -> tuple[Graph, int]:
        """What is started, and its version. Raises `FlowArchived`."""
        if not isinstance(flow, str):
            version, archived = await save_in(connection, self.tenant_id, flow)
            if archived:
                raise archived_flow(flow.name)
            return flow, version
        values = {"tenant_id": self.tenant_id, "name": flow}
        found = await fetch(connection, "latest_flow", values)
        if not found:
            raise FlowNotFound(f"There is no flow named {flow!r}. Store one with `stretto run FILE`.")
        version, digest, archived = found[0]
        if archived:
            raise archived_flow(flow)
        graph = COMPILED.get(self.tenant_id, digest)
        if graph is None:
            document = (await fetch(connection, "get_flow", {**values, "version": version}))[0][1]
            graph = COMPILED.of(self.tenant_id, digest, document)
        return graph, version

    # Look

    async def get(self, run_id: UUID) -> Run:
        run = await self._store.run(self.tenant_id, run_id)
        if run is None:
            raise RunNotFound(f"There is no run {run_id}. `stretto runs` lists them.", run_id=run_id)
        return run

    async def some(self, run_ids: Sequence[UUID]) -> list[Run]:
        """Those of these runs that the tenant has, in any order."""
        return await self._store.some_runs(self.tenant_id, run_ids)

    async def list(  # noqa: PLR0913 - each narrows the list by itself
        self,
        *,
        status: str | Collection[str] | None = None,
        flow_name: str | Collection[str] | None = None,
        priority: Collection[int] | None = None,
        parent_id: UUID | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        text: str | None = None,
        last: UUID | None = None,
        limit: int = 50,
        oldest_first: bool = False,
    ) -> list[Run]:
        """Latest runs first, or the oldest, accepted from `since` on and before `until`; those after `last` in that order.

        `text` finds those whose flow's name holds it, or whose id begins with it.
        """
        end = None if until is None else uuid7_floor(until)
        if not oldest_first:
            end = min((each for each in (last, end) if each is not None), default=None)
        values = {
            "statuses": _several(status),
            "flows": _several(flow_name),
            "priorities": None if priority is None else list(priority),
            "parent": parent_id,
            "since": None if since is None else uuid7_floor(since),
            "before": end,
            "text": None if text is None else text.lower(),
            **_ids_from(text or ""),
            "limit": min(max(limit, 1), 1000),
        }
        if oldest_first:
            return await self._store.runs_oldest_first(self.tenant_id, {**values, "after": last})
        return await self._store.runs(self.tenant_id, values)

    async def find(self, text: str) -> UUID:
        """The run with this id, or whose id ends so (as `stretto runs` shows it)."""
        try:
            return UUID(text)
        except ValueError:
            found = await self._store.find(self.tenant_id, text)
        if len(found) == 1:
            return found[0]
        told = "several runs" if found else "no run"
        raise RunNotFound(f"{text!r} fits {told}. `stretto runs` lists them; give more of the id.")

    async def journal(self, run_id: UUID) -> list[Row]:
        """All rows of the run, in order."""
        rows = await self._store.journal(self.tenant_id, run_id)
        if not rows:
            raise RunNotFound(f"There is no run {run_id}. `stretto runs` lists them.", run_id=run_id)
        return rows

    async def progress(self, run_id: UUID, *, at_seq: int | None = None) -> Progress:
        """Where the run stands, or stood after row `at_seq`: the fold of its facts up to there."""
        rows = [row for row in await self.journal(run_id) if at_seq is None or row.seq <= at_seq]
        if not rows:
            raise NotPossible("A run's journal begins with row 1. Give a seq of 1 or more.")
        return await self.progress_of(rows)

    async def progress_of(self, rows: Sequence[Row]) -> Progress:
        """Where the run stands whose rows these are."""
        graph, _ = await self.graph_of(rows)
        texts = texts_of(rows)
        progress = Progress(graph, lambda path: texts[path].slice(0) if path in texts else "", keep_turns=True)
        if len(rows) > MOST_AT_ONCE:
            await asyncio.to_thread(lambda: progress.apply_all(facts_of(rows)))
        else:
            progress.apply_all(facts_of(rows))
        return progress

    async def graph_of(self, rows: Sequence[Row]) -> tuple[Graph, int]:
        """The graph, and its flow's version, of the run whose rows these are."""
        accepted = rows[0].body or {}
        name, version = str(accepted["flow"]), int(str(accepted["version"]))
        found = await self._store.flow(self.tenant_id, name, version)
        if found is None:
            raise FlowNotFound(f"Version {version} of flow {name!r}, which the run needs, is no longer stored.")
        stored, document, digest = found
        graph = COMPILED.get(self.tenant_id, digest) or await asyncio.to_thread(
            COMPILED.of, self.tenant_id, digest, document
        )
        return graph, stored

    async def follow(self, run_id: UUID, after: Cursor = START) -> AsyncGenerator[Event]:
        """What happened in the run after the cursor, and what happens, until it ends.

        Wrap it in `contextlib.aclosing` when you may leave before the end.
        """
        async with aclosing(self.batches(run_id, after)) as batches:
            async for batch in batches:
                for event in batch.events:
                    yield event

    async def batches(self, run_id: UUID, after: Cursor = START) -> AsyncGenerator[Batch]:
        """As `follow`, but what comes in one go is given in one go."""
        await self.get(run_id)
        async with aclosing(self._hub.batches(run_id, self.log, after)) as batches:
            async for batch in batches:
                yield batch

    @property
    def log(self) -> TenantLog:
        """What reads the journals of this tenant's runs."""
        return TenantLog(self.database, self.tenant_id)

    # Tell

    async def pause(self, run_id: UUID, by: str = "") -> None:
        """No new step starts; those at work finish, and what was waited for is kept, but the run does not end before it is
        resumed. `NotPossible` when the run is over."""
        await self._tell(run_id, "pause", {"by": by})

    async def resume(self, run_id: UUID, by: str = "") -> None:
        """Go on after a pause; or carry a failed or cancelled run on, without repeating finished steps."""
        run = await self.get(run_id)
        if run.status in ("failed", "cancelled"):
            await self.retry(run_id, by=by)
        else:
            await self._tell(run_id, "resume", {"by": by})

    async def cancel(self, run_id: UUID, by: str = "", reason: str = "") -> None:
        """End the run; what was shown stays."""
        await self._tell(run_id, "cancel", {"by": by, "reason": reason})

    async def retry(self, run_id: UUID, step: str | None = None, by: str = "") -> None:
        """Try the failed steps (or the one named) of a failed or cancelled run again."""
        run = await self.get(run_id)
        if run.status not in ("failed", "cancelled"):
            raise NotPossible(f"Run {run_id} is {run.status}; only a failed or cancelled run can be tried again.")
        if step is not None:
            state = (await self.progress(run_id)).state(step)
            if state is None:
                raise StepNotFound(f"Run {run_id} has no step {step!r}. `stretto show {run_id}` lists its steps.")
            if state.status != "failed":
                raise NotPossible(
                    f"Step {step!r} of run {run_id} is {state.status}; only a failed step can be tried again. "
                    f"`stretto fork {run_id} --from {step}` runs another one anew."
                )
        await self._tell(run_id, "retry", {"step": step, "by": by})

    async def inject(
        self, run_id: UUID, step: str, text: str, *, mode: Literal["next", "now"] = "next", by: str = ""
    ) -> None:
        """Give feedback to a step: `next` at its next turn, `now` cuts it off and lets it go on with it."""
        if not text.strip():
            raise NotPossible("The feedback is empty. Say what the step should do differently.")
        progress = await self.progress(run_id)
        if not any(step in (state.path, state.step.id) for state in progress.states.values()):
            raise StepNotFound(f"Run {run_id} has no step {step!r}. `stretto show {run_id}` lists its steps.")
        await self._tell(run_id, "inject", {"step": step, "text": text, "mode": mode, "by": by})

    async def set_priority(self, run_id: UUID, priority: int, by: str = "") -> None:
        """From 0 (first) to 3 (last); counts from the run's next job and model call on."""
        if priority not in range(4):
            raise NotPossible(f"A priority is 0 (first), 1, 2 or 3 (last), not {priority}.")
        await self._tell(run_id, "priority", {"priority": priority, "by": by})

    async def _tell(self, run_id: UUID, kind: str, body: Mapping[str, Any]) -> None:
        if not await self._store.signal(self.tenant_id, run_id, kind, body):
            run = await self.get(run_id)
            raise NotPossible(f"Run {run_id} is {run.status}; it takes no {kind} any more.", run_id=run_id)

    # Events

    async def deliver(self, event: str, data: Any = None, key: str = "") -> None:
        """Let the steps that wait for this event go on."""
        await self._store.deliver(self.tenant_id, event, key, data)


def _ids_from(text: str) -> dict[str, UUID | None]:
    """The first and the last id that begin with this text; none where no id does."""
    digits = text.lower().replace("-", "")
    if not 0 < len(digits) <= _DIGITS or not set(digits) <= set("0123456789abcdef"):
        return {"first": None, "last": None}
    return {"first": UUID(digits.ljust(_DIGITS, "0")), "last": UUID(digits.ljust(_DIGITS, "f"))}


def _several(value: str | Collection[str] | None) -> list[str] | None:
    return None if value is None else [value] if isinstance(value, str) else list(value)
