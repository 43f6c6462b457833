"""The counter of this process: it grants calls out of what the process holds, in turn, and says what is missing.

Nothing here blocks or asks the database; `limits.py` does, with what `Counter.asks` says, and brings the answer to `Counter.got`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from heapq import heapify, heappop, heappush
from itertools import islice
from random import random
from uuid import UUID

from stretto.gateway.admission.exchange import Asked, MoneyAsk, MoneyGot, NeedAsk, NeedGot, Reply, SetAsk
from stretto.gateway.admission.holdings import LEAST_AHEAD, MOST_AHEAD, NEAR, NOTHING, Money, Rate, Slots
from stretto.gateway.admission.line import AGING, Line, Turns, Waiter
from stretto.gateway.admission.rules import short_of, short_of_bucket, urgency
from stretto.gateway.config import Bucket, Deployment
from stretto.gateway.grants import Scarce, Short, Want
from stretto.gateway.provider import TokenCounts

IDLE_S = 1.0
"""What has lain unused for so long goes back."""
POLL_S = 0.1
"""How often slots and money that others hold are asked for again, and how long calls gather that wait for one refill."""
MOST_ASKED = 256
"""The database is asked for at most so many calls of a line at once."""

Lack = Rate | Slots | Money


class LocalGrant:
    """The right to make one call, out of what this process holds."""

    __slots__ = ("_cost", "_counter", "_line", "_money", "_open", "_tokens", "waited_s")

    def __init__(self, counter: Counter, line: Line, tokens: float, money: tuple[Money, ...], cost: Decimal) -> None:
        self.waited_s = 0.0
        self._counter = counter
        self._line = line
        self._tokens = tokens
        self._money = money
        self._cost = cost
        self._open = True

    def settle(self, tokens: TokenCounts, cost_usd: Decimal) -> None:
        """Replace the estimate by what was used. A second time does nothing.

        The request and the bucket's token stay taken: a call that failed without a count was made all the same.
        """
        if self._open:
            self._open = False
            line = self._line
            line.tokens.correct(self._tokens - tokens.all_input - tokens.output)
            for money in self._money:
                money.free += self._cost - cost_usd
                money.calls -= 1
            self._counter.freed(line)

    def undo(self) -> None:
        """The call was given up before its caller learnt of the grant: all goes back, its request too."""
        if self._open:
            self._line.requests.correct(1)
            if self._line.bucket is not None:
                self._line.bucket.correct(1)
            self.settle(TokenCounts(), NOTHING)


@dataclass(frozen=True, slots=True)
class AskedSet:
    """Whose set it was."""

    line: Line
    floor: float


class Counter:
    """What this process holds, and who waits. `clock` is monotonic; `poke` has the database asked soon."""

    def __init__(self, clock: Callable[[], float], poke: Callable[[], None]) -> None:
        self.rates: dict[str, Rate] = {}
        self.slots: dict[str, Slots] = {}
        self.money: dict[tuple[UUID, str], Money] = {}
        self.lines: dict[tuple[str, str], Line] = {}
        self.turns = Turns()
        self.waiting = 0
        self.slots_until = 0.0
        """Until then the database counts this process among the living, so that its slots are its own."""
        self._clock = clock
        self._poke = poke
        self._serving = False
        self._once: list[Waiter] = []
        self._asking: list[Waiter] = []

    # What there is

    def rate(self, name: str, what: Scarce) -> Rate:
        """The rate of this name; without a limit until one is known."""
        found = self.rates.get(name)
        if found is None:
            found = self.rates[name] = Rate(name, what)
        return found

    def slot(self, name: str) -> Slots:
        """The slots of this name; without a limit until one is known."""
        found = self.slots.get(name)
        if found is None:
            found = self.slots[name] = Slots(name)
        return found

    def line(self, deployment: Deployment, bucket: Bucket | None) -> Line:
        """Where calls of this deployment and bucket stand."""
        key = (deployment.name, bucket.name if bucket is not None else "")
        found = self.lines.get(key)
        if found is None:
            name = deployment.name
            found = self.lines[key] = Line(
                self.rate(f"requests:{name}", "requests"),
                self.rate(f"tokens:{name}", "tokens"),
                self.slot(f"slots:{name}"),
                self.rate(f"bucket:{bucket.name}", "bucket") if bucket is not None else None,
            )
        return found

    def account(self, tenant_id: UUID, name: str, what: Scarce, limit_usd: Decimal) -> Money:
        """What is held of a budget."""
        found = self.money.get((tenant_id, name))
        if found is None:
            found = self.money[tenant_id, name] = Money(tenant_id, name, what, limit_usd)
        if found.limit_usd != limit_usd:
            found.limit_usd, found.left, found.try_at = limit_usd, None, 0.0  # what is left of it now is to be asked
        return found

    # Granting

    def grant(self, want: Want, line: Line, money: tuple[Money, ...], floor: float) -> LocalGrant | None:
        """Take all that a call needs, or nothing. Who waits for the same is not overtaken."""
        if line:
            # Every eighth turn belongs to who has waited longest, also when more urgent calls find room at once.
            if line.stood_before(urgency(want.caller)) or line.turns % AGING == AGING - 1:
                return None
        elif self.waiting and line.stood_before(urgency(want.caller)):
            return None
        now = self._clock()
        if self._lack(want, line, money, floor, now) is not None:
            return None
        line.turns += 1
        return self._take(want, line, money, floor, now)

    def _lack(self, want: Want, line: Line, money: tuple[Money, ...], floor: float, now: float) -> Lack | None:
        bucket, slots = line.bucket, line.slots
        if bucket is not None and bucket.lacks(1.0, floor, now):
            return bucket
        if line.requests.lacks(1.0, 0.0, now):
            return line.requests
        if line.tokens.lacks(want.input_tokens + want.output_tokens, 0.0, now):
            return line.tokens
        if slots.capacity is not None and (slots.held <= slots.used or now > self.slots_until):
            return slots
        for account in money:
            if want.cost_usd > 0 and account.free < want.cost_usd:
                return account
        return None

    def _take(self, want: Want, line: Line, money: tuple[Money, ...], floor: float, now: float) -> LocalGrant:
        if line.bucket is not None:
            line.bucket.take(1.0, floor, now)
        line.requests.take(1.0, 0.0, now)
        tokens = line.tokens.take(want.input_tokens + want.output_tokens, 0.0, now)
        line.slots.used += 1
        line.slots.used_at = now
        for account in money:
            account.free -= want.cost_usd
            account.calls += 1
            account.used_at = now
        return LocalGrant(self, line, tokens, money, want.cost_usd)

    def told_lately(self, want: Want, line: Line, money: tuple[Money, ...], floor: float) -> bool:
        """Whether the database has just said that a call like this cannot go, so that asking it again is pointless."""
        now = self._clock()
        if line.stood_before(urgency(want.caller)) and line.try_at.get(floor, 0.0) > now:
            return True
        if line.slots.lacks() and line.slots.not_before > now:
            return True
        return any(
            account.free < want.cost_usd
            and account.try_at > now
            and (account.left is None or account.left + account.free < want.cost_usd)  # a larger call may have asked
            for account in money
        )

    def freed(self, line: Line) -> None:
        """A call has ended: whoever waits may go."""
        if line.slots.free(self._clock()):
            # What went back is for others: this process stands back for a moment.
            line.slots.not_before = self._clock() + 2 * POLL_S
            self._poke()
        if self.waiting and not self._serving:
            self._serving = True
            asyncio.get_running_loop().call_soon(self.serve)

    # Waiting

    def stand(self, waiter: Waiter) -> None:
        """Put a call in line."""
        want, line = waiter.want, waiter.line
        waiter.order = self.turns.tag(want)
        line.add(waiter)
        self.waiting += 1
        if waiter.once:
            self._once.append(waiter)
        blocked_until = line.try_at.get(waiter.floor, 0.0)
        if waiter.once:
            line.try_at.pop(waiter.floor, None)
        elif line.head() is waiter and blocked_until:
            line.try_at[waiter.floor] = min(blocked_until, self._clock() + self._soonest_s(waiter))
        self._poke()

    def answer(self, waiter: Waiter, outcome: LocalGrant | Short | Exception) -> None:
        """Give a waiting call its answer."""
        if waiter.over:
            return
        if isinstance(outcome, Exception):
            waiter.future.set_exception(outcome)
        else:
            if isinstance(outcome, LocalGrant):
                outcome.waited_s = self._clock() - waiter.since
            waiter.future.set_result(outcome)
        self._gone(waiter)

    def give_up(self, waiter: Waiter) -> None:
        """The caller is gone; nothing stays taken."""
        future = waiter.future
        if not future.done() or future.cancelled():
            future.cancel()
            self._gone(waiter)
        elif future.exception() is None and isinstance(outcome := future.result(), LocalGrant):
            outcome.undo()

    def _gone(self, waiter: Waiter) -> None:
        waiter.line.left(waiter)
        self.waiting -= 1
        if not self.waiting:
            self.turns.forget()

    def waiters(self) -> Iterable[Waiter]:
        """All who wait."""
        return [each for line in self.lines.values() for _, each in line.heap if not each.over]

    def serve(self) -> None:
        """Grant to those who wait what there is, in turn."""
        self._serving = False
        if not self.waiting:
            return
        now = self._clock()
        blocked: dict[int, float] = {}
        aside: list[Waiter] = []
        turn = [(head.order, index, line) for index, line in enumerate(self.lines.values()) if (head := line.head())]
        heapify(turn)
        while turn:
            _, index, line = heappop(turn)
            if self._serve_one(line, now, blocked, aside) and (head := line.head()):
                heappush(turn, (head.order, index, line))
        for waiter in aside:
            heappush(waiter.line.heap, (waiter.order, waiter))
        for waiter in [each for each in self._once if each.asked]:
            self.answer(waiter, self.short(waiter.want, waiter.line, waiter.money, waiter.floor))
        self._once = [each for each in self._once if not each.over]

    def _serve_one(self, line: Line, now: float, blocked: dict[int, float], aside: list[Waiter]) -> bool:
        """Serve the one whose turn it is. False: what the line waits for is not there."""
        oldest = line.oldest() if line.turns % AGING == AGING - 1 else None
        if oldest is not None and self._try(oldest, now, blocked) is None:
            return True
        waiter = line.head()
        if waiter is None:
            return False
        lack = self._try(waiter, now, blocked)
        if lack is None:
            return True
        if isinstance(lack, Money):
            # Only this call lacks it: those behind may go.
            heappop(line.heap)
            if lack.left is not None and lack.left < waiter.want.cost_usd and lack.hopeless:
                self.answer(waiter, self._short_of_money(lack, waiter.want))
            else:
                aside.append(waiter)
            return True
        blocked[id(lack)] = min(waiter.floor, blocked.get(id(lack), waiter.floor))
        return False

    def _try(self, waiter: Waiter, now: float, blocked: dict[int, float]) -> Lack | None:
        line, floor = waiter.line, waiter.floor
        for limit in (line.bucket, line.requests, line.tokens, line.slots):
            if limit is not None and id(limit) in blocked and (blocked[id(limit)] <= floor or limit is not line.bucket):
                return limit
        lack = self._lack(waiter.want, line, waiter.money, floor, now)
        if lack is None:
            line.turns += 1
            self.turns.served(waiter.order)
            self.answer(waiter, self._take(waiter.want, line, waiter.money, floor, now))
        return lack

    # Saying what is short

    def short(self, want: Want, line: Line, money: tuple[Money, ...], floor: float) -> Short:
        """Why a call cannot go now."""
        now, size = self._clock(), want.input_tokens + want.output_tokens
        bucket, slots = want.bucket, line.slots
        # What a process does not hold is not short while the database has it: then something else kept the call back.
        if line.bucket is not None and bucket is not None and (wait_s := self._short_s(line.bucket, 1.0, floor, now)):
            return short_of_bucket(bucket, urgency(want.caller), line.bucket.level_now(now), wait_s)
        for rate, amount in ((line.requests, 1.0), (line.tokens, size)):
            if wait_s := self._short_s(rate, amount, 0.0, now):
                return short_of(rate.what, want.deployment.name, wait_s)
        for account in money:
            if account.free < want.cost_usd and (account.left is None or account.left + account.free < want.cost_usd):
                return self._short_of_money(account, want)
        if slots.capacity is not None and slots.held - slots.used < 1:
            return short_of("concurrency", want.deployment.name, POLL_S)
        if line.bucket is not None and bucket is not None and any(line.bucket.waiting):
            wait_s = line.bucket.soonest_s(1.0, floor, now)
            return short_of_bucket(bucket, urgency(want.caller), line.bucket.level_now(now), wait_s)
        return short_of("requests", want.deployment.name, line.requests.soonest_s(1.0, 0.0, now))

    @staticmethod
    def _short_s(rate: Rate, amount: float, floor: float, now: float) -> float:
        """How long until a rate has what a call needs; 0 if it has it, here or in the database."""
        return rate.soonest_s(amount, floor, now) if rate.lacks(amount, floor, now) else 0.0

    @staticmethod
    def _short_of_money(account: Money, want: Want) -> Short:
        left = max(account.left or NOTHING, NOTHING) + max(account.free, NOTHING)
        whose = {"tenant_budget": "The tenant's month", "run_budget": "The run", "step_budget": "The step"}[
            account.what
        ]
        reason = (
            f"{whose} has {left:.6f} of {account.limit_usd} US dollars left, and the call needs {want.cost_usd:.6f}. "
            "Raise the budget, or ask for less."
        )
        return Short(account.what, reason, None if account.hopeless else 2.0)

    def _soonest_s(self, waiter: Waiter) -> float:
        want, line, now = waiter.want, waiter.line, self._clock()
        lack = self._lack(want, line, waiter.money, waiter.floor, now)
        if isinstance(lack, Rate):
            amount = want.input_tokens + want.output_tokens if lack is line.tokens else 1.0
            return lack.soonest_s(amount, waiter.floor if lack is line.bucket else 0.0, now)
        return 0.0 if lack is None else POLL_S

    # What to ask the database

    def asks(self, asked: Asked, *, all_back: bool = False) -> list[AskedSet]:
        """Put down what goes back and what those who wait need; `booked` takes the first off what is held."""
        now = self._clock()
        self._asking = []
        self._give_back(asked, now, all_back)
        if all_back:
            return []
        accounts: dict[tuple[UUID, str], tuple[Decimal, Decimal]] = {}
        owners: list[AskedSet] = []
        drafts: list[tuple[list[Waiter], AskedSet]] = []
        lines = sorted((head.order, n, line) for n, line in enumerate(self.lines.values()) if (head := line.head()))
        for _, _, line in lines:
            classes: dict[float, list[Waiter]] = {}
            for _, waiter in islice(line.heap, MOST_ASKED):
                if not waiter.over and self._due_at(waiter) <= now:
                    classes.setdefault(waiter.floor, []).append(waiter)
            for floor, waiters in sorted(classes.items()):
                drafts.append((sorted(waiters, key=lambda each: each.order), AskedSet(line, floor)))
        for waiters, _ in drafts:
            for waiter in waiters:
                for account in waiter.money:
                    key = (account.tenant_id, account.name)
                    least, total = accounts.get(key, (NOTHING, NOTHING))
                    if waiter.want.cost_usd > 0 and now >= account.try_at:
                        accounts[key] = (least or waiter.want.cost_usd, total + waiter.want.cost_usd)
        index = self._ask_money(asked, accounts)
        for waiters, owner in drafts:
            line = owner.line
            closed = max(rate.closed_until for rate in (line.requests, line.tokens, line.bucket) if rate is not None)
            if closed > now:
                line.try_at[owner.floor] = closed
                for waiter in waiters:
                    waiter.asked = True
                continue
            self._asking += [waiter for waiter in waiters if waiter.once]
            head = waiters[0]
            money = tuple(index[a.tenant_id, a.name] for a in head.money if (a.tenant_id, a.name) in index)
            asked.sets.append(SetAsk(money, tuple(self._needs(waiters, owner, now))))
            owners.append(owner)
        return owners

    @staticmethod
    def _due_at(waiter: Waiter) -> float:
        """When the database should be asked for this call."""
        line, cost = waiter.line, waiter.want.cost_usd
        due = max(line.try_at.get(waiter.floor, 0.0), line.slots.not_before)
        for account in waiter.money:
            if account.free < cost:
                due = max(due, account.try_at)
        return due

    def _ask_money(
        self, asked: Asked, accounts: dict[tuple[UUID, str], tuple[Decimal, Decimal]]
    ) -> dict[tuple[UUID, str], int]:
        """Ask for what is lacking of budgets; returns where in `asked.money` each one stands."""
        places = {(ask.tenant_id, ask.name): n for n, ask in enumerate(asked.money)}
        wanted: dict[tuple[UUID, str], int] = {}
        for key, (first, total) in accounts.items():
            account = self.money[key]
            back = asked.money[places[key]].back if key in places else NOTHING
            free = account.free - back
            if total <= free:
                continue
            least = first - free if first > free else min(total - free, first)
            most = max(least, total - free + account.ahead * first)
            ask = MoneyAsk(key[0], key[1], account.limit_usd, least, most, back, first)
            if key in places:
                asked.money[places[key]] = ask
            else:
                places[key] = len(asked.money)
                asked.money.append(ask)
            if first > free:
                wanted[key] = places[key]
        return wanted

    def _needs(self, waiters: list[Waiter], owner: AskedSet, now: float) -> list[NeedAsk]:
        line, floor = owner.line, owner.floor
        head, needs = waiters[0], list[NeedAsk]()
        size = head.want.input_tokens + head.want.output_tokens
        sizes = sum(each.want.input_tokens + each.want.output_tokens for each in waiters)
        bucket = head.want.bucket
        wanted = [
            (line.requests, 1.0, float(len(waiters)), 0.0, 0.0),
            (line.tokens, float(size), float(sizes), 0.0, 0.0),
        ]
        if line.bucket is not None and bucket is not None:
            wanted.append((line.bucket, 1.0, float(len(waiters)), floor, bucket.reserve))
        for rate, first, total, leave, reserve in wanted:
            if rate.lacks(first, leave, now) or (rate.capacity is not None and rate.held + NEAR < total):
                least = max(0.0, rate.fit(first, leave) - rate.held)
                needs.append(
                    NeedAsk(rate.name, least, max(total, least + rate.held), rate.held, rate.ahead, leave, reserve)
                )
        slots = line.slots
        if slots.capacity is not None and (slots.held - slots.used < len(waiters) or now > self.slots_until):
            free = float(max(0, slots.held - slots.used))
            needs.append(NeedAsk(slots.name, 0.0 if free else 1.0, float(len(waiters)), free, float(slots.ahead)))
        return needs

    def _give_back(self, asked: Asked, now: float, all_back: bool) -> None:
        """What is idle, beyond the lease ahead, or owed."""
        idle_s = 0.0 if all_back else IDLE_S
        lines = (
            [line for line in self.lines.values() if line.head() is not None] if self.waiting and not all_back else []
        )
        needed = {id(limit) for line in lines for limit in (line.requests, line.tokens, line.slots, line.bucket)}
        for rate in self.rates.values():
            surplus = 0.0 if id(rate) in needed else rate.surplus(now, idle_s)
            if surplus or rate.back:
                asked.back.append((rate.name, surplus + rate.back))
        for slots in self.slots.values():
            surplus = 0 if id(slots) in needed else slots.surplus(now, idle_s)
            if surplus or slots.back:
                asked.back.append((slots.name, float(surplus + slots.back)))
        for key, account in self.money.items():
            if account.free < 0 or (account.free > 0 and (all_back or now - account.used_at > IDLE_S)):
                asked.money.append(MoneyAsk(*key, account.limit_usd, NOTHING, NOTHING, account.free))

    def booked(self, asked: Asked) -> None:
        """What goes back is on its way: it is no longer this process's."""
        for name, amount in asked.back:
            if rate := self.rates.get(name):
                rate.held -= amount - rate.back
                rate.back = 0.0
            elif slots := self.slots.get(name):
                slots.held -= int(amount) - slots.back
                slots.back = 0
        for ask in asked.money:
            self.money[ask.tenant_id, ask.name].free -= ask.back

    def unbooked(self, asked: Asked) -> None:
        """It never went."""
        for name, amount in asked.back:
            if rate := self.rates.get(name):
                rate.back += amount
            elif slots := self.slots.get(name):
                slots.back += int(amount)
        for ask in asked.money:
            self.money[ask.tenant_id, ask.name].free += ask.back

    def got(self, asked: Asked, owners: list[AskedSet], reply: Reply) -> None:
        """Take what the database gave, serve those who wait, and note when to ask again."""
        now = self._clock()
        for ask, money in zip(asked.money, reply.money, strict=True):
            self._got_money(self.money[ask.tenant_id, ask.name], ask, money, now)
        for waiter in self._asking:
            waiter.asked = True
        contested: set[AskedSet] = set()
        for owner, needs in zip(owners, reply.sets, strict=True):
            for need in needs:
                self._got_need(need, now)
                if need.others:
                    contested.add(owner)
        self.serve()
        now = self._clock()
        for owner in owners:
            owner.line.try_at.pop(owner.floor, None)
            left = [each for _, each in owner.line.heap if not each.over and each.floor == owner.floor]
            if left:
                pause = min(self._soonest_s(min(left, key=lambda each: each.order)), 60.0)
                # Many that wait for one refill are asked for together; who shares it with others asks at odd times.
                pause = max(
                    pause, min(POLL_S, self._all_s(owner.line, left)), POLL_S / 4 if owner in contested else 0.005
                )
                owner.line.try_at[owner.floor] = now + pause * (1 + 0.2 * random())

    @staticmethod
    def _all_s(line: Line, waiters: list[Waiter]) -> float:
        """How long the slowest rate takes to bring what all of them need."""
        per_s = [rate.per_s for rate in (line.requests, line.bucket) if rate is not None and rate.per_s]
        return len(waiters) / min(per_s) if per_s else POLL_S

    @staticmethod
    def _got_money(account: Money, ask: MoneyAsk, got: MoneyGot, now: float) -> None:
        account.free += got.taken
        account.left = got.left - got.taken
        account.others = got.held + got.taken
        account.try_at = now + POLL_S if ask.least > 0 and not got.taken else 0.0
        if got.taken:
            # Money that is used up quickly is leased for more calls at once.
            account.ahead = min(account.ahead * 2, MOST_AHEAD) if now - account.leased_at < IDLE_S else LEAST_AHEAD
            account.used_at = account.leased_at = now

    def _got_need(self, need: NeedGot, now: float) -> None:
        if rate := self.rates.get(need.name):
            rate.held += need.taken
            rate.level = need.level - need.taken
            rate.seen_at = now
            rate.capacity, rate.per_s = need.capacity, need.per_s
            rate.closed_until = now + need.closed_s if need.closed_s else 0.0
            if need.taken:
                rate.used_at = now
        elif slots := self.slots.get(need.name):
            slots.held += int(need.taken)
            slots.capacity, slots.keep = need.capacity, need.keep
            if need.taken:
                slots.used_at = now

    def next_at(self) -> float:
        """When the database should be asked next for those who wait."""
        heaps = (islice(line.heap, MOST_ASKED) for line in self.lines.values())
        return min((self._due_at(each) for heap in heaps for _, each in heap if not each.over), default=float("inf"))

    @property
    def holds_anything(self) -> bool:
        """Whether there may be something to give back."""
        return (
            any(rate.held or rate.back for rate in self.rates.values())
            or any(slots.held > slots.used or slots.back for slots in self.slots.values() if slots.capacity is not None)
            or any(account.free for account in self.money.values())
        )

    def forget_idle(self) -> None:
        """Drop the budgets that nobody uses any more, so that runs of the past take no memory."""
        now = self._clock()
        used = {id(account) for each in self.waiters() for account in each.money}
        for key, account in list(self.money.items()):
            if not account.calls and not account.free and now - account.used_at > 10 and id(account) not in used:
                del self.money[key]
