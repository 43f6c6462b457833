"""What is stored at once goes together, and nobody waits for a flight that is over."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast
from uuid import UUID

from stretto.langgraph.store import AT_ONCE, CheckpointStore, Given, Write


class Gated(CheckpointStore):
    """Stores nothing; each flight waits until the gate is opened."""

    def __init__(self) -> None:
        super().__init__(cast("Any", None), UUID(int=0))
        self.gate = asyncio.Event()
        self.stored = 0

    async def _store(self, batch: Sequence[Given]) -> set[tuple[str, ...]]:
        await self.gate.wait()
        self.stored += len(batch)
        return set()


def given(number: int) -> Given:
    return Given(writes=[Write("t", "", "c", "task", number, "", "notes", "json", b"1")])


async def test_who_stores_just_as_all_flights_end_is_heard() -> None:
    store = Gated()

    async def write(number: int) -> None:
        await store.put(given(number))
        if number == 0:
            await store.put(given(AT_ONCE))

    writers: list[asyncio.Task[None]] = []
    for number in range(AT_ONCE):
        writers.append(asyncio.create_task(write(number)))
        for _ in range(4):
            await asyncio.sleep(0)  # each has a flight of its own
    store.gate.set()
    await asyncio.wait_for(asyncio.gather(*writers), 10)
    assert store.stored == AT_ONCE + 1
    await store.close()
