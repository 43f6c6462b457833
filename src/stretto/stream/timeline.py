"""A run's journal as the events that its followers saw, each at its own time down to the single token. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from stretto.stream.cursor import START, Cursor
from stretto.stream.events import Event
from stretto.stream.log import TEXT, Row
from stretto.stream.reading import LiveText, Reading
from stretto.stream.text import cuts_to_tokens

DRIFT = timedelta(milliseconds=250)
"""A row is on disk at most 50 ms after its last token; when the sum of delays is further off than this, the row's time counts."""

SPAN = timedelta(seconds=1)
"""A row holds no token that came so long before it: text waits for disk 50 ms."""


@dataclass(frozen=True, slots=True, order=True)
class _Moment:
    at: datetime
    order: int
    """The row's seq, for what happened at the same time."""
    part: int


def timeline(rows: Iterable[Row]) -> Iterator[tuple[datetime, Event]]:
    """The events of these rows, in order, each with the time at which it happened."""
    told = Timeline()
    for row in rows:
        yield from told.take(row)
    yield from told.rest()


class Timeline:
    """Takes the rows of a journal in their order, and gives the events of what lies before them, each with its time.

    A `Text` row becomes one event for each token, at the time at which the token came; its row itself then gives
    nothing new. The events are those that a follower gets who had seen `after`, cursors included, `EndEvent` at the end of
    a run that is over. It holds what may still come after something of a later row, which is a second of the run.
    """

    def __init__(self, after: Cursor = START) -> None:
        self._reading = Reading(after)
        self._moments: list[tuple[_Moment, Row | LiveText]] = []
        self._clock = _TokenClock()
        self._at: datetime | None = None

    def resume(self, row: Row) -> None:
        """Look at the row that the cursor names, which was seen, before all others."""
        self._reading.resume(row)
        self._clock.note(row)
        self._at = self._clock.in_order(row.at)

    def take(self, row: Row) -> Iterator[tuple[datetime, Event]]:
        """Take a row; gives what certainly lies before all that is to come."""
        clock = self._clock
        if row.kind == TEXT:
            for part, live in enumerate(clock.tokens(row)):
                heapq.heappush(self._moments, (_Moment(live.at, row.seq, part), live))
        else:
            clock.note(row)
        # Rows go in the order of their numbers, whatever their clocks say.
        self._at = clock.in_order(row.at)
        heapq.heappush(self._moments, (_Moment(self._at, row.seq, len(row.text or "")), row))
        yield from self._until(self._at - SPAN)

    def rest(self) -> Iterator[tuple[datetime, Event]]:
        """All that is left, when no row comes any more."""
        yield from self._until(None)
        if self._at is not None and self._reading.ended is not None:
            yield self._at, self._reading.end()

    def _until(self, end: datetime | None) -> Iterator[tuple[datetime, Event]]:
        moments, reading = self._moments, self._reading
        while moments and (end is None or moments[0][0].at < end):
            moment, item = heapq.heappop(moments)
            if isinstance(item, LiveText):
                event = reading.take_text(item)
                events: list[Event] = [] if event is None else [event]
            else:
                events = reading.take_row(item)
            for event in events:
                yield moment.at, event


class _TokenClock:
    """Works out when each token came, from the delays that the rows hold."""

    def __init__(self) -> None:
        self._last: dict[str, datetime] = {}  # of each step: its last token, or the start of its attempt
        self._after: dict[str, int] = {}  # the row that the step's text follows
        self._latest: datetime | None = None

    def in_order(self, at: datetime) -> datetime:
        """The time of the next row: never before that of the row before it."""
        if self._latest is None or at > self._latest:
            self._latest = at
        return self._latest

    def note(self, row: Row) -> None:
        """A row that is no text: the start of an attempt and a retraction set the step's clock."""
        if row.step is not None and row.kind in ("StepStarted", "TextRetracted"):
            self._after[row.step] = row.seq
            if row.kind == "StepStarted":
                self._last[row.step] = self.in_order(row.at)
            else:
                self._last[row.step] = max(self.in_order(row.at), self._last.get(row.step, row.at))

    def tokens(self, row: Row) -> Iterator[LiveText]:
        """The tokens of a row, each at its time."""
        assert row.step is not None
        end = self.in_order(row.at)
        tokens = cuts_to_tokens(row.text or "", row.cuts or b"") or [(row.text or "", 0)]
        total = timedelta(milliseconds=sum(delay for _, delay in tokens))
        start = self._last.get(row.step, end - total)
        if abs(end - (start + total)) > DRIFT:
            start = end - total
        floor, offset = self._last.get(row.step, start), row.position or 0
        at = start
        for text, delay in tokens:
            at += timedelta(milliseconds=delay)
            shown = min(max(at, floor), end)
            yield LiveText(row.step, row.attempt or 1, offset, text, shown, self._after.get(row.step, 0))
            offset += len(text)
        self._last[row.step] = min(max(at, floor), end)
