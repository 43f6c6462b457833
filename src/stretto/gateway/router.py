"""Which deployments may answer a request, the best first."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from stretto.errors import ContextTooLong, ModelRefused
from stretto.gateway.calls import Prices
from stretto.gateway.config import Breaker, Deployment, GatewayConfig, Route, Tier
from stretto.gateway.health import Health
from stretto.gateway.provider import TokenCounts
from stretto.gateway.routing import Choice, Need

UNKNOWN_TTFT_S = 0.0
"""A deployment that has not been asked yet counts as the quickest, so that it is asked."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How a deployment is doing, for people. Times in seconds."""

    deployment: str
    state: str
    rests_s: float
    error_rate: float
    ttft_s: float | None
    ttft_p95_s: float | None
    calls: int
    failures: int
    last_error: str


@dataclass(slots=True)
class Rotation:
    """Smooth weighted round robin, as nginx does it: over a full cycle each gets exactly its share, evenly spread."""

    credit: dict[str, float] = field(default_factory=dict[str, float])

    def order(self, names: Sequence[str], weights: Sequence[float]) -> list[int]:
        """The places of the names, the one whose turn it is first, the others by their credit."""
        total = sum(weights)
        credit = self.credit
        for name, weight in zip(names, weights, strict=True):
            credit[name] = credit.get(name, 0.0) + weight
        places = sorted(range(len(names)), key=lambda place: -credit[names[place]])
        credit[names[places[0]]] -= total
        return places


