"""Time between pieces of text, as a consumer sees it, and how late the event loop is."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable

from bench.figures import percentile


class Gaps:
    """Notes when each stream's text arrives, between `start` and `stop`."""

    def __init__(self) -> None:
        self.chars = 0
        self.sample = ""
        """Some of the text, to know the length of a token."""
        self._last: dict[Hashable, float] = {}
        self._gaps: list[float] = []
        self._on = False

    @property
    def streams(self) -> int:
        """How many have been heard of."""
        return len(self._last)

    def start(self) -> None:
        """Count from now on."""
        self._on = True

    def stop(self) -> None:
        """Count no more; a stream that is silent now has a gap up to now."""
        self._on = False
        now = time.perf_counter()
        self._gaps += [now - last for last in self._last.values()]

    def saw(self, stream: Hashable, text: str) -> None:
        """Text of a stream has arrived."""
        now = time.perf_counter()
        if self._on:
            self._gaps.append(now - self._last.get(stream, now))
            self.chars += len(text)
            if len(self.sample) < 20_000:
                self.sample += text
        self._last[stream] = now

    def result(self) -> dict[str, float]:
        """Milliseconds."""
        return {"gap_p99_ms": percentile(self._gaps, 0.99) * 1000, "gap_max_ms": max(self._gaps) * 1000}


class Lag:
    """How late the loop calls what is due."""

    def __init__(self) -> None:
        self.worst_s = 0.0
        self.all_s: list[float] = []

    async def watch(self) -> None:
        """Look a hundred times a second, until cancelled."""
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.01)
            late_s = max(0.0, time.perf_counter() - began - 0.01)
            self.all_s.append(late_s)
            self.worst_s = max(self.worst_s, late_s)
