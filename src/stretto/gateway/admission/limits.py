"""Admission over all processes: what the database holds, what this process has leased of it, and who waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC
from decimal import Decimal
from types import TracebackType
from typing import Self
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.errors import DatabaseUnreachable, StoreError
from stretto.gateway.admission.counter import AskedSet, Counter
from stretto.gateway.admission.exchange import Asked, Changed, Limit, LimitStore, Observed, Reply, Unsure
from stretto.gateway.admission.holdings import Money
from stretto.gateway.admission.line import Line, Waiter
from stretto.gateway.admission.rules import floor_of, urgency
from stretto.gateway.admission.shown import KINDS, BudgetNow, LimitNow, Row, budget_now
from stretto.gateway.admission.store import PostgresLimits
from stretto.gateway.calls import Call
from stretto.gateway.config import Bucket, Deployment, GatewayConfig
from stretto.gateway.grants import Grant, ProviderLimits, Scarce, Short, Want
from stretto.gateway.provider import Caller
from stretto.store import Database

ALIVE_S = 10.0
"""A process that has been silent for so long counts as dead."""
RENEW_S = 1.0
"""How often a process says that it lives, and hears what has changed."""
TICK_S = 0.25
"""How often what is idle is looked for."""
AWAY_S = 5.0
"""So long do calls wait for a database that is away."""
SWEEP_S = 3600.0
WHAT: dict[str, Scarce] = {"requests": "requests", "tokens": "tokens", "bucket": "bucket"}

log = structlog.get_logger(__name__)


class LeasedAdmission:
    """The part of admission that is the same wherever the limits are kept: leases, lines and grants of this process.

    `open` it before use and `close` it after; or use it as `async with`. With `declares` False it goes by the limits that others
    have declared: for a process that only looks, and whose configuration is none.
    """

    def __init__(
        self,
        store: LimitStore,
        config: GatewayConfig,
        *,
        declares: bool = True,
        alive_s: float = ALIVE_S,
        away_s: float = AWAY_S,
    ) -> None:
        self.config = config
        self._declares = declares
        self._alive_s = alive_s
        self._away_s = away_s
        self._store = store
        self._counter = Counter(time.monotonic, self._poke)
        self._poked = asyncio.Event()
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self._since = 0.0
        self._renew_at = 0.0
        self._sweep_at = 0.0
        self._observed: dict[str, Observed] = {}
        self._observe_at = 0.0
        self._names: dict[UUID, str] = {}
        self._month = ""
        self._month_ends = 0.0
        self._unsure = False
        self._away_since: float | None = None

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Make the configuration's limits those that hold, and begin to renew what is leased. Raises a `StoreError`."""
        await self._store.open()
        if self._declares:
            await self._store.declare(declared(self.config), only=True)
        await self._exchange(renew=True)
        self._sweep_at = time.monotonic() + SWEEP_S
        self._task = asyncio.create_task(self._renew(), name="admission")

    async def close(self) -> None:
        """Give everything back. Calls that still wait get `DatabaseUnreachable`."""
        self._closing = True
        self._poke()
        if self._task is not None:
            await self._task
        for waiter in self._counter.waiters():
            self._counter.answer(waiter, DatabaseUnreachable("Admission has been closed. Open it again to use it."))
        try:
            await self._exchange(all_back=True)
        except StoreError as error:
            log.warning(
                "leases could not be given back; they end by themselves", error=str(error), seconds=self._alive_s
            )
        with suppress(StoreError):
            await self._store.close()

    # The port

    async def ask(self, want: Want) -> Grant | Short:
        """Take all that the call needs, or tell what is short. Overtakes nobody who waits for the same."""
        line, money, floor = await self._place(want)
        grant = self._counter.grant(want, line, money, floor)
        if grant is not None:
            return grant
        if self._counter.told_lately(want, line, money, floor):
            return self._counter.short(want, line, money, floor)
        return await self._wait(want, line, money, floor, None)

    async def wait(self, want: Want, limit_s: float) -> Grant | Short:
        """As `ask`, but wait in turn for up to `limit_s`. May be cancelled; then nothing stays taken."""
        if limit_s <= 0:
            return await self.ask(want)
        line, money, floor = await self._place(want)
        grant = self._counter.grant(want, line, money, floor)
        return grant if grant is not None else await self._wait(want, line, money, floor, limit_s)

    def observe(self, deployment: Deployment, limits: ProviderLimits) -> None:
        """Note what a provider said of its limits. A pause that it asks for holds here at once, elsewhere within a second."""
        name = deployment.name
        now = time.monotonic()
        if limits.retry_after_s is not None and limits.retry_after_s > 0:
            requests = self._counter.rate(f"requests:{name}", "requests")
            requests.closed_until = max(requests.closed_until, now + limits.retry_after_s)
        self._note(
            f"requests:{name}",
            limits.requests_limit,
            limits.requests_left,
            limits.requests_reset_s,
            limits.retry_after_s,
        )
        self._note(f"tokens:{name}", limits.tokens_limit, limits.tokens_left, limits.tokens_reset_s, None)
        if limits.retry_after_s is not None:
            self._observe_at = 0.0
            self._poke()

    async def reconfigure(self, config: GatewayConfig) -> None:
        """Make the limits of a new configuration hold, in all processes and at once; levels stay as they are."""
        await self._store.declare(declared(config), only=True)
        self.config = config
        await self._exchange(renew=True, all_back=True)
        self._poke()

    # A call's place

    async def _place(self, want: Want) -> tuple[Line, tuple[Money, ...], float]:
        bucket = want.bucket
        key = (want.deployment.name, "" if bucket is None else bucket.name)
        line = self._counter.lines.get(key)
        if line is None:
            await self._declare_new(want.deployment, bucket)
            line = self._counter.line(want.deployment, bucket)
        floor = 0.0 if bucket is None else floor_of(bucket, urgency(want.caller))
        return line, await self._accounts(want.caller), floor

    async def _declare_new(self, deployment: Deployment, bucket: Bucket | None) -> None:
        """Limits of a deployment that the configuration does not name hold as well."""
        limits = [] if deployment.name in self.config.deployments else limits_of(deployment)
        if bucket is not None and bucket.name not in self.config.buckets:
            limits.append(limit_of(bucket))
        if limits:
            await self._store.declare(limits, only=False)
            await self._exchange(renew=True)

    async def _accounts(self, caller: Caller) -> tuple[Money, ...]:
        limit = await self._month_limit(caller.tenant_id)
        if limit is None and caller.run_budget_usd is None and caller.step_budget_usd is None:
            return ()
        found: list[Money] = []
        if limit is not None:
            found.append(self._counter.account(caller.tenant_id, self._month_name(), "tenant_budget", limit))
        if caller.run_id is not None:
            if caller.run_budget_usd is not None:
                name = run_name(caller)
                found.append(self._counter.account(caller.tenant_id, name, "run_budget", caller.run_budget_usd))
            if caller.step_budget_usd is not None:
                name = step_name(caller)
                found.append(self._counter.account(caller.tenant_id, name, "step_budget", caller.step_budget_usd))
        return tuple(found)

    async def _month_limit(self, tenant_id: UUID) -> Decimal | None:
        budgets = self.config.budgets
        if not budgets.tenants:
            return budgets.month_usd
        name = self._names.get(tenant_id)
        if name is None:
            name = await self._store.tenant_name(tenant_id)
            if name:
                self._names[tenant_id] = name
        return budgets.tenants.get(name, budgets.month_usd)

    def _month_name(self) -> str:
        if time.monotonic() >= self._month_ends:
            year, month = map(int, self._month.split("-"))
            self._month = f"{year + month // 12:04}-{month % 12 + 1:02}"
            self._month_ends = float("inf")  # until the database has been asked, within a second
        return f"month:{self._month}"

    async def _wait(
        self, want: Want, line: Line, money: tuple[Money, ...], floor: float, limit_s: float | None
    ) -> Grant | Short:
        if self._closing or self._task is None:
            raise DatabaseUnreachable("Admission is not open. Use it as `async with Limits(database, config)`.")
        loop = asyncio.get_running_loop()
        size = float(want.input_tokens + want.output_tokens)
        waiter = Waiter(want, line, floor, size, money, time.monotonic(), limit_s is None, loop.create_future())
        self._counter.stand(waiter)
        timer = None if limit_s is None else loop.call_later(limit_s, self._too_long, waiter)
        try:
            return await waiter.future
        except asyncio.CancelledError:
            self._counter.give_up(waiter)
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def _too_long(self, waiter: Waiter) -> None:
        self._counter.answer(waiter, self._counter.short(waiter.want, waiter.line, waiter.money, waiter.floor))

    # The exchange with the database

    def _poke(self) -> None:
        self._poked.set()

    async def _renew(self) -> None:
        """Exchange with the database whenever there is something to give or to take, and to say that this process lives."""
        while not self._closing:
            await self._pause()
            self._counter.serve()
            try:
                await self._tell_observed()
                await self._exchange()
                if time.monotonic() >= self._sweep_at:
                    self._sweep_at = time.monotonic() + SWEEP_S
                    await self._store.sweep()
                self._away_since = None
            except Exception as error:
                await self._away(error)

    async def _pause(self) -> None:
        """Until somebody comes, until what is awaited may be there, or until the next look."""
        now = time.monotonic()
        until = min(max(self._counter.next_at(), now + 0.002), self._renew_at)
        if self._counter.holds_anything:
            until = min(until, now + TICK_S)
        try:
            async with asyncio.timeout(max(0.0, until - now)):
                await self._poked.wait()
        except TimeoutError:
            pass
        self._poked.clear()

    async def _exchange(self, *, renew: bool = False, all_back: bool = False) -> None:
        async with self._turn:
            counter, now = self._counter, time.monotonic()
            if self._unsure:
                await self._store.hold_slots(
                    [(slots.name, slots.held) for slots in counter.slots.values() if slots.capacity]
                )
                self._unsure = False
            asked = Asked()
            owners = counter.asks(asked, all_back=all_back)
            if renew or now >= self._renew_at or self._month_ends == float("inf"):
                asked.alive_s, asked.since = self._alive_s, self._since
                counter.forget_idle()
            if asked.sets or asked.back or asked.money or asked.alive_s is not None:
                await self._carry(asked, owners, now)
            counter.serve()

    async def _carry(self, asked: Asked, owners: list[AskedSet], now: float) -> None:
        counter = self._counter
        counter.booked(asked)
        try:
            reply = await self._store.exchange(asked)
        except Unsure:
            # What was to go back may have gone: it is not used again. Slots are told anew, money counts as spent.
            self._unsure = True
            raise
        except Exception:
            counter.unbooked(asked)
            raise
        self._note_time(reply)
        if asked.alive_s is not None:
            counter.slots_until = now + self._alive_s
            self._renew_at = now + RENEW_S
            self._since = reply.now
        for change in reply.changed:
            self._change(change)
        counter.got(asked, owners, reply)

    def _note_time(self, reply: Reply) -> None:
        self._month = reply.month
        self._month_ends = time.monotonic() + reply.month_s

    def _change(self, change: Changed) -> None:
        now = time.monotonic()
        if change.kind == "slots":
            slots = self._counter.slot(change.name)
            slots.capacity, slots.keep = change.capacity, change.keep
            return
        rate = self._counter.rate(change.name, WHAT[change.name.partition(":")[0]])
        rate.capacity, rate.per_s, rate.level, rate.seen_at = change.capacity, change.per_s, change.level, now
        rate.closed_until = now + change.closed_s if change.closed_s else 0.0
        if change.capacity is None:
            rate.held = 0.0

    async def _away(self, error: Exception) -> None:
        """The database could not be asked: calls wait for it, up to a bound."""
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
            if isinstance(error, StoreError):
                log.warning("limits cannot be renewed; trying again", error=str(error))
            else:
                log.exception("limits could not be renewed; trying again", exc_info=error)
        told = error if isinstance(error, StoreError) else DatabaseUnreachable(f"Limits cannot be read: {error}")
        for waiter in self._counter.waiters():
            if now - max(waiter.since, self._away_since) >= self._away_s:
                self._counter.answer(waiter, told)
        await asyncio.sleep(0.1)

    def costs(
        self, tenant_id: UUID, calls: Iterable[Call], month: str | None = None
    ) -> list[tuple[str, Decimal, bool]]:
        """What calls cost by the budgets that they count for, in the order of these, and whether money of it is held here."""
        costs: dict[str, Decimal] = {}
        for call in calls:
            if not call.cost_usd:
                continue
            caller = call.caller
            names = [f"month:{month or call.at.astimezone(UTC).strftime('%Y-%m')}"]
            if caller.run_id is not None and caller.run_budget_usd is not None:
                names.append(run_name(caller))
            if caller.run_id is not None and caller.step_budget_usd is not None:
                names.append(step_name(caller))
            for name in names:
                costs[name] = costs.get(name, Decimal(0)) + call.cost_usd
        return [(name, cost, (tenant_id, name) in self._counter.money) for name, cost in sorted(costs.items())]

    # What providers say

    def _note(
        self, name: str, limit: float | None, left: float | None, reset_s: float | None, retry_after_s: float | None
    ) -> None:
        if limit is None and left is None and retry_after_s is None:
            return
        rate, before = self._counter.rates.get(name), self._observed.get(name)
        pause = max(retry_after_s or 0.0, (before.retry_after_s or 0.0) if before else 0.0) or None
        if limit is None and before is not None:
            self._observed[name] = Observed(name, before.capacity, before.per_s, before.left, pause)
            return
        per_s = None if limit is None else learned_per_s(limit, left, reset_s)
        self._observed[name] = Observed(name, limit, per_s, left, pause)
        if rate is None or rate.capacity is None:
            self._observe_at = 0.0
            self._poke()

    async def _tell_observed(self) -> None:
        now = time.monotonic()
        if not self._observed or now < self._observe_at:
            return
        self._observe_at = now + RENEW_S
        observed, self._observed = list(self._observed.values()), {}
        try:
            await self._store.observe(observed)
        except StoreError:
            for each in observed:
                self._observed.setdefault(each.name, each)
            raise
        self._renew_at = 0.0


