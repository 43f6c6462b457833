"""What providers say in their headers about their limits, and how long to wait.

Sources: OpenAI (platform.openai.com/docs/guides/rate-limits: `x-ratelimit-*`, times as `6m0s`), Anthropic
(docs.anthropic.com/en/api/rate-limits: `anthropic-ratelimit-*`, times as RFC 3339), RFC 9110 §10.2.3 (`retry-after`), and
OpenRouter (`x-ratelimit-reset` in milliseconds since 1970).
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from stretto.gateway.grants import ProviderLimits

LONGEST_S = 86_400.0
"""No header makes us wait longer; a day's quota is the longest that providers have."""

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
EPOCH_S = 1e9  # a number above this is a time, not a span
EPOCH_MS = 1e12
NONE = ProviderLimits()


def read_limits(headers: Mapping[str, str], now: float | None = None) -> ProviderLimits | None:
    """The limits that these headers tell of; None if they tell of none. `now` in seconds since 1970."""
    now = time.time() if now is None else now
    found = read_anthropic(headers, now) if "anthropic-ratelimit-requests-limit" in headers else NONE
    if found == NONE:
        found = read_openai(headers, now)
    wait_s = retry_after(headers, now)
    limits = ProviderLimits(
        found.requests_limit,
        found.requests_left,
        found.requests_reset_s,
        found.tokens_limit,
        found.tokens_left,
        found.tokens_reset_s,
        wait_s,
    )
    return None if limits == NONE else limits


def read_openai(headers: Mapping[str, str], now: float) -> ProviderLimits:
    """`x-ratelimit-limit-requests` and its like; without a kind (`x-ratelimit-limit`) it is about requests."""

    def value(what: str, kind: str) -> str | None:
        exact = headers.get(f"x-ratelimit-{what}-{kind}")
        return headers.get(f"x-ratelimit-{what}") if exact is None and kind == "requests" else exact

    return ProviderLimits(
        number(value("limit", "requests")),
        number(value("remaining", "requests")),
        span_s(value("reset", "requests"), now),
        number(value("limit", "tokens")),
        number(value("remaining", "tokens")),
        span_s(value("reset", "tokens"), now),
    )


def read_anthropic(headers: Mapping[str, str], now: float) -> ProviderLimits:
    """`anthropic-ratelimit-requests-limit` and its like; of several limits of tokens `tokens` is the tightest now."""

    def value(kind: str, what: str) -> str | None:
        return headers.get(f"anthropic-ratelimit-{kind}-{what}")

    tokens = "tokens" if value("tokens", "limit") is not None else "input-tokens"
    return ProviderLimits(
        number(value("requests", "limit")),
        number(value("requests", "remaining")),
        span_s(value("requests", "reset"), now),
        number(value(tokens, "limit")),
        number(value(tokens, "remaining")),
        span_s(value(tokens, "reset"), now),
    )


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """What `retry-after-ms` or `retry-after` asks for, in seconds."""
    milliseconds = number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return bounded(milliseconds / 1000)
    return span_s(headers.get("retry-after"), now)


def pause_s(limits: ProviderLimits | None) -> float | None:
    """How long to wait after a refusal for the rate: as asked, else until what is used up is there again."""
    if limits is None:
        return None
    if limits.retry_after_s is not None:
        return limits.retry_after_s
    resets = ((limits.requests_left, limits.requests_reset_s), (limits.tokens_left, limits.tokens_reset_s))
    empty = [reset for left, reset in resets if reset is not None and left is not None and left < 1]
    # Where none is said to be used up, the refusal came from one of them all the same: the sooner is tried first.
    known = [reset for _, reset in resets if reset is not None]
    return max(empty) if empty else min(known, default=None)


def number(text: str | None) -> float | None:
    """A number that is not negative, or None."""
    try:
        value = float(text) if text is not None else -1.0
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def span_s(text: str | None, now: float) -> float | None:
    """Seconds from now: a number of seconds, `6m0s`, a time since 1970 in seconds or milliseconds, RFC 3339, or an HTTP date."""
    if not text:
        return None
    text = text.strip()
    plain = number(text)
    if plain is not None:
        if plain >= EPOCH_MS:
            return bounded(plain / 1000 - now)
        return bounded(plain - now if plain >= EPOCH_S else plain)
    if SPAN.sub("", text) == "":
        return bounded(sum(float(amount) * UNITS[unit] for amount, unit in SPAN.findall(text)))
    moment = moment_of(text)
    return None if moment is None else bounded(moment - now)


def moment_of(text: str) -> float | None:
    """A date and time as seconds since 1970; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
        except (ValueError, TypeError):
            return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def bounded(seconds: float) -> float:
    """Between 0 and `LONGEST_S`."""
    return min(max(seconds, 0.0), LONGEST_S)
