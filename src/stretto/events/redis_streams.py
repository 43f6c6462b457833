"""Events over Redis Streams (Redis 6.2 or newer, the extra `redis`): readers ask Redis instead of PostgreSQL.

The log stays in PostgreSQL; the relay copies it into one stream, in which an entry's id is the event's position. Redis takes
only ids above its last one, so that nothing is there twice. Groups are kept in a hash each, and moved by scripts, which Redis
runs one after the other; its own consumer groups know no order of subjects. Where a group is, is also noted in PostgreSQL every
few seconds: when Redis has lost everything, the relay fills it again and groups go on from there, at least once.

All keys begin with `stretto:{<id of the installation>}`, so that several installations can share a server.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisAway
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisSilent

from stretto.errors import DatabaseUnreachable, SettingsInvalid, StoreError
from stretto.events.event import Event
from stretto.events.store import EventStore
from stretto.events.transport import MOST_GROUPS, SLOTS, SYSTEM, Batch, Group, Held, Move, Share, Standing
from stretto.store import Database

ANSWER_S = 5.0
NOTE_EVERY_S = 5.0
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Event).decode

# KEYS: stream, head. ARGV: the head that they follow; position, slot, tenant, event; and so on.
PUBLISH = """
local head = tonumber(redis.call('GET', KEYS[2]) or '0')
if head < tonumber(ARGV[1]) then return -1 end
for i = 2, #ARGV, 4 do
    if tonumber(ARGV[i]) > head then
        redis.call('XADD', KEYS[1], ARGV[i] .. '-0', 's', ARGV[i + 1], 't', ARGV[i + 2], 'e', ARGV[i + 3])
        redis.call('SET', KEYS[2], ARGV[i])
        head = tonumber(ARGV[i])
    end
end
return head
"""
# KEYS: group, members, names of groups. ARGV: member, lease in ms, where a new group begins ('': say that it is new), its name.
JOIN = """
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if redis.call('EXISTS', KEYS[1]) == 0 then
    if ARGV[3] == '' then return {} end
    for s = 0, 15 do redis.call('HSET', KEYS[1], 'p' .. s, ARGV[3], 'e' .. s, '0', 'h' .. s, '') end
    redis.call('SADD', KEYS[3], ARGV[4])
end
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('%.0f', now))
redis.call('ZADD', KEYS[2], string.format('%.0f', now + ARGV[2]), ARGV[1])
local fair = math.ceil(16 / redis.call('ZCARD', KEYS[2]))
local holds = 0
for s = 0, 15 do
    if redis.call('HGET', KEYS[1], 'h' .. s) == ARGV[1] then holds = holds + 1 end
