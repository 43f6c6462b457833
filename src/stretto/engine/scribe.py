"""Numbers what one run has to say and gives it to the journal's writer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from uuid import UUID

from stretto.engine.journal import Append, Effects, JournalWriter, Lease
from stretto.engine.rows import fact_row, now, text_row
from stretto.flow.facts import Fact
from stretto.stream.hub import Hub
from stretto.stream.log import Row
from stretto.stream.text import TextChunk


class Scribe:
    """The only one who numbers the rows of a run, from after the last row that was read.

    `on_lost` is called once, when nothing more may be written.
    """

    def __init__(
        self,
        tenant_id: UUID,
        run_id: UUID,
        journal: JournalWriter,
        hub: Hub,
        on_lost: Callable[[], None],
        flow: str = "",
    ) -> None:
        self.seq = 0
        self.lost: BaseException | None = None
        """Why nothing more may be written; None while all is well."""
        self._lease = Lease(tenant_id, run_id, flow)
        self._journal = journal
        self._hub = hub
        self._on_lost = on_lost
        self._committed_seq = 0
        self._rows: list[Row] = []
        self._effects: Effects | None = None
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    def begin_after(self, seq: int) -> None:
        """The journal holds rows up to here."""
        self.seq = self._committed_seq = seq

    @property
    def is_durable(self) -> bool:
        """Whether all that was written so far is committed (or never will be)."""
        return self._committed_seq == self.seq or self.lost is not None

    @property
    def effects(self) -> Effects:
        """What the transaction that holds the next rows shall do besides; at least one row must follow."""
        if self._effects is None:
            self._effects = Effects()
        return self._effects

    def fact(self, fact: Fact) -> int:
        """Number a fact; it goes out with the next `send`."""
        self.seq += 1
        self._rows.append(fact_row(self.seq, fact, now()))
        return self.seq

    def text(self, chunk: TextChunk) -> None:
        """Number a piece of text; it goes out with the next `send`."""
        self.seq += 1
        self._rows.append(text_row(self.seq, chunk, now()))

    def send(self) -> None:
        """Give what was written to the journal's writer."""
        if self._rows and self.lost is None:
            append = Append(self._lease, self._rows, self._effects, self._committed, self.lose)
            self._rows, self._effects = [], None
            self._journal.append(append)

    async def reached(self, seq: int) -> bool:
        """Wait until the row with this number is committed; False when it never will be."""
        if self._committed_seq < seq and self.lost is None:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((seq, future))
            await future
        return self.lost is None

    def lose(self, error: BaseException) -> None:
        """Write nothing more."""
        self._lease.lost = True
        if self.lost is None:
            self.lost = error
            self._release()
            self._on_lost()

    def part(self) -> None:
        """Whoever carries the run out is done with it, and need not be told any more."""
        self._on_lost = _nothing

    def _release(self) -> None:
        while self._waiting and (self._waiting[0][0] <= self._committed_seq or self.lost is not None):
            _, future = self._waiting.popleft()
            if not future.done():
                future.set_result(None)

    def _committed(self, append: Append) -> None:
        self._committed_seq = append.rows[-1].seq
        self._hub.publish_committed(self._lease.run_id, append.rows)
        self._release()


def _nothing() -> None:
    pass
