"""Whether a request may pass: the rates of its tenant and of its key, counted over all processes.

While the database is away, this process lets through for 10 s what the rates allow it, counted here alone: most answers
need the database as well and say so themselves, and a short restart of it shall refuse nobody. After that, requests are
refused (503) until it is back, for limits that nobody counts are none.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from stretto.auth.principal import Principal
from stretto.auth.quotas.counting import Counted, Counter, LocalWindows, Taken
from stretto.auth.quotas.rates import Rate, parse_rates
from stretto.auth.quotas.store import QuotaStore
from stretto.auth.quotas.windows import Windows
from stretto.errors import DatabaseUnreachable, StoreError
from stretto.settings import Settings
from stretto.store import Database

KNOWN_FOR_S = 3.0
"""A changed quota counts no later than this."""
MOST_KNOWN = 4096
ANSWER_S = 1.0
"""A request waits no longer than this to be counted."""
ALONE_S = 10.0
"""So long a process counts alone while the database is away."""
LONGEST_REFUSAL_S = 1.0
"""So long a refusal is remembered, so that who goes on asking costs nothing."""


@dataclass(frozen=True, slots=True)
class Policy:
    """A rate that a request fell under, and how it stands now."""

    name: str
    rate: Rate
    left: int
    wait_s: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request may pass; if not, after `retry_after_s` one may."""

    passes: bool
    policies: tuple[Policy, ...] = ()

    @property
    def retry_after_s(self) -> float:
        """When the last of the used-up rates has room again."""
        return max((each.wait_s for each in self.policies if each.left == 0), default=0.0)


@dataclass(frozen=True, slots=True)
class _Limits:
    """The rates that count for a principal: (policy's name, its counter)."""

    names: tuple[str, ...] = ()
    counters: tuple[Counter, ...] = ()