end
local found = {fair}
for s = 0, 15 do
    local holder = redis.call('HGET', KEYS[1], 'h' .. s)
    if holder ~= ARGV[1] and holds < fair and (holder == '' or not redis.call('ZSCORE', KEYS[2], holder)) then
        redis.call('HSET', KEYS[1], 'h' .. s, ARGV[1])
        redis.call('HINCRBY', KEYS[1], 'e' .. s, 1)
        holds = holds + 1
        holder = ARGV[1]
    end
    if holder == ARGV[1] then
        found[#found + 1] = s
        found[#found + 1] = tonumber(redis.call('HGET', KEYS[1], 'e' .. s))
        found[#found + 1] = tonumber(redis.call('HGET', KEYS[1], 'p' .. s))
    end
end
return found
"""
# KEYS: group. ARGV: member; slot, epoch, position; and so on. Gives the slots that it did not move.
ACK = """
local lost = {}
for i = 2, #ARGV, 3 do
    local s = ARGV[i]
    if redis.call('HGET', KEYS[1], 'h' .. s) == ARGV[1] and redis.call('HGET', KEYS[1], 'e' .. s) == ARGV[i + 1] then
        if tonumber(ARGV[i + 2]) > tonumber(redis.call('HGET', KEYS[1], 'p' .. s)) then
            redis.call('HSET', KEYS[1], 'p' .. s, ARGV[i + 2])
        end
    else
        lost[#lost + 1] = tonumber(s)
    end
end
return lost
"""
# KEYS: group. ARGV: member; slot; and so on.
RELEASE = """
for i = 2, #ARGV do
    if redis.call('HGET', KEYS[1], 'h' .. ARGV[i]) == ARGV[1] then redis.call('HSET', KEYS[1], 'h' .. ARGV[i], '') end
end
return 0
"""
# KEYS: group, members, names of groups. ARGV: position, its name.
REPLAY = """
for s = 0, 15 do
    redis.call('HSET', KEYS[1], 'p' .. s, ARGV[1])
    redis.call('HINCRBY', KEYS[1], 'e' .. s, 1)
    redis.call('HSETNX', KEYS[1], 'h' .. s, '')
end
redis.call('SADD', KEYS[3], ARGV[2])
return 0
"""


class RedisTransport:
    """Publishes into a stream of Redis, and keeps the groups' positions there (`Transport`)."""

    def __init__(self, database: Database, url: str) -> None:
        self._store = EventStore(database)
        try:
            # Its methods are typed for sync and async use at once, which says nothing.
            self._client: Any = Redis.from_url(url, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S)  # pyright: ignore[reportUnknownMemberType]
        except ValueError:
            raise SettingsInvalid(
                "STRETTO_EVENTS_URL cannot be read. It looks like redis://user:password@host:6379/0 "
                "(special characters in the password written as %XX)."
            ) from None
        self._prefix: str | None = None
        self._noted_at: dict[Group, float] = {}

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            await self._client.aclose()

    # Events

    async def head(self) -> int:
        return int(await self._call("GET", await self._key("head")) or 0)

    async def publish(self, events: Sequence[Event], after: int) -> None:
        if events:
            words: list[Any] = [
                word for event in events for word in (event.position, event.slot, event.tenant_id.bytes, _encode(event))
            ]
            keys = [await self._key("log"), await self._key("head")]
            if await self._run(PUBLISH, keys, [after, *words]) < 0:
                raise StoreError("Redis, which carries events, has lost what it held. The relay fills it again.")

    async def read(self, group: Group, after: Mapping[int, int], most: int) -> Batch:
        lowest = min(after.values())
        log, head_key = await self._key("log"), await self._key("head")
        with clear_errors():
            async with self._client.pipeline(transaction=True) as pipeline:
                pipeline.execute_command("GET", head_key)
                pipeline.execute_command("XRANGE", log, f"{lowest + 1}-0", "+", "COUNT", most)
                answers: list[Any] = await pipeline.execute()
        head = int(answers[0] or 0)
        entries: list[tuple[bytes, dict[bytes, bytes]]] = answers[1]
        events: list[Event] = []
        last = lowest
        for id_, fields in entries:
            last = int(id_.partition(b"-")[0])
            slot = int(fields[b"s"])
            if last > after.get(slot, last) and (group.is_system or fields[b"t"] == group.tenant_id.bytes):
                events.append(_decode(fields[b"e"]))
        return Batch(events, last if len(entries) == most else max(head, last, *after.values()))

    async def wait(self, after: int, timeout_s: float) -> None:
        log = await self._key("log")
        await self._call("XREAD", "COUNT", 1, "BLOCK", max(1, int(timeout_s * 1000)), "STREAMS", log, f"{after}-0")

    async def position_at(self, moment: datetime) -> int:
        return await self._store.position_at(moment)

    async def trim(self, before: datetime) -> None:
        position = await self._store.position_at(before)
        await self._call("XTRIM", await self._key("log"), "MINID", "=", f"{position + 1}-0")

    # Groups

    async def join(self, group: Group, member: str, lease_s: float) -> Share:
        keys, lease_ms = await self._keys(group), int(lease_s * 1000)
        found: list[int] = await self._run(JOIN, keys, [member, lease_ms, "", group.name])
        if not found:
            noted = await self._store.noted(group)
            beginning = await self.head() if noted is None else noted
            found = await self._run(JOIN, keys, [member, lease_ms, beginning, group.name])
        fair, *rest = found
        return Share([Held(*rest[at : at + 3]) for at in range(0, len(rest), 3)], fair)

    async def release(self, group: Group, member: str, slots: Sequence[int]) -> None:
        await self._run(RELEASE, (await self._keys(group))[:1], [member, *slots])

    async def leave(self, group: Group, member: str) -> None:
        keys = await self._keys(group)
        await self._call("ZREM", keys[1], member)
        await self._run(RELEASE, keys[:1], [member, *range(SLOTS)])

    async def ack(self, group: Group, member: str, moves: Sequence[Move]) -> set[int]:
        words = [word for move in moves for word in (move.slot, move.epoch, move.position)]
        lost = set(await self._run(ACK, (await self._keys(group))[:1], [member, *words]))
        now = time.monotonic()
        if now > self._noted_at.get(group, 0) + NOTE_EVERY_S:
            self._noted_at[group] = now
            await self._note(group)
        return lost

    async def replay(self, group: Group, position: int) -> None:
        await self._run(REPLAY, await self._keys(group), [position, group.name])
        await self._note(group)

    async def standings(
        self, tenant_id: UUID = SYSTEM, *, name: str | None = None, after: str | None = None, limit: int = MOST_GROUPS
    ) -> Sequence[Standing]:
        known = (each.decode() for each in await self._call("SMEMBERS", await self._key(f"groups:{tenant_id}")))
        names = sorted(each for each in known if name in (None, each) and (after is None or each > after))[:limit]
        head = await self.head()
        found: list[Standing] = []
        groups = [Group(each, tenant_id) for each in names]
        positions = [await self._position(group) for group in groups]
        ages = await self._store.oldest(tenant_id, positions)
        for group, position, oldest_at in zip(groups, positions, ages, strict=True):
            seconds, _ = await self._call("TIME")
            keys = await self._keys(group)
            members = int(await self._call("ZCOUNT", keys[1], int(seconds) * 1000, "+inf"))
            found.append(Standing(group.name, position, head, members, oldest_at))
        return found

    async def _position(self, group: Group) -> int:
        keys = await self._keys(group)
        return min(int(value) for value in await self._call("HMGET", keys[0], *(f"p{slot}" for slot in range(SLOTS))))

    async def _note(self, group: Group) -> None:
        """Let PostgreSQL know how far the group is, in case Redis forgets it."""
        await self._store.note(group, await self._position(group))

    # Redis

    async def _key(self, name: str) -> str:
        if self._prefix is None:
            self._prefix = f"stretto:{{{(await self._store.standing()).installation}}}:"
        return self._prefix + name

    async def _keys(self, group: Group) -> list[str]:
        name = f"{group.tenant_id}:{group.name}"
        return [
            await self._key(f"group:{name}"),
            await self._key(f"members:{name}"),
            await self._key(f"groups:{group.tenant_id}"),
        ]

    async def _run(self, script: str, keys: Sequence[str], words: Sequence[Any]) -> Any:
        return await self._call("EVAL", script, len(keys), *keys, *words)

    async def _call(self, *words: Any) -> Any:
        with clear_errors():
            return await self._client.execute_command(*words)


@contextmanager
def clear_errors() -> Generator[None]:
    """Turn what Redis' client says into our errors."""
    try:
        yield
    except (RedisAway, RedisSilent, OSError) as error:
        raise DatabaseUnreachable(f"No connection to Redis, which carries events: {error}") from error
    except RedisError as error:
        raise StoreError(f"Redis, which carries events, refuses: {error}") from error
