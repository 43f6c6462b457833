"""The time of a journal, run through once more."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

LONGEST_GAP_S = 5.0
"""A longer time in which nothing happened is made short."""

SHORT_GAP_S = 1.0
"""So short."""


class Pace:
    """The time of the journal as it goes by now: `speed` times as fast, long gaps made short."""

    def __init__(self, begin: datetime, speed: float, longest_gap_s: float | None) -> None:
        self._clock = asyncio.get_running_loop().time
        self._speed = speed
        self._longest_gap_s = longest_gap_s
        self._journal = begin  # this time of the journal …
        self._here = self._clock()  # … is this time of the loop
        self._reached = begin

    def now(self) -> datetime:
        """Where the journal's time is."""
        if not self._speed:
            return self._reached
        past_s = (self._clock() - self._here) * self._speed
        return max(self._reached, self._journal + timedelta(seconds=past_s))

    def left_s(self, at: datetime) -> float:
        """Seconds to wait until the journal's time is `at`."""
        gap_s = (at - self._reached).total_seconds()
        if self._speed and self._longest_gap_s is not None and gap_s > self._longest_gap_s:
            # Skip its first part.
            self._reached = self._journal = at - timedelta(seconds=SHORT_GAP_S)
            self._here = self._clock()
        left_s = (
            (at - self._journal).total_seconds() / self._speed - (self._clock() - self._here) if self._speed else 0.0
        )
        if left_s <= 0:
            self._reached = max(self._reached, at)
        return left_s
