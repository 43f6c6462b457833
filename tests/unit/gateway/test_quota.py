"""The simulated server's limits: by key and minute, filling evenly."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

import pytest

from stretto.gateway.simulated.quota import MOST_KEYS, Quota


class Clock:
    """A clock that stands still unless it is moved."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_requests_run_out_and_come_back_evenly():
    clock = Clock()
    quota = Quota(requests_per_minute=3, clock=clock)
    assert [quota.take("a", 1) for _ in range(3)] == [None, None, None]
    assert quota.take("a", 1) == pytest.approx(20)
    clock.now += 19
    assert quota.take("a", 1) == pytest.approx(1)
    clock.now += 1.001
    assert quota.take("a", 1) is None
    clock.now += 3_600
    assert [quota.take("a", 1) is None for _ in range(4)] == [True, True, True, False], (
        "no more is saved than a minute's"
    )


def test_tokens_run_out_and_a_refused_request_takes_nothing():
    clock = Clock()
    quota = Quota(requests_per_minute=10, tokens_per_minute=100, clock=clock)
    assert quota.take("a", 80) is None
    assert quota.take("a", 50) == pytest.approx(18)
    told = quota.headers("a", "openai")
    assert told["x-ratelimit-remaining-tokens"] == "20"
    assert told["x-ratelimit-remaining-requests"] == "9"
    assert told["x-ratelimit-reset-tokens"] == "48.000s"
    assert quota.take("b", 80) is None, "another key has its own"


@pytest.mark.parametrize(("dialect", "prefix"), [("openai", "x-ratelimit-"), ("anthropic", "anthropic-ratelimit-")])
def test_only_limits_that_there_are_are_told(dialect: Literal["openai", "anthropic"], prefix: str):
    assert Quota().headers("a", dialect) == {}
    told = Quota(tokens_per_minute=100).headers("a", dialect)
    assert len(told) == 3
    assert all(name.startswith(prefix) and "tokens" in name for name in told)


def test_anthropic_is_told_when_the_limit_is_full_again():
    quota = Quota(tokens_per_minute=100, clock=Clock())
    quota.take("a", 50)
    reset = datetime.fromisoformat(quota.headers("a", "anthropic")["anthropic-ratelimit-tokens-reset"])
    assert 20 < (reset - datetime.now(UTC)).total_seconds() <= 30


def test_what_is_kept_of_keys_is_bounded():
    quota = Quota(requests_per_minute=1, clock=Clock())
    for n in range(MOST_KEYS + 5):
        quota.take(str(n), 1)
    assert quota.take("0", 1) is None, "the oldest are forgotten, so nothing grows without end"
