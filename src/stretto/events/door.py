"""The door to a tenant's events: its log, its groups, and what they could not take."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from stretto.errors import Invalid, NotFound
from stretto.events.catalogue import TYPES, EventType, find_type
from stretto.events.event import Event
from stretto.events.store import EventStore, Letter
from stretto.events.transport import MOST_GROUPS, Group, Standing, Transport
from stretto.store import Database

MOST = 1000


class DeadLetters:
    """Events that the groups of one tenant could not take, however often they tried."""

    def __init__(self, database: Database, tenant_id: UUID) -> None:
        self._store = EventStore(database)
        self._tenant_id = tenant_id

    async def list(
        self,
        *,
        group: str | None = None,
        after: tuple[int, str] | None = None,
        limit: int = 100,
        waiting: bool = False,
    ) -> list[Letter]:
        """Dead letters after a position and group, of all groups or one; with `waiting` those that are still tried."""
        state = "waiting" if waiting else "dead"
        return await self._store.letters(self._tenant_id, group=group, state=state, after=after, limit=min(limit, MOST))

    async def get(self, event_id: UUID, group: str | None = None) -> list[Letter]:
        """What is the matter with an event, in each group that could not take it. Raises `NotFound`."""
        found = await self._store.letters_of(self._tenant_id, event_id, group)
        if not found:
            raise NotFound(f"There is no letter {event_id}. `stretto events dead-letters` lists them.")
        return found

    async def send_again(self, event_id: UUID | None = None, group: str | None = None) -> int:
        """Let one dead letter, or all of a group, be tried again from the first attempt on; returns how many.

        It comes out of its order: later events of its subject may have been taken. Raises `NotFound` for one that is not dead.
        """
        sent = await self._store.send_again(self._tenant_id, group, event_id)
        return self._some(sent, event_id)

    async def drop(self, event_id: UUID | None = None, group: str | None = None) -> int:
        """Forget one dead letter, or all of a group; returns how many. Raises `NotFound` for one that is not dead."""
        return self._some(await self._store.drop(self._tenant_id, group, event_id), event_id)

    @staticmethod
    def _some(count: int, event_id: UUID | None) -> int:
        if event_id is not None and not count:
            raise NotFound(f"There is no dead letter {event_id}. `stretto events dead-letters` lists them.")
        return count


class Events:
    """What one tenant can see and do of its events."""

    def __init__(self, database: Database, transport: Transport, tenant_id: UUID) -> None:
        self._store = EventStore(database)
        self._transport = transport
        self._tenant_id = tenant_id
        self.dead_letters = DeadLetters(database, tenant_id)

    async def list(
        self,
        *,
        type_: str | None = None,
        subject: str | None = None,
        since: datetime | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[Event]:
        """Latest events first, of types that begin so, of a subject, logged since a time, before a position."""
        return await self._store.events(
            self._tenant_id, type_=type_, subject=subject, since=since, before=before, limit=min(limit, MOST)
        )

    async def get(self, event_id: UUID) -> Event:
        """One event. Raises `NotFound`."""
        found = await self._store.event(self._tenant_id, event_id)
        if found is None:
            raise NotFound(f"There is no event {event_id}, or not any more. `stretto events list` lists them.")
        return found

    @staticmethod
    def types() -> Sequence[EventType]:
        """The catalogue."""
        return TYPES

    @staticmethod
    def type(name: str) -> EventType:
        """What the catalogue says of a type. Raises `NotFound`."""
        found = find_type(name)
        if found is None:
            raise NotFound(f"There are no events of the type {name!r}. `/v1/events/schemas` lists the types.")
        return found

    async def groups(self, *, after: str | None = None, limit: int = MOST_GROUPS) -> Sequence[Standing]:
        """How far the tenant's groups are, by name; the first ones after one."""
        return await self._transport.standings(self._tenant_id, after=after, limit=limit)

    async def replay(self, group: str, *, position: int | None = None, since: datetime | None = None) -> int:
        """Let a group read again what came after a position, or since a time; gives the position.

        Effects that are guarded by `processed_once` do not happen again. Raises `NotFound` or `Invalid`.
        """
        if (position is None) == (since is None):
            raise Invalid("Say from where: either a position or a time.")
        found = await self._transport.standings(self._tenant_id, name=group)
        if not found:
            raise NotFound(f"There is no group {group!r}. `stretto events groups` lists them.")
        standing = found[0]
        if since is not None:
            position = await self._transport.position_at(since)
        assert position is not None
        if not 0 <= position <= standing.head:
            raise Invalid(f"The log holds positions up to {standing.head}; {position} is none of them.")
        await self._transport.replay(Group(group, self._tenant_id), position)
        return position
