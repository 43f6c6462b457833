"""What is remembered is found: by words, by meaning, by place; counted right, and never by another tenant."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.errors import Invalid, MemoryNotFound, ModelUnreachable
from stretto.gateway.provider import Embeddings
from stretto.gateway.simulated.vectors import SimulatedEmbedder
from stretto.memory import Encoder, Item, Memory, Model, Place, Ranking
from stretto.memory.answers import NOT_ENOUGH, answer
from stretto.memory.reembed import change_model, reembed
from stretto.store import DEFAULT_TENANT, Database

OTHER = UUID("00000000-0000-7000-8000-000000000002")
MODEL = Model("simulated", 384)

REVIEWS = [
    Item("r1", "The battery lasts two days, I love this phone.", {"product": "phone", "stars": 5, "tags": ["battery"]}),
    Item("r2", "The battery died after a week. The battery is bad.", {"product": "phone", "stars": 1}),
    Item("r3", "Fresh pasta and friendly waiters.", {"product": "restaurant", "stars": 4}),
    Item("r4", "The waiter was slow, the pasta cold.", {"product": "restaurant", "stars": 2}),
]


def memory_of(database: Database, tenant_id: UUID = DEFAULT_TENANT, **more: Any) -> Memory:
    return Memory(database, tenant_id, Encoder(SimulatedEmbedder()), MODEL, **more)


async def test_what_is_remembered_is_found_with_the_reason(database: Database) -> None:
    memory = memory_of(database)
    done = await memory.remember("reviews", REVIEWS)
    assert (done.written, done.unchanged, done.embedded) == (4, 0, 4)
    found = await memory.search("reviews", "battery of the phone")
    assert {hit.key for hit in found.hits[:2]} == {"r1", "r2"}
    best = found.hits[0]
    assert {each.list for each in best.lists} == {"vector", "text"}
    assert all(each.rank >= 1 for each in best.lists)
    assert found.asked == {"vector": 4, "text": 2}
    assert best.score == pytest.approx(0.6 * best.fused + 0.4 * best.reranked)


async def test_the_same_again_changes_nothing_and_a_change_is_found_at_once(
    database: Database, owner: AsyncConnection[TupleRow]
) -> None:
    memory = memory_of(database)
    await memory.remember("reviews", REVIEWS)
    again = await memory.remember("reviews", REVIEWS)
    assert (again.written, again.unchanged, again.embedded) == (0, 4, 0)
    changed = await memory.remember("reviews", [Item("r1", "A camera with sharp pictures."), *REVIEWS[1:]])
    assert (changed.written, changed.unchanged, changed.embedded) == (1, 3, 1)
    assert (await memory.search("reviews", "love")).asked["text"] == 0
    assert (await memory.search("reviews", "camera")).hits[0].key == "r1"
    await assert_counts_are_right(owner)


async def assert_counts_are_right(owner: AsyncConnection[TupleRow]) -> None:
    """What is counted while writing is what there is."""
    wrong = await (
        await owner.execute(
            "SELECT t.term, t.items, count(p.item_id) FROM stretto.memory_terms t LEFT JOIN stretto.memory_postings p"
            " USING (tenant_id, collection_id, term) GROUP BY 1, 2 HAVING t.items <> count(p.item_id)"
        )
    ).fetchall()
    assert wrong == []
    wrong = await (
        await owner.execute(
            "SELECT c.name, c.items, c.words, count(i.id), coalesce(sum(i.words), 0) FROM stretto.memory_collections c"
            " LEFT JOIN stretto.memory_items i ON i.collection_id = c.id GROUP BY 1, 2, 3"
            " HAVING c.items <> count(i.id) OR c.words <> coalesce(sum(i.words), 0)"
        )
    ).fetchall()
    assert wrong == []
    orphans = await (
        await owner.execute(
            "SELECT 1 FROM stretto.memory_postings WHERE item_id NOT IN (SELECT id FROM stretto.memory_items)"
            " UNION ALL SELECT 1 FROM stretto.memory_vectors WHERE item_id NOT IN (SELECT id FROM stretto.memory_items)"
        )
    ).fetchall()
    assert orphans == []


async def test_the_text_list_is_bm25(database: Database) -> None:
    memory = memory_of(database, ranking=Ranking({"text": 1.0}, fused=1))
    texts = {"a": "cat cat dog", "b": "cat bird", "c": "fish fish fish fish", "d": "dog"}
    await memory.remember("animals", [Item(key, text) for key, text in texts.items()])
    found = await memory.search("animals", "cats and dogs")
    scores = {hit.key: hit.lists[0].score for hit in found.hits if hit.lists[0].list == "text"} | {
        hit.key: each.score for hit in found.hits for each in hit.lists if each.list == "text"
    }
    mean = sum(len(text.split()) for text in texts.values()) / 4

    def bm25(text: str) -> float:
        total = 0.0
        for word in ("cat", "dog"):
            holding = sum(word in other.split() for other in texts.values())
            n, length = text.split().count(word), len(text.split())
            idf = math.log(1 + (4 - holding + 0.5) / (holding + 0.5))
            total += idf * n * 2.2 / (n + 1.2 * (0.25 + 0.75 * length / mean))
        return total

    assert scores == pytest.approx({key: bm25(text) for key, text in texts.items() if key != "c"}, rel=1e-5)


FILTERS: list[tuple[dict[str, Any], set[str]]] = [
    ({"product": "phone"}, {"r1", "r2"}),
    ({"stars": {"gte": 4}}, {"r1", "r3"}),
    ({"product": "restaurant", "stars": {"lt": 3}}, {"r4"}),
    ({"stars": {"in": [1, 2]}}, {"r2", "r4"}),
    ({"tags": "battery"}, {"r1"}),
    ({"stars": 5.0}, {"r1"}),
    ({"product": {"ne": "phone"}}, {"r3", "r4"}),
    ({"nothing": "there"}, set()),
]
ODD_FILTERS: list[dict[str, Any]] = [
    {"a": {"like": 1}},
    {"": 1},
    {"a": [1]},
    {"a": {"in": 3}},
    {"a": {}},
    {"a\x00": 1},
    {"a": math.nan},
    {"a": 2**70},
    {"a": "half \ud800"},
]


async def test_filters_let_through_what_fulfils_them(database: Database) -> None:
    memory = memory_of(database)
    await memory.remember("reviews", REVIEWS)
    for filter, expected in FILTERS:
        found = await memory.search("reviews", "the battery and the pasta", filter=filter)
        assert {hit.key for hit in found.hits} == expected, filter
    for filter in ODD_FILTERS:
        with pytest.raises(Invalid):
            await memory.search("reviews", "battery", filter=filter)


async def test_two_tenants_never_meet(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    await owner.execute("INSERT INTO stretto.tenants VALUES (%s, 'other', now())", [OTHER])
    mine, theirs = memory_of(database), memory_of(database, OTHER)
    await mine.remember("reviews", REVIEWS)
    with pytest.raises(MemoryNotFound):
        await theirs.search("reviews", "battery")
    done = await theirs.remember("reviews", [Item("x", REVIEWS[0].text)])
    assert done.embedded == 1  # not even the vector of the same text is shared
    assert [hit.key for hit in (await theirs.search("reviews", "battery")).hits] == ["x"]
    assert "x" not in {hit.key for hit in (await mine.search("reviews", "battery")).hits}
    with pytest.raises(MemoryNotFound):
        await theirs.get("reviews", "r1")
    assert await theirs.forget("reviews", ["r1", "r2"]) == 0
    await theirs.drop("reviews")
    assert len((await mine.search("reviews", "battery")).hits) == 4
    await assert_counts_are_right(owner)


async def test_what_is_forgotten_is_gone(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    memory = memory_of(database)
    await memory.remember("reviews", REVIEWS)
    assert await memory.forget("reviews", ["r1", "r1", "unknown", "a\x00"]) == 1
    assert "r1" not in {hit.key for hit in (await memory.search("reviews", "battery love")).hits}
    await assert_counts_are_right(owner)
    await memory.drop("reviews")
    with pytest.raises(MemoryNotFound):
        await memory.search("reviews", "battery")
    for table in ("items", "postings", "terms", "vectors", "collections"):
        rows = await (await owner.execute(f"SELECT count(*) FROM stretto.memory_{table}")).fetchone()  # pyright: ignore
        assert rows == (0,)


async def test_near_a_place_the_ring_grows_until_there_is_enough(database: Database) -> None:
    pytest.importorskip("h3")
    memory = memory_of(database)
    places = {"berlin": (52.52, 13.405), "potsdam": (52.39, 13.06), "paris": (48.857, 2.352), "suva": (-18.14, 178.44)}
    await memory.remember(
        "cities", [Item(name, f"A shop in {name}.", place=Place(*where)) for name, where in places.items()]
    )
    found = await memory.search("cities", "", near=Place(52.5, 13.4))
    assert [hit.key for hit in found.hits] == ["berlin", "potsdam", "paris", "suva"]
    distances = [hit.lists[0].score for hit in found.hits]
    assert distances == sorted(distances)
    assert distances[0] == pytest.approx(2.25, abs=0.05)
    assert (await memory.search("cities", "", near=Place(-18, -179.9))).hits[0].key == "suva"
    assert set((await memory.search("cities", "shop", near=Place(-18, -179.9))).asked) == {"vector", "text", "place"}


async def test_without_a_model_words_are_searched_and_it_is_said(database: Database) -> None:
    memory = Memory(database, DEFAULT_TENANT)
    await memory.remember("reviews", REVIEWS)
    found = await memory.search("reviews", "battery")
    assert {hit.key for hit in found.hits} == {"r1", "r2"}
    assert "by meaning" in found.notes[0]


class Failing(SimulatedEmbedder):
    """Makes vectors until it is told to fail, and counts what it was asked."""

    fails = False
    asked = 0

    async def embed(self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None) -> Embeddings:
        self.asked += 1
        if self.fails:
            raise ModelUnreachable("The model is away.")
        return await super().embed(texts, model=model, dimensions=dimensions)


async def test_a_question_that_costs_nothing_is_read_early(database: Database) -> None:
    embedder = Failing()
    memory = Memory(database, DEFAULT_TENANT, Encoder(embedder, is_free=True), MODEL)
    with pytest.raises(MemoryNotFound):
        await memory.search("reviews", "battery")
    await memory.remember("reviews", REVIEWS)
    embedder.asked = 0
    found = await memory.search("reviews", "is the battery good?")
    late = await memory_of(database).search("reviews", "is the battery good?")
    assert [(hit.key, hit.score) for hit in found.hits] == [(hit.key, hit.score) for hit in late.hits]
    assert embedder.asked == 1, "it is read once"
    # A collection with another model is searched by that one.
    other = Memory(database, DEFAULT_TENANT, Encoder(Failing(), ask_dimensions=True, is_free=True), Model("other", 64))
    assert (await other.search("reviews", "battery")).asked["vector"] == 4
    embedder.fails = True
    words = await memory.search("reviews", "battery of the phone")
    assert {hit.key for hit in words.hits} == {"r1", "r2"}
    assert "The model is away." in words.notes[0]


ODD_ITEMS = [
    Item("", "text"),
    Item("k", "  "),
    Item("k", "a\x00b"),
    Item("k", "half \ud800"),
    Item("k", "t", {"a": object()}),
    Item("k", "t", {"a": "b\x00"}),
    Item("k", "t", {"a": "x" * 20_000}),
    Item("k" * 600, "t"),
]
ODD_QUESTIONS = [
    "half \ud800 of it",
    "",
    "   ",
    "\x00",
    "!!! ???",
    "the of and",
    "a" * 10_000,
    "'; DROP TABLE x; --",
    "🍝" * 50,
]


async def test_what_cannot_be_kept_is_refused_and_nothing_is_written(database: Database) -> None:
    memory = memory_of(database)
    for item in ODD_ITEMS:
        with pytest.raises(Invalid):
            await memory.remember("reviews", [REVIEWS[0], item])
    with pytest.raises(MemoryNotFound):
        await memory.collection("reviews")
    with pytest.raises(Invalid, match="klingon"):
        await memory.remember("reviews", REVIEWS, language="klingon")
    with pytest.raises(Invalid):
        await memory.remember("reviews", REVIEWS, language="a; b")
    with pytest.raises(MemoryNotFound):
        await memory.collection("reviews")


async def test_absurd_questions_get_an_answer(database: Database) -> None:
    memory = memory_of(database)
    await memory.remember("reviews", REVIEWS)
    for question in ODD_QUESTIONS:
        found = await memory.search("reviews", question)
        assert found.notes if not question.strip("\x00 ") else "text" in found.asked
        told = await answer(memory, "reviews", question)
        assert told.text


async def test_answers_are_the_sources_words_or_none(database: Database) -> None:
    memory = memory_of(database)
    await memory.remember("reviews", REVIEWS)
    told = await answer(memory, "reviews", "How long does the battery of this phone last?")
    assert told.enough
    for sentence in told.sentences:
        source = told.sources[sentence.sources[0] - 1]
        assert sentence.text in source.text
    nothing = await answer(memory, "reviews", "Which taxes apply to helicopters in Norway?")
    assert (nothing.enough, nothing.sentences) == (False, ())
    assert nothing.text == NOT_ENOUGH


async def test_what_a_model_says_is_held_to_the_sources(database: Database) -> None:
    memory = memory_of(database)
    await memory.remember("reviews", REVIEWS)
    asked: list[str] = []

    async def writer(prompt: str) -> str:
        asked.append(prompt)
        number = {key: n for n, key in re.findall(r"\[(\d+)\] (.{8})", prompt)}["The batt"]
        return f"The battery died after a week [{number}]. It costs 300 dollars [1]. It is blue [9]. It is great."

    told = await answer(memory, "reviews", "battery died", filter={"stars": 1}, writer=writer)
    assert [each.text for each in told.sentences] == ["The battery died after a week."]
    assert [each.fault for each in told.removed] == ["not supported", "no such source", "no citation"]
    assert told.by == "model"
    assert "The battery died after a week." in asked[0]


async def test_another_model_comes_without_a_gap(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    memory = memory_of(database)
    await memory.remember("reviews", REVIEWS)
    await change_model(memory, "reviews", Model("longer", 64))
    # Searched with the old vectors until all new ones are there; what comes meanwhile gets both.
    assert "vector" in (await memory.search("reviews", "battery")).asked
    await memory.remember("reviews", [Item("r5", "A charger for the battery.")])
    shorter = Memory(database, DEFAULT_TENANT, Encoder(SimulatedEmbedder(), ask_dimensions=True), MODEL)
    assert await reembed(shorter, "reviews") == 5
    known = await memory.collection("reviews")
    assert (known.model, known.dimensions, known.next_model) == ("longer", 64, None)
    found = await shorter.search("reviews", "battery")
    assert found.asked["vector"] == 5
    assert await reembed(shorter, "reviews") == 0
    rows = await (await owner.execute("SELECT DISTINCT model, dimensions FROM stretto.memory_vectors")).fetchall()
    assert rows == [("longer", 64)]
    await assert_counts_are_right(owner)
