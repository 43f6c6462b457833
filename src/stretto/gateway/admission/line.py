"""Who waits, and whose turn it is.

Those who need the same deployment (and bucket) stand in one line. In it:

- the more urgent priority goes first;
- tenants of one priority take turns, by start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996): a call that comes gets the start
  tag S = max(V, F of its tenant) and the tenant the finish tag F = S + size, V being the tag of the call that went last, and the
  least S goes first. A tenant with a thousand calls in line has moved its own tags far ahead; another's single call gets the tag
  V and goes next. Sizes are estimated tokens, so that turns are even in tokens, not in calls;
- calls of one tenant and priority go in the order in which they came;
- every eighth turn belongs to whoever has waited longest, whatever its priority (`AGING`). Hence the bound: a call with n
  before it goes after at most 8 (n + 1) turns of its line, even when more urgent ones never end.

Tags are kept by process. Between processes turns are even because each leases little at a time, and because the database
shares what is there among those that wait for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from heapq import heappop, heappush
from uuid import UUID

from stretto.gateway.admission.holdings import Money, Rate, Slots
from stretto.gateway.admission.rules import urgency
from stretto.gateway.grants import Grant, Short, Want

AGING = 8
MOST_TENANTS = 10_000
"""Finish tags are forgotten beyond so many tenants; they matter only while a tenant has calls in line."""


@dataclass(slots=True, eq=False)
class Waiter:
    """A call that waits. `once`: it takes what the next exchange brings, or is told what is short."""

    want: Want
    line: Line
    floor: float
    tokens: float
    money: tuple[Money, ...]
    since: float
    once: bool
    future: asyncio.Future[Grant | Short]
    order: tuple[int, float, int] = (0, 0.0, 0)
    asked: bool = False
    """An exchange has been made for it."""

    @property
    def over(self) -> bool:
        return self.future.done()


class Turns:
    """Start-time fair queueing over the tenants of this process."""

    def __init__(self) -> None:
        self._now = [0.0] * 4
        self._finish: dict[tuple[int, UUID], float] = {}
        self._count = 0

    def tag(self, want: Want) -> tuple[int, float, int]:
        """The order of a call that comes now."""
        key = (urgency(want.caller), want.caller.tenant_id)
        now = self._now[urgency(want.caller)]
        start = max(now, self._finish.get(key, 0.0))
        if len(self._finish) >= MOST_TENANTS and key not in self._finish:
            self._finish = {other: tag for other, tag in self._finish.items() if tag > self._now[other[0]]}
        self._finish[key] = start + max(1, want.input_tokens + want.output_tokens)
        self._count += 1
        return urgency(want.caller), start, self._count

    def served(self, order: tuple[int, float, int]) -> None:
        """A call of this order went."""
        self._now[order[0]] = max(self._now[order[0]], order[1])

    def forget(self) -> None:
        """Nobody waits any more: all tenants are equal again."""
        self._now = [0.0] * 4
        self._finish.clear()


@dataclass(slots=True, eq=False)
class Line:
    """Those who need the same deployment, and the same bucket if there is one."""

    requests: Rate
    tokens: Rate
    slots: Slots
    bucket: Rate | None
    heap: list[tuple[tuple[int, float, int], Waiter]] = field(
        default_factory=list[tuple[tuple[int, float, int], Waiter]]
    )
    arrivals: deque[Waiter] = field(default_factory=deque[Waiter])
    try_at: dict[float, float] = field(default_factory=dict[float, float])
    """By floor: asking the database before then is pointless."""
    turns: int = 0

    def __bool__(self) -> bool:
        return self.head() is not None

    def add(self, waiter: Waiter) -> None:
        """Stand in line."""
        heappush(self.heap, (waiter.order, waiter))
        self.arrivals.append(waiter)
        if len(self.arrivals) > 2 * len(self.heap) + 16:
            self.arrivals = deque(each for each in self.arrivals if not each.over)
        self._count(waiter, 1)

    def left(self, waiter: Waiter) -> None:
        """A waiter has got its answer."""
        self._count(waiter, -1)

    def head(self) -> Waiter | None:
        """The most urgent one."""
        while self.heap and self.heap[0][1].over:
            heappop(self.heap)
        return self.heap[0][1] if self.heap else None

    def oldest(self) -> Waiter | None:
        """The one that has waited longest."""
        while self.arrivals and self.arrivals[0].over:
            self.arrivals.popleft()
        return self.arrivals[0] if self.arrivals else None

    def stood_before(self, priority: int) -> bool:
        """Whether calls of this priority or a more urgent one wait for any of what this line needs."""
        upto = priority + 1
        return any(self.requests.waiting[:upto]) or (self.bucket is not None and any(self.bucket.waiting[:upto]))

    def _count(self, waiter: Waiter, by: int) -> None:
        # `requests` stands for all that a deployment's calls need together.
        if waiter.once:
            return
        priority = urgency(waiter.want.caller)
        self.requests.waiting[priority] += by
        if self.bucket is not None:
            self.bucket.waiting[priority] += by
