"""The only Python that runs the SQL of events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.events.event import Event
from stretto.events.transport import SLOTS, Batch, Group, Held, Move, Share
from stretto.store import Database, load_queries

_Q = load_queries("stretto.events")
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Letter:
    """An event that a group could not take: one that is tried again, or a dead one, which waits for a person."""

    group: str
    event: Event
    attempts: int
    error: str
    first_at: datetime
    last_at: datetime
    state: str
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Parked:
    """An event to set aside. `attempts` is 0 when it only waits behind another of its subject; `pause_s` None: it is dead."""

    event: Event
    attempts: int = 0
    pause_s: float | None = 0.0
    error: str = ""
    behind: bool = False


@dataclass(frozen=True, slots=True)
class OutboxStanding:
    """The end of the log, whose log it is, and what waits in the outbox."""

    head: int
    installation: UUID
    waiting: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Relayed:
    """What one turn of the relay did; `led` is False when another process relays."""

    led: bool
    moved: int
    head: int


class EventStore:
    """Outbox, log, groups and letters in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self.database = database

    # Outbox and log

    async def put(self, tenant_id: UUID, events: Sequence[Mapping[str, Any]]) -> None:
        """Write events of a tenant into the outbox, in a transaction of their own."""
        async with self.database.tenant(tenant_id) as connection:
            await put_events(connection, events)

    async def relay(self, me: str, lease_s: float, most: int, *, wait_for_disk: bool = True) -> Relayed:
        """One turn of the relay.

        Where nothing but this database learns of positions, the commit need not wait for the disk: what a crash of PostgreSQL
        forgets lies in the outbox again, and whatever was committed after it is forgotten with it.
        """
        async with self.database.system() as connection, connection.pipeline():
            if not wait_for_disk:
                await connection.execute(_Q["spare_disk"])
            cursor = await connection.execute(_Q["relay"], {"me": me, "lease_s": lease_s, "most": most})
            row = await cursor.fetchone()
        assert row is not None
        return Relayed(*row)

    async def leave_relay(self, me: str) -> None:
        await self._all(None, "leave_relay", me=me)

    async def standing(self) -> OutboxStanding:
        return OutboxStanding(*(await self._all(None, "standing"))[0])

    async def read(self, group: Group, after: Mapping[int, int], most: int) -> Batch:
        """At most so many events of these slots that the group may see."""
        # The head is read first: what is committed up to it is seen by the second statement.
        bounds = [after.get(slot) for slot in range(SLOTS)]
        values = {
            "tenant_id": group.tenant_id,
            "lowest": min(after.values()),
            "after": bounds,
            "most": most,
        }
        async with self.database.tenant(group.tenant_id) as connection, connection.pipeline():
            standing = await connection.execute(_Q["standing"])
            found = await connection.execute(_Q["read_all" if group.is_system else "read_own"], values)
            row = await standing.fetchone()
            assert row is not None
            head = int(row[0])
            events = [_event(row) for row in await found.fetchall()]
        if len(events) == most:
            return Batch(events, events[-1].position)
        # The second statement may see more than the head that the first one saw.
        return Batch(events, max(head, *after.values(), *(event.position for event in events[-1:])))

    async def events(
        self,
        tenant_id: UUID,
        *,
        type_: str | None,
        subject: str | None,
        since: datetime | None,
        before: int | None,
        limit: int,
    ) -> list[Event]:
        """The tenant's latest events first."""
        values = {"type": type_, "subject": subject, "since": since, "before": before, "limit": limit}
        return [_event(row) for row in await self._all(tenant_id, "list_events", **values)]

    async def event(self, tenant_id: UUID, event_id: UUID) -> Event | None:
        rows = await self._all(tenant_id, "get_event", id=event_id)
        return _event(rows[0]) if rows else None

    async def position_at(self, moment: datetime) -> int:
        return int((await self._all(None, "position_at", moment=moment))[0][0])

    # Groups

    async def join(self, group: Group, member: str, lease_s: float, beginning: int) -> Share:
        rows = await self._of(group, "join_group", member=member, lease_s=lease_s, beginning=beginning)
        return Share([Held(*row[:3]) for row in rows], rows[0][3] if rows else 0)

    async def release(self, group: Group, member: str, slots: Sequence[int]) -> None:
        await self._of(group, "release_slots", member=member, slots=list(slots))

    async def leave(self, group: Group, member: str) -> None:
        await self._of(group, "leave_group", member=member)

    async def ack(self, group: Group, member: str, moves: Sequence[Move]) -> set[int]:
        """Move slots forward; returns those that are another's by now."""
        rows = await self._of(
            group,
            "ack",
            member=member,
            slots=[move.slot for move in moves],
            epochs=[move.epoch for move in moves],
            positions=[move.position for move in moves],
        )
        return {move.slot for move in moves} - {row[0] for row in rows}

    async def replay(self, group: Group, position: int) -> None:
        await self._of(group, "replay", position=position)

    async def noted(self, group: Group) -> int | None:
        """Where the group is, as PostgreSQL knows it; None for one that it does not know."""
        return (await self._of(group, "noted"))[0][0]

    async def note(self, group: Group, position: int) -> None:
        """Note where a group of another transport is."""
        await self._of(group, "note", position=position)

    async def standings(
        self, tenant_id: UUID, name: str | None, after: str | None, limit: int
    ) -> list[tuple[str, int, int, int]]:
        """Name, position, head and live members of each group, or of the one named, by name after one."""
        found = await self._all(tenant_id, "standings", name=name, after=after, limit=limit)
        return [(row[0], row[1], row[2], row[3]) for row in found]

    async def oldest(self, tenant_id: UUID, positions: Sequence[int]) -> list[datetime | None]:
        """When the first event after each position was logged, as far as the tenant sees it."""
        if not positions:
            return []
        async with self.database.tenant(tenant_id) as connection, connection.pipeline():
            asked = [
                await connection.execute(_Q["logged_after"], {"tenant_id": tenant_id, "position": position})
                for position in positions
            ]
            found = [await cursor.fetchone() for cursor in asked]
        return [row[0] if row else None for row in found]

    # Letters

    async def park(self, group: Group, parked: Sequence[Parked]) -> None:
        """Set events aside; those that are set aside already stay as they are."""
        rows = [
            {
                "id": each.event.id,
                "event_tenant_id": each.event.tenant_id,
                "subject": each.event.subject,
                "slot": each.event.slot,
                "position": each.event.position,
                "event": each.event,
                "state": "dead" if each.pause_s is None else "waiting",
                "attempts": each.attempts,
                "pause_s": each.pause_s,
                "behind": each.behind,
                "error": each.error,
            }
            for each in {
                each.event.id: each for each in reversed(parked)
            }.values()  # one may have been read again: once
        ]
        await self._of(group, "park", letters=_encode(rows).decode())

    async def take_up(self, group: Group, slots: Sequence[int]) -> dict[tuple[UUID, str], int]:
        """The subjects of these slots that have letters waiting, with their slots; the first letter of each is or becomes due."""
        rows = await self._of(group, "take_up", slots=list(slots))
        return {(row[0], row[1]): row[2] for row in rows}

    async def due(self, group: Group, slots: Sequence[int], most: int) -> list[Letter]:
        rows = await self._of(group, "due_letters", slots=list(slots), most=most)
        return sorted((_letter((group.name, *row)) for row in rows), key=lambda letter: letter.event.position)

    async def settle(self, group: Group, letter: Letter) -> Letter | None:
        """A letter was taken; gives the next one of its subject."""
        return await self._next(group, letter, "settle", {})

    async def fail_again(self, group: Group, letter: Letter, error: str, pause_s: float | None) -> Letter | None:
        """An attempt failed: another one after `pause_s`, or (None) it is dead. Gives the first letter of its subject now."""
        return await self._next(group, letter, "fail_again", {"error": error, "pause_s": pause_s})

    async def _next(self, group: Group, letter: Letter, query: str, more: Mapping[str, Any]) -> Letter | None:
        values = {
            "tenant_id": group.tenant_id,
            "group": group.name,
            "event_id": letter.event.id,
            "attempts": letter.attempts,
            "event_tenant_id": letter.event.tenant_id,
            "subject": letter.event.subject,
            **more,
        }
        async with self.database.tenant(group.tenant_id) as connection, connection.pipeline():
            await connection.execute(_Q["spare_disk"])  # what a crash of PostgreSQL forgets of it is tried once more
            await connection.execute(_Q[query], values)
            cursor = await connection.execute(_Q["next_of_subject"], values)
            row = await cursor.fetchone()
            # A process that has lost the slot may settle the one found between the look and the update: look again.
            while row is None and await (await connection.execute(_Q["has_letters"], values)).fetchone():
                row = await (await connection.execute(_Q["next_of_subject"], values)).fetchone()
        return None if row is None else _letter((group.name, *row))

    async def letters(
        self, tenant_id: UUID, *, group: str | None, state: str | None, after: tuple[int, str] | None, limit: int
    ) -> list[Letter]:
        position, name = after or (None, None)
        values = {"group": group, "state": state, "after": position, "after_group": name, "limit": limit}
        return [_letter(row) for row in await self._all(tenant_id, "list_letters", **values)]

    async def letters_of(self, tenant_id: UUID, event_id: UUID, group: str | None) -> list[Letter]:
        rows = await self._all(tenant_id, "get_letters", event_id=event_id, group=group)
        return [_letter(row) for row in rows]

    async def send_again(self, tenant_id: UUID, group: str | None, event_id: UUID | None) -> int:
        return await self._count(tenant_id, "send_again", group=group, event_id=event_id)

    async def drop(self, tenant_id: UUID, group: str | None, event_id: UUID | None) -> int:
        return await self._count(tenant_id, "drop_letters", group=group, event_id=event_id)

    async def counts(self, tenant_id: UUID) -> list[tuple[str, str, int]]:
        """Group, state and number of its letters."""
        return [(row[0], row[1], row[2]) for row in await self._all(tenant_id, "count_letters")]

    async def _of(self, group: Group, query: str, **values: Any) -> list[TupleRow]:
        return await self._all(group.tenant_id, query, group=group.name, **values)

    async def _count(self, tenant_id: UUID, query: str, **values: Any) -> int:
        async with self.database.tenant(tenant_id) as connection:
            return (await connection.execute(_Q[query], {"tenant_id": tenant_id, **values})).rowcount

    async def _all(self, tenant_id: UUID | None, query: str, **values: Any) -> list[TupleRow]:
        transaction = self.database.system() if tenant_id is None else self.database.tenant(tenant_id)
        async with transaction as connection:
            cursor = await connection.execute(_Q[query], {"tenant_id": tenant_id, **values})
            return await cursor.fetchall() if cursor.description else []


