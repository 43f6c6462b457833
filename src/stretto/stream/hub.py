"""Live fan-out inside one process: from the run's writer to everybody who follows the run here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from types import TracebackType
from uuid import UUID

from stretto.errors import NotPossible, Transient
from stretto.stream.channel import Channel
from stretto.stream.cursor import START, Cursor
from stretto.stream.events import Batch, Event
from stretto.stream.follower import PAGE, Follower
from stretto.stream.log import LogReader, Row
from stretto.stream.reading import LiveText

CHECK_EVERY = 10
"""Polls after which runs carried out here are polled too, should their writer have lost them unnoticed."""

MAX_PAUSE_S = 2.0
"""Longest pause between polls while the log cannot be read."""


class Hub:
    """Where runs are published and followed. Use it as `async with Hub() as hub`.

    Contract with the writer of a run, in the process that carries the run out:

    - `open_run` when it takes the run, `close_run` when it leaves it, for whatever reason.
    - `publish_text` when text is written, before it is on disk. `after_seq` is the row that the text
      must follow: the `StepStarted` of its attempt, or a later `TextRetracted` of its step, committed or not.
    - `publish_committed` with each committed row, in order, right after its commit.
    - All text of a step gets its row before the fact that ends the step, and text that stays gets its
      row before a retraction. After a retraction was numbered, nothing from before it is published.

    Nobody can hold the writer up: a follower that is slower than `max_events` items or `max_chars`
    characters of its run reads on from the log. Runs that no one publishes here are polled, every
    `poll_s` seconds, all that have equal `LogReader`s in one query.
    """

    def __init__(self, *, poll_s: float = 0.1, max_events: int = 4096, max_chars: int = 262_144) -> None:
        self._channels: dict[int, Channel] = {}  # by the id's number, which hashes 5 times faster than the id
        self._here: set[int] = set()
        self._followed = asyncio.Event()
        self._poller: asyncio.Task[None] | None = None
        self._poll_s = poll_s
        self._max_events = max_events
        self._max_chars = max_chars

    async def __aenter__(self) -> Hub:
        self._poller = asyncio.create_task(self._poll(), name="stream poll")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        poller, self._poller = self._poller, None
        for channel in self._channels.values():
            channel.close()
        if poller is not None:
            poller.cancel()
            await asyncio.wait([poller])

    def open_run(self, run_id: UUID) -> None:
        """Say that this process carries the run out and publishes it."""
        self._here.add(run_id.int)
        channel = self._channels.get(run_id.int)
        if channel is not None:
            channel.live = True

    def close_run(self, run_id: UUID) -> None:
        """Say that this process has left the run; its followers go on from the log."""
        self._here.discard(run_id.int)
        channel = self._channels.get(run_id.int)
        if channel is not None:
            channel.leave_live()

    @property
    def followed_runs(self) -> int:
        """Runs that somebody follows here."""
        return len(self._channels)

    def is_followed(self, run_id: UUID) -> bool:
        """Tell whether anybody follows the run here; if not, publishing it does nothing."""
        return run_id.int in self._channels

    def publish_text(self, run_id: UUID, step: str, attempt: int, offset: int, text: str, after_seq: int = 0) -> None:
        """Show text that was just written; `offset` is that of its first character."""
        channel = self._channels.get(run_id.int)
        if channel is not None and text:
            channel.add_text(LiveText(step, attempt, offset, text, datetime.now(UTC), after_seq))

    def publish_committed(self, run_id: UUID, rows: Sequence[Row]) -> None:
        """Show rows that were just committed, in the order of `seq`."""
        channel = self._channels.get(run_id.int)
        if channel is not None:
            channel.add_rows(rows)
            channel.live = run_id.int in self._here

    async def follow(self, run_id: UUID, log: LogReader, after: Cursor = START) -> AsyncGenerator[Event]:
        """Give what happened in a run after the cursor, and then what happens, until the run ends.

        Wrap it in `contextlib.aclosing` when you may leave before the end. It ends without an
        `EndEvent` when the hub is closed. Raises `Invalid` when the cursor is not of this run, and
        what the log raises; go on with the cursor of the last event then.
        """
        async with aclosing(self.batches(run_id, log, after)) as batches:
            async for batch in batches:
                for event in batch.events:
                    yield event

    async def batches(self, run_id: UUID, log: LogReader, after: Cursor = START) -> AsyncGenerator[Batch]:
        """As `follow`, but what comes in one go is given in one go, and encoded once for all who have seen the same."""
        if self._poller is None:
            raise NotPossible("The hub is not at work. Open it with `async with` before following runs.")
        channel = self._channels.get(run_id.int)
        if channel is None or channel.closed:
            channel = self._channels[run_id.int] = Channel(
                run_id, log, self._max_events, self._max_chars, live=run_id.int in self._here
            )
            self._followed.set()
        channel.followers += 1
        follower = Follower(channel, log, after)
        try:
            while not follower.over:
                batch = await follower.next_batch()
                if batch.events:
                    yield batch
        finally:
            follower.leave()
            channel.followers -= 1
            if not channel.followers and self._channels.get(run_id.int) is channel:
                del self._channels[run_id.int]
                if not self._channels:
                    self._followed.clear()

    async def _poll(self) -> None:
        turn = 0
        pause_s = self._poll_s
        while True:
            await self._followed.wait()
            await asyncio.sleep(pause_s)
            turn += 1
            by_log: dict[LogReader, list[Channel]] = {}
            for channel in self._channels.values():
                if channel.tracked and (channel.run_id.int not in self._here or turn % CHECK_EVERY == 0):
                    by_log.setdefault(channel.log, []).append(channel)
            reached = [await self._poll_log(log, channels) for log, channels in by_log.items()]
            pause_s = self._poll_s if all(reached) else min(2 * pause_s, MAX_PAUSE_S)

    async def _poll_log(self, log: LogReader, channels: list[Channel]) -> bool:
        try:
            found = await log.read_many({channel.run_id: channel.seq for channel in channels}, PAGE)
        except Exception as error:
            if isinstance(error, Transient):
                return False
            for channel in channels:
                channel.close(error)
            return True
        for channel in channels:
            rows = found.get(channel.run_id)
            if rows and rows[-1].seq > channel.seq:
                if channel.live:
                    # Another process has taken the run, and the writer here does not know it yet; or it
                    # is about to publish these rows. Its live text counts again when it does.
                    channel.leave_live()
                channel.add_rows(rows)
        return True
