"""Consumers: order, retries, dead letters, effects once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from redis.asyncio import Redis

from stretto.errors import ToolRefused
from stretto.events import Attempts, Consumer, Event, Group, PostgresTransport, Relay, Transport, processed_once
from stretto.events.ending import end
from stretto.events.redis_streams import RedisTransport
from stretto.events.store import EventStore
from stretto.store import DEFAULT_TENANT, Database
from tests.contract.redis_server import redis_server

GROUP = Group("readers")
QUICK = Attempts(most=3, first_s=0.01, factor=1.0)


class Ground:
    """A relay, a transport, and what was written."""

    def __init__(self, database: Database, transport: Transport) -> None:
        self.database = database
        self.transport = transport
        self.store = EventStore(database)

    async def put(self, *events: tuple[str, int]) -> None:
        told = [{"type": "app.counted", "subject": subject, "data": {"n": n}} for subject, n in events]
        await self.store.put(DEFAULT_TENANT, told)

    @asynccontextmanager
    async def consuming(self, handler: Callable[[Event], Awaitable[None]], **options: Any) -> AsyncGenerator[Consumer]:
        chosen: dict[str, Any] = {"attempts": QUICK, "lease_s": 1.0, **options}
        consumer = Consumer(self.database, self.transport, GROUP, handler, **chosen)
        task = asyncio.create_task(consumer.run())
        try:
            yield consumer
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@pytest.fixture(scope="module")
def redis() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture(params=["postgres", "redis"])
async def ground(database: Database, request: pytest.FixtureRequest) -> AsyncGenerator[Ground]:
    elsewhere = None
    if request.param == "redis":
        url = request.getfixturevalue("redis")
        async with Redis.from_url(
            url
        ) as client:  # tests' databases come from one template, with one installation's keys
            await client.flushall()
        elsewhere = RedisTransport(database, url)
    transport = elsewhere or PostgresTransport(database)
    await transport.replay(GROUP, 0)
    relay = asyncio.create_task(Relay(database, elsewhere).run())
    async with transport.open():
        yield Ground(database, transport)
        await end([relay])
    if not relay.cancelled() and (fault := relay.exception()):
        raise fault


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - what holds is no event
            await asyncio.sleep(0.01)


async def test_each_event_comes_once_and_in_the_order_of_its_subject(ground: Ground) -> None:
    seen: list[tuple[str, int]] = []

    async def take(event: Event) -> None:
        await asyncio.sleep(0)
        seen.append((event.subject, event.data["n"]))

    written = [(f"runs/{n % 7}", n) for n in range(100)]
    await ground.put(*written[:50])
    async with ground.consuming(take):
        await ground.put(*written[50:])
        await until(lambda: len(seen) >= 100)
    assert sorted(seen, key=lambda each: each[1]) == written
    for subject, _ in written[:7]:
        numbers = [n for s, n in seen if s == subject]
        assert numbers == sorted(numbers)
    (standing,) = await ground.transport.standings()
    assert (standing.lag, standing.members) == (0, 0)


async def test_an_event_that_fails_holds_up_its_subject_alone(ground: Ground) -> None:
    seen: list[tuple[str, int]] = []
    failed = 0

    async def take(event: Event) -> None:
        nonlocal failed
        if event.subject == "bad" and event.data["n"] == 1 and ("good", 5) not in seen:
            failed += 1
            raise OSError("not yet")
        seen.append((event.subject, event.data["n"]))

    async with ground.consuming(take, attempts=Attempts(most=1000, first_s=0.01, factor=1.0)):
        await ground.put(("bad", 0), ("bad", 1), ("bad", 2), ("good", 3))
        await until(lambda: failed > 2)
        await ground.put(("bad", 4), ("good", 5))
        await until(lambda: len(seen) == 6)
        await ground.put(("bad", 6))
        await until(lambda: len(seen) == 7)
    assert [n for subject, n in seen if subject == "bad"] == [0, 1, 2, 4, 6]
    assert await ground.store.counts(GROUP.tenant_id) == []


async def test_when_its_attempts_are_used_up_an_event_is_a_dead_letter(ground: Ground) -> None:
    seen: list[int] = []
    broken = True

    async def take(event: Event) -> None:
        if event.data["n"] == 1 and broken:
            raise OSError("the other side is broken")
        seen.append(event.data["n"])

    async with ground.consuming(take):
        await ground.put(("a", 0), ("a", 1), ("a", 2))
        await until(lambda: seen == [0, 2])
        (letter,) = await ground.store.letters(GROUP.tenant_id, group=None, state="dead", after=None, limit=10)
        assert (letter.attempts, letter.error) == (3, "OSError: the other side is broken")
        assert letter.event.data == {"n": 1}
        assert letter.first_at < letter.last_at
        broken = False
        assert await ground.store.send_again(GROUP.tenant_id, GROUP.name, letter.event.id) == 1
        await until(lambda: seen == [0, 2, 1])
        await ground.put(("a", 3))
        await until(lambda: seen == [0, 2, 1, 3])
    assert await ground.store.counts(GROUP.tenant_id) == []


async def test_a_permanent_error_makes_a_dead_letter_at_once(ground: Ground) -> None:
    tries = 0

    async def take(event: Event) -> None:
        nonlocal tries
        tries += 1
        raise ToolRefused("Gone for good.")

    async with ground.consuming(take):
        await ground.put(("a", 0), ("a", 1))
        await until(lambda: tries == 2)
    assert tries == 2
    assert await ground.store.counts(GROUP.tenant_id) == [("readers", "dead", 2)]


async def test_an_effect_happens_once_however_often_the_event_comes(ground: Ground) -> None:
    effects: list[int] = []
    calls = 0

    async def take(event: Event) -> None:
        nonlocal calls
        calls += 1
        async with ground.database.tenant(event.tenant_id) as connection:
            if await processed_once(connection, GROUP, event.id):
                effects.append(event.data["n"])

    async with ground.consuming(take):
        await ground.put(("a", 0), ("b", 1))
        await until(lambda: calls == 2)
        await ground.transport.replay(GROUP, 0)
        await until(lambda: calls >= 4)
    assert sorted(effects) == [0, 1]


async def test_members_share_the_slots_and_take_over_from_one_that_is_gone(ground: Ground) -> None:
    seen: dict[str, list[int]] = {"one": [], "two": []}

    def reader(name: str) -> Callable[[Event], Awaitable[None]]:
        async def take(event: Event) -> None:
            seen[name].append(event.data["n"])

        return take

    async with ground.consuming(reader("one")) as one:
        async with ground.consuming(reader("two")) as two:
            await until(lambda: len(one._slots) == 8 and len(two._slots) == 8)
            await ground.put(*((f"runs/{n}", n) for n in range(64)))
            await until(lambda: len(seen["one"]) + len(seen["two"]) == 64)
            assert seen["one"]
            assert seen["two"]
        await until(lambda: len(one._slots) == 16)
        await ground.put(*((f"runs/{n}", n) for n in range(64, 80)))
        await until(lambda: len(seen["one"]) + len(seen["two"]) == 80)
    assert sorted(seen["one"] + seen["two"]) == list(range(80))