class RequestLimiter:
    """Counts each request of a principal. Close it in the end."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._store = QuotaStore(database)
        self.windows = Windows(database)
        self._tenant_rates = parse_rates(settings.request_limit)
        self._key_rates = parse_rates(settings.key_request_limit)
        self._known: dict[tuple[UUID, UUID | None, bool], tuple[float, _Limits]] = {}
        self._loading: dict[tuple[UUID, UUID | None, bool], asyncio.Task[_Limits]] = {}
        self._refused: dict[tuple[Counter, ...], tuple[float, float, Taken]] = {}
        self._alone = LocalWindows()
        self._away_since: float | None = None

    async def close(self) -> None:
        """Give the connection back."""
        for task in list(self._loading.values()):
            task.cancel()
        await asyncio.gather(*self._loading.values(), return_exceptions=True)
        await self.windows.close()

    async def take(self, principal: Principal) -> Verdict:
        """Count a request. Raises `DatabaseUnreachable` once the database is away for over 10 s."""
        return await self._ask(principal, 1)

    async def look(self, principal: Principal) -> Verdict:
        """How a principal's rates stand, without counting anything."""
        return await self._ask(principal, 0)

    async def _ask(self, principal: Principal, want: int) -> Verdict:
        limits = await self._limits(principal)
        if not limits.counters:
            return Verdict(True)
        taken = self._remembered(limits.counters) if want else None
        if taken is None:
            taken = await self._count(limits.counters, want)
            if not taken.passes:
                self._remember(limits.counters, taken)
        return verdict(limits.names, limits.counters, taken)

    async def _count(self, counters: tuple[Counter, ...], want: int) -> Taken:
        try:
            async with asyncio.timeout(ANSWER_S):
                taken = await self.windows.take(counters, want)
        except (TimeoutError, StoreError):
            self._check_away()
            return self._alone.take(counters, want)
        self._away_since = None
        return taken

    def _check_away(self) -> None:
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
        elif now - self._away_since > ALONE_S:
            raise DatabaseUnreachable("Requests cannot be counted, for the database is away. Try again later.")

    # Refusals

    def _remembered(self, counters: tuple[Counter, ...]) -> Taken | None:
        found = self._refused.get(counters)
        if found is None:
            return None
        since, until, taken = found
        now = time.monotonic()
        if now >= until:
            del self._refused[counters]
            return None
        return Taken(False, tuple(Counted(each.used, max(0.0, each.wait_s - (now - since))) for each in taken.stands))

    def _remember(self, counters: tuple[Counter, ...], taken: Taken) -> None:
        full = [
            stand.wait_s for counter, stand in zip(counters, taken.stands, strict=True) if stand.used >= counter.most
        ]
        if full:
            if len(self._refused) >= MOST_KNOWN:
                self._refused.clear()
            now = time.monotonic()
            self._refused[counters] = (now, now + min(max(full), LONGEST_REFUSAL_S), taken)

    # Which rates count

    async def _limits(self, principal: Principal) -> _Limits:
        key = (principal.tenant_id, principal.key_id, principal.via == "local")
        found = self._known.get(key)
        if found is not None and time.monotonic() < found[0]:
            return found[1]
        try:
            if self.windows.away:
                raise DatabaseUnreachable
            async with asyncio.timeout(ANSWER_S):
                limits = await asyncio.shield(self._load_once(key, principal))
        except (TimeoutError, StoreError):  # what was known last counts, else what the settings say
            limits = self._of(principal, {}) if found is None else found[1]
        if len(self._known) >= MOST_KNOWN:
            now = time.monotonic()
            self._known = {name: known for name, known in self._known.items() if now < known[0]}
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
        self._known[key] = (time.monotonic() + KNOWN_FOR_S, limits)
        return limits

    def _load_once(self, key: tuple[UUID, UUID | None, bool], principal: Principal) -> asyncio.Task[_Limits]:
        task = self._loading.get(key)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._load(principal), name="quotas")
            self._loading[key] = task

            def loaded(task: asyncio.Task[_Limits]) -> None:
                self._loading.pop(key, None)
                if not task.cancelled():
                    task.exception()  # whoever waits hears of it; perhaps nobody waits any more

            task.add_done_callback(loaded)
        return task

    async def _load(self, principal: Principal) -> _Limits:
        rows = await self._store.of_tenant(principal.tenant_id, prefix_of(principal))
        return self._of(principal, {(row.kind, row.name): row.value for row in rows})

    def _of(self, principal: Principal, rows: dict[tuple[str, str], str]) -> _Limits:
        # Who works on this machine without a key has what the machine can do, unless somebody has set a quota.
        ours: tuple[Rate, ...] = () if principal.via == "local" else self._tenant_rates
        if (value := rows.get(("requests", ""))) is not None:
            ours = parse_rates(value)
        found = named(principal.tenant_id, "tenant", "tenant", ours)
        if principal.key_id is not None:
            value = rows.get(("key_requests", prefix_of(principal)), rows.get(("key_requests", "")))
            rates = self._key_rates if value is None else parse_rates(value)
            found += named(principal.tenant_id, "key", f"key {principal.key_id}", rates)
        return _Limits(tuple(name for name, _ in found), tuple(counter for _, counter in found))


def prefix_of(principal: Principal) -> str:
    """The prefix of the key by which somebody acts; empty when it is none."""
    return principal.by.removeprefix("key ") if principal.via == "key" else ""


def named(tenant_id: UUID, policy: str, counter: str, rates: Sequence[Rate]) -> list[tuple[str, Counter]]:
    """Counters for these rates, with the names of their policies, such as `tenant-60`: whose, and how many seconds."""
    return [
        (f"{policy}-{rate.window_s}", Counter(tenant_id, f"{counter}/{rate.window_s}", rate.most, rate.window_s))
        for rate in rates
    ]


def verdict(names: Sequence[str], counters: Sequence[Counter], taken: Taken) -> Verdict:
    """What a client is told of what was counted."""
    policies = [
        Policy(name, Rate(counter.most, counter.window_s), max(0, counter.most - stand.used), stand.wait_s)
        for name, counter, stand in zip(names, counters, taken.stands, strict=True)
    ]
    if not taken.passes and all(each.left for each in policies):
        # Others of the same moment took what a lesser limit in the same batch had left: soon there is more.
        policies[0] = replace(policies[0], left=0)
    return Verdict(taken.passes, tuple(policies))
