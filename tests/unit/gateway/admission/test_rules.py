"""Maestro's table, and what is learned from headers."""

from __future__ import annotations

import pytest

from stretto.gateway.admission.limits import learned_per_s
from stretto.gateway.admission.rules import floor_of, short_of_bucket
from stretto.gateway.config import Bucket


@pytest.mark.parametrize(
    ("priority", "least_level"),
    [(0, 1.0), (1, 6.0), (2, 6.0), (3, 6.0)],
)
def test_with_maestros_numbers_all_but_p0_leave_five(priority: int, least_level: float) -> None:
    assert floor_of(Bucket("maestro"), priority) + 1 == least_level


def test_p3_leaves_more_where_a_fifth_is_more_than_the_reserve() -> None:
    bucket = Bucket("large", capacity=100, reserve=5)
    assert [floor_of(bucket, priority) + 1 for priority in range(4)] == [1, 6, 6, 20]


@pytest.mark.parametrize(
    ("priority", "rule", "in_s"), [(0, "wait", 24.0), (1, "wait", 24.0), (2, "defer", 1800.0), (3, "skip", 24.0)]
)
def test_what_each_priority_is_told(priority: int, rule: str, in_s: float) -> None:
    told = short_of_bucket(Bucket("maestro"), priority, 5.0, 24.0)
    assert (told.what, told.rule, told.in_s) == ("bucket", rule, in_s)
    assert f"P{priority}" in told.reason
    assert "'maestro'" in told.reason


@pytest.mark.parametrize(
    ("limit", "left", "reset_s", "per_minute"),
    [
        (60, 59, 1, 60),  # rounded up to a second: says nothing
        (60, 30, 58, 60),  # the end of a fixed window: says nothing
        (4000, None, None, 4000),
        (200, 100, 43_200, 100 / 720),  # half of a day's limit comes back in half a day
        (200, 200, 90, 200),
        (60, 0, 61, 60 * 60 / 61),
    ],
)
def test_how_fast_a_providers_limit_fills(
    limit: float, left: float | None, reset_s: float | None, per_minute: float
) -> None:
    assert learned_per_s(limit, left, reset_s) * 60 == pytest.approx(per_minute)
