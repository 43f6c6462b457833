"""Rate limits as providers keep them: by key and minute, told in headers, refused with 429."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

MOST_KEYS = 10_000


@dataclass(slots=True)
class Minute:
    """What one key has left; it fills evenly over a minute."""

    requests: float
    tokens: float
    at: float


@dataclass(slots=True)
class Quota:
    """Requests and tokens a minute for each key; None: no limit."""

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    clock: Callable[[], float] = time.monotonic
    _keys: dict[str, Minute] = field(default_factory=dict[str, Minute])

    def take(self, key: str, tokens: int) -> float | None:
        """Take one request of so many tokens. Gives the seconds until it could be taken when it cannot."""
        now = self.clock()
        left = self._left(key, now)
        waits = 0.0
        if self.requests_per_minute is not None and left.requests < 1:
            waits = max(waits, (1 - left.requests) * 60 / self.requests_per_minute)
        if self.tokens_per_minute is not None and left.tokens < tokens:
            waits = max(waits, (tokens - left.tokens) * 60 / self.tokens_per_minute)
        if waits:
            return waits
        left.requests -= 1
        left.tokens -= tokens
        return None

    def _left(self, key: str, now: float) -> Minute:
        requests, tokens = self.requests_per_minute or 0.0, self.tokens_per_minute or 0.0
        left = self._keys.get(key)
        if left is None:
            if len(self._keys) >= MOST_KEYS:
                self._keys.clear()
            left = self._keys[key] = Minute(requests, tokens, now)
        passed = (now - left.at) / 60
        left.requests = min(left.requests + passed * requests, requests)
        left.tokens = min(left.tokens + passed * tokens, tokens)
        left.at = now
        return left

    def headers(self, key: str, dialect: Literal["openai", "anthropic"]) -> dict[str, str]:
        """What the key has left, as the dialect tells it."""
        left = self._left(key, self.clock())
        told: dict[str, str] = {}
        for what, limit, have in (
            ("requests", self.requests_per_minute, left.requests),
            ("tokens", self.tokens_per_minute, left.tokens),
        ):
            if limit is None:
                continue
            full_s = (limit - have) * 60 / limit
            if dialect == "openai":
                told[f"x-ratelimit-limit-{what}"] = str(int(limit))
                told[f"x-ratelimit-remaining-{what}"] = str(max(int(have), 0))
                told[f"x-ratelimit-reset-{what}"] = f"{full_s:.3f}s"
            else:
                reset = datetime.now(UTC) + timedelta(seconds=full_s)
                told[f"anthropic-ratelimit-{what}-limit"] = str(int(limit))
                told[f"anthropic-ratelimit-{what}-remaining"] = str(max(int(have), 0))
                told[f"anthropic-ratelimit-{what}-reset"] = reset.strftime("%Y-%m-%dT%H:%M:%SZ")
        return told
