"""Rates as people write them, such as `600/minute; 10/second`, read by the library `limits`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from limits import parse_many

from stretto.errors import Invalid

NONE = "none"
"""Says that there is no limit, where there would be one."""
MOST_RATES = 5
LONGEST_S = 366 * 86_400
MOST_REQUESTS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """At most so many requests in any window of so many seconds."""

    most: int
    window_s: int


@lru_cache(maxsize=256)
def parse_rates(text: str) -> tuple[Rate, ...]:
    """The rates that a text names, shortest window first; of two with one window the lesser counts. Raises `Invalid`."""
    if text.strip().lower() in ("", NONE):
        return ()
    try:
        items = parse_many(text)
    except ValueError:
        items = []
    least: dict[int, int] = {}
    for item in items:
        window_s = item.get_expiry()
        if not (0 < window_s <= LONGEST_S and item.amount <= MOST_REQUESTS):
            items = []
            break
        least[window_s] = min(item.amount, least.get(window_s, item.amount))
    if not items or len(least) > MOST_RATES:
        raise Invalid(
            f"{text[:100]!r} is no rate. Write it as 600/minute or 100/10 seconds, up to {MOST_RATES} joined by `;`, or "
            f"`{NONE}`."
        )
    return tuple(Rate(most, window_s) for window_s, most in sorted(least.items()))
