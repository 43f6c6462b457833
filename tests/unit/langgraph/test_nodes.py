"""What is told of a hosted graph's nodes, by graphs of LangGraph that work in memory."""

from __future__ import annotations

import asyncio
import operator
from typing import Annotated, Any

import pytest

pytest.importorskip("langgraph", reason="the extra langgraph is not installed")

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt
from typing_extensions import TypedDict

from stretto.flow.facts import NodeEnded, NodesPassedOver, NodeStarted
from stretto.flow.graph import AgentCall, Step, ToolCall
from stretto.langgraph import nodes
from stretto.langgraph.nodes import MODES, MOST_NODES, Nodes
from stretto.testing.context import FakeContext

THREAD: RunnableConfig = {"configurable": {"thread_id": "one"}, "recursion_limit": 2_000}
STEP = Step(id="desk", kind="tool", call=ToolCall(tool="desk"))


class Notes(TypedDict):
    notes: Annotated[list[str], operator.add]


def nothing(state: Notes) -> dict[str, Any]:
    return {}


async def work(graph: Any, ctx: FakeContext, given: Any = None) -> list[Any]:
    """Let the graph work once, and give what was told of it."""
    before, heard = len(ctx.nodes), Nodes(ctx, "desk")
    try:
        async for space, mode, payload in graph.astream(given, THREAD, stream_mode=[*MODES], subgraphs=True):
            heard.hear(space, mode, payload)
    finally:
        heard.end()
    return ctx.nodes[before:]


def told(facts: list[Any]) -> list[str]:
    """Each fact in a word: who begins, ends, fails, asks."""
    words: list[str] = []
    for fact in facts:
        if isinstance(fact, NodesPassedOver):
            words.append(f"only failures after {fact.after}")
            continue
        name = f"{fact.inside}/{fact.node}" if fact.inside else fact.node
        if isinstance(fact, NodeStarted):
            words.append(f"{name} begins")
        else:
            words.append(f"{name} {fact.outcome}")
    return words


async def test_nodes_side_by_side_and_one_after_the_other() -> None:
    graph = StateGraph(Notes)
    for name in ("left", "right", "last"):
        graph.add_node(name, nothing)
    graph.add_edge(START, "left")
    graph.add_edge(START, "right")
    graph.add_edge(["left", "right"], "last")
    ctx = FakeContext(STEP, attempt=3)
    facts = await work(graph.compile(), ctx, {"notes": ["a secret"]})
    words = told(facts)
    assert words[:2] == ["left begins", "right begins"]
    assert sorted(words[2:4]) == ["left done", "right done"]
    assert words[4:] == ["last begins", "last done"]
    assert {(fact.step, fact.attempt) for fact in facts} == {("desk", 3)}
    assert {len([fact for fact in facts if fact.task == task]) for task in {fact.task for fact in facts}} == {2}
    assert "secret" not in repr(facts)


async def test_a_failed_node_says_why_and_the_others_are_cut_off() -> None:
    async def fail(state: Notes) -> dict[str, Any]:
        raise ConnectionError("away " * 200)

    async def wait(state: Notes) -> dict[str, Any]:
        await asyncio.sleep(60)
        return {}

    inner = StateGraph(Notes)
    inner.add_node("fail", fail)
    inner.add_edge(START, "fail")
    graph = StateGraph(Notes)
    graph.add_node("inner", inner.compile())
    graph.add_node("wait", wait)
    graph.add_edge(START, "inner")
    graph.add_edge(START, "wait")
    ctx = FakeContext(STEP)
    with pytest.raises(ConnectionError):
        await work(graph.compile(), ctx, {"notes": []})
    assert told(ctx.nodes) == [
        "inner begins",
        "wait begins",
        "inner/fail begins",
        "inner/fail failed",
        "inner failed",
        "wait cut_off",
    ]
    ends = {fact.node: fact for fact in ctx.nodes if isinstance(fact, NodeEnded)}
    assert ends["fail"].error.startswith("ConnectionError: away away")
    assert len(ends["fail"].error) == nodes.MOST_CHARS + 1


