"""One run's recent past in memory, shared by all who follow the run in this process.

The channel is a bounded ring of committed rows and live text. Publishing appends; each follower has
its own place in the ring, so that a slow one holds nobody up and costs no memory: when the ring has
moved past its place, it goes back to the log and joins again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from stretto.stream.log import LogReader, Row
from stretto.stream.reading import LiveText

if TYPE_CHECKING:
    from stretto.stream.cohort import Cohort


class Channel:
    """The ring of one run; its rows have no gaps. Everything here happens in one event loop, between two awaits."""

    def __init__(self, run_id: UUID, log: LogReader, max_events: int, max_chars: int, *, live: bool) -> None:
        self.run_id = run_id
        self.log = log
        self.followers = 0
        self.live = live
        """Whether the run's writer publishes here; if not, live text is passed over."""
        self.seq = 0
        """Last committed row known here."""
        self.tracked = False
        """Whether `seq` is known: a follower has come up to it, or rows were published."""
        self.closed = False
        self.failure: BaseException | None = None
        self.items: list[Row | LiveText] = []
        self.base = 0  # place of the first item; grows as items leave the ring
        self.cohort: Cohort | None = None
        """Those followers whose clients have seen the same."""
        self._chars = 0
        self._waiters: list[asyncio.Future[None]] = []
        self._max_events = max_events
        self.max_chars = max_chars

    @property
    def top(self) -> int:
        """Place after the newest item."""
        return self.base + len(self.items)

    def add_text(self, live: LiveText) -> None:
        """Put live text into the ring."""
        if self.live:
            self._put(live, len(live.text))
            self._wake()

    def add_rows(self, rows: Iterable[Row]) -> None:
        """Put committed rows into the ring; rows that it had are passed over."""
        for row in rows:
            if row.seq > self.seq:
                if row.seq > self.seq + 1:
                    self.start_at(row.seq - 1)
                self.seq = row.seq
                self._put(row, len(row.text or ""))
        self.tracked = True
        self._wake()

    def start_at(self, seq: int) -> None:
        """Begin anew after row `seq`; rows up to it were not published here, but they are in the log.

        They may have made the text in the ring void, so it is let go; what still stands of it gets its row soon.
        """
        self.tracked = True
        self.seq = seq
        self._clear()

    def leave_live(self) -> None:
        """Let go of live text, for another process carries the run on, or will."""
        self.live = False
        self._clear()
        self._wake()

    def close(self, failure: BaseException | None = None) -> None:
        """End all following: with an error, or quietly."""
        self.closed = True
        self.failure = failure
        self._wake()

    async def wait(self) -> None:
        """Sleep until something is published."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    def _wake(self) -> None:
        if self._waiters:
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(None)
            self._waiters.clear()

    def _clear(self) -> None:
        self.base = self.top + 1  # past every follower's place, so that all go back to the log
        self.items.clear()
        self._chars = 0

    def _put(self, item: Row | LiveText, chars: int) -> None:
        self.items.append(item)
        self._chars += chars
        if len(self.items) > self._max_events or self._chars > self.max_chars:
            self._trim()

    def _trim(self) -> None:
        # Cut to half, so that trimming costs little per item.
        gone = 0
        while gone < len(self.items) and (
            len(self.items) - gone > self._max_events // 2 or self._chars > self.max_chars // 2
        ):
            self._chars -= len(self.items[gone].text or "")
            gone += 1
        del self.items[:gone]
        self.base += gone
