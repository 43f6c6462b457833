"""Isotonic regression by its properties, and what is reported of judges whose error is known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.agents.judging.calibration import (
    FEWEST,
    KEPT_S,
    MOST,
    MOST_KEPT,
    Calibrations,
    expected_error,
    fit_calibration,
    fit_isotonic,
    reliability,
    report_on,
)
from tests.unit.agents.judging.judged import People, decided

TENANT = UUID(int=1)
numbers = st.floats(0, 1, allow_nan=False).map(lambda x: round(x, 3))
points = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=60)
outcomes = st.lists(st.tuples(numbers, st.booleans()), min_size=1, max_size=80)


def test_what_is_known_of_pooling():
    # The example of scikit-learn's and R's documentation of isotonic regression: violators share their mean.
    fitted = fit_isotonic(list(enumerate([1.0, 5.0, 3.0, 4.0, 2.0, 6.0])))
    assert [fitted(x) for x in range(6)] == [1.0, 3.5, 3.5, 3.5, 3.5, 6.0]
    assert (fitted(-1), fitted(9)) == (1.0, 6.0)
    assert fitted(0.5) == 2.25  # on the line between two points


def test_equal_confidences_share_their_mean():
    fitted = fit_isotonic([(0.5, 1.0), (0.5, 0.0), (0.5, 1.0), (0.9, 1.0)])
    assert fitted(0.5) == pytest.approx(2 / 3)


@given(points, numbers, numbers)
def test_it_never_falls(given_points: Sequence[tuple[float, float]], x: float, other: float):
    fitted = fit_isotonic(given_points)
    assert fitted(min(x, other)) <= fitted(max(x, other))


@given(points)
def test_it_stays_between_the_least_and_the_most_and_keeps_the_mean(given_points: Sequence[tuple[float, float]]):
    fitted = fit_isotonic(given_points)
    ys = [y for _, y in given_points]
    assert all(min(ys) - 1e-9 <= value <= max(ys) + 1e-9 for value in fitted.values)
    assert sum(fitted(x) for x, _ in given_points) == pytest.approx(sum(ys))


@given(points)
def test_fitting_what_was_fitted_changes_nothing(given_points: Sequence[tuple[float, float]]):
    fitted = fit_isotonic(given_points)
    again = fit_isotonic([(x, fitted(x)) for x, _ in given_points])
    assert [again(x) for x, _ in given_points] == pytest.approx([fitted(x) for x, _ in given_points])


@given(points, st.lists(numbers, min_size=1, max_size=60))
def test_no_rising_function_is_nearer(given_points: Sequence[tuple[float, float]], others: list[float]):
    fitted = fit_isotonic(given_points)
    xs = sorted({x for x, _ in given_points})
    rising = dict(zip(xs, sorted((others * len(xs))[: len(xs)]), strict=True))
    ours = sum((fitted(x) - y) ** 2 for x, y in given_points)
    assert ours <= sum((rising[x] - y) ** 2 for x, y in given_points) + 1e-9


@given(st.lists(st.tuples(st.integers(0, 5), numbers), min_size=1, max_size=6))
def test_it_is_the_least_of_squares_among_all_block_means(given_points: Sequence[tuple[int, float]]):
    """Against the closed form: value(x) = max over a <= x of min over b >= x of the mean of [a, b] (Barlow et al. 1972)."""
    fitted = fit_isotonic([(float(x), y) for x, y in given_points])
    for x, _ in given_points:
        lows, highs = [a for a, _ in given_points if a <= x], [b for b, _ in given_points if b >= x]
        best = max(min(_mean([y for p, y in given_points if a <= p <= b]) for b in highs) for a in lows)
        assert fitted(float(x)) == pytest.approx(best)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


@given(outcomes, numbers, numbers)
def test_a_calibration_never_falls_and_is_never_certain(
    given_points: Sequence[tuple[float, bool]], x: float, other: float
):
    learned = fit_calibration(given_points)
    assert learned(min(x, other)) <= learned(max(x, other))
    assert 0 < learned(x) < 1


def test_a_few_approvals_in_a_row_are_no_certainty():
    learned = fit_calibration([(0.5, False)] * 10 + [(0.9, True)] * 5)
    assert learned(0.9) == pytest.approx(6 / 7)
    assert learned(0.5) == pytest.approx(1 / 12)


def test_the_reliability_diagram():
    first, last = reliability([(0.0, False), (0.05, True), (0.9, True), (1.0, True), (0.95, False)])
    assert (first.low, first.high, first.count, first.stated, first.approved) == (0.0, 0.1, 2, 0.025, 0.5)
    assert (last.low, last.high, last.count) == (0.9, 1.0, 3)
    assert last.stated == pytest.approx(0.95)
    assert last.approved == pytest.approx(2 / 3)
    found = [(0.0, False), (0.05, True), (0.9, True), (1.0, True), (0.95, False)]
    assert expected_error(found) == pytest.approx((2 * 0.475 + 3 * abs(0.95 - 2 / 3)) / 5)


JUDGES: dict[str, Callable[[float], float]] = {
    "true": lambda stated: stated,
    "too sure": lambda stated: max(0.0, stated - 0.15),
    "far too sure": lambda stated: stated**2,
    "too modest": lambda stated: stated**0.5,
    "hardly better than chance": lambda stated: 0.5 + 0.3 * (stated - 0.5),
}
"""How likely a person approves what these judges state."""


def judged(likely: Callable[[float], float], count: int, seed: int) -> list[tuple[float, bool]]:
    random = Random(seed)
    stated = [random.betavariate(6, 2) for _ in range(count)]  # models like high numbers: 0.75 on average
    return [(each, random.random() < likely(each)) for each in stated]


@pytest.mark.parametrize("likely", JUDGES.values(), ids=JUDGES)
@pytest.mark.parametrize("seed", range(6))
def test_the_error_reported_of_a_judge_is_within_two_points_of_the_true_one(
    likely: Callable[[float], float], seed: int
):
    random = Random(seed)
    drawn = [random.betavariate(6, 2) for _ in range(20_000)]
    true_error = sum(abs(likely(stated) - stated) for stated in drawn) / len(drawn)
    report = report_on(judged(likely, MOST, seed))
    assert report.error == pytest.approx(true_error, abs=0.02)
    assert report.error_after is not None
    assert report.error_after <= 0.03  # by chance alone it is some 0.01 to 0.02
    assert report.calibrated


def test_a_calibrated_confidence_is_what_it_says():
    likely = JUDGES["too sure"]
    learned = fit_calibration(judged(likely, 2_000, 1))
    apart = [abs(learned(stated) - likely(stated)) for stated, _ in judged(likely, 2_000, 2)]
    assert _mean(apart) <= 0.04


def test_too_few_decisions_or_all_alike_calibrate_nothing():
    assert not report_on([(0.9, True), (0.8, False)] * (FEWEST // 2 - 1)).calibrated
    assert not report_on([(0.9, True)] * 500).calibrated
    assert report_on([(0.9, True), (0.8, False)] * (FEWEST // 2)).calibrated
    assert (report_on([]).error, report_on([]).bins) == (None, ())


async def test_calibrations_are_kept_for_some_minutes_and_only_so_many():
    now = 0.0
    people = People(decided(*[(0.9, True), (0.8, False)] * 30))
    calibrations = Calibrations(people, lambda: now)
    for _ in range(3):
        assert await calibrations.of(TENANT, "campaign", "critic") is not None
    assert people.asked == 1
    assert await calibrations.of(TENANT, "campaign", "nobody") is None
    now = KEPT_S + 1
    await calibrations.of(TENANT, "campaign", "critic")
    assert people.asked == 3
    people.made = ()
    for n in range(MOST_KEPT + 10):
        await calibrations.of(TENANT, "campaign", f"critic{n}")
    assert len(calibrations._kept) == MOST_KEPT
