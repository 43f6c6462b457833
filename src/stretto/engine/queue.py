"""The queue of runs that have something to do: Procrastinate's tables and functions, our loop around them.

Procrastinate's own worker stops when the database goes away and takes no more jobs until its last one
has ended. Runs outlive the database here, so the loop is ours: it waits for the database, goes on
beating, and leaves the runs in memory alone.
"""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Any
from uuid import UUID

import psycopg
import structlog
from psycopg import AsyncConnection, errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from stretto.errors import LeaseLost, StoreError
from stretto.settings import Settings
from stretto.store import Database, load_queries

log = structlog.get_logger(__name__)
_Q = load_queries("stretto.engine")

QUEUE = "runs"
CHANNEL = f"procrastinate_queue_v1#{QUEUE}"
POLL_S = 0.5
"""Longest time that a job waits whose notification was missed."""
HOST = platform.node()[:200]
VERSION = version("stretto")
STARTED_AT = datetime.now(UTC)
"""Of this process, as nearly as Python tells."""
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, StoreError, OSError)
"""What is raised while the database is away."""
OPTIONS = "-c synchronous_commit=off -c enable_sort=off -c enable_seqscan=off"
"""For the queue's own connection. What it writes need not wait for the disk: a job whose start or end is
forgotten in a crash of PostgreSQL is taken again, and the journal knows how far its run is. And
whatever the planner believes of a table that changes all the time: the next job is found by its index, in
0.1 ms; sorting those that wait took 6–25 ms."""

Advance = Callable[[UUID, UUID], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Job:
    """One turn of a run in the queue."""

    id: int
    attempts: int
    tenant_id: UUID
    run_id: UUID


class Jobs:
    """Procrastinate's functions, called over one connection that is made anew when it broke."""

    def __init__(self, database: Database) -> None:
        options = f"{conninfo_to_dict(database.conninfo).get('options', '')} {OPTIONS}"
        self._conninfo = make_conninfo(database.conninfo, options=options)
        self._connection: AsyncConnection[TupleRow] | None = None
        self._turn = asyncio.Lock()

    async def register(self) -> int:
        """A number for this worker, under which it beats."""
        place = {"host": HOST, "pid": os.getpid(), "version": VERSION, "started_at": STARTED_AT}
        return int((await self._call("register_worker", **place))[0][0])

    async def beat(self, worker_id: int) -> None:
        await self._call("beat", worker_id=worker_id)

    async def sign_off(self, worker_id: int) -> None:
        await self._call("sign_off", worker_id=worker_id)

    async def fetch(self, worker_id: int) -> Job | None:
        """Take the most urgent job, if there is one."""
        return _job(await self._call("fetch_job", worker_id=worker_id, queue=QUEUE))

    async def lost(self, worker_id: int, known: list[int]) -> Job | None:
        """A job that this worker has taken, but does not know of."""
        return _job(await self._call("lost_job", worker_id=worker_id, known=known))

    async def finish(self, job: Job) -> None:
        await self._call("finish_job", job_id=job.id)

    async def retry(self, job: Job, at: datetime) -> None:
        await self._call("retry_job", job_id=job.id, at=at)

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                await connection.close()

    async def _call(self, query: str, **values: Any) -> list[TupleRow]:
        async with self._turn:
            if self._connection is None or self._connection.closed:
                self._connection = await AsyncConnection.connect(self._conninfo, autocommit=True)
            try:
                return await (await self._connection.execute(_Q[query], values)).fetchall()
            except AWAY:
                await self.close()
                raise


def _job(rows: list[TupleRow]) -> Job | None:
    if not rows:
        return None
    id_, attempts, ids = rows[0]
    return Job(id_, attempts, UUID(ids["tenant_id"]), UUID(ids["run_id"]))


class Queue:
    """Takes jobs for this process, at most `settings.concurrent_runs` at once, and tells that it lives."""

    def __init__(self, database: Database, settings: Settings, advance: Advance) -> None:
        self._jobs = Jobs(database)
        self._settings = settings
        self._advance = advance
        self._worker_id: int | None = None
        self._news = asyncio.Event()
        self._stopping = False
        self._running: dict[asyncio.Task[None], int] = {}  # with the job's id
        self._unsure = False

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
                    self._running[task] = job.id
                    task.add_done_callback(self._done)
            while self._running:
                await asyncio.wait(list(self._running))
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
                self._worker_id = await self._jobs.register()
            if self._unsure:
                # The answer to the last question was lost, and perhaps a job with it.
                job = await self._jobs.lost(self._worker_id, list(self._running.values()))
                self._unsure = job is not None
                if job is not None:
                    return job
            return await self._jobs.fetch(self._worker_id)
        except errors.ForeignKeyViolation:
            self._worker_id = None  # it was silent for so long that it was signed off: it signs on anew
        except AWAY as error:
            self._unsure = True
            log.warning("the queue is away; trying again", error=str(error).strip())
        return None

    async def _do(self, job: Job) -> None:
        try:
            await self._advance(job.tenant_id, job.run_id)
        except LeaseLost:
            # If another process has the run, this job is gone or has nothing to do; if not, it goes on here.
            log.info("another process carries the run on", run_id=str(job.run_id))
            await self._finish(job, retry_in_s=1)
        except Exception:
            pause_s = min(60, 2**job.attempts)
            log.exception("a run could not be carried on; trying again", run_id=str(job.run_id), after_s=pause_s)
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
                    await self._jobs.retry(job, datetime.now(UTC) + timedelta(seconds=retry_in_s))
                else:
                    await self._jobs.finish(job)
            except errors.UniqueViolation:
                retry_in_s = None  # the run's next job waits already
            except errors.RaiseException:
                log.info("a job was gone when it ended", job=job.id)
                return
            except AWAY as error:
                log.warning("a job could not be ended; trying again", job=job.id, error=str(error).strip())
                await asyncio.sleep(POLL_S)
            else:
                return

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._news.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a job failed", error=repr(error))

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._settings.heartbeat_s)
            if self._worker_id is not None:
                try:
                    await self._jobs.beat(self._worker_id)
                except AWAY as error:
                    log.warning("could not tell that this worker lives", error=str(error).strip())

    async def _sign_off(self) -> None:
        if self._worker_id is not None:
            try:
                await self._jobs.sign_off(self._worker_id)
            except AWAY:
                log.info("could not sign off; the worker's entry goes by itself")
        await self._jobs.close()
