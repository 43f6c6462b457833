"""Graphs of LangGraph as flows: their end, their words, their questions, and what a failure costs."""

from __future__ import annotations

import asyncio
import operator
from collections.abc import Collection, Mapping
from typing import Annotated, Any
from uuid import UUID

import pytest

pytest.importorskip("langgraph", reason="the extra langgraph is not installed")

from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import interrupt
from typing_extensions import TypedDict

from stretto.engine.rows import texts_of
from stretto.flow.facts import CallDecided
from stretto.langgraph import GatewayChatModel, StrettoSaver, host
from stretto.langgraph.hosted import Compiled, HostedGraph
from stretto.platform import Platform
from stretto.review import Edit, Review
from stretto.settings import Settings
from stretto.testing import Asks, ScriptedModel
from tests.postgres.gateway.test_runs_pay import ended, facts


class Letter(TypedDict):
    topic: str
    drafts: Annotated[list[str], operator.add]
    approved: Any


def desk(log: list[str]) -> Compiled:
    """Two drafts side by side, then a question, then the end."""

    def draft(state: Letter) -> dict[str, Any]:
        log.append("draft")
        return {"drafts": [f"on {state['topic']}"]}

    async def second(state: Letter) -> dict[str, Any]:
        log.append("second")
        return {"drafts": ["another"]}

    def ask(state: Letter) -> dict[str, Any]:
        return {"approved": interrupt({"question": "Send it?", "drafts": state["drafts"]})}

    graph = StateGraph(Letter)
    graph.add_node("draft", draft)
    graph.add_node("second", second)
    graph.add_node("ask", ask)
    graph.add_edge(START, "draft")
    graph.add_edge(START, "second")
    graph.add_edge(["draft", "second"], "ask")
    graph.add_edge("ask", END)
    return graph.compile()


async def start(platform: Platform, hosted: HostedGraph, given: Mapping[str, Any]) -> UUID:
    platform.tools.put(hosted)
    return await platform.runs().start(hosted.flow, given)


async def asked(platform: Platform, seen: Collection[UUID] = ()) -> Review:
    """What the inbox shows, once it shows something that was not seen before."""
    async with asyncio.timeout(30):
        while True:
            found = [each for each in await platform.reviews().list() if each.id not in seen]
            if found:
                return found[0]
            await asyncio.sleep(0.02)


async def test_an_interrupt_is_a_review_and_the_decision_resumes_it(settings: Settings) -> None:
    log: list[str] = []
    async with Platform.open(settings) as platform:
        run_id = await start(platform, host(desk(log), name="desk"), {"topic": "tides"})
        review = await asked(platform)
        assert (review.question, review.run_id) == ("Send it?", run_id)
        await platform.reviews().decide(review.id, "approve", by="ann")
        run = await ended(platform, run_id)
    assert run.output == {"topic": "tides", "drafts": ["on tides", "another"], "approved": True}
    assert sorted(log) == ["draft", "second"]


@pytest.mark.parametrize(
    ("verdict", "edit", "got"),
    [
        ("reject", None, False),
        ("changes", None, "shorter"),
        ("approve", Edit({"drafts": ["mine"]}), {"drafts": ["mine"]}),
    ],
)
async def test_what_a_decision_gives(settings: Settings, verdict: Any, edit: Edit | None, got: object) -> None:
    async with Platform.open(settings) as platform:
        run_id = await start(platform, host(desk([]), name="desk"), {"topic": "tides"})
        review = await asked(platform)
        await platform.reviews().decide(review.id, verdict, by="ann", comments="shorter", edit=edit)
        run = await ended(platform, run_id)
    assert run.output["approved"] == got


async def test_what_was_done_is_not_done_again_after_a_restart(settings: Settings) -> None:
    log: list[str] = []
    async with Platform.open(settings) as platform:
        run_id = await start(platform, host(desk(log), name="desk"), {"topic": "tides"})
        review = await asked(platform)
    async with Platform.open(settings, worker=False) as platform:
        await platform.reviews().decide(review.id, "approve", by="ann")
        platform.tools.put(host(desk(log), name="desk"))
        async with platform.working():
            run = await ended(platform, run_id)
        assert len(await platform.reviews().list()) == 0
    assert run.output["approved"] is True
    assert sorted(log) == ["draft", "second"]