async def test_what_was_done_before_a_failure_is_not_told_as_done_again() -> None:
    calls: list[int] = []

    async def each(state: Any) -> dict[str, Any]:
        calls.append(state["n"])
        if state["n"] == 2 and calls.count(2) == 1:
            await asyncio.sleep(0.05)  # the others are done by then
            raise ConnectionError("away")
        return {"notes": [str(state["n"])]}

    def fan(state: Notes) -> list[Send]:
        return [*(Send("each", {"n": n}) for n in range(4)), Send("quiet", {})]

    graph = StateGraph(Notes)
    graph.add_node("each", each)
    graph.add_node("quiet", nothing)
    graph.add_conditional_edges(START, fan)
    compiled = graph.compile(checkpointer=InMemorySaver())
    ctx = FakeContext(STEP)
    with pytest.raises(ConnectionError):
        await work(compiled, ctx, {"notes": []})
    assert sorted(told(ctx.nodes)) == ["each begins"] * 4 + ["each done"] * 3 + [
        "each failed",
        "quiet begins",
        "quiet done",
    ]
    assert told(await work(compiled, ctx)) == ["each begins", "each done"]
    assert sorted(calls) == [0, 1, 2, 2, 3]


async def test_a_node_that_asks_begins_again_with_the_answer_and_is_the_same() -> None:
    def ask(state: Notes) -> dict[str, Any]:
        return {"notes": [interrupt("Shall I?")]}

    inner = StateGraph(Notes)
    inner.add_node("first", nothing)
    inner.add_node("beside", nothing)
    inner.add_node("ask", ask)
    inner.add_edge(START, "first")
    inner.add_edge("first", "ask")
    inner.add_edge("first", "beside")
    graph = StateGraph(Notes)
    graph.add_node("inner", inner.compile())
    graph.add_edge(START, "inner")
    compiled = graph.compile(checkpointer=InMemorySaver())
    ctx = FakeContext(STEP)
    before = await work(compiled, ctx, {"notes": []})
    assert told(before)[-1] == "inner interrupted"
    assert "inner/ask interrupted" in told(before)
    after = await work(compiled, ctx, Command(resume="yes"))
    assert told(after) == ["inner begins", "inner/ask begins", "inner/ask done", "inner done"]
    assert {fact.task for fact in after} <= {fact.task for fact in before}


async def test_of_too_many_nodes_only_failures_are_told() -> None:
    def turn(state: Notes) -> dict[str, Any]:
        if len(state["notes"]) > MOST_NODES + 20:
            raise ValueError("enough")
        return {"notes": ["x"]}

    graph = StateGraph(Notes)
    graph.add_node("turn", turn)
    graph.add_edge(START, "turn")
    graph.add_edge("turn", "turn")
    ctx = FakeContext(STEP)
    with pytest.raises(ValueError, match="enough"):
        await work(graph.compile(), ctx, {"notes": []})
    words = told(ctx.nodes)
    assert words == ["turn begins", "turn done"] * MOST_NODES + [f"only failures after {MOST_NODES}", "turn failed"]
    with pytest.raises(ValueError, match="enough"):  # another graph of the same attempt
        await work(graph.compile(), ctx, {"notes": ["x"] * MOST_NODES * 2})
    assert told(ctx.nodes)[len(words) :] == ["turn failed"]


async def test_a_graph_that_an_agent_calls_goes_before_its_nodes() -> None:
    graph = StateGraph(Notes)
    graph.add_node("only", nothing)
    graph.add_edge(START, "only")
    graph.add_edge("only", END)
    ctx = FakeContext(Step(id="talk", kind="agent", call=AgentCall(agent="writer")))
    assert told(await work(graph.compile(), ctx, {"notes": []})) == ["desk/only begins", "desk/only done"]