async def put_events(connection: AsyncConnection[TupleRow], events: Sequence[Mapping[str, Any]]) -> None:
    """Write events into the outbox in a transaction that somebody else holds.

    Each has `type` and `subject`, and if wanted `data`, `id` (UUIDv7), `at`, `traceparent` and `tenant_id`.
    """
    if events:
        await connection.execute(_Q["put_events"], {"events": _encode(events).decode()})


async def processed_once(connection: AsyncConnection[TupleRow], group: Group, event_id: UUID) -> bool:
    """Whether the effect of an event on a group may happen now: True the first time, False ever after.

    Call it first in the transaction of the effect (one that is bound to a tenant, always the same for the same event): both
    are committed together or not at all, and of two that try at once the second waits for the first. Ids are remembered for
    as long as events are kept.
    """
    name = f"*{group.name}" if group.is_system else group.name
    cursor = await connection.execute(_Q["process_once"], {"group": name, "event_id": event_id})
    return await cursor.fetchone() is not None


def _event(row: TupleRow) -> Event:
    position, slot, id_, tenant_id, type_, subject, at, data, traceparent = row
    return Event(
        id=id_,
        tenant_id=tenant_id,
        type=type_,
        subject=subject,
        at=at,
        data=data,
        traceparent=traceparent,
        position=position,
        slot=slot,
    )


def _letter(row: TupleRow) -> Letter:
    group, _, event, attempts, error, first_at, last_at, state, due_at = row
    return Letter(group, msgspec.convert(event, Event), attempts, error, first_at, last_at, state, due_at)