async def test_a_node_that_fails_is_tried_again_and_no_other(settings: Settings) -> None:
    log: list[str] = []

    def first(state: Letter) -> dict[str, Any]:
        log.append("first")
        return {"drafts": ["one"]}

    def second(state: Letter) -> dict[str, Any]:
        log.append("second")
        if log.count("second") == 1:
            raise ConnectionError("away")
        return {"drafts": ["two"]}

    graph = StateGraph(Letter)
    graph.add_node("first", first)
    graph.add_node("second", second)
    graph.add_edge(START, "first")
    graph.add_edge("first", "second")
    async with Platform.open(settings) as platform:
        run_id = await start(platform, host(graph.compile(), name="twice"), {"topic": "x"})
        run = await ended(platform, run_id)
        if run.status == "failed":
            await platform.runs().retry(run_id, by="ann")
            run = await ended(platform, run_id)
    assert run.output["drafts"] == ["one", "two"]
    assert log == ["first", "second", "second"]


async def test_a_node_may_ask_the_same_again(settings: Settings) -> None:
    def ask(state: Letter) -> dict[str, Any]:
        answers = [interrupt("How many?")]
        while answers[-1] is False:
            answers.append(interrupt("How many?"))
        return {"approved": answers}

    graph = StateGraph(Letter)
    graph.add_node("ask", ask)
    graph.add_edge(START, "ask")
    async with Platform.open(settings) as platform:
        run_id = await start(platform, host(graph.compile(), name="asker"), {"topic": "x"})
        seen: set[UUID] = set()
        for verdict in ("reject", "reject", "approve"):
            review = await asked(platform, seen)
            seen.add(review.id)
            await platform.reviews().decide(review.id, verdict, by="ann")
        run = await ended(platform, run_id)
    assert run.output["approved"] == [False, False, True]


async def test_two_that_ask_at_once_are_both_answered(settings: Settings) -> None:
    def asking(name: str) -> Any:
        def ask(state: Letter) -> dict[str, Any]:
            return {"drafts": [f"{name} {interrupt({'question': name})}"]}

        return ask

    graph = StateGraph(Letter)
    for name in ("left", "right"):
        graph.add_node(name, asking(name))
        graph.add_edge(START, name)
    async with Platform.open(settings) as platform:
        run_id = await start(platform, host(graph.compile(), name="both"), {"topic": "x"})
        seen: set[UUID] = set()
        for _ in range(2):
            review = await asked(platform, seen)
            seen.add(review.id)
            verdict = "approve" if review.question == "left" else "reject"
            await platform.reviews().decide(review.id, verdict, by="ann")
        run = await ended(platform, run_id)
    assert sorted(run.output["drafts"]) == ["left True", "right False"]


async def test_where_it_was_compiled_to_stop_it_asks(settings: Settings) -> None:
    def work(state: Letter) -> dict[str, Any]:
        return {"drafts": ["done"]}

    graph = StateGraph(Letter)
    graph.add_node("work", work)
    graph.add_edge(START, "work")
    async with Platform.open(settings) as platform:
        hosted = host(graph.compile(interrupt_before=["work"]), name="careful")
        run_id = await start(platform, hosted, {"topic": "x"})
        review = await asked(platform)
        assert "before work" in review.question
        await platform.reviews().decide(review.id, "approve", by="ann")
        assert (await ended(platform, run_id)).output["drafts"] == ["done"]


@tool
def look() -> str:
    """Look out of the window."""
    return "a lighthouse"


