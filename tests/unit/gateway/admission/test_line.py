"""Whose turn it is."""

from __future__ import annotations

from decimal import Decimal
from itertools import accumulate
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from stretto.gateway.admission.line import Turns
from stretto.gateway.config import Deployment, Provider
from stretto.gateway.grants import Want
from stretto.gateway.provider import Caller

DEPLOYMENT = Deployment("d", Provider("p", "simulated"), "m")
MOST = 500


def want(tenant: int, tokens: int, priority: int = 2) -> Want:
    return Want(Caller(tenant_id=UUID(int=tenant), priority=priority), DEPLOYMENT, tokens, 0, Decimal(0))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, MOST)), min_size=1, max_size=200))
def test_tenants_that_wait_together_get_equal_tokens(calls: list[tuple[int, int]]) -> None:
    turns = Turns()
    order = sorted((turns.tag(want(tenant, tokens)), tenant, tokens) for tenant, tokens in calls)
    waiting = {tenant: sum(each == tenant for each, _ in calls) for tenant, _ in calls}
    served = dict.fromkeys(waiting, 0)
    for _, tenant, tokens in order:
        served[tenant] += tokens
        waiting[tenant] -= 1
        still = [served[each] for each, left in waiting.items() if left]
        # Start-time fair queueing: two that both wait differ by their two largest calls at most.
        if len(still) > 1:
            assert max(still) - min(still) <= 2 * MOST
    for tenant in waiting:
        own = [tag for tag, each, _ in order if each == tenant]
        assert own == sorted(own, key=lambda tag: tag[2])  # first come, first served


@given(st.integers(1, 1000), st.integers(1, 900))
def test_one_call_goes_before_the_rest_of_a_burst(burst: int, already: int) -> None:
    turns = Turns()
    tags = [turns.tag(want(1, 100)) for _ in range(burst)]
    for tag in tags[: min(already, burst)]:
        turns.served(tag)
    late = turns.tag(want(2, 100))
    before = [tag for tag in tags[min(already, burst) :] if tag < late]
    assert len(before) <= 1


def test_more_urgent_calls_go_first_whoever_sends_them() -> None:
    turns = Turns()
    tags = [turns.tag(want(1, 100, priority)) for priority in (3, 2, 1, 0)]
    assert sorted(tags) == tags[::-1]


def test_a_tenant_that_pays_for_large_calls_waits_longer() -> None:
    turns = Turns()
    large = [(turns.tag(want(1, 400)), "large") for _ in range(3)]
    small = [(turns.tag(want(2, 100)), "small") for _ in range(12)]
    order = [size for _, size in sorted(large + small)]
    ends = list(accumulate(size == "large" for size in order))
    assert ends[5] == 2  # after one large call four small ones go, then the next large one
    assert ends[-1] == 3


def test_all_are_equal_again_when_nobody_waits() -> None:
    turns = Turns()
    for _ in range(100):
        turns.tag(want(1, 100))
    turns.forget()
    assert turns.tag(want(1, 100))[1] == turns.tag(want(2, 100))[1]
