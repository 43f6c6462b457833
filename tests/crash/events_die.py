"""Relays and consumers are killed at random while events are written: nothing is lost, effects happen once, order is kept.

    python -m tests.crash.events_die --seconds 300 [--transport redis]

runs it for so long on a PostgreSQL of its own; the tests run a short form. Every process relays and consumes, so that each
kill may hit either in the middle of anything. Some are stopped for longer than their lease instead and go on afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import random
import signal
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import structlog
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.events import Attempts, Consumer, Event, Group, Relay, processed_once
from stretto.events.postgres import PostgresTransport
from stretto.events.service import make_transport
from stretto.events.store import EventStore
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT, Database
from tests.contract.redis_server import redis_server

CONTEXT = multiprocessing.get_context("forkserver")
GROUP = Group("crash")
PROCESSES, SUBJECTS = 3, 40
LEASE_S = 1.5
ATTEMPTS = Attempts(most=10_000, first_s=0.05, factor=1.5, longest_s=0.5)
TABLE = """
CREATE TABLE public.effects (id bigserial PRIMARY KEY, event_id uuid NOT NULL, subject text NOT NULL, n integer NOT NULL);
GRANT SELECT, INSERT ON public.effects TO stretto_app;
GRANT USAGE ON SEQUENCE public.effects_id_seq TO stretto_app
"""


@dataclass
class Report:
    """What came of it."""

    written: int = 0
    kills: int = 0
    stops: int = 0
    effects: int = 0
    distinct: int = 0
    out_of_order: int = 0
    letters: int = 0

    @property
    def is_well(self) -> bool:
        """Nothing lost, every effect once, order kept."""
        return self.written == self.effects == self.distinct and not self.out_of_order and not self.letters


def work(settings: dict[str, Any]) -> None:
    """Relay and consume until killed."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with suppress(KeyboardInterrupt):
        asyncio.run(_work(Settings(**settings)))


async def _work(settings: Settings) -> None:
    database = await Database.open(settings)
    transport = make_transport(settings, database)

    async def take(event: Event) -> None:
        await asyncio.sleep(random.random() * 0.004)
        if random.random() < 0.02:
            raise OSError("not this time")
        async with database.tenant(event.tenant_id) as connection:
            if await processed_once(connection, GROUP, event.id):
                values = [event.id, event.subject, event.data["n"]]
                await connection.execute(
                    "INSERT INTO public.effects (event_id, subject, n) VALUES (%s, %s, %s)", values
                )

    relay = Relay(database, None if isinstance(transport, PostgresTransport) else transport, lease_s=1.0)
    consumer = Consumer(database, transport, GROUP, take, attempts=ATTEMPTS, lease_s=LEASE_S)
    async with transport.open(), asyncio.TaskGroup() as tasks:
        tasks.create_task(relay.run())
        tasks.create_task(consumer.run())


class Crowd:
    """The processes that relay and consume."""

    def __init__(self, settings: Settings, report: Report) -> None:
        self._settings = settings.model_dump(exclude_unset=True)
        self._report = report
        self._processes = [self._start() for _ in range(PROCESSES)]

    def _start(self) -> BaseProcess:
        process = CONTEXT.Process(target=work, args=(self._settings,), daemon=True)
        process.start()
        return process

    async def torment(self, seconds: float) -> None:
        """Kill one after the other at random, or stop it for longer than its lease."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            await asyncio.sleep(random.uniform(0.1, 1.5))
            at = random.randrange(PROCESSES)
            process = self._processes[at]
            assert process.pid is not None
            if random.random() < 0.2:
                os.kill(process.pid, signal.SIGSTOP)
                await asyncio.sleep(LEASE_S * random.uniform(1.0, 2.0))
                os.kill(process.pid, signal.SIGCONT)
                self._report.stops += 1
            else:
                await self._kill(process)
                self._report.kills += 1
                self._processes[at] = self._start()

    async def end(self) -> None:
        """Kill all."""
        for process in self._processes:
            await self._kill(process)

    @staticmethod
    async def _kill(process: BaseProcess) -> None:
        assert process.exitcode is None or process.exitcode == -signal.SIGKILL, "a process met a fault"
        process.kill()
        await asyncio.to_thread(process.join)


async def write(store: EventStore, report: Report, stop: asyncio.Event) -> None:
    """Write events of many subjects, each numbered within its subject."""
    numbers = [0] * SUBJECTS
    while not stop.is_set():
        told: list[dict[str, Any]] = []
        for _ in range(random.randrange(1, 8)):
            subject = random.randrange(SUBJECTS)
            told.append({"type": "app.counted", "subject": f"counters/{subject}", "data": {"n": numbers[subject]}})
            numbers[subject] += 1
        await store.put(DEFAULT_TENANT, told)
        report.written += len(told)
        await asyncio.sleep(0.02)


async def run(settings: Settings, owner: AsyncConnection[TupleRow], database: Database, seconds: float) -> Report:
    """Write and kill for so long, then let everything come to its end and look."""
    report = Report()
    await owner.execute(TABLE)
    transport = make_transport(settings, database)
    async with transport.open():
        await transport.replay(GROUP, 0)
        crowd = Crowd(settings, report)
        stop = asyncio.Event()
        writing = asyncio.create_task(write(EventStore(database), report, stop))
        try:
            await crowd.torment(seconds)
            stop.set()
            await writing
            with suppress(TimeoutError):
                async with asyncio.timeout(60):
                    while await _count(owner, "SELECT count(*) FROM public.effects") < report.written:  # noqa: ASYNC110
                        await asyncio.sleep(0.1)
                    await asyncio.sleep(2 * LEASE_S)  # what would come twice has the time to come
                    while await _count(owner, "SELECT count(*) FROM event_letters"):  # noqa: ASYNC110
                        await asyncio.sleep(0.1)
        finally:
            writing.cancel()
            await crowd.end()
    report.effects = await _count(owner, "SELECT count(*) FROM public.effects")
    report.distinct = await _count(owner, "SELECT count(DISTINCT event_id) FROM public.effects")
    report.letters = await _count(owner, "SELECT count(*) FROM event_letters")
    report.out_of_order = await _count(
        owner,
        "SELECT count(*) FROM (SELECT n, row_number() OVER (PARTITION BY subject ORDER BY id) - 1 AS place"
        " FROM public.effects) e WHERE n <> place",
    )
    return report


async def _count(owner: AsyncConnection[TupleRow], query: Any) -> int:
    row = await (await owner.execute(query)).fetchone()
    assert row is not None
    return int(row[0])


@asynccontextmanager
async def own_database(events_url: str | None) -> AsyncGenerator[tuple[Settings, Database]]:
    """An embedded server in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="stretto-tests-", ignore_cleanup_errors=True) as name:
        os.chmod(name, 0o755)  # noqa: PTH101 - PostgreSQL's account has to pass through
        settings = Settings(home=Path(name), events_url=events_url)
        database = await Database.open(settings)
        try:
            yield settings, database
        finally:
            await database.close()


async def main(seconds: float, transport: str) -> bool:
    """The whole program; tells whether all is well."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with redis_server() if transport == "redis" else nullcontext() as url:
        async with own_database(url) as (settings, database), database.operator() as owner:
            report = await run(settings, owner, database, seconds)
    verdict = "well" if report.is_well else "NOT WELL"
    print(f"{transport}, {seconds:g} s: {report} {verdict}", flush=True)  # noqa: T201 - a program of its own
    return report.is_well


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--transport", choices=("postgres", "redis"), default="postgres")
    asked = parser.parse_args()
    raise SystemExit(0 if asyncio.run(main(asked.seconds, asked.transport)) else 1)
