"""Durations and money: what can be written, and what one is told to write instead."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.documents.durations import UNITS, parse_duration, parse_money
from stretto.documents.problems import Fault


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("10s", 10),
        ("5m", 300),
        ("2h", 7200),
        ("1d", 86400),
        ("1.5h", 5400),
        (" 3 s ", 3),
        ("366d", 366 * 86400),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("value", "message", "remedy"),
    [
        (30, "`30` has no unit", "Write `30s` for seconds or `30m` for minutes."),
        ("30", "`30` has no unit", "Write `30s` for seconds or `30m` for minutes."),
        ("5 minutes", "`minutes` is no unit of time", "Write `5m`."),
        ("5M", "`M` is no unit of time", "Write `5m`."),
        ("5w", "`w` is no unit of time", "The units are `ms`, `s`, `m`, `h` and `d`."),
        ("1h30m", "`1h30m` has several units", "Write `90m`."),
        ("1m30s", "`1m30s` has several units", "Write `90s`."),
        ("0s", "`0s` is no time at all", "Give a duration greater than zero."),
        ("-1s", "`-1s` is no time at all", "Give a duration greater than zero."),
        ("400d", "`400d` is longer than a year", "Give at most `366d`."),
        ("9" * 400 + "s", "`" + "9" * 37 + "…` is longer than a year", "Give at most `366d`."),
        ("soon", "`soon` is no duration", "Write one number and one unit, like `30s`, `5m`, `2h` or `1d`."),
        ("", "`` is no duration", "Write one number and one unit, like `30s`, `5m`, `2h` or `1d`."),
        (True, "a duration is a number with a unit", "Write it like `30s`, `5m`, `2h` or `1d`."),
        ([], "a duration is a number with a unit", "Write it like `30s`, `5m`, `2h` or `1d`."),
    ],
)
def test_what_is_no_duration(value: object, message: str, remedy: str) -> None:
    with pytest.raises(Fault) as caught:
        parse_duration(value)
    assert (caught.value.message, caught.value.remedy) == (message, remedy)


@given(st.integers(1, 20_000), st.sampled_from(sorted(UNITS)))
def test_every_number_with_a_unit_is_its_seconds_or_too_long(number: int, unit: str) -> None:
    seconds = number * UNITS[unit]
    if seconds > 366 * 86400:
        with pytest.raises(Fault, match="longer than a year"):
            parse_duration(f"{number}{unit}")
    else:
        assert parse_duration(f"{number}{unit}") == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("text", "usd"), [("0.50 usd", 0.5), ("$0.50", 0.5), ("2 USD", 2), ("3usd", 3), ("$ 1", 1), ("1$", 1)]
)
def test_money(text: str, usd: float) -> None:
    assert parse_money(text) == usd


@pytest.mark.parametrize(
    ("value", "message", "remedy"),
    [
        (5, "`5` has no currency", 'Write `"5 usd"`.'),
        ("5", "`5` has no currency", 'Write `"5 usd"`.'),
        ("5 eur", "`eur` is no currency that prices are kept in", "Amounts are in `usd`."),
        ("free", "`free` is no amount of money", 'Write it like `"0.50 usd"` or `$0.50`.'),
        ("0 usd", "`0 usd` allows no call at all", "Give an amount greater than zero."),
        ("9999999 usd", "`9999999 usd` is more than 1,000,000 usd", "Give a smaller amount."),
        (None, "an amount of money is a number with its currency", 'Write it like `"0.50 usd"`.'),
    ],
)
def test_what_is_no_money(value: object, message: str, remedy: str) -> None:
    with pytest.raises(Fault) as caught:
        parse_money(value)
    assert (caught.value.message, caught.value.remedy) == (message, remedy)
