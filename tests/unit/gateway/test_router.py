"""Which deployment is chosen, and when one is left alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.errors import (
    ContextTooLong,
    ModelBroken,
    ModelKeyRefused,
    ModelOverloaded,
    ModelRateLimited,
    ModelRefused,
)
from stretto.gateway.config import (
    Breaker,
    Deployment,
    GatewayConfig,
    Hedge,
    Price,
    Provider,
    Route,
    Tier,
    Weighted,
    with_classical,
)
from stretto.gateway.router import WeighingRouter
from stretto.gateway.routing import Need
from stretto.testing import FixedPrices

HERE = Provider("here", "openai", headers={"x-a": "b"})
EASY, HARD = Need(100, 100, 0.1), Need(100, 100, 0.9)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def deployment(name: str, **more: object) -> Deployment:
    return replace(Deployment(name, HERE, name), **more)


def route_of(*tiers: list[Deployment], weights: list[float] | None = None, **more: object) -> Route:
    held = [
        Tier(
            tuple(Weighted(d, w) for d, w in zip(tier, weights or [1.0] * len(tier), strict=True)),
            max_complexity=(n + 1) / len(tiers),
        )
        for n, tier in enumerate(tiers)
    ]
    return replace(Route("fast", tuple(held)), **more)


def router_for(route: Route, breaker: Breaker | None = None) -> tuple[WeighingRouter, Clock]:
    deployments = {w.deployment.name: w.deployment for tier in route.tiers for w in tier.deployments}
    clock = Clock()
    config = GatewayConfig({route.name: route}, deployments, breaker=breaker or Breaker())
    return WeighingRouter(config, FixedPrices(), clock), clock


def names(router: WeighingRouter, route: Route, need: Need = EASY) -> list[str]:
    return [choice.deployment.name for choice in router.choose(route, need)]


@given(st.lists(st.integers(1, 9), min_size=2, max_size=6))
def test_over_a_cycle_each_gets_exactly_its_share(weights: list[int]):
    deployments = [deployment(f"d{n}") for n in range(len(weights))]
    route = route_of(deployments, weights=[float(weight) for weight in weights])
    router, _ = router_for(route)
    for _ in range(3):
        first = Counter(names(router, route)[0] for _ in range(sum(weights)))
        assert first == {f"d{n}": weight for n, weight in enumerate(weights)}


def test_the_tier_that_the_complexity_asks_for_comes_first_then_those_above_then_those_below():
    route = route_of([deployment("small")], [deployment("middle")], [deployment("large")])
    router, _ = router_for(route)
    assert names(router, route, EASY) == ["small", "middle", "large"]
    assert names(router, route, replace(EASY, complexity=0.5)) == ["middle", "large", "small"]
    assert names(router, route, HARD) == ["large", "middle", "small"]


def test_who_is_not_able_to_is_left_out():
    route = route_of(
        [
            deployment("plain", tools=False),
            deployment("seeing", vision=True, tools=False),
            deployment("handy", logprobs=True),
            deployment("short", context_tokens=50, vision=True),
        ]
    )
    router, _ = router_for(route)
    assert set(names(router, route)) == {"plain", "seeing", "handy"}
    assert names(router, route, replace(EASY, vision=True)) == ["seeing"]
    assert names(router, route, replace(EASY, logprobs=True)) == ["handy"]
    with pytest.raises(ModelRefused, match=r"plain cannot call tools\. .*handy cannot see images\."):
        names(router, route, replace(EASY, vision=True, tools=True))


def test_a_request_too_long_for_all_is_told_so():
    route = route_of([deployment("a", context_tokens=50), deployment("b", context_tokens=99)])
    router, _ = router_for(route)
    with pytest.raises(ContextTooLong, match=r"about 100 tokens.*a reads 50 tokens\. b reads 99 tokens\."):
        names(router, route)


def test_cost_and_latency_order_a_tier():
    dear = deployment("dear", price=Price(Decimal(2), Decimal(2)))
    cheap = deployment("cheap", price=Price(Decimal(1), Decimal(1)))
    route = route_of([dear, cheap], prefer="cost")
    router, _ = router_for(route)
    assert [names(router, route)[0] for _ in range(3)] == ["cheap"] * 3
    route = replace(route, prefer="latency")
    router.succeeded(cheap, 0.9, 1.0)
    router.succeeded(dear, 0.2, 1.0)
    assert names(router, route) == ["dear", "cheap"]
    for _ in range(4):
        router.failed(dear, ModelBroken("cut"))  # 4 of 5 fail: as slow as one that takes 1 s
    assert names(router, route) == ["cheap", "dear"]


def test_one_that_fails_rests_and_is_tried_by_one_probe():
    sick, well = deployment("sick"), deployment("well")
    route = route_of([sick, well])
    router, clock = router_for(route, Breaker(failures=3, open_s=10, max_open_s=30))
    for _ in range(3):
        assert router.begins(sick)
        router.failed(sick, ModelOverloaded("busy"))
    assert names(router, route) == ["well"]
    assert not router.begins(sick)
    assert router.resting(route) == "sick after ModelOverloaded for 10 s"
    for waits in (10, 20, 30, 30):  # twice as long each time, up to the most
        clock.now += waits - 0.1
        assert names(router, route) == ["well"]
        clock.now += 0.2
        assert "sick" in names(router, route)
        assert router.begins(sick)
        assert not router.begins(sick), "a second probe"
        assert names(router, route) == ["well"]
        router.failed(sick, ModelOverloaded("busy"))
    clock.now += 31
    assert router.begins(sick)
    router.succeeded(sick, 0.1, 0.2)
    assert router.begins(sick)
    assert {condition.state for condition in router.overview()} == {"closed"}


def test_one_that_speaks_meanwhile_does_not_fail_in_a_row():
    shaky = deployment("shaky")
    router, _ = router_for(route_of([shaky]), Breaker(failures=3, error_rate=0.9, window=20))
    for _ in range(8):
        router.failed(shaky, ModelOverloaded("busy"))
        router.failed(shaky, ModelOverloaded("busy"))
        router.spoke(shaky)
    assert router.begins(shaky)


def test_a_probe_that_is_cancelled_lets_another_one_through():
    sick = deployment("sick")
    router, clock = router_for(route_of([sick]), Breaker(failures=1))
    router.failed(sick, ModelBroken("cut"))
    clock.now += 11
    assert router.begins(sick)
    router.gave_up(sick)
    assert router.begins(sick)


def test_many_errors_among_successes_open_it_too():
    shaky = deployment("shaky")
    router, _ = router_for(route_of([shaky]), Breaker(failures=99, error_rate=0.5, window=10))
    for n in range(9):
        router.failed(shaky, ModelBroken("cut")) if n % 3 else router.succeeded(shaky, 0.1, 0.1)
    assert router.begins(shaky)
    router.failed(shaky, ModelBroken("cut"))
    assert not router.begins(shaky)


def test_what_is_the_requests_own_fault_counts_for_nothing():
    only = deployment("only")
    router, _ = router_for(route_of([only]), Breaker(failures=1))
    for error in (ModelRefused("bad"), ContextTooLong("long")):
        router.failed(only, error)
        assert router.begins(only)


def test_a_refused_key_opens_it_at_once():
    only = deployment("only")
    router, _ = router_for(route_of([only]))
    router.failed(only, ModelKeyRefused("no"))
    assert not router.begins(only)


def test_a_rate_limit_is_rested_out_and_is_no_failure():
    only = deployment("only")
    router, clock = router_for(route_of([only]), Breaker(failures=1))
    limited = ModelRateLimited("slow down")
    limited.retry_after_s = 7.0
    router.failed(only, limited)
    assert not router.begins(only)
    clock.now += 7.1
    assert router.begins(only)
    assert router.begins(only), "it is closed, so that many may begin"


def test_a_hedge_needs_enough_times():
    only = deployment("only")
    route = route_of([only], hedge=Hedge(percentile=90.0, least_s=0.05))
    router, _ = router_for(route)
    for n in range(19):
        router.succeeded(only, n / 100, 1.0)
    assert router.hedge_after_s(route, only) is None
    router.succeeded(only, 0.19, 1.0)
    assert router.hedge_after_s(route, only) == 0.17
    assert router.hedge_after_s(replace(route, hedge=None), only) is None


def test_health_outlives_a_new_configuration_for_what_stays_equal():
    same, changed = deployment("same"), deployment("changed")
    route = route_of([same, changed])
    router, _ = router_for(route, Breaker(failures=1))
    router.failed(same, ModelBroken("cut"))
    router.failed(changed, ModelBroken("cut"))
    other = replace(changed, model="newer")
    after = route_of([same, other])
    router.reconfigure(GatewayConfig({"fast": after}, {"same": same, "changed": other}), FixedPrices())
    assert names(router, after) == ["changed"]


def test_classical_methods_come_first_for_what_they_can_answer_and_leave_the_rest_to_the_tiers() -> None:
    methods = Deployment("methods", Provider("classical", "classical"), "methods", tools=False)
    small, large = deployment("small"), deployment("large")
    route = replace(route_of([small], [large]), local=True)
    config = GatewayConfig({"fast": route, "bare": Route("bare", route.tiers)}, {"small": small, "large": large})
    live = with_classical(config)
    router = WeighingRouter(live, FixedPrices())
    local = live.routes["fast"]

    def names(need: Need) -> list[str]:
        return [choice.deployment.name for choice in router.choose(local, need)]

    assert names(EASY) == ["small", "large"]
    assert names(HARD) == ["large", "small"]
    assert names(replace(HARD, method="themes")) == ["classical/methods", "large", "small"]
    assert live.routes["bare"] == config.routes["bare"]
    alone = route_of([methods])
    with pytest.raises(ModelRefused, match="answers only what classical methods do well"):
        router.choose(alone, EASY)
    assert [choice.deployment for choice in router.choose(alone, replace(EASY, method="themes"))] == [methods]


def test_a_route_that_names_classical_methods_keeps_its_tiers() -> None:
    methods = Deployment("mine", Provider("classical", "classical"), "methods", tools=False)
    route = route_of([methods], [deployment("small")])
    live = with_classical(GatewayConfig({"fast": route}, {"mine": methods}))
    assert live.routes["fast"] == replace(route, local=True)
    assert list(live.deployments) == ["mine"]
