"""Suggested thresholds keep the error below the target on what comes later, and say nothing where too little is known."""

from __future__ import annotations

import random
from datetime import UTC, datetime

from stretto.review.figures import LEAST_DECISIONS, suggest, upper_bound
from stretto.review.records import PastDecision

AT = datetime(2026, 11, 21, tzinfo=UTC)


def past(*scored: tuple[float, bool]) -> list[PastDecision]:
    return [PastDecision("j", "post", stated, approved, AT) for stated, approved in scored]


def drawn(seed: int, count: int) -> list[PastDecision]:
    """A judge that is right by what it states: a share `stated` of its items is approved."""
    chance = random.Random(seed)
    return past(*((stated, chance.random() < stated) for stated in (chance.random() for _ in range(count))))


def test_thresholds_of_a_known_judge_keep_the_error_on_new_items() -> None:
    found = suggest("f", "j", "post", drawn(1, 5_000), None, 0.1)
    assert found.approve is not None
    assert found.reject is not None
    assert found.reject < found.approve
    later = drawn(2, 20_000)
    passed = [each.approved for each in later if each.stated >= found.approve]
    refused = [each.approved for each in later if each.stated < found.reject]
    assert sum(not each for each in passed) / len(passed) <= 0.11
    assert sum(refused) / len(refused) <= 0.11
    # A judge of this kind errs by (1 - t) / 2 from t on: 0.1 at 0.8.
    assert 0.78 <= found.approve <= 0.86
    assert 0.14 <= found.reject <= 0.22


def test_thresholds_are_confidences_as_they_count() -> None:
    """A judge that states half of what it should: its calibrated confidences are what thresholds are compared with."""
    chance = random.Random(4)
    shy = past(*((true / 2, chance.random() < true) for true in (chance.random() for _ in range(5_000))))
    found = suggest("f", "j", "post", shy, lambda stated: stated * 2, 0.1)
    assert found.approve is not None
    assert 0.78 <= found.approve <= 0.86


def test_few_decisions_suggest_nothing() -> None:
    found = suggest("f", "j", "post", past(*[(0.9, True)] * (LEAST_DECISIONS - 1)), None, 0.05)
    assert (found.approve, found.reject) == (None, None)


def test_a_judge_that_is_no_better_than_chance_gets_no_threshold() -> None:
    chance = random.Random(3)
    found = suggest(
        "f", "j", "post", past(*((chance.random(), chance.random() < 0.5) for _ in range(2_000))), None, 0.05
    )
    assert (found.approve, found.reject) == (None, None)


def test_all_of_one_confidence_are_taken_together() -> None:
    found = suggest("f", "j", "post", past(*[(0.9, True)] * 100, *[(0.9, False)] * 100), None, 0.05)
    assert found.approve is None, "half of what has this confidence was rejected"


def test_the_bound_is_wilsons() -> None:
    assert round(upper_bound(0, 100), 4) == 0.0263
    assert upper_bound(50, 100) > 0.5