class Limits(LeasedAdmission):
    """Admission with its limits in PostgreSQL, for all processes together.

    A process that was silent for `alive_s` counts as dead; calls wait for a database that is away for up to `away_s`.
    """

    def __init__(
        self,
        database: Database,
        config: GatewayConfig,
        *,
        declares: bool = True,
        alive_s: float = ALIVE_S,
        away_s: float = AWAY_S,
    ) -> None:
        self._postgres = PostgresLimits(database)
        super().__init__(self._postgres, config, declares=declares, alive_s=alive_s, away_s=away_s)

    @property
    def round_trips(self) -> int:
        """How often the database was asked so far."""
        return self._postgres.round_trips

    async def settle_in(self, connection: AsyncConnection[TupleRow], tenant_id: UUID, calls: Sequence[Call]) -> None:
        """Count calls in the transaction that writes them down: add their costs to the tenant's month (of `Call.at`, UTC),
        run and step, and lower what this process holds of these by as much.

        Nothing that the process remembers changes here: what it holds free is what it holds in the database, less what calls
        have reserved, less what is spent and not yet written down. So it does not matter when the transaction
        commits, nor whether it is tried again. Lock order: one tenant after the other by id, if a transaction counts several.
        """
        costs = self.costs(tenant_id, calls)
        if costs:
            await self._postgres.settle_costs(connection, tenant_id, costs)

    async def overview(self, tenant_id: UUID) -> Sequence[LimitNow | BudgetNow]:
        """Every limit and bucket, and the tenant's budgets of this month and of its latest runs, as they are now."""
        rows = await self._postgres.rows(tenant_id)
        return [budget_now(row) if row.kind == "budget" else self._limit_now(row) for row in rows]

    def _limit_now(self, row: Row) -> LimitNow:
        kind, _, name = row.name.partition(":")
        counter, now = self._counter, time.monotonic()
        limit = counter.slots.get(row.name) or counter.rates.get(row.name)
        leased = 0.0 if limit is None else limit.held - getattr(limit, "used", 0)
        here = [
            each.since
            for each in counter.waiters()
            if limit is not None
            and any(
                limit is other for other in (each.line.slots, each.line.tokens, each.line.requests, each.line.bucket)
            )
        ]
        longest = now - min(here, default=now)
        return LimitNow(
            KINDS[kind], name, row.capacity, row.level or 0.0, row.refill_per_minute if row.kind == "rate" else None,
            row.closed_s or 0.0, leased, row.processes, len(here), longest,
        )  # fmt: skip


