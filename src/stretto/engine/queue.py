"""The queue of runs that have something to do: Procrastinate's tables and functions, our loop around them.

Procrastinate's own worker stops when the database goes away and takes no more jobs until its last one
has ended. Runs outlive the database here, so the loop is ours: it waits for the database, goes on
beating, and leaves the runs in memory alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import procrastinate
import psycopg
import structlog
from procrastinate.exceptions import ConnectorException, UniqueViolation
from procrastinate.jobs import Job, Status
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool

from stretto.errors import LeaseLost, StoreError
from stretto.settings import Settings
from stretto.store import Database

log = structlog.get_logger(__name__)

QUEUE = "runs"
CHANNEL = f"procrastinate_queue_v1#{QUEUE}"
POLL_S = 0.5
"""Longest time that a job waits whose notification was missed."""
AWAY = (ConnectorException, psycopg.OperationalError, psycopg.InterfaceError, StoreError, OSError)
"""What is raised while the database is away."""

Advance = Callable[[UUID, UUID], Awaitable[None]]


@asynccontextmanager
async def open_queue(database: Database, settings: Settings) -> AsyncGenerator[procrastinate.App]:
    """Procrastinate on our database.

    What it writes need not wait for the disk: a job whose start or end is forgotten in a crash of
    PostgreSQL is taken again, and the journal knows how far its run is.
    """
    options = f"{conninfo_to_dict(database.conninfo).get('options', '')} -c synchronous_commit=off"
    connector = procrastinate.PsycopgConnector(
        conninfo=make_conninfo(database.conninfo, options=options),
        min_size=1,
        max_size=max(2, settings.pool_size // 2),
        pool_factory=_pool,
    )
    async with procrastinate.App(connector=connector).open_async() as app:
        yield app


def _pool(**arguments: Any) -> AsyncConnectionPool:
    """Procrastinate's pool, without its question to the server before each use: a broken connection
    shows when it is used, and the queue tries again."""
    arguments["check"] = None
    return AsyncConnectionPool(**arguments)


class Queue:
    """Takes jobs for this process, at most `settings.concurrent_runs` at once, and tells that it lives."""

    def __init__(self, app: procrastinate.App, settings: Settings, advance: Advance) -> None:
        self._jobs = app.job_manager
        self._settings = settings
        self._advance = advance
        self._worker_id: int | None = None
        self._news = asyncio.Event()
        self._stopping = False
        self._running: set[asyncio.Task[None]] = set()
        self.ready = asyncio.Event()

    def notice(self) -> None:
        """A job was put into the queue."""
        self._news.set()

    def stop(self) -> None:
        """Take no more jobs."""
        self._stopping = True
        self._news.set()

    async def run(self) -> None:
        """Take jobs until `stop`, then wait for those at work."""
        beating = asyncio.create_task(self._beat(), name="heartbeat")
        try:
            while not self._stopping:
                self._news.clear()
                has_room = len(self._running) < self._settings.concurrent_runs
                job = await self._fetch() if has_room else None
                if job is None:
                    await self._wait_for_news()
                else:
                    task = asyncio.create_task(self._do(job), name=f"job {job.id}")
                    self._running.add(task)
                    task.add_done_callback(self._done)
            while self._running:
                await asyncio.wait(self._running)
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            await self._sign_off()

    async def _wait_for_news(self) -> None:
        try:
            async with asyncio.timeout(POLL_S):
                await self._news.wait()
        except TimeoutError:
            pass

    async def _fetch(self) -> Job | None:
        try:
            if self._worker_id is None:
                self._worker_id = await self._jobs.register_worker()
                self.ready.set()
            return await self._jobs.fetch_job([QUEUE], self._worker_id)
        except AWAY as error:
            if isinstance(error.__cause__, psycopg.errors.ForeignKeyViolation):
                self._worker_id = None  # it was silent for so long that it was signed off: it signs on anew
            else:
                log.warning("the queue is away; trying again", error=str(error).strip())
            return None

    async def _do(self, job: Job) -> None:
        ids: dict[str, Any] = job.task_kwargs
        try:
            await self._advance(UUID(ids["tenant_id"]), UUID(ids["run_id"]))
        except LeaseLost:
            # If another process has the run, this job is gone or has nothing to do; if not, it goes on here.
            log.info("another process carries the run on", run_id=ids["run_id"])
            await self._finish(job, retry_in_s=1)
        except Exception:
            pause_s = min(60, 2**job.attempts)
            log.exception("a run could not be carried on; trying again", run_id=ids["run_id"], after_s=pause_s)
            await self._finish(job, retry_in_s=pause_s)
        else:
            await self._finish(job)

    async def _finish(self, job: Job, retry_in_s: float | None = None) -> None:
        """End the job, however long the database is away: it would hold up the run's next one.

        It may be gone, when others thought this worker dead; that is all right.
        """
        while True:
            try:
                if retry_in_s is not None:
                    at = datetime.now(UTC) + timedelta(seconds=retry_in_s)
                    await self._jobs.retry_job(job, retry_at=at)
                else:
                    await self._jobs.finish_job(job, Status.SUCCEEDED, delete_job=True)
            except UniqueViolation:
                retry_in_s = None  # the run's next job waits already
            except AWAY as error:
                if isinstance(error.__cause__, psycopg.errors.RaiseException):
                    log.info("a job was gone when it ended", job=job.id)
                    return
                log.warning("a job could not be ended; trying again", job=job.id, error=str(error).strip())
                await asyncio.sleep(POLL_S)
            else:
                return

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._news.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a job failed", error=repr(error))

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._settings.heartbeat_s)
            if self._worker_id is not None:
                try:
                    await self._jobs.update_heartbeat(self._worker_id)
                except AWAY as error:
                    log.warning("could not tell that this worker lives", error=str(error).strip())

    async def _sign_off(self) -> None:
        if self._worker_id is not None:
            try:
                await self._jobs.unregister_worker(self._worker_id)
            except AWAY:
                log.info("could not sign off; the worker's entry goes by itself")
