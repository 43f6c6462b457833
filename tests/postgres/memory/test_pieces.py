"""Long texts are found by the piece that answers, and never twice."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.gateway.simulated.vectors import SimulatedEmbedder
from stretto.memory import Encoder, Item, Memory, Model, Ranking, answer, change_model
from stretto.memory.indexes import postgres as indexing
from stretto.memory.reembed import reembed
from stretto.store import DEFAULT_TENANT, Database

TALE = [f"In room {n} stands a table with {n} legs, and nobody knows who put it there." for n in range(60)]
TALE[40] = "The dragon keeps his gold under the stairs of the mill."
LONG = Item("long", " ".join(TALE), {"kind": "tale"})
SHORT = [Item(f"s{n}", f"A short note about number {n}.", {"kind": "note"}) for n in range(5)]


def memory_of(database: Database, **more: Any) -> Memory:
    return Memory(database, DEFAULT_TENANT, Encoder(SimulatedEmbedder()), Model("simulated", 384), **more)


@pytest.mark.parametrize("compared", [0, 5_000])
@pytest.mark.parametrize("filter", [None, {"kind": {"ne": "note"}}, {"kind": "tale"}])
async def test_a_hit_shows_the_piece_that_matched(
    database: Database, monkeypatch: pytest.MonkeyPatch, compared: int, filter: dict[str, Any] | None
) -> None:
    monkeypatch.setattr(indexing, "COMPARED", compared)  # by the index, and by comparing all
    memory = memory_of(database)
    done = await memory.remember("tales", [LONG, *SHORT])
    assert done.embedded > 5 + 3
    found = await memory.search("tales", "Where does the dragon keep his gold?", filter=filter)
    assert [hit.key for hit in found.hits].count("long") == 1
    best = found.hits[0]
    assert (best.key, best.text) == ("long", LONG.text)
    assert best.passage is not None
    assert "dragon" in best.passage.text
    assert len(best.passage.text) < len(best.text) / 2
    assert best.text[best.passage.begins : best.passage.ends].strip() == best.passage.text
    assert all(hit.passage is None for hit in found.hits[1:])
    assert found.asked["vector"] <= 6


async def test_found_by_words_alone_it_shows_a_piece_too(database: Database) -> None:
    memory = Memory(database, DEFAULT_TENANT, ranking=Ranking({"text": 1.0}))
    await memory.remember("tales", [LONG, *SHORT])
    best = (await memory.search("tales", "dragon")).hits[0]
    assert best.passage is not None
    assert "dragon" in best.passage.text
    told = await answer(memory, "tales", "Where does the dragon keep his gold?")
    assert told.sentences[0].text == TALE[40]


async def test_a_text_that_changes_its_length_leaves_no_piece_behind(
    database: Database, owner: AsyncConnection[TupleRow]
) -> None:
    memory = memory_of(database)

    async def pieces() -> list[tuple[Any, ...]]:
        return await (
            await owner.execute("SELECT piece, begins, text_hash IS NULL FROM stretto.memory_vectors ORDER BY piece")
        ).fetchall()

    await memory.remember("tales", [LONG])
    assert len(before := await pieces()) > 3
    assert {row[2] for row in before} == {False}
    await memory.remember("tales", [Item("long", LONG.text, {"kind": "other"})])
    assert await pieces() == before
    await memory.remember("tales", [Item("long", "Now it is short.")])
    assert await pieces() == [(0, None, True)]
    await memory.remember("tales", [LONG])
    assert await pieces() == before
    await change_model(memory, "tales", Model("other", 384))
    await reembed(memory, "tales")
    assert await pieces() == before
    await memory.forget("tales", ["long"])
    assert await pieces() == []
