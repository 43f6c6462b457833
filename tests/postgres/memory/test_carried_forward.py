"""A worker makes vectors anew with another model: in parts, alone, and going on where a killed one was."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.errors import Invalid, ModelRefused, NotPossible
from stretto.gateway.provider import Embeddings
from stretto.gateway.simulated.vectors import SimulatedEmbedder
from stretto.memory import Encoder, Item, Memory, Model, carry_forward, change_model, reembed, try_model
from stretto.memory.reembed import claimed
from stretto.store import DEFAULT_TENANT, Database

OTHER = UUID("00000000-0000-7000-8000-000000000002")
OLD, NEW = Model("old", 384), Model("new", 64)
ITEMS = [Item(f"i{n}", f"The battery of phone {n} lasts {n} days.") for n in range(40)]


class Counting(SimulatedEmbedder):
    """Counts the texts that each model reads, and stops for good after so many calls of the new one."""

    def __init__(self, stops_after: int = 1_000) -> None:
        self.read: list[tuple[str, str]] = []
        self.calls = 0
        self.stops_after = stops_after
        self.stopped = asyncio.Event()

    async def embed(self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None) -> Embeddings:
        if model == NEW.name:
            if self.calls >= self.stops_after:
                self.stopped.set()
                await asyncio.Event().wait()
            self.calls += 1
        if model == "broken":
            raise ModelRefused("It is broken.")
        self.read += [(model, text) for text in texts]
        return await super().embed(texts, model=model, dimensions=dimensions)


def door(database: Database, embedder: Counting, tenant_id: UUID = DEFAULT_TENANT) -> Memory:
    return Memory(database, tenant_id, Encoder(embedder, ask_dimensions=True), OLD)


async def until_new(memory: Memory, name: str = "phones") -> None:
    async with asyncio.timeout(20):
        while (await memory.collection(name)).model != NEW.name:  # noqa: ASYNC110 - the worker tells nobody
            await asyncio.sleep(0.02)


async def ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.fixture
def in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reembed, "ROWS", 8)


@pytest.mark.usefixtures("in_small_parts")
async def test_a_worker_that_dies_loses_one_part_at_most_and_searches_go_on(database: Database) -> None:
    first = Counting(stops_after=3)
    memory = door(database, first)
    await memory.remember("phones", ITEMS)
    await change_model(memory, "phones", NEW)
    assert await memory.remade(await memory.collection("phones")) == 0
    dying = asyncio.create_task(carry_forward(database, lambda tenant: door(database, first, tenant), every_s=0.01))
    async with asyncio.timeout(20):
        await first.stopped.wait()
    known = await memory.collection("phones")
    assert (known.model, known.next_model, await memory.remade(known)) == ("old", "new", 24)
    assert (await memory.search("phones", "battery of phone 3")).asked["vector"] == 40
    # Another one keeps its hands off as long as the first lives.
    async with claimed(database, known.id) as mine:
        assert not mine
    await ended(dying)

    second = Counting()
    working = asyncio.create_task(carry_forward(database, lambda tenant: door(database, second, tenant), every_s=0.01))
    await until_new(memory)
    await ended(working)
    assert len([text for model, text in second.read if model == "new"]) == 16
    assert await memory.remade(await memory.collection("phones")) is None
    found = await door(database, second).search("phones", "battery of phone 3")
    assert found.asked["vector"] == 40


@pytest.mark.usefixtures("in_small_parts")
async def test_two_workers_do_no_text_twice_and_serve_all_tenants(
    database: Database, owner: AsyncConnection[TupleRow]
) -> None:
    await owner.execute("INSERT INTO stretto.tenants VALUES (%s, 'other', now())", [OTHER])
    embedder = Counting()
    doors = [door(database, embedder), door(database, embedder, OTHER)]
    for memory in doors:
        await memory.remember("phones", ITEMS)
        await memory.remember("broken", ITEMS[:2])
        await change_model(memory, "broken", Model("broken", 64))
        await change_model(memory, "phones", NEW)
    workers = [
        asyncio.create_task(carry_forward(database, lambda tenant: door(database, embedder, tenant), every_s=0.01))
        for _ in range(2)
    ]
    for memory in doors:
        await until_new(memory)
    for worker in workers:
        await ended(worker)
    assert len([text for model, text in embedder.read if model == "new"]) == 2 * len(ITEMS)  # once for each tenant
    assert (await doors[0].collection("broken")).model == "old"


async def test_a_model_is_tried_before_it_is_taken(database: Database) -> None:
    memory = door(database, Counting())
    await try_model(memory, NEW)
    with pytest.raises(Invalid, match="It is broken"):
        await try_model(memory, Model("broken", 64))
    with pytest.raises(NotPossible, match="STRETTO_MEMORY_MODEL"):
        await try_model(Memory(database, DEFAULT_TENANT), NEW)
