"""Events at work in a process: the relay, and the consumers of those who subscribed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

import structlog

from stretto.errors import SettingsInvalid
from stretto.events.consumer import Attempts, Consumer, EventHandler
from stretto.events.ending import end
from stretto.events.postgres import PostgresTransport
from stretto.events.relay import Relay
from stretto.events.transport import Group, Transport
from stretto.settings import Settings
from stretto.store import Database

log = structlog.get_logger(__name__)

AGAIN_S = 1.0
PASSING_S = 1.0


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who wants events: a group, what takes them, and the beginnings of the types that it wants (default: all)."""

    group: Group
    handler: EventHandler
    types: Sequence[str] = ("",)
    attempts: Attempts = field(default_factory=Attempts)
    concurrency: int = 16

    def consumer(self, database: Database, transport: Transport) -> Consumer:
        """A member of the group for this process."""
        return Consumer(
            database,
            transport,
            self.group,
            self.handler,
            types=self.types,
            attempts=self.attempts,
            concurrency=self.concurrency,
        )


def make_transport(settings: Settings, database: Database) -> Transport:
    """The transport that the settings name; it has to be opened. Raises `SettingsInvalid`."""
    url = settings.events_url
    if url is None:
        return PostgresTransport(database)
    if url.partition("://")[0] in ("redis", "rediss", "unix"):
        from stretto.events.redis_streams import RedisTransport  # noqa: PLC0415 - an extra, loaded on use

        return RedisTransport(database, url)
    raise SettingsInvalid(
        "STRETTO_EVENTS_URL cannot be used. It looks like redis://host:6379/0; leave it out for PostgreSQL alone."
    )


async def begin(transport: Transport, group: Group) -> None:
    """Let a group that is new begin at the log's end, as it is now: by a member who comes and goes."""
    passing = f"begins-{uuid4().hex}"
    await transport.join(group, passing, PASSING_S)
    await transport.leave(group, passing)


@asynccontextmanager
async def carrying(
    database: Database,
    transport: Transport,
    subscriptions: Sequence[Subscription],
    others: Mapping[str, Callable[[], Awaitable[None]]] | None = None,
) -> AsyncGenerator[None]:
    """Relay and consume until the end of the block; what is in hand then is finished first. `transport` is open.

    The groups are there before the block begins: a new one hears of all that happens in it.

    `others` run beside, by their names, and are begun anew when they meet a fault.
    """
    for each in subscriptions:
        await begin(transport, each.group)
    relay = Relay(database, None if isinstance(transport, PostgresTransport) else transport)
    tasks = [asyncio.create_task(_keep("relay", relay.run), name="events relay")]
    for name, run in (others or {}).items():
        tasks.append(asyncio.create_task(_keep(name, run), name=name))
    for each in subscriptions:
        name = f"events {each.group.name}"
        # A consumer that met a fault is replaced by a new one, under a new name.
        tasks.append(
            asyncio.create_task(
                _keep(name, lambda each=each: each.consumer(database, transport).run()),
                name=name,
            )
        )
    try:
        yield
    finally:
        await end(tasks)


async def _keep(name: str, run: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await run()
        except Exception:
            log.exception("a part of events has met a fault; it begins anew", part=name)
        await asyncio.sleep(AGAIN_S)
