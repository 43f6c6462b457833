"""How a deployment has been doing: its circuit breaker, and how soon it speaks."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

from stretto.errors import ModelKeyRefused, ModelMissing, ModelRateLimited, Transient
from stretto.gateway.config import Breaker

SAMPLES = 200
"""First-token times that are kept for a deployment."""
LEAST_SAMPLES = 20
HALF_LIFE = 0.2
"""Weight of the newest time in the moving average of first-token times."""
RATE_LIMITED_S = 1.0
"""So long rests a deployment whose provider says that its rate is reached, and not for how long."""


@dataclass(slots=True)
class Health:
    """One deployment's. Times are those of the router's clock, in seconds.

    Closed, calls go through. Open, none does until `rests_until`. Then one is let through as a probe: it closes the breaker
    when it succeeds, and opens it for twice as long when it fails (M. Nygard, "Release It!", circuit breaker).
    """

    breaker: Breaker
    in_a_row: int = 0
    rests_until: float = 0.0
    open_for_s: float = 0.0
    """How long it was opened for last; 0 while it is closed."""
    probing: bool = False
    ends: deque[bool] = field(default_factory=deque[bool])
    """Latest ends, true for a failure."""
    ttfts_s: deque[float] = field(default_factory=lambda: deque[float](maxlen=SAMPLES))
    ttft_s: float | None = None
    """Exponentially weighted moving average of the first-token times."""
    calls: int = 0
    failures: int = 0
    last_error: str = ""

    @property
    def error_rate(self) -> float:
        """Share of the latest calls that failed (0-1)."""
        return sum(self.ends) / len(self.ends) if self.ends else 0.0

    def state(self, now: float) -> str:
        """`closed`, `open`, or `half-open` when the next call is a probe."""
        if now < self.rests_until:
            return "open"
        return "half-open" if self.open_for_s else "closed"

    def may_begin(self, now: float) -> bool:
        """Whether a call may be made now."""
        return now >= self.rests_until and not (self.open_for_s and self.probing)

    def begins(self, now: float) -> bool:
        """Note that a call begins; false when none may."""
        if not self.may_begin(now):
            return False
        self.probing = self.open_for_s > 0
        return True

    def spoke(self) -> None:
        """An answer has begun: failures before it are no longer in a row."""
        self.in_a_row = 0

    def succeeded(self, ttft_s: float | None) -> None:
        """A call has ended well: the breaker closes."""
        self.calls += 1
        self.in_a_row = 0
        if self.open_for_s:
            self.ends.clear()
        self.open_for_s, self.rests_until, self.probing = 0.0, 0.0, False
        self._note(False)
        if ttft_s is not None:
            self.ttfts_s.append(ttft_s)
            before = self.ttft_s
            self.ttft_s = ttft_s if before is None else before + HALF_LIFE * (ttft_s - before)

    def failed(self, error: BaseException, now: float) -> None:
        """A call has failed. Only what is the deployment's fault counts: not a request that it refuses."""
        if isinstance(error, ModelRateLimited):
            self.probing = False
            self.rests_until = max(self.rests_until, now + (error.retry_after_s or RATE_LIMITED_S))
            return
        set_up_wrongly = isinstance(error, ModelKeyRefused | ModelMissing)
        if not set_up_wrongly and not isinstance(error, Transient):
            self.gave_up()
            return
        self.calls += 1
        self.failures += 1
        self.in_a_row += 1
        self.last_error = type(error).__name__
        self._note(True)
        full = len(self.ends) >= self.breaker.window
        too_many = self.in_a_row >= self.breaker.failures or (full and self.error_rate > self.breaker.error_rate)
        if self.probing or too_many or set_up_wrongly:
            longer = self.open_for_s * 2 or self.breaker.open_s
            if self.probing or not self.open_for_s:
                self.open_for_s = min(longer, self.breaker.max_open_s)
            self.rests_until = max(self.rests_until, now + self.open_for_s)
            self.probing = False

    def gave_up(self) -> None:
        """A call was cancelled, or refused for its own fault: nothing is known of the deployment."""
        self.probing = False

    def percentile_s(self, percentile: float) -> float | None:
        """This percentile (0-100) of the latest first-token times, by nearest rank; None before there are enough."""
        if len(self.ttfts_s) < LEAST_SAMPLES:
            return None
        times = sorted(self.ttfts_s)
        return times[max(math.ceil(percentile / 100 * len(times)), 1) - 1]

    def _note(self, failed: bool) -> None:
        self.ends.append(failed)
        while len(self.ends) > self.breaker.window:
            self.ends.popleft()
