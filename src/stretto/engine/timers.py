"""The timers of one run while it is in memory; in the table `timers` while it is not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(slots=True, eq=False)
class _Timer:
    due: datetime
    handle: asyncio.TimerHandle


class Timers:
    """At most one timer a step. `fire` is called with the step's path when its time has come."""

    def __init__(self, fire: Callable[[str], None]) -> None:
        self._fire = fire
        self._timers: dict[str, _Timer] = {}

    def __bool__(self) -> bool:
        return bool(self._timers)

    @property
    def paths(self) -> list[str]:
        return list(self._timers)

    @property
    def due(self) -> list[tuple[str, datetime]]:
        """Every timer: (path, when)."""
        return [(path, timer.due) for path, timer in self._timers.items()]

    def arm(self, path: str, due: datetime) -> None:
        """Fire for this step at this time; replaces a timer that it has."""
        self.disarm(path)
        delay_s = max(0.0, (due - datetime.now(UTC)).total_seconds())
        handle = asyncio.get_running_loop().call_later(delay_s, self._come, path)
        self._timers[path] = _Timer(due, handle)

    def disarm(self, path: str) -> None:
        if (timer := self._timers.pop(path, None)) is not None:
            timer.handle.cancel()

    def disarm_all(self) -> None:
        for path in self.paths:
            self.disarm(path)

    def due_within(self, seconds: float) -> bool:
        """Whether one of them fires so soon."""
        soon = datetime.now(UTC) + timedelta(seconds=seconds)
        return any(timer.due <= soon for timer in self._timers.values())

    def _come(self, path: str) -> None:
        self._timers.pop(path, None)
        self._fire(path)
