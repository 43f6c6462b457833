"""Admission by the same rules as the real one, with its limits in memory."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID, uuid4

from stretto.gateway.admission.exchange import (
    Asked,
    Changed,
    Kind,
    Limit,
    MoneyAsk,
    MoneyGot,
    NeedAsk,
    NeedGot,
    Observed,
    Reply,
    SetAsk,
)
from stretto.gateway.admission.limits import LeasedAdmission
from stretto.gateway.calls import Call
from stretto.gateway.config import GatewayConfig
from stretto.gateway.provider import LOCAL_TENANT

MONTH_S = 28 * 86400.0
MONTH = "2000-01"
"""In memory it is always the same month."""


def least_of(*values: float | None) -> float | None:
    """The least of those that are known."""
    return min((value for value in values if value is not None), default=None)


@dataclass
class KeptLimit:
    """A limit in memory."""

    name: str
    kind: Kind
    configured: float | None = None
    configured_per_s: float | None = None
    learned: float | None = None
    learned_per_s: float | None = None
    level: float = 0.0
    at: float = 0.0
    closed_until: float = 0.0
    held: dict[UUID, float] = field(default_factory=dict[UUID, float])
    wanted: dict[UUID, float] = field(default_factory=dict[UUID, float])

    @property
    def capacity(self) -> float | None:
        return least_of(self.configured, self.learned)

    @property
    def per_s(self) -> float | None:
        return least_of(self.configured_per_s, self.learned_per_s)

    def fill(self, now: float) -> None:
        """Bring the level up to now."""
        self.level = least_of(self.capacity, self.level + (self.per_s or 0.0) * (now - self.at)) or 0.0
        self.at = now

    def others(self, process: UUID, now: float) -> int:
        """How many others wait."""
        return sum(until > now for other, until in self.wanted.items() if other != process)

    def claimants(self, process: UUID, now: float) -> int:
        """How many hold a part or wait for one, this one among them."""
        holding = {other for other, held in self.held.items() if held > 0}
        return len((holding | {other for other, until in self.wanted.items() if until > now}) - {process}) + 1

    def keep(self, process: UUID, now: float) -> float | None:
        """How many slots this process may keep while others wait."""
        if self.kind == "rate" or not self.capacity or not self.others(process, now):
            return None
        return math.floor(self.capacity / self.claimants(process, now))

    def room(self, need: NeedAsk, process: UUID, now: float) -> tuple[float, float, float]:
        """What there is, what of it this process may have, and the least that it needs."""
        if self.closed_until > now:
            return 0.0, 0.0, need.least
        if self.capacity is None:
            return math.inf, math.inf, need.least
        if self.kind == "slots":
            free = max(self.capacity - sum(self.held.values()), 0.0)
            share = math.ceil(self.capacity / self.claimants(process, now)) - self.held.get(process, 0.0)
            return free, min(free, max(share, 0.0)) if self.others(process, now) else free, need.least
        least = min(need.least, max(self.capacity - need.floor, 0.0))
        free = self.level - need.floor
        others = self.others(process, now)
        return free, max(min(free, least), free / (others + 1)) if others else free, least


class LimitBook:
    """What all processes of a test hold together: give it to several `MemoryLimits`."""

    def __init__(self, tenants: Mapping[UUID, str] | None = None) -> None:
        self.tenants = tenants or {LOCAL_TENANT: "local"}
        self.limits: dict[str, KeptLimit] = {}
        self.spent: dict[tuple[UUID, str], Decimal] = {}
        self.leased: dict[tuple[UUID, str], dict[UUID, Decimal]] = {}

    def lease_money(self, process: UUID, ask: MoneyAsk) -> MoneyGot:
        """As `lease_money` of the database."""
        key = (ask.tenant_id, ask.name)
        leases = self.leased.setdefault(key, {})
        leases[process] = leases.get(process, Decimal(0)) - ask.back
        held = sum((max(amount, Decimal(0)) for amount in leases.values()), Decimal(0))
        left = (ask.limit_usd or Decimal(0)) - self.spent.get(key, Decimal(0)) - held
        taken = Decimal(0)
        if 0 < ask.least <= left:
            taken = max(ask.least, min(ask.most, left / 20))
            leases[process] += taken
        return MoneyGot(taken, left, held)

    def serve(self, process: UUID, asked: SetAsk, money: Sequence[MoneyGot], now: float) -> list[NeedGot]:
        """As a set of `exchange_limits` of the database."""
        needs = [(need, self.limits[need.name]) for need in asked.needs if need.name in self.limits]
        rooms = [limit.room(need, process, now) for need, limit in needs]
        fits = all(room + 1e-6 >= least for _, room, least in rooms) and all(money[i].taken > 0 for i in asked.money)
        parts = [
            (room + need.have) / need.total for (need, _), (_, room, _) in zip(needs, rooms, strict=True) if need.total
        ]
        part = min([1.0, *parts])
        got: list[NeedGot] = []
        for (need, limit), (free, room, least) in zip(needs, rooms, strict=True):
            taken, level, others = 0.0, limit.level, limit.others(process, now)
            if fits and limit.capacity is not None:
                taken = max(least, math.floor(part * need.total + 1e-6) - need.have)
                if not others and room + need.have >= need.total:
                    taken += math.floor(max(0.0, min(need.ahead, free + need.floor - need.reserve - taken)))
            if limit.kind == "rate":
                limit.level -= taken
            else:
                limit.held[process] = limit.held.get(process, 0.0) + taken
            if limit.capacity is not None and room + need.have < need.total:
                limit.wanted[process] = now + 1
            else:
                limit.wanted.pop(process, None)
            closed_s = max(0.0, limit.closed_until - now)
            keep = limit.keep(process, now)
            got.append(NeedGot(need.name, taken, level, limit.capacity, limit.per_s, closed_s, others, keep))
        return got


class MemoryStore:
    """The port to the limits, on a book in memory."""

    def __init__(self, book: LimitBook) -> None:
        self.process = uuid4()
        self.book = book

    async def open(self) -> None: ...

    async def close(self) -> None:
        for limit in self.book.limits.values():
            limit.held.pop(self.process, None)
            limit.wanted.pop(self.process, None)

    async def exchange(self, asked: Asked) -> Reply:
        now, book = time.monotonic(), self.book
        money = [book.lease_money(self.process, ask) for ask in asked.money]
        for limit in book.limits.values():
            limit.fill(now)
        for name, amount in asked.back:
            limit = book.limits[name]
            if limit.kind == "slots":
                limit.held[self.process] = max(0.0, limit.held.get(self.process, 0.0) - amount)
            elif limit.capacity is not None:
                limit.level = max(-limit.capacity, min(limit.capacity, limit.level + amount))
        sets = [book.serve(self.process, each, money, now) for each in asked.sets]
        changed = [
            Changed(each.name, each.kind, each.capacity, each.per_s, each.level, max(0.0, each.closed_until - now), each.keep(self.process, now))
            for each in (book.limits.values() if asked.since is not None else ())
        ]  # fmt: skip
        return Reply(money, sets, changed, now, MONTH, MONTH_S)

    async def declare(self, limits: Sequence[Limit], *, only: bool) -> None:
        now, kept = time.monotonic(), self.book.limits
        for limit in kept.values():
            limit.fill(now)
            if only and limit.name not in {each.name for each in limits}:
                limit.configured = limit.configured_per_s = None
        for each in limits:
            limit = kept.setdefault(each.name, KeptLimit(each.name, each.kind, at=now))
            limit.level = each.capacity if limit.capacity is None else min(limit.level, each.capacity)
            limit.configured, limit.configured_per_s = each.capacity, each.per_s

    async def observe(self, observed: Sequence[Observed]) -> None:
        now = time.monotonic()
        for each in observed:
            limit = self.book.limits.setdefault(each.name, KeptLimit(each.name, "rate", at=now))
            before = each.capacity if limit.capacity is None else limit.level
            limit.fill(now)
            limit.learned = limit.learned if each.capacity is None else each.capacity
            limit.learned_per_s = limit.learned_per_s if each.per_s is None else each.per_s
            limit.level = least_of(before, each.left, limit.learned) or 0.0
            limit.closed_until = max(limit.closed_until, now + (each.retry_after_s or 0.0))

    async def hold_slots(self, held: Sequence[tuple[str, float]]) -> None:
        for name, amount in held:
            self.book.limits[name].held[self.process] = amount

    async def tenant_name(self, tenant_id: UUID) -> str:
        return self.book.tenants.get(tenant_id, "")

    async def sweep(self) -> None: ...


class MemoryLimits(LeasedAdmission):
    """Admission by the rules of `Limits`, for tests without a database. Several on one `book` behave like as many processes."""

    def __init__(self, config: GatewayConfig, book: LimitBook | None = None) -> None:
        self.book = book or LimitBook()
        self._memory = MemoryStore(self.book)
        super().__init__(self._memory, config)

    def count(self, tenant_id: UUID, calls: Iterable[Call]) -> None:
        """As `Limits.settle_in`: the ledger has written these calls down."""
        for name, cost, leased in self.costs(tenant_id, calls, month=MONTH):
            key = (tenant_id, name)
            self.book.spent[key] = self.book.spent.get(key, Decimal(0)) + cost
            leases = self.book.leased.setdefault(key, {})
            if leased or self._memory.process in leases:
                leases[self._memory.process] = leases.get(self._memory.process, Decimal(0)) - cost
