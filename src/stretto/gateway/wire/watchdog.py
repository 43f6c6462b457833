"""Ends a call that has been silent for too long."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Silent(Exception):
    """Nothing came in time."""


class Watchdog:
    """Cancels what runs inside it, and raises `Silent`, when `stir` has not been called for `limit_s`.

    It costs no timer per token: one timer looks at when `stir` was called last, and sets itself anew.
    """

    __slots__ = ("_cancelling", "_expired", "_handle", "_limit_s", "_loop", "_task", "last")

    def __init__(self, limit_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._limit_s = limit_s
        self._expired = False
        self.last = self._loop.time()

    def stir(self) -> None:
        """Note a sign of progress."""
        self.last = self._loop.time()

    def limit(self, limit_s: float) -> None:
        """From now on, wait this long."""
        self._limit_s = limit_s
        self.last = self._loop.time()
        self._handle.cancel()
        self._handle = self._loop.call_later(limit_s, self._look)

    def __enter__(self) -> Watchdog:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()
        self._handle = self._loop.call_later(self._limit_s, self._look)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._handle.cancel()
        # As asyncio.timeout does: where somebody else cancels as well, theirs goes on.
        if self._expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise Silent from error

    def _look(self) -> None:
        left = self.last + self._limit_s - self._loop.time()
        if left > 0:
            self._handle = self._loop.call_later(left, self._look)
        else:
            self._expired = True
            self._task.cancel()
