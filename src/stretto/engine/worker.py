"""The worker: takes runs from the queue, carries them out, and looks after time and the dead.

A run has one job at work at a time (`lock`) and at most one that waits (`queueing_lock`). Everything
that a job needs is in the journal, so a job holds only ids.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

import structlog
from structlog.contextvars import bind_contextvars

from stretto.engine.flusher import Flusher
from stretto.engine.journal import Journal, Watch
from stretto.engine.queue import AWAY, CHANNEL, Queue
from stretto.engine.run import RunTask, Surroundings
from stretto.engine.step import Handler
from stretto.engine.store import RunStore
from stretto.errors import LeaseLost, StoreError
from stretto.flow.compile import compile_document
from stretto.flow.graph import Graph
from stretto.settings import Settings
from stretto.store import Database
from stretto.stream.hub import Hub

log = structlog.get_logger(__name__)

Chore = Callable[[], Awaitable[object]]


class Worker:
    """Carries out runs in this process until it is stopped.

    `run` returns after `stop`, once every run was handed over in good order.
    """

    def __init__(
        self,
        database: Database,
        hub: Hub,
        handlers: Mapping[str, Handler],
        settings: Settings,
        chores: list[Chore],
        watch: Watch | None = None,
    ) -> None:
        """`chores` are called every `settings.sweep_s` seconds, beside the worker's own sweep; `watch` hears of what is committed."""
        self.name = f"{socket.gethostname()}/{os.getpid()}"
        self._database = database
        self._store = RunStore(database)
        self._settings = settings
        self._journal = Journal(database, watch)
        self._flusher = Flusher(settings.flush_s)
        self._around = Surroundings(self._journal, hub, handlers, self._flusher, settings, self.name)
        self._chores = chores
        self._active: dict[UUID, RunTask] = {}
        self._loading: dict[UUID, bool] = {}  # runs that are being read; whether a signal came meanwhile
        self._graphs: dict[tuple[UUID, str, int], Graph] = {}
        self._stopping = False
        self._ready = asyncio.Event()
        self._queue: Queue | None = None

    @property
    def active_runs(self) -> int:
        """Runs in memory now."""
        return len(self._active)

    @property
    def journal(self) -> Journal:
        return self._journal

    async def ready(self) -> None:
        """Wait until the worker takes runs."""
        await self._ready.wait()

    def stop(self) -> None:
        """Take no more runs and hand over those at work."""
        self._stopping = True
        if self._queue is not None:
            self._queue.stop()
        for task in self._active.values():
            task.hand_over()

    async def run(self) -> None:
        """Work until `stop`."""
        self._journal.start()
        try:
            self._queue = Queue(self._database, self._settings, self.advance)
            if self._stopping:
                return
            side = [
                asyncio.create_task(self._listen(self._queue), name="listen"),
                asyncio.create_task(self._sweep(), name="sweep"),
            ]
            self._ready.set()
            try:
                await self._queue.run()
            finally:
                for task in side:
                    task.cancel()
                await asyncio.gather(*side, return_exceptions=True)
        finally:
            self._ready.set()
            await self._journal.close()

    async def advance(self, tenant_id: UUID, run_id: UUID) -> None:
        """Carry a run on until it ends, rests or is lost."""
        if (before := self._active.get(run_id)) is not None:
            # Others thought this worker dead and gave the run a new job, which came back here.
            before.scribe.lose(LeaseLost(run_id=run_id))
            await before.gone.wait()
        bind_contextvars(run_id=str(run_id), tenant_id=str(tenant_id))  # of this job's own task
        self._loading[run_id] = False
        try:
            rows, signals = await self._store.load(tenant_id, run_id)
            if not rows:
                return
            graph = await self._graph(tenant_id, rows[0].body or {})
            task = self._active[run_id] = RunTask(graph, tenant_id, run_id, self._around)
        finally:
            missed = self._loading.pop(run_id)
        if missed:
            task.signal()
        if self._stopping:  # while the run was read
            task.hand_over()
        try:
            task.load(rows)
            await task.carry(signals, lambda: self._store.signals(tenant_id, run_id))
        finally:
            del self._active[run_id]
            task.gone.set()
        if task.lost is not None:
            raise task.lost

    async def _graph(self, tenant_id: UUID, accepted: Mapping[str, object]) -> Graph:
        name, version = str(accepted["flow"]), int(str(accepted["version"]))
        key = (tenant_id, name, version)
        graph = self._graphs.get(key)
        if graph is None:
            found = await self._store.flow(tenant_id, name, version)
            if found is None:
                raise StoreError(f"Version {version} of flow {name} is not in the database, although a run needs it.")
            graph = compile_document(found[1])
            if len(self._graphs) >= 512:
                self._graphs.pop(next(iter(self._graphs)))
            self._graphs[key] = graph
        return graph

    async def _listen(self, queue: Queue) -> None:
        """Hear of new jobs, and of signals for runs that are carried out here."""
        while True:
            try:
                async with await self._database.dedicated() as connection:
                    await connection.execute(f'LISTEN "{CHANNEL}"')
                    await connection.execute("LISTEN stretto_signal")
                    queue.notice()
                    for run_id in [*self._active, *self._loading]:
                        self._tell(run_id)  # what came while nobody listened
                    async for notice in connection.notifies():
                        if notice.channel == CHANNEL:
                            queue.notice()
                        else:
                            self._tell(UUID(notice.payload))
            except AWAY as error:
                log.warning("cannot listen; trying again", error=str(error).strip())
            await asyncio.sleep(0.2)

    def _tell(self, run_id: UUID) -> None:
        """There is a signal for this run."""
        if (task := self._active.get(run_id)) is not None:
            task.signal()
        elif run_id in self._loading:
            self._loading[run_id] = True

    async def _sweep(self) -> None:
        """Fire timers, free the runs of dead workers, do chores."""
        while True:
            try:
                while await self._store.fire_due_timers() >= 500:
                    pass
                rescued = await self._store.rescue_runs(self._settings.lease_s)
                if rescued:
                    log.info("took over runs of silent workers", runs=rescued)
                for chore in self._chores:
                    await chore()
            except AWAY as error:
                log.warning("sweep failed; trying again", error=str(error).strip())
            except Exception:
                log.exception("sweep failed")
            await asyncio.sleep(self._settings.sweep_s)