def run_name(caller: Caller) -> str:
    """Under which a run's budget is kept."""
    return f"run:{caller.run_id}"


def step_name(caller: Caller) -> str:
    """Under which the budget of a step of a run is kept."""
    return f"step:{caller.run_id}/{caller.step_id}"


def limits_of(deployment: Deployment) -> list[Limit]:
    """What a deployment's configuration limits. A rate's capacity is a minute's refill, as providers reckon it themselves."""
    name, limits, found = deployment.name, deployment.limits, list[Limit]()
    if limits.requests_per_minute is not None:
        found.append(
            Limit(f"requests:{name}", "rate", max(1.0, limits.requests_per_minute), limits.requests_per_minute / 60)
        )
    if limits.tokens_per_minute is not None:
        found.append(Limit(f"tokens:{name}", "rate", max(1.0, limits.tokens_per_minute), limits.tokens_per_minute / 60))
    if limits.concurrency is not None:
        found.append(Limit(f"slots:{name}", "slots", limits.concurrency, 0.0))
    return found


def limit_of(bucket: Bucket) -> Limit:
    """A bucket as a limit."""
    return Limit(f"bucket:{bucket.name}", "rate", bucket.capacity, bucket.refill_per_minute / 60)


def declared(config: GatewayConfig) -> list[Limit]:
    """All limits that a configuration declares."""
    limits = [limit for deployment in config.deployments.values() for limit in limits_of(deployment)]
    return limits + [limit_of(bucket) for bucket in config.buckets.values()]


def learned_per_s(limit: float, left: float | None, reset_s: float | None) -> float:
    """How fast a provider's limit fills, from its headers.

    `limit` is per minute, unless what was used takes longer than a minute to come back (OpenAI tells limits per day in the same header:
    `x-ratelimit-reset-requests` is the time until the bucket is full again). Resets under a minute tell nothing: some providers
    round them up to seconds, others tell the end of a fixed window.
    """
    if reset_s is not None and reset_s > 60 and left is not None and left < limit:
        return min(limit / 60, (limit - left) / reset_s)
    return limit / 60
