"""What is counted, and what comes of it; and the counting within one process.

A window is 60 slots wide, and a request counts as long as its slot touches the window that ends now: 61 slots are kept.
So no window of that length, wherever it begins, lets more through than the limit, and what may pass comes back at most a
60th of the window late. (The sliding window counter of `limits` keeps two numbers instead of 61 and assumes that requests
were spread evenly over the window before; a burst at its end and steady requests after it pass nearly twice the limit.)
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

SLOTS = 60


@dataclass(frozen=True, slots=True)
class Counter:
    """Requests of one tenant, or of one of its keys, in a window. `most` is no part of its name, so that it can change."""

    tenant_id: UUID
    name: str
    most: int
    window_s: int

    @property
    def slot_ms(self) -> int:
        """How long a slot is."""
        return -(-self.window_s * 1000 // SLOTS)


@dataclass(frozen=True, slots=True)
class Counted:
    """How a counter stands. `wait_s`: after so long there is room for one more, or more room than now."""

    used: int
    wait_s: float


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether a request may pass, and how its counters stand, in the order in which they were named."""

    passes: bool
    stands: tuple[Counted, ...]


@dataclass(slots=True)
class _Ring:
    slot: int
    counts: list[int]
    total: int


class LocalWindows:
    """Counts within this process, by the same rules, and remembers the `most_known` counters used last."""

    def __init__(self, most_known: int = 10_000) -> None:
        self._rings: dict[tuple[UUID, str], _Ring] = {}
        self._most_known = most_known

    def take(self, counters: Sequence[Counter], want: int = 1) -> Taken:
        """Count a request in all of these counters, or in none. `want` 0 only looks."""
        now_ms = int(time.monotonic() * 1000)
        rings = [self._ring(counter, now_ms) for counter in counters]
        passes = all(ring.total + want <= each.most for ring, each in zip(rings, counters, strict=True))
        if passes:
            for ring in rings:
                ring.counts[ring.slot % (SLOTS + 1)] += want
                ring.total += want
        stands = [
            Counted(ring.total, _wait_ms(ring, each, now_ms) / 1000) for ring, each in zip(rings, counters, strict=True)
        ]
        return Taken(passes, tuple(stands))

    def _ring(self, counter: Counter, now_ms: int) -> _Ring:
        key = (counter.tenant_id, counter.name)
        slot = now_ms // counter.slot_ms
        ring = self._rings.pop(key, None)
        if ring is None or slot - ring.slot > SLOTS:
            ring = _Ring(slot, [0] * (SLOTS + 1), 0)
        for each in range(ring.slot + 1, slot + 1):
            ring.total -= ring.counts[each % (SLOTS + 1)]
            ring.counts[each % (SLOTS + 1)] = 0
        ring.slot = max(slot, ring.slot)
        self._rings[key] = ring  # the last one used comes last
        if len(self._rings) > self._most_known:
            del self._rings[next(iter(self._rings))]
        return ring


def _wait_ms(ring: _Ring, counter: Counter, now_ms: int) -> int:
    need = max(1, ring.total - counter.most + 1)
    for slot in range(ring.slot - SLOTS, ring.slot + 1):
        need -= ring.counts[slot % (SLOTS + 1)]
        if need <= 0:
            return max(0, (slot + SLOTS + 1) * counter.slot_ms - now_ms)
    return 0
