"""What searches vectors keeps its promises, whichever it is: pgvector by its index and by comparing all, and Qdrant (in this process)."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.errors import MemoryNotFound, ModelUnreachable
from stretto.gateway.simulated.vectors import SimulatedEmbedder, simulate_vector
from stretto.memory import Encoder, Item, Memory, Model, change_model
from stretto.memory.conditions import read_condition
from stretto.memory.indexes import PostgresIndex, QdrantIndex, Shelf, VectorIndex
from stretto.memory.indexes import postgres as indexing
from stretto.memory.reembed import reembed
from stretto.memory.store import EVERYTHING, Narrowing
from stretto.store import DEFAULT_TENANT, Database

OTHER = UUID("00000000-0000-7000-8000-000000000002")
MODEL = Model("simulated", 384)
TALE = " ".join([f"Room {n} has {n} doors, and nobody knows who put them there." for n in range(60)] + ["A dragon."])
ITEMS = [
    *(
        Item(f"i{n}", f"Phone number {n} with battery {n % 7}.", {"stars": n % 5, "shop": f"s{n % 3}", "of": [n, "x"]})
        for n in range(40)
    ),
    Item("tale", TALE, {"stars": 9, "shop": None, "deep": {"a": 1}, "new": True}),
]
FILTERS: list[dict[str, Any]] = [
    {"stars": 3},
    {"stars": 3.0, "shop": "s1"},
    {"stars": {"gte": 2, "lt": 4}},
    {"stars": {"ne": 3}},
    {"shop": {"in": ["s0", "s2"]}},
    {"shop": None},
    {"shop": {"gt": "s1"}},
    {"of": 7},
    {"of": "x"},
    {"deep.a": 1},
    {"new": True},
    {"new": 1},
    {"stars": True},
    {"nothing": "there"},
]


@pytest.fixture(params=["pgvector", "pgvector, all compared", "qdrant"])
async def index(
    request: pytest.FixtureRequest, database: Database, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[VectorIndex]:
    found: VectorIndex
    if request.param == "qdrant":
        pytest.importorskip("qdrant_client")
        found = QdrantIndex(database, ":memory:")
    else:
        monkeypatch.setattr(indexing, "COMPARED", 5_000 if "all" in request.param else 0)
        found = PostgresIndex(database)
    yield found
    await found.close()


def memory_of(database: Database, index: VectorIndex, tenant_id: UUID = DEFAULT_TENANT) -> Memory:
    return Memory(database, tenant_id, Encoder(SimulatedEmbedder(), ask_dimensions=True), MODEL, index=index)


async def shelf_of(memory: Memory) -> Shelf:
    known = await memory.collection("phones")
    return Shelf(memory.tenant_id, known.id, Model(known.model, known.dimensions), known.items)


async def test_the_nearest_come_first_and_each_once(database: Database, index: VectorIndex) -> None:
    memory = memory_of(database, index)
    await memory.remember("phones", ITEMS)
    near = await index.search(await shelf_of(memory), simulate_vector(ITEMS[7].text), EVERYTHING, 10)
    assert near[0].cosine == pytest.approx(1, abs=0.01)
    assert [each.cosine for each in near] == sorted((each.cosine for each in near), reverse=True)
    assert len(near) == 10
    everything = await index.search(await shelf_of(memory), simulate_vector("room"), EVERYTHING, 100)
    assert len({each.id for each in everything}) == len(everything) == len(ITEMS)
    assert everything[0].begins is not None
    assert all(each.begins is None for each in everything[1:])


@pytest.mark.parametrize("filter", FILTERS, ids=str)
async def test_conditions_let_through_what_fulfils_them(
    database: Database, index: VectorIndex, filter: dict[str, Any]
) -> None:
    memory = memory_of(database, index)
    await memory.remember("phones", ITEMS)
    shelf, condition = await shelf_of(memory), read_condition(filter)
    assert condition is not None
    everything = await index.search(shelf, simulate_vector("phone"), EVERYTHING, 100)
    expected = await memory.store.fulfilling([each.id for each in everything], condition)
    found = await index.search(shelf, simulate_vector("phone"), Narrowing(None, condition), 100)
    assert {each.id for each in found} == expected
    some = sorted(each.id for each in everything)[:5]
    found = await index.search(shelf, simulate_vector("phone"), Narrowing(some, condition), 3)
    assert len(found) == 3
    assert {each.id for each in found} <= set(some)
    assert await index.search(shelf, simulate_vector("phone"), Narrowing([], condition), 3) == []


async def test_what_changes_or_goes_is_so_at_once(database: Database, index: VectorIndex) -> None:
    memory = memory_of(database, index)
    await memory.remember("phones", ITEMS)
    await memory.remember("phones", [Item("tale", "A short tale of a dragon."), Item("i1", "A camera.")])
    shelf = await shelf_of(memory)
    found = await index.search(shelf, simulate_vector("A camera."), EVERYTHING, 100)
    assert len(found) == len(ITEMS)
    assert found[0].cosine == pytest.approx(1, abs=0.01)
    assert all(each.begins is None for each in found)
    await memory.forget("phones", ["i1", "tale"])
    found = await index.search(shelf, simulate_vector("A camera."), EVERYTHING, 100)
    assert len(found) == len(ITEMS) - 2
    await memory.drop("phones")
    assert await index.search(shelf, simulate_vector("A camera."), EVERYTHING, 100) == []


async def test_two_tenants_never_meet(database: Database, index: VectorIndex, owner: AsyncConnection[TupleRow]) -> None:
    await owner.execute("INSERT INTO stretto.tenants VALUES (%s, 'other', now())", [OTHER])
    mine, theirs = memory_of(database, index), memory_of(database, index, OTHER)
    await mine.remember("phones", ITEMS)
    await theirs.remember("phones", ITEMS[:3])
    assert len(await index.search(await shelf_of(theirs), simulate_vector("phone"), EVERYTHING, 100)) == 3
    stolen = Shelf(OTHER, (await mine.collection("phones")).id, MODEL, 100)
    assert await index.search(stolen, simulate_vector("phone"), EVERYTHING, 100) == []
    await index.remove(stolen, list(range(1, 100)))
    await index.drop(stolen)
    assert len(await index.search(await shelf_of(mine), simulate_vector("phone"), EVERYTHING, 100)) == len(ITEMS)
    await theirs.drop("phones")
    assert (await mine.search("phones", "Phone number 3")).asked["vector"] == len(ITEMS)
    with pytest.raises(MemoryNotFound):
        await theirs.search("phones", "Phone number 3")


async def test_another_model_has_a_shelf_of_its_own(database: Database, index: VectorIndex) -> None:
    memory = memory_of(database, index)
    await memory.remember("phones", ITEMS)
    old = await shelf_of(memory)
    await change_model(memory, "phones", Model("other", 64))
    await reembed(memory, "phones")
    new = await shelf_of(memory)
    assert new.model == Model("other", 64)
    assert len(await index.search(new, simulate_vector("phone", 64), EVERYTHING, 100)) == len(ITEMS)
    assert await index.search(old, simulate_vector("phone"), EVERYTHING, 100) == []


async def test_it_can_be_filled_anew(database: Database, index: VectorIndex) -> None:
    memory = memory_of(database, index)
    await memory.remember("phones", ITEMS)
    shelf = await shelf_of(memory)
    before = await index.search(shelf, simulate_vector("dragon"), EVERYTHING, 100)
    await index.drop(shelf)
    count = await memory.fill_index("phones")
    assert (count > len(ITEMS)) == isinstance(index, QdrantIndex)
    after = await index.search(shelf, simulate_vector("dragon"), EVERYTHING, 100)
    assert {each[0] for each in after} == {each[0] for each in before}


async def test_without_its_server_the_other_lists_answer(database: Database, silent_port: int) -> None:
    pytest.importorskip("qdrant_client")
    index = QdrantIndex(database, f"http://127.0.0.1:{silent_port}")
    memory = memory_of(database, index)
    with pytest.raises(ModelUnreachable, match="fill_index"):
        await memory.remember("phones", ITEMS)
    found = await memory.search("phones", "Phone number 3")
    assert "text" in found.asked
    assert "vector" not in found.asked
    assert "Qdrant does not answer" in found.notes[0]
    await index.close()


@pytest.fixture
def silent_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])
