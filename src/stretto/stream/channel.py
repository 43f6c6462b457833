"""One run's recent past in memory, shared by all who follow the run in this process.

The channel is a bounded ring of committed rows and live text. Publishing appends; each follower has
its own place in the ring, so that a slow one holds nobody up and costs no memory: when the ring has
moved past its place, it goes back to the log and joins again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from uuid import UUID

from stretto.errors import Invalid
from stretto.stream.cursor import Cursor
from stretto.stream.events import Event
from stretto.stream.log import LogReader, Row
from stretto.stream.reading import LiveText, Reading

PAGE = 500
"""Rows read from the log at once."""

LOG_LAG_S = 0.01
"""Pause before the log is asked again for rows that were published already; a replica may lag behind."""


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
        self._chars = 0
        self._waiters: list[asyncio.Future[None]] = []
        self._max_events = max_events
        self._max_chars = max_chars

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
        if len(self.items) > self._max_events or self._chars > self._max_chars:
            self._trim()

    def _trim(self) -> None:
        # Cut to half, so that trimming costs little per item.
        gone = 0
        while gone < len(self.items) and (
            len(self.items) - gone > self._max_events // 2 or self._chars > self._max_chars // 2
        ):
            self._chars -= len(self.items[gone].text or "")
            gone += 1
        del self.items[:gone]
        self.base += gone


class Follower:
    """One reader of a channel: from the log while it is behind, from the ring when it has caught up."""

    def __init__(self, channel: Channel, log: LogReader, after: Cursor) -> None:
        self.over = False
        """Whether nothing more comes: the run has ended, or the channel was closed."""
        self._channel = channel
        self._log = log
        self._reading = Reading(after)
        self._resuming = after.seq > 0
        self._joined = False
        self._place = 0  # when joined: all rows before it were seen, and none after it

    async def next_events(self) -> Sequence[Event]:
        """Give what happened since the last call; sleeps until something did.

        Raises `Invalid` when the journal has no row of the cursor's number, what the log raises, and
        what the shared poll failed with.
        """
        channel, reading = self._channel, self._reading
        while True:
            if self._joined and self._place < channel.base:
                self._joined = False
            events = self._drain() if self._joined else await self._catch_up()
            last = self._joined and self._place == channel.top
            if last and reading.ended is not None:
                self.over = True
                return [*events, *await self._give_up_phantoms(), reading.end()]
            if events:
                return events
            if channel.failure is not None:
                raise channel.failure
            if channel.closed:
                self.over = True
                return events
            if last:
                await channel.wait()

    async def _catch_up(self) -> list[Event]:
        """Read a page of the log; at its end, step over to the ring."""
        channel, reading = self._channel, self._reading
        rows = await self._log.read(channel.run_id, reading.seq - self._resuming, PAGE)
        at_end = len(rows) < PAGE
        if self._resuming:
            if not rows or rows[0].seq != reading.seq:
                raise Invalid(
                    f"The cursor names row {reading.seq}, which run {channel.run_id} does not have. "
                    "Use the id of an event of this run, or none to start over.",
                    run_id=channel.run_id,
                )
            self._resuming = False
            reading.resume(rows[0])
            rows = rows[1:]
        events = [event for row in rows for event in reading.take_row(row)]
        if at_end:
            events += self._join()
        if not events and not self._joined:
            if reading.seq > channel.seq:
                await channel.wait()  # for the rows that were read already to be published, too
                return self._join()
            await asyncio.sleep(LOG_LAG_S)
        return events

    def _join(self) -> list[Event]:
        """Step over to the ring, if it goes on where the log ended."""
        channel, reading = self._channel, self._reading
        if not channel.tracked:
            channel.start_at(reading.seq)
        if reading.seq > channel.seq:
            return []
        index = len(channel.items)
        seen: list[Row] = []
        for place, item in enumerate(channel.items):
            if isinstance(item, Row):
                if item.seq > reading.seq:
                    index = place
                    break
                seen.append(item)
        first = channel.items[index] if index < len(channel.items) else None
        if channel.seq > reading.seq and not (isinstance(first, Row) and first.seq == reading.seq + 1):
            return []
        self._joined = True
        self._place = channel.base + index
        reading.learn(seen)
        return self._take_texts([item for item in channel.items[:index] if isinstance(item, LiveText)])

    def _drain(self) -> list[Event]:
        channel, reading = self._channel, self._reading
        events: list[Event] = []
        texts: list[LiveText] = []
        for index in range(self._place - channel.base, len(channel.items)):
            item = channel.items[index]
            if isinstance(item, LiveText):
                texts.append(item)
                continue
            events += self._take_texts(texts)
            texts = []
            events += reading.take_row(item)
            if steps := reading.catching_up(item):
                before = channel.items[:index]
                events += self._take_texts([x for x in before if isinstance(x, LiveText) and x.step in steps])
        events += self._take_texts(texts)
        self._place = channel.top
        return events

    def _take_texts(self, texts: list[LiveText]) -> list[Event]:
        if not texts:
            return []
        return [event for live in _merge(texts) if (event := self._reading.take_text(live)) is not None]

    async def _give_up_phantoms(self) -> list[Event]:
        """At the end of the run, take back text that was seen live but that its writer's death kept from the log."""
        reading = self._reading
        steps = reading.phantoms()
        if not steps:
            return []
        ends = {step: reading.stored_end(step) for step in steps}
        if None in ends.values():
            ends = await self._stored_ends(steps)
        return [event for step in steps if (event := reading.give_up(step, ends[step] or 0)) is not None]

    async def _stored_ends(self, steps: Sequence[str]) -> dict[str, int | None]:
        whole = Reading(Cursor())
        while rows := await self._log.read(self._channel.run_id, whole.seq, PAGE):
            for row in rows:
                whole.take_row(row)
        return {step: whole.stored_end(step) for step in steps}


def _merge(texts: list[LiveText]) -> list[LiveText]:
    """Join what one step wrote in one go; the steps keep the order in which they began."""
    if len(texts) == 1:
        return texts
    runs: dict[str, list[list[LiveText]]] = {}
    for live in texts:
        of_step = runs.setdefault(live.step, [])
        if of_step and _goes_on(of_step[-1][-1], live):
            of_step[-1].append(live)
        else:
            of_step.append([live])
    return [_joined(run) for of_step in runs.values() for run in of_step]


def _goes_on(before: LiveText, live: LiveText) -> bool:
    return before.end == live.offset and before.attempt == live.attempt and before.after_seq == live.after_seq


def _joined(run: list[LiveText]) -> LiveText:
    head = run[0]
    if len(run) == 1:
        return head
    text = "".join([live.text for live in run])
    return LiveText(head.step, head.attempt, head.offset, text, head.at, head.after_seq)
