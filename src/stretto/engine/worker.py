"""The worker: takes runs from the queue, carries them out, and looks after time and the dead.

Dispatch is Procrastinate's: one job a run at a time (`lock`), at most one waiting (`queueing_lock`).
Everything that a job needs is in the journal, so a job holds only ids.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from uuid import UUID

import procrastinate
import psycopg
import structlog
from procrastinate.exceptions import ProcrastinateException
from procrastinate.worker import Worker as QueueWorker
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from stretto.engine.flusher import Flusher
from stretto.engine.journal import Journal
from stretto.engine.run import RunTask, Surroundings
from stretto.engine.step import Handler
from stretto.engine.store import RunStore, Signal
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
        self, database: Database, hub: Hub, handlers: Mapping[str, Handler], settings: Settings, chores: list[Chore]
    ) -> None:
        """`chores` are called every `settings.sweep_s` seconds, beside the worker's own sweep."""
        self.name = f"{socket.gethostname()}/{os.getpid()}"
        self._database = database
        self._store = RunStore(database)
        self._settings = settings
        self._journal = Journal(database)
        self._flusher = Flusher(settings.flush_s)
        self._around = Surroundings(self._journal, hub, handlers, self._flusher, settings, self.name)
        self._chores = chores
        self._active: dict[UUID, RunTask] = {}
        self._graphs: dict[tuple[UUID, str, int], Graph] = {}
        self._stopping = asyncio.Event()
        self._ready = asyncio.Event()
        self._procrastinate: QueueWorker | None = None

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
        self._stopping.set()
        if self._procrastinate is not None:
            self._procrastinate.stop()
        for task in self._active.values():
            task.hand_over()

    async def run(self) -> None:
        """Work until `stop`."""
        self._journal.start()
        try:
            async with asyncio.TaskGroup() as group:
                side = [
                    group.create_task(self._listen(), name="signals"),
                    group.create_task(self._sweep(), name="sweep"),
                ]
                await self._take_jobs()
                for task in side:
                    task.cancel()
        finally:
            await self._journal.close()

    async def _take_jobs(self) -> None:
        """Run Procrastinate's worker, and start it again when the database was away."""
        pause_s = 0.1
        while not self._stopping.is_set():
            app = queue_app(self._database, self._settings)
            app.task(name="advance_run", queue="runs", pass_context=False)(self._advance)
            try:
                async with app.open_async():
                    self._procrastinate = QueueWorker(
                        app=app,
                        queues=["runs"],
                        name=self.name,
                        concurrency=self._settings.concurrent_runs,
                        install_signal_handlers=False,
                        fetch_job_polling_interval=0.5,
                        update_heartbeat_interval=self._settings.heartbeat_s,
                        stalled_worker_timeout=max(60.0, self._settings.lease_s * 10),
                        delete_jobs="always",
                    )
                    self._ready.set()
                    if self._stopping.is_set():
                        return
                    await self._procrastinate.run()
            except (ProcrastinateException, psycopg.Error, OSError) as error:
                log.warning("the queue is away; trying again", error=str(error).strip())
            if not self._stopping.is_set():
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, 1.0)

    async def _advance(self, run_id: str, tenant_id: str) -> None:
        """The one job there is: go on with a run."""
        await self.advance(UUID(tenant_id), UUID(run_id))

    async def advance(self, tenant_id: UUID, run_id: UUID) -> None:
        """Carry a run on until it ends, rests or is lost."""
        if run_id in self._active:
            return
        rows = await self._store.journal(tenant_id, run_id)
        if not rows:
            return
        graph = await self._graph(tenant_id, rows[0].body or {})
        task = RunTask(graph, tenant_id, run_id, self._around)

        async def signals() -> list[Signal]:
            return await self._store.signals(tenant_id, run_id)

        self._active[run_id] = task
        try:
            task.load(rows)
            await task.carry(await signals(), signals)
        finally:
            del self._active[run_id]
        if isinstance(task.lost, LeaseLost):
            log.info("another process carries the run on", run_id=str(run_id))
        elif task.lost is not None:
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

    async def _listen(self) -> None:
        """Hear of signals for runs that are carried out here."""
        while True:
            with suppress(psycopg.Error, StoreError):
                connection = await self._database.dedicated()
                async with connection:
                    await connection.execute("LISTEN stretto_signal")
                    for task in self._active.values():
                        task.signal()  # what came while nobody listened
                    async for notice in connection.notifies():
                        task = self._active.get(UUID(notice.payload))
                        if task is not None:
                            task.signal()
            await asyncio.sleep(0.2)

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
            except (StoreError, psycopg.Error) as error:
                log.warning("sweep failed; trying again", error=str(error).strip())
            except Exception:
                log.exception("sweep failed")
            await asyncio.sleep(self._settings.sweep_s)


def queue_app(database: Database, settings: Settings) -> procrastinate.App:
    """Procrastinate on our database. What it writes need not wait for the disk: a job whose start or end is
    forgotten in a crash of PostgreSQL is taken again, and the journal knows how far its run is."""
    options = f"{conninfo_to_dict(database.conninfo).get('options', '')} -c synchronous_commit=off"
    conninfo = make_conninfo(database.conninfo, options=options)
    connector = procrastinate.PsycopgConnector(
        conninfo=conninfo,
        min_size=1,
        max_size=max(2, settings.pool_size // 2),
    )
    return procrastinate.App(connector=connector)
