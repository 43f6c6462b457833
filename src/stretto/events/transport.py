"""The port to what carries events from the relay to those who read them.

How its notions map to Apache Kafka, for which there is no transport yet: the log is one topic, a slot is one of its 16
partitions (the record's key would be tenant and subject, the partition the slot), an event's position goes into a header and is
compared with the last one of the partition where Kafka's own idempotent producer does not reach; a group is a consumer group,
a share of slots is an assignment by its coordinator, an epoch is its generation, a group's position is the partition's committed
offset (kept in this port's numbers, looked up by header), `position_at` is `offsetsForTimes`, and `trim` is `retention.ms`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from stretto.errors import Invalid
from stretto.events.event import Event

SLOTS = 16
"""Parts of the log; one member of a group reads a slot at a time, so this is the most members with something to do."""
SYSTEM = UUID(int=0)
"""Whose groups read the events of all tenants. No tenant sees them."""
MOST_GROUPS = 1000
"""So many groups are told of at once."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class Group:
    """Readers that share the work under one name. A tenant's group reads its own events, the system's those of all."""

    name: str
    tenant_id: UUID = SYSTEM

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise Invalid(
                f"{self.name!r} cannot be a group's name. Use small letters, digits, `.`, `_` and `-`; at most 63."
            )

    @property
    def is_system(self) -> bool:
        """Whether it reads the events of all tenants."""
        return self.tenant_id == SYSTEM


@dataclass(frozen=True, slots=True)
class Held:
    """A slot that a member may read, from after `position`. Under another `epoch` it has been somebody else's meanwhile."""

    slot: int
    epoch: int
    position: int


@dataclass(frozen=True, slots=True)
class Share:
    """What a member holds, and how many slots it should hold at most; whoever holds more gives some back."""

    held: Sequence[Held]
    fair: int


@dataclass(frozen=True, slots=True)
class Move:
    """A slot has been read up to here, under this epoch."""

    slot: int
    epoch: int
    position: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Events in the order of their positions; the slots that were asked for have no others up to `upto`."""

    events: Sequence[Event]
    upto: int


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a group is: the position before which everything is done, and how many positions lie behind the head."""

    group: str
    position: int
    head: int
    members: int
    oldest_at: datetime | None
    """When the first event that it has not read was logged; None when it has read all."""

    @property
    def lag(self) -> int:
        """Positions between the group and the end of the log, those of other tenants' events too."""
        return max(0, self.head - self.position)


class Transport(Protocol):
    """Carries events in the order of their positions, and remembers how far each group is.

    Contract. `publish` takes events in ascending positions and passes over those that it has (positions up to `head`), so
    that publishing again does no harm, also from two processes at once. `read` never gives an event before one of a lower position of the same slot, and skips
    none: an event that is published once has a position above every `upto` that was given before. `join` gives a slot to one
    live member at a time and raises its epoch whenever it changes hands or is set back; it must be called again within
    `lease_s`, or others take the slots. `ack` moves a position only forward and only under the present epoch; it returns the
    slots that it did not move, because they are another's by now. `replay` sets a group's position in all slots, before or
    after where it is; whoever reads meanwhile finds its epochs gone. Each method raises `DatabaseUnreachable` while the place
    where events are kept is away.
    """

    def open(self) -> AbstractAsyncContextManager[None]:
        """Be ready to use; at the end, give everything back."""
        ...

    async def head(self) -> int:
        """The position of the last event that was published; 0 when there was none."""
        ...

    async def publish(self, events: Sequence[Event], after: int) -> None:
        """Make events readable: all that the log holds between `after` and the last of them, in order.

        Raises a `StoreError` and publishes nothing when the head is less than `after`, so that there is never a gap.
        """
        ...

    async def read(self, group: Group, after: Mapping[int, int], most: int) -> Batch:
        """At most so many events of these slots, each after the position given for its slot."""
        ...

    async def join(self, group: Group, member: str, lease_s: float) -> Share:
        """Say that this member lives, and get its slots. A group that is new begins at the head."""
        ...

    async def release(self, group: Group, member: str, slots: Sequence[int]) -> None:
        """Give slots back, so that another member may take them."""
        ...

    async def leave(self, group: Group, member: str) -> None:
        """Give all slots back and be no member any more."""
        ...

    async def ack(self, group: Group, member: str, moves: Sequence[Move]) -> set[int]:
        """Remember how far slots were read; returns those that this member has lost."""
        ...

    async def replay(self, group: Group, position: int) -> None:
        """Let the group go on after this position, in all slots. A group that is not there yet begins there."""
        ...

    async def position_at(self, moment: datetime) -> int:
        """The last position that was logged before this time: whoever goes on after it reads what came from then on."""
        ...

    async def standings(
        self, tenant_id: UUID = SYSTEM, *, name: str | None = None, after: str | None = None, limit: int = MOST_GROUPS
    ) -> Sequence[Standing]:
        """How far the groups of this tenant are, or the one named, by name; the first ones after one."""
        ...

    async def trim(self, before: datetime) -> None:
        """Forget events that were logged before this time."""
        ...

    async def wait(self, after: int, timeout_s: float) -> None:
        """Return soon after there is an event behind this position, or when the time is over; maybe without a reason."""
        ...