class WeighingRouter:
    """The `Router`. A tier is chosen by complexity; in the tier, deployments are ordered as the route prefers.

    `latency` takes the lesser of the moving averages of first-token times, made longer by the rate of errors: a deployment
    of which half the calls fail counts as twice as slow. `cost` takes the lesser estimate. Health is kept by deployment,
    also over a new configuration as long as the deployment stays equal.
    """

    def __init__(self, config: GatewayConfig, prices: Prices, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._health: dict[str, tuple[Deployment, Health]] = {}
        self._rotations: dict[tuple[str, int], Rotation] = {}
        self._config = config
        self._prices = prices
        self.reconfigure(config, prices)

    def reconfigure(self, config: GatewayConfig, prices: Prices) -> None:
        """Go by another configuration from now on."""
        self._prices = prices
        before = self._health
        self._health = {}
        for deployment in config.deployments.values():
            known = before.get(deployment.name)
            health = known[1] if known is not None and known[0] == deployment else Health(config.breaker)
            health.breaker = config.breaker
            self._health[deployment.name] = (deployment, health)
        self._config = config
        self._rotations.clear()

    def choose(self, route: Route, need: Need) -> list[Choice]:
        """Deployments that can answer, the best first; see `Router`."""
        now = self._clock()
        able: list[Choice] = []
        lacking: list[str] = []
        for number, tier in self._tiers_for(route, need):
            for deployment in self._ordered(route, number, tier, need):
                lack = lacks(deployment, need)
                if lack:
                    lacking.append(lack)
                elif self._health_of(deployment).may_begin(now):
                    able.append(self._choice(route, number, deployment, need))
                else:
                    lacking.append("")
        if not able and lacking and all(lacking):
            self._refuse(route, need, lacking)
        return able

    def _tiers_for(self, route: Route, need: Need) -> list[tuple[int, Tier]]:
        numbered = list(enumerate(route.tiers))
        # Classical methods know themselves what they can answer: they come first, and complexity chooses among the rest.
        own = [each for each in numbered if each[1].is_classical]
        rest = [each for each in numbered if not each[1].is_classical]
        first = next((n for n, (_, tier) in enumerate(rest) if need.complexity <= tier.max_complexity), len(rest) - 1)
        return [*own, *rest[first:], *reversed(rest[:first])] if rest else own

    def _ordered(self, route: Route, number: int, tier: Tier, need: Need) -> list[Deployment]:
        held = tier.deployments
        if len(held) == 1:
            return [held[0].deployment]
        names = [weighted.deployment.name for weighted in held]
        rotation = self._rotations.setdefault((route.name, number), Rotation())
        places = rotation.order(names, [weighted.weight for weighted in held])
        deployments = [held[place].deployment for place in places]
        match route.prefer:
            case "cost":
                deployments.sort(key=lambda deployment: self._cost(deployment, need))
            case "latency":
                deployments.sort(key=self._slowness)
            case "weight":
                pass
        return deployments

    def _slowness(self, deployment: Deployment) -> float:
        health = self._health_of(deployment)
        return (UNKNOWN_TTFT_S if health.ttft_s is None else health.ttft_s) / (1.0 - min(health.error_rate, 0.99))

    def _cost(self, deployment: Deployment, need: Need) -> Decimal:
        return self._prices.cost(deployment, TokenCounts(input=need.input_tokens, output=need.output_tokens))

    def _choice(self, route: Route, number: int, deployment: Deployment, need: Need) -> Choice:
        why = f"Tier {number + 1} of {route.name}, complexity {need.complexity:.2f}." if len(route.tiers) > 1 else ""
        return Choice(deployment, number, self._cost(deployment, need), why)

    def _refuse(self, route: Route, need: Need, lacking: Sequence[str]) -> None:
        reasons = " ".join(dict.fromkeys(lacking))
        if all("tokens" in lack for lack in lacking):
            raise ContextTooLong(
                f"The request has about {need.input_tokens} tokens, and its answer may have {need.output_tokens}, more "
                f"than any deployment of the route {route.name!r} can take. {reasons} Send less, or ask for less."
            )
        raise ModelRefused(f"No deployment of the route {route.name!r} can answer this request. {reasons}")

    def _health_of(self, deployment: Deployment) -> Health:
        # A call that began under an older configuration may end after its deployment has gone: nobody asks for that health.
        known = self._health.get(deployment.name)
        return Health(Breaker()) if known is None else known[1]

    def begins(self, deployment: Deployment) -> bool:
        """Note that a call begins, if one may."""
        return self._health_of(deployment).begins(self._clock())

    def spoke(self, deployment: Deployment) -> None:
        """Note that an answer has begun."""
        self._health_of(deployment).spoke()

    def succeeded(self, deployment: Deployment, ttft_s: float | None, duration_s: float) -> None:
        """Note a call that ended well."""
        self._health_of(deployment).succeeded(ttft_s)

    def failed(self, deployment: Deployment, error: BaseException) -> None:
        """Note a call that failed."""
        self._health_of(deployment).failed(error, self._clock())

    def gave_up(self, deployment: Deployment) -> None:
        """Note a call that was cancelled."""
        self._health_of(deployment).gave_up()

    def resting(self, route: Route) -> str:
        """Which of a route's deployments rest, after what, and for how long, in words."""
        now = self._clock()
        held = [weighted.deployment for tier in route.tiers for weighted in tier.deployments]
        told = [(each.name, self._health_of(each)) for each in held]
        return ", ".join(
            f"{name} after {health.last_error or 'a limit of its rate'} for {max(health.rests_until - now, 0.0):.0f} s"
            for name, health in told
            if not health.may_begin(now)
        )

    def hedge_after_s(self, route: Route, deployment: Deployment) -> float | None:
        """The route's percentile of the deployment's first-token times, once enough of them are known."""
        if route.hedge is None:
            return None
        after_s = self._health_of(deployment).percentile_s(route.hedge.percentile)
        return None if after_s is None else max(after_s, route.hedge.least_s)

    def overview(self) -> list[Condition]:
        """How every deployment is doing."""
        now = self._clock()
        return [
            Condition(
                deployment=deployment.name,
                state=health.state(now),
                rests_s=max(health.rests_until - now, 0.0),
                error_rate=health.error_rate,
                ttft_s=health.ttft_s,
                ttft_p95_s=health.percentile_s(95.0),
                calls=health.calls,
                failures=health.failures,
                last_error=health.last_error,
            )
            for deployment, health in self._health.values()
        ]


def lacks(deployment: Deployment, need: Need) -> str:
    """What a deployment lacks for a request, in words; nothing when it can answer."""
    name = deployment.name
    if deployment.is_classical and not need.method:
        return f"{name} answers only what classical methods do well."
    if need.tools and not deployment.tools:
        return f"{name} cannot call tools."
    if need.vision and not deployment.vision:
        return f"{name} cannot see images."
    if need.logprobs and not deployment.logprobs:
        return f"{name} gives no log-probabilities."
    if deployment.context_tokens is not None and need.input_tokens >= deployment.context_tokens:
        return f"{name} reads {deployment.context_tokens} tokens."
    return ""
