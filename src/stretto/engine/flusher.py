"""Give streamed text to the journal in batches: every run that wrote, at most 50 ms after it did."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Flushable(Protocol):
    """A run with text that waits for the disk."""

    def flush_text(self) -> None: ...


class Flusher:
    """One timer for all runs of the process; it sleeps while nobody writes."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._dirty: dict[Flushable, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def note(self, run: Flushable) -> None:
        """This run has written."""
        self._dirty[run] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._every_s, self._flush)

    def forget(self, run: Flushable) -> None:
        """This run is not carried out here any more."""
        self._dirty.pop(run, None)

    def _flush(self) -> None:
        self._timer = None
        dirty, self._dirty = self._dirty, {}
        for run in dirty:
            run.flush_text()