def chat(*, is_sync: bool = False) -> Compiled:
    model = GatewayChatModel(route="strong").bind_tools([look])

    async def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    def ask_in_a_thread(state: MessagesState) -> dict[str, Any]:
        return {"messages": [model.invoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("ask", ask_in_a_thread if is_sync else ask)
    graph.add_node("tools", ToolNode([look]))
    graph.add_edge(START, "ask")
    graph.add_conditional_edges("ask", tools_condition)
    graph.add_edge("tools", "ask")
    return graph.compile()


@pytest.mark.parametrize("is_sync", [False, True])
async def test_its_models_are_the_gateways(settings: Settings, is_sync: bool) -> None:
    script = ScriptedModel({"chat": [Asks(("look", {})), "I see a lighthouse."]})
    async with Platform.open(settings, provider=script) as platform:
        hosted = host(chat(is_sync=is_sync), name="chat")
        run_id = await start(platform, hosted, {"messages": [{"role": "user", "content": "What do you see?"}]})
        run = await ended(platform, run_id)
        told = [fact for fact in await facts(platform, run_id) if isinstance(fact, CallDecided)]
        text = texts_of(await platform.runs().journal(run_id))["graph"].slice(0)
        saver = StrettoSaver(platform.database)
        states = [each async for each in saver.alist({"configurable": {"thread_id": f"{run_id}/graph"}})]
    assert [message["type"] for message in run.output["messages"]] == ["human", "ai", "tool", "ai"]
    assert run.output["messages"][-1]["content"] == "I see a lighthouse."
    assert [fact.outcome for fact in told] == ["admitted", "admitted"]
    assert len(states) == 5
    assert text == "I see a lighthouse."


def asking() -> Compiled:
    """A model writes; then a person is asked, and the model writes again."""
    model = GatewayChatModel(route="strong")

    async def write(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    def ask(state: MessagesState) -> dict[str, Any]:
        return {"messages": [("user", f"They say {interrupt('Good?')}.")]}

    graph = StateGraph(MessagesState)
    graph.add_node("write", write)
    graph.add_node("ask", ask)
    graph.add_node("again", write)
    graph.add_edge(START, "write")
    graph.add_edge("write", "ask")
    graph.add_edge("ask", "again")
    graph.add_edge("again", END)
    return graph.compile()


async def test_while_it_asks_nothing_is_in_memory_and_what_it_said_stands(settings: Settings) -> None:
    script = ScriptedModel({"asking": ["It ebbs.", "It flows."]})
    async with Platform.open(settings, provider=script) as platform:
        hosted = host(asking(), name="asking")
        run_id = await start(platform, hosted, {"messages": [{"role": "user", "content": "What does it?"}]})
        review = await asked(platform)
        async with asyncio.timeout(30):
            while (await platform.runs().get(run_id)).status != "waiting":  # noqa: ASYNC110 - as anybody would ask
                await asyncio.sleep(0.02)
        await platform.reviews().decide(review.id, "approve", by="ann")
        await ended(platform, run_id)
        rows = await platform.runs().journal(run_id)
        told = [fact for fact in await facts(platform, run_id) if isinstance(fact, CallDecided)]
    kinds = [row.kind for row in rows]
    assert (kinds.count("StepStarted"), kinds.count("StepRested"), kinds.count("TextRetracted")) == (2, 1, 0)
    assert texts_of(rows)["graph"].slice(0) == "It ebbs.\n\nIt flows."
    assert len(told) == 2


async def test_what_was_said_by_nodes_that_are_done_stands_when_a_later_one_fails(settings: Settings) -> None:
    model = GatewayChatModel(route="strong")
    tries: list[int] = []

    async def write(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    async def stumble(state: MessagesState) -> dict[str, Any]:
        said = await model.ainvoke(state["messages"])
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError("away")
        return {"messages": [said]}

    graph = StateGraph(MessagesState)
    graph.add_node("write", write)
    graph.add_node("stumble", stumble)
    graph.add_edge(START, "write")
    graph.add_edge("write", "stumble")
    graph.add_edge("stumble", END)
    script = ScriptedModel({"tides": ["It ebbs.", "It drowns.", "It flows."]})
    async with Platform.open(settings, provider=script) as platform:
        run_id = await start(
            platform, host(graph.compile(), name="tides"), {"messages": [{"role": "user", "content": "Tides?"}]}
        )
        if (await ended(platform, run_id)).status == "failed":
            await platform.runs().retry(run_id, by="ann")
            assert (await ended(platform, run_id)).status == "completed"
        rows = await platform.runs().journal(run_id)
    kinds = [row.kind for row in rows]
    assert (kinds.count("StepFailed"), kinds.count("TextRetracted")) == (1, 1)
    assert texts_of(rows)["graph"].slice(0) == "It ebbs.\n\nIt flows."
