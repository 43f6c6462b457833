"""One reader of a channel: from the log while it is behind, from the ring when it has caught up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from stretto.errors import Invalid
from stretto.stream.channel import Channel
from stretto.stream.cohort import Cohort, drain, take_texts
from stretto.stream.cursor import Cursor
from stretto.stream.events import Batch, Event
from stretto.stream.log import LogReader, Row
from stretto.stream.reading import LiveText, Reading

PAGE = 500
"""Rows read from the log at once."""

LOG_LAG_S = 0.01
"""Pause before the log is asked again for rows that were published already; a replica may lag behind."""


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
        self._cohort: Cohort | None = None
        self._number = 0  # of the cohort's batch that comes next
        self._seen = after  # in the cohort: what was given

    async def next_batch(self) -> Batch:
        """Give what happened since the last call; sleeps until something did. Empty when it is `over` without an end.

        Raises `Invalid` when the journal has no row of the cursor's number, what the log raises, and
        what the shared poll failed with.
        """
        channel = self._channel
        while True:
            if self._cohort is not None:
                if (batch := self._next_shared(self._cohort)) is not None:
                    return batch
                last = self.is_joined
            else:
                events = await self._next_own()
                if events:
                    return Batch(events)
                last = self._joined and self._place == channel.top
            if channel.failure is not None:
                raise channel.failure
            if channel.closed:
                self.over = True
                return Batch(())
            if last:
                await channel.wait()

    @property
    def is_joined(self) -> bool:
        """Whether it reads the ring, not the log."""
        return self._joined or self._cohort is not None

    def leave(self) -> None:
        """Follow no longer."""
        if self._cohort is not None:
            self._cohort.members -= 1
            self._cohort = None

    def _next_shared(self, cohort: Cohort) -> Batch | None:
        """The cohort's next batch; None when there is none yet, or when this follower has left the cohort."""
        if self._number == cohort.next_number:
            cohort.catch_up()
        if cohort.first <= self._number < cohort.next_number:
            batch = cohort.batch(self._number)
            self._number += 1
            self._seen = batch.events[-1].cursor
            self.over = cohort.over and self._number == cohort.next_number
            return batch
        if self._number < cohort.first or cohort.broken:
            # The cursor leads another reading to the same place.
            self.leave()
            self._reading = Reading(self._seen)
            self._resuming = self._seen.seq > 0
        return None

    async def _next_own(self) -> list[Event]:
        channel, reading = self._channel, self._reading
        if self._joined and self._place < channel.base:
            self._joined = False
        if self._joined:
            events = drain(channel, reading, self._place)
            self._place = channel.top
        else:
            events = await self._catch_up()
        if self._joined and self._place == channel.top:
            if reading.ended is not None:
                self.over = True
                return [*events, *await self._give_up_phantoms(), reading.end()]
            self._unite()
        return events

    def _unite(self) -> None:
        """Go on with the others, if their clients have seen what this one has."""
        cohort = self._channel.cohort
        if cohort is not None and cohort.members:
            cohort.catch_up()
        if cohort is None or not cohort.members or cohort.broken or cohort.over:
            cohort = self._channel.cohort = Cohort(self._channel, self._reading)
        elif not self._reading.is_at(cohort.reading):
            return
        cohort.members += 1
        self._joined = False
        self._cohort, self._number, self._seen = cohort, cohort.next_number, self._reading.cursor

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
        return take_texts(reading, [item for item in channel.items[:index] if isinstance(item, LiveText)])

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
