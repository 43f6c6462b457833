"""A run's journal as the events that its followers saw, each at its own time down to the single token. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stretto.stream import START, Event, Row, cuts_to_tokens
from stretto.stream.log import TEXT
from stretto.stream.reading import LiveText, Reading

DRIFT = timedelta(milliseconds=250)
"""A row is on disk at most 50 ms after its last token; when the sum of delays is further off than this, the row's time counts."""


@dataclass(frozen=True, slots=True, order=True)
class _Moment:
    at: datetime
    order: int
    """The row's seq, for what happened at the same time."""
    part: int


def timeline(rows: Sequence[Row]) -> Iterator[tuple[datetime, Event]]:
    """The events of these rows, in order, each with the time at which it happened.

    A `Text` row becomes one event for each token, at the time at which the token came; its row itself then gives
    nothing new. The events are those that a follower gets, cursors included, `EndEvent` at the end of a run that is over.
    """
    reading = Reading(START)
    moments: list[tuple[_Moment, Row | LiveText]] = []
    clock = _TokenClock()
    for row in rows:
        if row.kind == TEXT:
            for part, live in enumerate(clock.tokens(row)):
                moments.append((_Moment(live.at, row.seq, part), live))
        else:
            clock.note(row)
        # Rows go in the order of their numbers, whatever their clocks say.
        at = clock.in_order(row.at)
        moments.append((_Moment(at, row.seq, len(row.text or "")), row))
    heapq.heapify(moments)
    while moments:
        moment, item = heapq.heappop(moments)
        if isinstance(item, LiveText):
            event = reading.take_text(item)
            events: list[Event] = [] if event is None else [event]
        else:
            events = reading.take_row(item)
        for event in events:
            yield moment.at, event
        if not moments and reading.ended is not None:
            yield moment.at, reading.end()


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
