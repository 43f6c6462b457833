"""What this process holds of limits and budgets: taken from the database already, and free for the next calls.

Nothing here waits or asks anybody: times are given in, in seconds of this process's monotonic clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from stretto.gateway.grants import Scarce

AHEAD_S = 0.25
"""A rate's refill of so long is leased ahead of the calls."""
NEAR = 1e-6
"""Levels are floating-point numbers: so much is as good as nothing."""
LEAST_AHEAD, MOST_AHEAD = 4, 256
"""So many calls' money is leased ahead, if a twentieth of what is left allows it: more with each lease that lasts under a second."""
FEW_SLOTS = 8
"""At most so many free slots, and no more than an eighth of all, stay with a process that does not need them."""

NOTHING = Decimal(0)


def no_waiters() -> list[int]:
    """How many wait, by priority."""
    return [0, 0, 0, 0]


@dataclass(slots=True, eq=False)
class Rate:
    """Tokens of a rate that this process holds. Without a `capacity` there is no limit, unless it is closed.

    `level` is what the database had left when it was last asked; `back` goes there with the next exchange: credits, and, below 0,
    what calls used beyond their estimate.
    """

    name: str
    what: Scarce
    capacity: float | None = None
    per_s: float | None = None
    held: float = 0.0
    back: float = 0.0
    level: float = 0.0
    seen_at: float = 0.0
    closed_until: float = 0.0
    used_at: float = 0.0
    waiting: list[int] = field(default_factory=no_waiters)
    """Of a deployment's requests (which stand for all that its calls need) and of buckets."""

    @property
    def ahead(self) -> float:
        """How much is leased ahead: nothing of a slow rate, so that all processes count it exactly."""
        amount = (self.per_s or 0.0) * AHEAD_S
        return amount if amount >= 1 else 0.0

    def fit(self, amount: float, floor: float) -> float:
        """What is taken for a call that needs `amount`: never more than there can be, so that a large call is not shut out for ever.

        The rest is charged when the call settles.
        """
        return amount if self.capacity is None else min(amount, max(self.capacity - floor, 0.0))

    def lacks(self, amount: float, floor: float, now: float) -> bool:
        """Whether a call must wait."""
        if self.closed_until > now:
            return True
        if self.capacity is None:
            return False
        return self.held + NEAR < self.fit(amount, floor) or (floor > 0 and self.level + NEAR < floor)

    def take(self, amount: float, floor: float, now: float) -> float:
        """Take for a call, after `lacks` has said no; returns what was taken."""
        if self.capacity is None:
            return 0.0
        taken = self.fit(amount, floor)
        self.held = max(0.0, self.held - taken)
        self.used_at = now
        return taken

    def correct(self, difference: float) -> None:
        """Give back what a call did not use, or (below 0) charge what it used beyond what was taken for it."""
        if self.capacity is None:
            return
        if difference >= 0:
            self.held += difference
        else:
            own = min(self.held, -difference)
            self.held -= own
            self.back += difference + own

    def surplus(self, now: float, idle_s: float) -> float:
        """What goes back now: all that has lain idle, and else what is beyond the lease ahead."""
        keep = self.ahead if now - self.used_at < idle_s else 0.0
        return max(0.0, self.held - keep)

    def soonest_s(self, amount: float, floor: float, now: float) -> float:
        """When a call that needs `amount` may have it, as far as this process knows."""
        if self.closed_until > now:
            return self.closed_until - now
        if not self.per_s:
            return 60.0
        missing = self.fit(amount, floor) - self.held + floor - self.level
        return max(0.0, missing / self.per_s - (now - self.seen_at))

    def level_now(self, now: float) -> float:
        """The level as it should be by now."""
        level = self.level + (self.per_s or 0.0) * (now - self.seen_at)
        return level if self.capacity is None else max(0.0, min(self.capacity, level))


@dataclass(slots=True, eq=False)
class Slots:
    """Concurrency slots that this process holds; `used` are with calls. `keep`: so many may it hold while others wait for them."""

    name: str
    capacity: float | None = None
    held: int = 0
    used: int = 0
    back: int = 0
    keep: float | None = None
    used_at: float = 0.0
    not_before: float = 0.0
    """This process has just made way for others: until then it does not ask for more."""

    @property
    def ahead(self) -> int:
        """How many free ones may stay here."""
        return 0 if self.capacity is None or self.keep is not None else min(FEW_SLOTS, int(self.capacity) // 8)

    def lacks(self) -> bool:
        """Whether a call must wait."""
        return self.capacity is not None and self.held - self.used < 1

    def free(self, now: float) -> bool:
        """A call has ended. True: the slot went back, since others wait and this process has more than its part."""
        self.used -= 1
        self.used_at = now
        if self.capacity is not None and self.keep is not None and self.held > self.keep and self.held > self.used:
            self.held -= 1
            self.back += 1
            return True
        return False

    def surplus(self, now: float, idle_s: float) -> int:
        """How many go back now."""
        keep = self.ahead if now - self.used_at < idle_s else 0
        return max(0, self.held - self.used - keep)


@dataclass(slots=True, eq=False)
class Money:
    """US dollars that this process holds of one budget, beyond what calls have reserved or spent.

    Below zero: calls cost more than was reserved for them. The database is told with the next exchange.
    """

    tenant_id: UUID
    name: str
    what: Scarce
    limit_usd: Decimal
    free: Decimal = NOTHING
    left: Decimal | None = None
    """What the database had left when it was last asked; None: not asked yet."""
    others: Decimal = NOTHING
    """What living processes held of it then."""
    ahead: int = LEAST_AHEAD
    leased_at: float = 0.0
    calls: int = 0
    """Calls under way that have reserved of it."""
    try_at: float = 0.0
    used_at: float = 0.0

    @property
    def hopeless(self) -> bool:
        """Nobody holds anything that could come back."""
        return self.calls == 0 and self.others - max(self.free, NOTHING) <= 0
