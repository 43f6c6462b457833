"""A journal in memory, for tests of what reads the stream."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from stretto.stream.log import Row


class MemoryLog:
    """A `LogReader` over lists of rows; `add` is the commit."""

    def __init__(self) -> None:
        self.rows: dict[UUID, list[Row]] = {}
        self.reads = 0
        """Calls of `read` so far."""
        self.polls = 0
        """Calls of `read_many` so far."""

    def add(self, run_id: UUID, rows: Iterable[Row]) -> None:
        """Commit rows. Raises `ValueError` when their numbers leave a gap."""
        known = self.rows.setdefault(run_id, [])
        for row in rows:
            if row.seq != len(known) + 1:
                raise ValueError(f"row {row.seq} cannot follow row {len(known)}")
            known.append(row)

    async def read(self, run_id: UUID, after_seq: int, limit: int) -> Sequence[Row]:
        """Give at most `limit` rows of one run after `after_seq`."""
        self.reads += 1
        rows = self.rows.get(run_id, [])[after_seq : after_seq + limit]
        await asyncio.sleep(0)  # others have their turn meanwhile, as with a database
        return rows

    async def read_many(self, heads: Mapping[UUID, int], limit: int) -> Mapping[UUID, Sequence[Row]]:
        """Give the rows of many runs, each after its own seq."""
        self.polls += 1
        rows = {run_id: self.rows.get(run_id, [])[after : after + limit] for run_id, after in heads.items()}
        await asyncio.sleep(0)
        return rows
