"""What people ask of the ledger in words."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from stretto.errors import Invalid
from stretto.gateway.ledger import UsageRow, total
from stretto.gateway.ledger.asking import read_keys, read_time
from stretto.gateway.ledger.shown import money_text, usage_csv

NOW = datetime(2026, 11, 21, 5, 30, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("7d", datetime(2026, 11, 14, tzinfo=UTC)),
        ("0d", datetime(2026, 11, 21, tzinfo=UTC)),
        ("2w", datetime(2026, 11, 7, tzinfo=UTC)),
        ("12 h", datetime(2026, 11, 20, 17, 30, 7, tzinfo=UTC)),
        ("30m", datetime(2026, 11, 21, 5, 0, 7, tzinfo=UTC)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T08:00", datetime(2026, 11, 1, 8, tzinfo=UTC)),
        ("2026-11-01T08:00+02:00", datetime(2026, 11, 1, 6, tzinfo=UTC)),
        (" 2026-11-01T08:00Z ", datetime(2026, 11, 1, 8, tzinfo=UTC)),
    ],
)
def test_times(text: str, at: datetime) -> None:
    assert read_time(text, NOW) == at


@pytest.mark.parametrize("text", ["", "yesterday", "7", "7y", "999999w", "2026-13-01", "0001-01-01T00:00+14:00", "-1d"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match=r"no time|too long ago"):
        read_time(text, NOW)


def test_keys() -> None:
    assert read_keys(" Day, model,day,") == ("day", "model")
    assert read_keys("") == ()
    with pytest.raises(Invalid, match=r"'colour'.*day, flow"):
        read_keys("day,colour")


def test_money_is_shown_whole() -> None:
    assert money_text(Decimal("0.012500")) == "0.0125"
    assert money_text(Decimal("1E+3")) == "1000"
    assert money_text(Decimal("1e-30")) == "0." + "0" * 29 + "1"
    assert money_text(Decimal(100)) == "100"
    assert money_text(Decimal("-0.00")) == "0"


def test_a_sum_keeps_every_digit() -> None:
    rows = [
        UsageRow(keys={"day": None}, cost_usd=Decimal("1e12")),
        UsageRow(keys={"day": None}, cost_usd=Decimal("1e-25")),
    ]
    assert money_text(total(rows).cost_usd) == "1000000000000." + "0" * 24 + "1"
    assert usage_csv(["day"], rows).splitlines()[2] == ",0,0,0,0,0,0,0,0,0,0,0,0," + money_text(Decimal("1e-25"))
