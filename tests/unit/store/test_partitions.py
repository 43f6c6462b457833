"""Months and the ids that begin them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from stretto.store.partitions import Month, month_of_partition, months_from, uuid7_floor

TIMES = st.datetimes(datetime(1970, 1, 1), datetime(2999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - bounds


def uuid7(at: datetime, rest: int) -> UUID:
    """A UUIDv7 as RFC 9562 lays it out, with `rest` for its 74 bits of chance."""
    milliseconds = int(at.timestamp() * 1000)
    high, low = rest >> 62, rest & (1 << 62) - 1
    return UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 0b10 << 62 | low)


def test_the_floor_of_a_known_time() -> None:
    # The example of RFC 9562, appendix A.6: 2022-02-22T19:22:22Z.
    at = datetime(2022, 2, 22, 19, 22, 22, tzinfo=UTC)
    assert uuid7_floor(at) == UUID("017f22e2-79b0-0000-0000-000000000000")
    assert uuid7_floor(at) < UUID("017f22e2-79b0-7cc3-98c4-dc0c0c07398f")


@given(TIMES, st.integers(0, 2**74 - 1))
def test_ids_lie_in_the_month_of_their_time(at: datetime, rest: int) -> None:
    run_id, month = uuid7(at, rest), Month.of(at)
    assert run_id.version == 7
    assert uuid7_floor(month.start) <= run_id < uuid7_floor(month.next.start)


@given(TIMES)
def test_months_follow_each_other_without_a_gap(at: datetime) -> None:
    month = Month.of(at)
    assert month.start <= at < month.next.start
    assert Month.of(month.next.start) == month.next
    assert Month.of(month.next.start - timedelta(microseconds=1)) == month


def test_a_month_is_one_of_utc() -> None:
    west = timezone(timedelta(hours=-5))
    assert Month.of(datetime(2025, 12, 31, 20, tzinfo=west)) == Month(2026, 1)


def test_three_months_are_kept_ready() -> None:
    now = datetime(2025, 11, 30, tzinfo=UTC)
    assert list(months_from(now)) == [Month(2025, 11), Month(2025, 12), Month(2026, 1)]


def test_partitions_are_named_for_their_month() -> None:
    assert Month(2025, 3).partition("journal") == "journal_2025_03"
    assert month_of_partition("runs_2025_12") == Month(2025, 12)
    assert month_of_partition("runs_old") is None
