"""The contract of `Transport`, run on everything that ships as one.

Derive a class from `TransportContract` to run it on a transport of your own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from redis.asyncio import Redis

from stretto.errors import DatabaseUnreachable, SettingsInvalid, StoreError
from stretto.events import Event, Group, PostgresTransport, Relay, Transport
from stretto.events.redis_streams import RedisTransport
from stretto.events.service import begin
from stretto.events.store import EventStore
from stretto.events.transport import SLOTS, Move, Share
from stretto.store import DEFAULT_TENANT, Database
from tests.contract.redis_server import redis_server

OTHER = UUID("00000000-0000-7000-8000-000000000002")
GROUP = Group("readers")
LEASE_S = 30.0
START = dict.fromkeys(range(SLOTS), 0)


class Ground:
    """A transport, and what fills it."""

    def __init__(self, database: Database, transport: Transport) -> None:
        self.database = database
        self.transport = transport
        self.store = EventStore(database)
        self.relay = Relay(database, None if isinstance(transport, PostgresTransport) else transport)

    async def put(self, *subjects: str, tenant_id: UUID = DEFAULT_TENANT) -> None:
        """Write events about these subjects and relay them."""
        told = [{"type": "app.counted", "subject": subject, "data": {"n": n}} for n, subject in enumerate(subjects)]
        await self.store.put(tenant_id, told)
        await self.relay.turn()

    async def read(self, group: Group = GROUP, after: Mapping[int, int] = START, most: int = 100) -> list[Event]:
        return list((await self.transport.read(group, after, most)).events)

    async def join(self, member: str, group: Group = GROUP, lease_s: float = LEASE_S) -> Share:
        return await self.transport.join(group, member, lease_s)


class TransportContract:
    """What everybody who uses a transport may rely on."""

    def opened(self, database: Database) -> AbstractAsyncContextManager[Transport]:
        raise NotImplementedError

    @pytest.fixture
    async def ground(self, database: Database, owner: AsyncConnection[TupleRow]) -> AsyncGenerator[Ground]:
        await owner.execute("INSERT INTO tenants VALUES (%s, 'other', now())", [OTHER])
        async with self.opened(database) as transport, transport.open():
            yield Ground(database, transport)

    async def test_events_come_in_the_order_of_their_positions_and_whole(self, ground: Ground) -> None:
        assert await ground.transport.head() == 0
        await ground.put("a", "b", "a")
        await ground.put("c")
        events = await ground.read()
        assert [(event.position, event.subject) for event in events] == [(1, "a"), (2, "b"), (3, "a"), (4, "c")]
        assert await ground.transport.head() == 4
        assert events[0].slot == events[2].slot
        assert events[0] == await ground.store.event(DEFAULT_TENANT, events[0].id)
        assert (events[2].type, events[2].data, events[2].tenant_id) == ("app.counted", {"n": 2}, DEFAULT_TENANT)

    async def test_publishing_again_does_no_harm(self, ground: Ground) -> None:
        await ground.put("a", "b")
        events = await ground.read()
        await ground.transport.publish(events, 0)
        await ground.put("c")
        assert [event.position for event in await ground.read()] == [1, 2, 3]

    async def test_each_slot_is_read_from_where_it_is(self, ground: Ground) -> None:
        await ground.put(*(f"runs/{n}" for n in range(40)))
        events = await ground.read()
        assert len({event.slot for event in events}) > 8
        slot, other = events[0].slot, next(event.slot for event in events if event.slot != events[0].slot)
        found = await ground.read(after={slot: 20, other: 0})
        wanted = [e for e in events if e.slot == other or (e.slot == slot and e.position > 20)]
        assert found == wanted

    async def test_going_on_after_each_batch_skips_nothing(self, ground: Ground) -> None:
        await ground.put(*(f"runs/{n}" for n in range(23)))
        after, found = dict(START), list[int]()
        for _ in range(10):
            batch = await ground.transport.read(GROUP, after, 5)
            found += [event.position for event in batch.events]
            assert all(position <= batch.upto for position in found)
            after = dict.fromkeys(after, batch.upto)
        assert found == list(range(1, 24))
        assert after[0] == 23

    async def test_who_reads_while_others_write_gets_each_event_once(self, ground: Ground) -> None:
        async def write() -> None:
            for n in range(150):
                await ground.put(f"runs/{n}")

        writing = asyncio.create_task(write())
        after, found = dict(START), list[int]()
        async with asyncio.timeout(60):
            while len(found) < 150:
                batch = await ground.transport.read(GROUP, after, 100)
                found += [event.position for event in batch.events]
                after = dict.fromkeys(after, batch.upto)
        await writing
        assert found == list(range(1, 151))

    async def test_a_tenants_group_reads_its_own_events_and_the_systems_all(self, ground: Ground) -> None:
        await ground.put("a", "b")
        await ground.put("a", tenant_id=OTHER)
        assert [event.tenant_id for event in await ground.read()] == [DEFAULT_TENANT, DEFAULT_TENANT, OTHER]
        own = await ground.transport.read(Group("mine", OTHER), START, 100)
        assert [event.position for event in own.events] == [3]
        assert own.upto == 3
        assert await ground.read(Group("mine", UUID(int=5))) == []

    async def test_a_new_group_begins_at_the_head(self, ground: Ground) -> None:
        await ground.put("a", "b")
        share = await ground.join("m")
        assert [(held.slot, held.position) for held in share.held] == [(slot, 2) for slot in range(SLOTS)]
        assert share.fair == SLOTS

    async def test_a_group_that_has_begun_hears_what_happens_before_anybody_joins(self, ground: Ground) -> None:
        await ground.put("a")
        await begin(ground.transport, GROUP)
        await ground.put("b")
        share = await ground.join("m")
        assert [(held.slot, held.position) for held in share.held] == [(slot, 1) for slot in range(SLOTS)]
        assert share.fair == SLOTS, "who let it begin is no member"

    async def test_members_share_and_what_is_given_back_goes_to_others(self, ground: Ground) -> None:
        await ground.join("one")
        assert (await ground.join("two")).held == []
        assert (await ground.join("one")).fair == 8
        await ground.transport.release(GROUP, "one", range(8))
        two = await ground.join("two")
        assert [held.slot for held in two.held] == list(range(8))
        assert {held.epoch for held in two.held} == {2}
        assert [held.slot for held in (await ground.join("one")).held] == list(range(8, 16))
        await ground.transport.leave(GROUP, "one")
        assert len((await ground.join("two")).held) == SLOTS

    async def test_others_take_over_when_the_lease_is_over(self, ground: Ground) -> None:
        await ground.join("gone", lease_s=0.05)
        await asyncio.sleep(0.1)
        share = await ground.join("next")
        assert len(share.held) == SLOTS
        assert {held.epoch for held in share.held} == {2}
        assert (await ground.join("gone")).held == []

    async def test_a_position_moves_forward_and_under_its_epoch_only(self, ground: Ground) -> None:
        await ground.put("a", "b", "c")
        await ground.transport.replay(GROUP, 0)
        (first, *_) = (await ground.join("one", lease_s=0.05)).held
        assert await ground.transport.ack(GROUP, "one", [Move(first.slot, first.epoch, 2)]) == set()
        assert await ground.transport.ack(GROUP, "one", [Move(first.slot, first.epoch, 1)]) == set()
        await asyncio.sleep(0.1)
        (taken, *_) = (await ground.join("two")).held
        assert (taken.slot, taken.position) == (first.slot, 2)
        assert await ground.transport.ack(GROUP, "one", [Move(first.slot, first.epoch, 3)]) == {first.slot}
        assert await ground.transport.ack(GROUP, "one", [Move(first.slot, taken.epoch, 3)]) == {first.slot}
        assert (await ground.join("two")).held[0].position == 2

    async def test_a_replay_sets_the_group_back_and_fences_who_reads(self, ground: Ground) -> None:
        await ground.put("a", "b", "c")
        (before, *_) = (await ground.join("one")).held
        await ground.transport.replay(GROUP, 1)
        assert await ground.transport.ack(GROUP, "one", [Move(before.slot, before.epoch, 3)]) == {before.slot}
        (after, *_) = (await ground.join("one")).held
        assert (after.position, after.epoch) == (1, before.epoch + 1)

    async def test_a_time_has_a_position(self, ground: Ground) -> None:
        before = datetime.now(UTC) - timedelta(seconds=1)
        await ground.put("a")
        await asyncio.sleep(0.01)
        between = datetime.now(UTC)
        await ground.put("b")
        positions = [await ground.transport.position_at(at) for at in (before, between, between + timedelta(days=1))]
        assert positions == [0, 1, 2]

    async def test_one_sees_how_far_groups_are(self, ground: Ground) -> None:
        assert await ground.transport.standings() == []
        await ground.put("a", "b", "c")
        mine = Group("mine", DEFAULT_TENANT)
        await ground.transport.replay(mine, 1)
        await ground.transport.replay(GROUP, 3)
        await ground.join("one", mine)
        (standing,) = await ground.transport.standings(DEFAULT_TENANT)
        assert (standing.group, standing.position, standing.lag, standing.members) == ("mine", 1, 2, 1)
        assert standing.oldest_at is not None
        assert abs(datetime.now(UTC) - standing.oldest_at) < timedelta(minutes=1)
        (other,) = await ground.transport.standings()
        assert (other.group, other.lag, other.members, other.oldest_at) == ("readers", 0, 0, None)

    async def test_groups_are_told_of_by_name_and_in_parts(self, ground: Ground) -> None:
        for name in ("c", "a", "b"):
            await ground.transport.replay(Group(name, DEFAULT_TENANT), 0)
        standings = ground.transport.standings
        assert [each.group for each in await standings(DEFAULT_TENANT)] == ["a", "b", "c"]
        assert [each.group for each in await standings(DEFAULT_TENANT, after="a", limit=1)] == ["b"]
        assert [each.group for each in await standings(DEFAULT_TENANT, name="c")] == ["c"]
        assert await standings(DEFAULT_TENANT, name="d") == []
        assert await standings(DEFAULT_TENANT, after="c") == []

    async def test_waiting_ends_with_the_next_event(self, ground: Ground) -> None:
        waiting = asyncio.create_task(ground.transport.wait(0, 30))
        await asyncio.sleep(0.2)
        await ground.put("a")
        async with asyncio.timeout(10):
            while not await ground.read():
                await waiting
        await ground.transport.wait(1, 0.01)

    async def test_what_is_trimmed_is_gone_and_positions_go_on(self, ground: Ground) -> None:
        await ground.put("a", "b")
        later = datetime.now(UTC) + timedelta(days=2)
        await ground.transport.trim(later)
        await ground.database.drop_event_days(later)
        assert await ground.read() == []
        await ground.database.ensure_partitions(datetime.now(UTC))
        await ground.put("c")
        assert [(event.position, event.subject) for event in await ground.read()] == [(3, "c")]


class TestPostgres(TransportContract):
    @asynccontextmanager
    async def opened(self, database: Database) -> AsyncGenerator[Transport]:
        yield PostgresTransport(database)


@pytest.fixture(scope="module")
def redis() -> Iterator[str]:
    """A Redis server for the tests of this file."""
    with redis_server() as url:
        yield url


class TestRedis(TransportContract):
    @pytest.fixture(autouse=True)
    def _server(self, redis: str) -> None:
        self.url = redis

    @asynccontextmanager
    async def opened(self, database: Database) -> AsyncGenerator[Transport]:
        await self.empty()
        yield RedisTransport(database, self.url)

    async def empty(self) -> None:
        """Tests' databases come from one template, so that all of them have one installation's keys."""
        async with Redis.from_url(self.url) as client:
            await client.flushall()

    async def test_when_redis_forgets_everything_it_is_filled_again_and_groups_go_on(self, ground: Ground) -> None:
        await ground.put("a", "b", "c")
        await ground.transport.replay(GROUP, 0)
        held = (await ground.join("one")).held
        await ground.transport.ack(GROUP, "one", [Move(each.slot, each.epoch, 2) for each in held])
        events = await ground.read()
        await self.empty()
        with pytest.raises(StoreError, match="lost"):
            await ground.transport.publish(events[2:], 2)
        assert await ground.read() == []
        await ground.put("d")
        assert [event.subject for event in await ground.read()] == ["a", "b", "c", "d"]
        assert {each.position for each in (await ground.join("two")).held} == {2}

    async def test_a_transport_that_is_ahead_of_the_log_stops_the_relay(
        self, ground: Ground, owner: AsyncConnection[TupleRow]
    ) -> None:
        await ground.put("a", "b")
        await owner.execute("UPDATE event_head SET position = 1")
        await owner.execute("DELETE FROM events WHERE position = 2")
        with pytest.raises(StoreError, match="backup"):
            await ground.relay.turn()

    async def test_a_redis_that_is_away_is_a_clear_error(self, database: Database) -> None:
        transport = RedisTransport(database, "redis://:secret@127.0.0.1:1/0")
        async with transport.open():
            with pytest.raises(DatabaseUnreachable, match="Redis") as told:
                await transport.head()
        assert "secret" not in str(told.value)
        with pytest.raises(SettingsInvalid, match="STRETTO_EVENTS_URL"):
            RedisTransport(database, "redis://host:no-number/0")
