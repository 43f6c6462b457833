"""Times, amounts and values are told in few words, and safely."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.cli.amounts import age, brief, dollars, duration, plain, span
from stretto.cli.safe_text import one_line, safe
from tests.unit.cli.tape import BEGIN


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-1, "0.0 s"),
        (0.04, "0.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (3599.4, "59 min 59 s"),
        (3600, "1 h 00 min"),
        (86_399, "23 h 59 min"),
        (200_000, "2 d 7 h"),
    ],
)
def test_durations(seconds: float, told: str) -> None:
    assert duration(seconds) == told


@pytest.mark.parametrize(
    ("seconds", "told"), [(-3, "0 s"), (59.9, "59 s"), (60, "1 min"), (3599, "59 min"), (7300, "2 h"), (90_000, "1 d")]
)
def test_ages(seconds: float, told: str) -> None:
    assert age(seconds) == told


def test_clocks_that_disagree_give_no_time_below_zero() -> None:
    assert span(BEGIN, BEGIN - timedelta(seconds=1)) == timedelta()
    assert span(None, BEGIN) == timedelta()


@pytest.mark.parametrize(("usd", "told"), [(0, "$0"), (0.00004, "$0.0000"), (0.1234, "$0.1234"), (1234.5, "$1,234.50")])
def test_money(usd: float, told: str) -> None:
    assert dollars(usd) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, ""),
        ("two\nlines", "two lines"),
        ([1, 2], "[1, 2]"),
        ({"approved": True}, "approved"),
        ({"approved": False, "comments": "No."}, "rejected: No."),
        ({"a": 1, "b": "x", "c": False}, "a 1, c false"),
        ({"a": "é"}, '{"a": "é"}'),
    ],
)
def test_values(value: Any, told: str) -> None:
    assert brief(value) == told


def test_an_output_is_text_as_it_is_or_json() -> None:
    assert plain("a\x1b[0m") == "a\x1b[0m"
    assert plain({"é": [1]}) == '{\n  "é": [\n    1\n  ]\n}'


@given(st.text())
def test_safe_text_has_no_control_characters(text: str) -> None:
    made = safe(text)
    assert not any((ord(char) < 32 and char not in "\n\t") or 127 <= ord(char) < 160 for char in made)
    assert len(one_line(text, 20)) <= 20
    assert "\n" not in one_line(text)


def test_safe_text_keeps_what_people_write() -> None:
    text = "Fünf 霧 👩‍👩‍👧 עברית\n\ttabs"
    assert safe(text) == text
