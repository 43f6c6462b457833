"""The checkpointer: what it stores, gives again, forgets, and keeps apart."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Mapping
from typing import Annotated, Any, LiteralString
from uuid import UUID

import pytest

pytest.importorskip("langgraph", reason="the extra langgraph is not installed")

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from typing_extensions import TypedDict

from stretto.errors import Invalid, StoreError
from stretto.langgraph import StrettoSaver
from stretto.langgraph.checkpoint import MOST_CHAIN, Knowledge, Known
from stretto.store import DEFAULT_TENANT, Database
from stretto.store.sql import load_queries

OTHER = UUID("00000000-0000-7000-8000-000000000002")
MANY = 40
Graph = CompiledStateGraph[Any, Any, Any, Any]


class Notes(TypedDict):
    notes: Annotated[list[str], operator.add]
    size: int


def growing(saver: StrettoSaver, most: int = MANY) -> Graph:
    """Adds a note of 200 characters, until there are so many."""

    async def note(state: Notes) -> dict[str, Any]:
        return {"notes": [f"{len(state['notes']):200}"], "size": len(state["notes"]) + 1}

    graph = StateGraph(Notes)
    graph.add_node("note", note)
    graph.add_edge(START, "note")

    def further(state: Notes) -> str:
        return END if state["size"] >= most else "note"

    graph.add_conditional_edges("note", further)
    return graph.compile(checkpointer=saver)


def thread(name: str, **also: str) -> RunnableConfig:
    return {"configurable": {"thread_id": name, **also}, "recursion_limit": 500}


async def count(owner: AsyncConnection[TupleRow], what: str) -> int:
    row = await (await owner.execute(what.encode())).fetchone()
    assert row is not None
    return int(row[0])


def scanned(plan: Mapping[str, Any]) -> float:
    """How many rows of values a plan has taken from the table."""
    own = plan["Actual Rows"] * plan["Actual Loops"] if plan.get("Relation Name") == "graph_values" else 0
    return own + sum(scanned(each) for each in plan.get("Plans", ()))


async def test_a_state_costs_its_own_rows_however_long_the_thread_and_however_little_the_planner_knows(
    database: Database,
) -> None:
    await growing(StrettoSaver(database), 200).ainvoke({"notes": []}, thread("long"))
    queries = load_queries("stretto.langgraph")
    latest = {"thread_id": "long", "ns": "", "id": None, "channels": [], "versions": []}
    page = {"thread_id": "long", "ns": "", "id": None, "before": None, "filter": "{}", "limit": 1}
    page |= {"after_id": None, "after_thread": None, "after_ns": None}
    for name, values in (("get", latest), ("list", page)):
        async with database.tenant(DEFAULT_TENANT) as connection:
            explain: LiteralString = f"EXPLAIN (ANALYZE, FORMAT JSON) {queries[name]}"
            row = await (await connection.execute(explain, {"tenant_id": DEFAULT_TENANT, **values})).fetchone()
        assert row is not None
        assert 0 < scanned(row[0][0]["Plan"]) <= 4 * MOST_CHAIN, name


async def test_every_state_of_the_history_is_as_it_was(database: Database) -> None:
    graph = growing(StrettoSaver(database))
    await graph.ainvoke({"notes": []}, thread("a"))
    others = growing(StrettoSaver(database))  # knows nothing but what is stored
    states = [state async for state in others.aget_state_history(thread("a"))]
    sizes = [len(state.values["notes"]) for state in states]
    assert sizes == [*range(MANY, -1, -1), 0]
    for state in states:
        assert state.values["notes"] == [f"{number:200}" for number in range(len(state.values["notes"]))]


async def test_it_stores_what_changed(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    await growing(StrettoSaver(database)).ainvoke({"notes": []}, thread("a"))
    stored = await count(owner, "SELECT sum(length(value)) FROM graph_values WHERE channel = 'notes'")
    everything = sum(range(MANY + 1)) * 200
    assert stored < everything / 4
    assert stored >= MANY * 200


async def test_time_travel_makes_a_branch_and_leaves_the_other(database: Database) -> None:
    saver = StrettoSaver(database)
    graph = growing(saver)
    await graph.ainvoke({"notes": []}, thread("a"))
    before = (await graph.aget_state(thread("a"))).values
    (then,) = [one async for one in graph.aget_state_history(thread("a")) if len(one.values["notes"]) == 10]
    forked = await graph.aupdate_state(then.config, {"notes": ["mine"], "size": 11})
    await graph.ainvoke(None, forked)
    for one in (graph, growing(StrettoSaver(database))):
        latest = (await one.aget_state(thread("a"))).values
        assert latest["notes"][10] == "mine"
        assert len(latest["notes"]) == MANY
        states = [state.values async for state in one.aget_state_history(thread("a"))]
        assert before in states


async def test_whoever_forgets_what_is_stored_stores_the_whole(database: Database) -> None:
    saver = StrettoSaver(database, known=Knowledge(most_bytes=300))
    await growing(saver).ainvoke({"notes": []}, thread("a"))
    state = await growing(StrettoSaver(database)).aget_state(thread("a"))
    assert len(state.values["notes"]) == MANY


def test_knowledge_is_bounded() -> None:
    knowledge = Knowledge(most_bytes=1000)
    for number in range(50):
        knowledge.put((str(number), ""), {"notes": Known("1", "msgpack", b"x" * 100, 100)})
    kept = [number for number in range(50) if knowledge.of((str(number), ""))]
    assert kept == list(range(40, 50))


async def test_a_version_that_is_remembered_is_not_read_again(
    database: Database, owner: AsyncConnection[TupleRow]
) -> None:
    await growing(StrettoSaver(database)).ainvoke({"notes": []}, thread("a"))
    graph = growing(StrettoSaver(database))
    first = await graph.aget_state(thread("a"))
    states = [state async for state in graph.aget_state_history(thread("a"))]
    assert (await graph.aget_state(states[5].config)).values == states[
        5
    ].values  # of another moment the others are read
    assert (await graph.aget_state(thread("a"))).values == first.values
    await owner.execute("DELETE FROM graph_values")
    assert (await graph.aget_state(thread("a"))).values == first.values
    with pytest.raises(StoreError, match="is incomplete"):
        await growing(StrettoSaver(database)).aget_state(thread("a"))


async def test_what_another_process_has_deleted_is_stored_whole(database: Database) -> None:
    saver, other = StrettoSaver(database), StrettoSaver(database)
    graph = growing(saver)
    await graph.ainvoke({"notes": []}, thread("a"))
    state = await graph.aget_state(thread("a"))
    await other.adelete_thread("a")
    await graph.aupdate_state(thread("a"), {"notes": ["alone"]})
    found = await growing(StrettoSaver(database)).aget_state(thread("a"))
    assert state.values["notes"]
    assert found.values["notes"] == ["alone"]


async def test_pruned_it_keeps_what_the_latest_needs(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    saver = StrettoSaver(database)
    graph = growing(saver)
    await graph.ainvoke({"notes": []}, thread("a"))
    before = await count(owner, "SELECT count(*) FROM graph_values")
    await saver.aprune(["a"])
    assert await count(owner, "SELECT count(*) FROM graph_values") < before / 2
    for one in (graph, growing(StrettoSaver(database))):
        assert len((await one.aget_state(thread("a"))).values["notes"]) == MANY
    await graph.aupdate_state(thread("a"), {"notes": ["more"]})
    assert (await graph.aget_state(thread("a"))).values["notes"][-1] == "more"


async def test_two_tenants_never_meet(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    await owner.execute("INSERT INTO tenants VALUES (%s, 'other', now())", [OTHER])
    ours, theirs = StrettoSaver(database), StrettoSaver(database, OTHER)
    await growing(ours, 2).ainvoke({"notes": []}, thread("same"))
    assert await theirs.aget_tuple(thread("same")) is None
    assert [one async for one in theirs.alist(None)] == []
    await growing(theirs, 3).ainvoke({"notes": []}, thread("same"))
    await theirs.adelete_thread("same")
    assert len((await growing(ours, 2).aget_state(thread("same"))).values["notes"]) == 2


async def test_many_threads_at_once(database: Database) -> None:
    saver = StrettoSaver(database)
    graph = growing(saver, 5)
    done = await asyncio.gather(*(graph.ainvoke({"notes": []}, thread(str(number))) for number in range(30)))
    assert [len(state["notes"]) for state in done] == [5] * 30
    others = growing(StrettoSaver(database), 5)
    states = await asyncio.gather(*(others.aget_state(thread(str(number))) for number in range(30)))
    assert [len(state.values["notes"]) for state in states] == [5] * 30


async def test_what_one_thread_cannot_store_is_not_the_others_fault(database: Database) -> None:
    saver = StrettoSaver(database)
    graph = growing(saver, 3)
    names = ["good", "bad\0", "better"]
    done = await asyncio.gather(*(graph.ainvoke({"notes": []}, thread(name)) for name in names), return_exceptions=True)
    assert [isinstance(each, Exception) for each in done] == [False, True, False]


async def test_another_thread_of_the_process_may_use_it(database: Database) -> None:
    saver = StrettoSaver(database)
    graph = growing(saver, 3)
    await graph.ainvoke({"notes": []}, thread("a"))
    states = await asyncio.to_thread(lambda: list(graph.get_state_history(thread("a"))))
    assert len(states) == 5
    with pytest.raises(asyncio.InvalidStateError):
        saver.get_tuple(thread("a"))


async def test_without_a_thread_it_says_so(database: Database) -> None:
    with pytest.raises(Invalid, match="thread_id"):
        await StrettoSaver(database).aget_tuple({"configurable": {}})
