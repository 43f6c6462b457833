"""How long a call may take, without the time in which it waits for a person."""

from __future__ import annotations

import asyncio


class Patience:
    """The time-out of one call: `async with patience.limit()` around its work. Raises `TimeoutError` when it is used up."""

    def __init__(self, limit_s: float) -> None:
        self._left_s = limit_s
        self._holds = 0
        self._limit: asyncio.Timeout | None = None

    def limit(self) -> asyncio.Timeout:
        """The time begins to run when this is entered."""
        self._limit = asyncio.timeout(self._left_s)
        return self._limit

    def hold(self) -> None:
        """Let the time stand still, until as many have said `go_on`."""
        self._holds += 1
        if self._holds == 1 and (when := self._when()) is not None:
            self._left_s = when - asyncio.get_running_loop().time()
            self._move(None)

    def go_on(self) -> None:
        """Let it run again."""
        self._holds -= 1
        if not self._holds:
            self._move(asyncio.get_running_loop().time() + self._left_s)

    def _when(self) -> float | None:
        return None if self._limit is None else self._limit.when()

    def _move(self, when: float | None) -> None:
        if self._limit is not None and not self._limit.expired():
            try:
                self._limit.reschedule(when)
            except RuntimeError:  # the call is over
                self._limit = None
