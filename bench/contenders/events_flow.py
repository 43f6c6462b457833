"""Events from the outbox to a handler that does nothing."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from bench.contender import Meter
from bench.figures import percentile
from stretto.events import Consumer, Event, Group, PostgresTransport, Relay
from stretto.events.ending import end
from stretto.events.service import make_transport
from stretto.events.store import EventStore
from stretto.settings import load_settings
from stretto.store import DEFAULT_TENANT, Database

GROUP = Group("bench")
WRITERS, TOGETHER, SUBJECTS = 8, 10, 500


async def flow(postmaster: int, url: str, events: int, redis: bool = False) -> dict[str, float]:
    """Write so many events, ten in a transaction, while they are relayed and consumed; then read them all again."""
    with redis_server() if redis else no_server() as events_url:
        settings = load_settings(database_url=url, events_url=events_url, pool_size=16)
        database = await Database.open(settings)
        try:
            return await _flow(Meter(postmaster), database, make_transport(settings, database), events)
        finally:
            await database.close()


async def _flow(meter: Meter, database: Database, transport, events: int) -> dict[str, float]:
    seen = 0
    all_seen = asyncio.Event()
    lags: list[float] = []

    async def take(event: Event) -> None:
        nonlocal seen
        seen += 1
        if seen % 10 == 0:
            lags.append(time.time() - event.at.timestamp())
        if seen >= events:
            all_seen.set()

    store = EventStore(database)
    relay = Relay(database, None if isinstance(transport, PostgresTransport) else transport)
    consumer = Consumer(database, transport, GROUP, take)
    async with transport.open():
        await transport.replay(GROUP, 0)
        tasks = [asyncio.create_task(relay.run()), asyncio.create_task(consumer.run())]
        try:
            await store.put(DEFAULT_TENANT, told(0, 1))
            async with asyncio.timeout(60):
                while not seen:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            seen = 0
            meter.restart()
            await asyncio.gather(*(publish(store, events // WRITERS) for _ in range(WRITERS)))
            published_s = meter.read()["wall_s"]
            await all_seen.wait()
            spent = meter.read()
            # One at a time: from the commit that holds the event to the handler's call.
            lags.clear()
            for n in range(200):
                seen = 9
                await store.put(DEFAULT_TENANT, told(n, 1))
                while len(lags) <= n:  # noqa: ASYNC110
                    await asyncio.sleep(0.0005)
            alone = list(lags)
            seen = 0
            all_seen.clear()
            meter.restart()
            await transport.replay(GROUP, 0)
            await all_seen.wait()
            again_s = meter.read()["wall_s"]
        finally:
            await end(tasks)
    return {
        "published_per_s": events / published_s,
        "through_per_s": events / spent["wall_s"],
        "consumed_per_s": events / again_s,
        "cpu_us": spent["cpu_s"] / events * 1e6,
        "postgres_us": spent["postgres_s"] / events * 1e6,
        "alone_p50_ms": percentile(alone, 0.5) * 1000,
        "alone_p95_ms": percentile(alone, 0.95) * 1000,
    }


async def publish(store: EventStore, count: int) -> None:
    """One writer's part."""
    for start in range(0, count, TOGETHER):
        await store.put(DEFAULT_TENANT, told(start, TOGETHER))


def told(start: int, count: int) -> list[dict[str, object]]:
    """Events as a run tells them."""
    return [
        {"type": "stretto.run.completed", "subject": f"runs/{n % SUBJECTS}", "data": {"flow": "bench", "cost_usd": "0"}}
        for n in range(start, start + count)
    ]


@contextmanager
def no_server() -> Generator[None]:
    """PostgreSQL alone."""
    yield None


@contextmanager
def redis_server() -> Generator[str]:
    """A Redis of this contender's own, on a socket in a folder that goes with it."""
    program = shutil.which("redis-server")
    assert program is not None, "there is no redis-server on this machine"
    with tempfile.TemporaryDirectory(prefix="stretto-redis-") as folder:
        socket = Path(folder) / "socket"
        command = [program, "--port", "0", "--unixsocket", str(socket), "--dir", folder, "--appendonly", "yes"]
        process = subprocess.Popen([*command, "--save", ""], stdout=subprocess.DEVNULL)
        try:
            while not socket.exists():
                assert process.poll() is None, "redis-server does not start"
                time.sleep(0.02)
            yield f"unix://{socket}?db=0"
        finally:
            process.terminate()
            process.wait(10)
