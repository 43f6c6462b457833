"""Sentiment by lexicon: its rules one by one, and how well it does on reviews that it was not fitted on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.gateway.local.sentiment import lexicon, rate

REVIEWS = Path(__file__).with_name("reviews_sd500.txt")


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("The camera is good.", "The camera is not good."),
        ("The camera is very good.", "The camera is good."),
        ("The camera is good.", "The camera is somewhat good."),
        ("I never had any problems.", "I had problems."),
        ("It isn't bad.", "It is bad."),
        ("The battery is terrible, but it is good.", "It is good, but the battery is terrible."),
        ("It is small.", "It is too small."),
        ("It is good!!!", "It is good."),
        ("It is bad.", "It is bad!!!"),
        ("Not for me. It works great.", "Not great. It works for me."),
    ],
)
def test_the_words_around_an_opinion_count(better: str, worse: str) -> None:
    assert rate(better).score > rate(worse).score


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Excellent, reliable, highly recommended!", "positive"),
        ("Worst purchase ever, a total waste of money.", "negative"),
        ("The food was cold and the waiter was rude.", "negative"),
        ("The phone arrived on Tuesday.", "neutral"),
        ("", "neutral"),
    ],
)
def test_plain_cases_have_their_label(text: str, label: str) -> None:
    assert rate(text).label == label


@given(st.text(max_size=300))
def test_any_text_has_a_score_from_0_to_5(text: str) -> None:
    assert 0.0 <= rate(text).score <= 5.0


@given(st.lists(st.sampled_from(["not", "very", "too", "but", "good", "awful", ".", "!", "the", "lens"]), max_size=30))
def test_any_mixture_of_what_the_rules_know_has_a_score(words: list[str]) -> None:
    rating = rate(" ".join(words))
    assert 0.0 <= rating.score <= 5.0
    assert -1.0 <= rating.balance <= 1.0


def test_the_lexicon_is_whole() -> None:
    worth = lexicon()
    assert len(worth) > 7_000
    assert all(-4.0 <= value <= 4.0 for value in worth.values())
    assert worth["excellent"] > 0 > worth["defective"]


def test_reviews_that_nothing_was_fitted_on_are_judged_as_people_did() -> None:
    right = decided = total = 0
    for line in REVIEWS.read_text("latin-1").splitlines():
        marks, _, sentence = line.partition("##")
        strengths = [int(strength) for strength in re.findall(r"\[([+-][1-3])\]", marks)]
        if not sum(strengths):
            continue
        total += 1
        rating = rate(sentence)
        if rating.label != "neutral":
            decided += 1
            right += (rating.label == "positive") == (sum(strengths) > 0)
    assert total > 100
    assert decided >= 0.75 * total
    assert right >= 0.85 * decided
