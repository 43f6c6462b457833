"""What is done with a call when something that it needs is short: the ladder of its route, rung by rung.

Deployments that do equally well stand in for one another without a word. Only when none of them is free does the ladder
begin: `cheaper` takes a deployment of another tier that costs no more; `cache` takes an answer kept for an equal request,
even one that asks for variety; `wait` takes the call's turn in the queue; `defer` puts the work off; `skip` leaves it out;
`reject` says no.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from stretto.errors import BudgetExceeded, LimitReached, WorkDeferred, WorkSkipped
from stretto.gateway.answers import Answer
from stretto.gateway.call import Admitted
from stretto.gateway.config import LADDERS, GatewayConfig, Route, Rung
from stretto.gateway.grants import Admission, Short, Want
from stretto.gateway.provider import ModelRequest, Outcome
from stretto.gateway.routing import Choice, Need

MONEY = frozenset({"tenant_budget", "run_budget", "step_budget"})
DEFER_S = 60.0
"""So long is work put off when nobody knows better."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer of the cache stands in for a call."""

    answer: Answer
    reason: str


@dataclass(slots=True)
class Ladder:
    """Admits one call to one of the deployments that could answer it."""

    admission: Admission
    config: GatewayConfig
    route: Route
    need: Need
    request: ModelRequest
    from_cache: Callable[[], Awaitable[Answer | None]]

    async def climb(self, choices: Sequence[Choice]) -> Admitted | Kept:
        """Admission to the best of these that is to be had, or what stands in for it.

        Raises `WorkDeferred`, `WorkSkipped`, `BudgetExceeded` or `LimitReached` as the ladder says.
        """
        wanted, *others = choices
        short = await self.ask(wanted)
        if isinstance(short, Admitted):
            return short
        if short.what != "bucket":
            for choice in others:
                if choice.tier == wanted.tier and isinstance(got := await self.ask(choice), Admitted):
                    return got
        for rung in self.rungs:
            got = await self._try(rung, short, wanted, others)
            if isinstance(got, Short):
                short = got
            elif got is not None:
                return got
        raise self._rejected(short)

    async def stand_in(self, choices: Sequence[Choice]) -> Admitted | None:
        """Admission to one of these in the place of a deployment that failed; waits where that is allowed."""
        first: Short | None = None
        for choice in choices:
            got = await self.ask(choice, because="Another deployment failed.")
            if isinstance(got, Admitted):
                return got
            first = first or got
        if first is None or "wait" not in self.rungs or not self._may_wait(first):
            return None
        got = await self._wait(first, choices[0])
        return got if isinstance(got, Admitted) else None

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """The ladder that holds for this call."""
        return self.route.when_short or LADDERS[min(max(self.request.caller.priority, 0), 3)]

    async def ask(self, choice: Choice, outcome: Outcome = "admitted", because: str = "") -> Admitted | Short:
        """Ask for one deployment, now."""
        got = await self.admission.ask(self._want(choice))
        return got if isinstance(got, Short) else Admitted(choice, got, outcome, f"{because} {choice.why}".strip())

    async def _try(
        self, rung: Rung, short: Short, wanted: Choice, others: Sequence[Choice]
    ) -> Admitted | Kept | Short | None:
        match rung:
            case "cheaper":
                return await self._take_cheaper(short, wanted, others)
            case "cache":
                answer = await self.from_cache()
                return None if answer is None else Kept(answer, short.reason)
            case "wait":
                return await self._wait(short, wanted) if self._may_wait(short) else None
            case "defer" if self._may_put_off(short):
                error = WorkDeferred(f"{short.reason} The work is put off.")
                error.retry_after_s = short.in_s or DEFER_S
                raise error
            case "skip" if self._may_put_off(short):
                raise WorkSkipped(f"{short.reason} The work is left out.")
            case "reject":
                raise self._rejected(short)
            case _:
                return None

    async def _take_cheaper(self, short: Short, wanted: Choice, others: Sequence[Choice]) -> Admitted | None:
        if short.what == "bucket":  # which is the route's, whatever deployment answers
            return None
        for choice in others:
            if choice.cost_usd <= wanted.cost_usd and (choice.tier != wanted.tier or short.what in MONEY):
                got = await self.ask(choice, "cheaper", short.reason)
                if isinstance(got, Admitted):
                    return got
        return None

    async def _wait(self, short: Short, wanted: Choice) -> Admitted | Short:
        got = await self.admission.wait(self._want(wanted), self.config.wait_s)
        if isinstance(got, Short):
            return got
        return Admitted(wanted, got, "waited", f"{short.reason} {wanted.why}".strip())

    def _may_wait(self, short: Short) -> bool:
        if short.what in MONEY:  # held by calls under way, it may be there again soon; what is spent never is
            return short.in_s is not None and short.in_s <= self.config.wait_s
        return short.rule in (None, "wait")

    def _may_put_off(self, short: Short) -> bool:
        """Money of a run or step does not grow; that of a tenant does each month, so the route may say to put off."""
        return short.what not in MONEY or (short.what == "tenant_budget" and self.route.when_short is not None)

    def _rejected(self, short: Short) -> BudgetExceeded | LimitReached:
        if short.what in MONEY:
            return BudgetExceeded(short.reason)
        error = LimitReached(f"{short.reason} Try again later, or raise the limit in stretto.yaml.")
        error.retry_after_s = short.in_s
        return error

    def _want(self, choice: Choice) -> Want:
        return Want(
            caller=self.request.caller,
            deployment=choice.deployment,
            input_tokens=self.need.input_tokens,
            output_tokens=self.need.output_tokens,
            cost_usd=choice.cost_usd,
            bucket=None if self.route.bucket is None else self.config.buckets[self.route.bucket],
        )
