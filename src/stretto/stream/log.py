"""Rows of a run's journal as the stream sees them, and the port through which they are read.

A journal holds facts and text in one sequence without gaps. Three kinds of rows mean something to
the stream: `Text`, `TextRetracted`, and the facts that end a run. All others pass through as facts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

import msgspec

TEXT = "Text"
RETRACTED = "TextRetracted"  # its body holds position and reason
ENDS: Mapping[str, str] = {
    "RunCompleted": "completed",
    "RunFailed": "failed",
    "RunCancelled": "cancelled",
}


class Row(msgspec.Struct, frozen=True):
    """One row of a journal; the fields are the columns of the table `journal`.

    A `Text` row has step, attempt, position (offset of its first character in the step's stream),
    text and cuts. Any other row is a fact: `body` holds its fields beside step and attempt.
    """

    seq: int
    kind: str
    at: datetime
    step: str | None = None
    attempt: int | None = None
    position: int | None = None
    body: Mapping[str, object] | None = None
    text: str | None = None
    cuts: bytes | None = None

    @property
    def data(self) -> Mapping[str, object]:
        """A fact's fields as clients get them: all but its step."""
        body = self.body or {}
        return body if self.attempt is None else {**body, "attempt": self.attempt}


class LogReader(Protocol):
    """Reads committed rows.

    Both methods give rows in the order of `seq`, without gaps, starting right after the seq asked
    for, and see every row whose commit ended before the call. They raise what the store raises; a
    `Transient` error makes the shared poll try again. Readers that see the same journals are equal (and
    have the same hash), so that one query serves all who follow through them.
    """

    async def read(self, run_id: UUID, after_seq: int, limit: int) -> Sequence[Row]:
        """Give at most `limit` rows of one run; fewer only when there are no more."""
        ...

    async def read_many(self, heads: Mapping[UUID, int], limit: int) -> Mapping[UUID, Sequence[Row]]:
        """Give the rows after the given seq of each run, at most `limit` a run, in one query."""
        ...
