"""What graphs ask is asked once, whatever fails after the answer; and what they say stands once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import pytest

pytest.importorskip("langgraph", reason="the extra langgraph is not installed")

import operator

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from stretto.engine import Run
from stretto.engine.rows import texts_of
from stretto.flow.compile import compile_document
from stretto.flow.facts import Verdict
from stretto.flow.graph import Graph
from stretto.langgraph import GatewayChatModel, host
from stretto.langgraph.hosted import Compiled
from stretto.platform import Platform
from stretto.settings import Settings
from stretto.testing import ScriptedModel

RETRYING: Graph = compile_document(
    {
        "flow": "asking",
        "steps": {"graph": {"tool": "asking", "retry": {"attempts": 3, "backoff": "10ms"}}},
        "output": "{{ graph }}",
    }
)


class Said(TypedDict):
    got: Annotated[list[Any], operator.add]


class Stumbles:
    """Fails the first time."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1
        if self.times == 1:
            raise ConnectionError("away")


def graph_of(*nodes: Any, side_by_side: bool = False, before: Sequence[str] = ()) -> Compiled:
    graph = StateGraph(Said)
    last: str = START
    for number, node in enumerate(nodes):
        name = f"node{number}"
        graph.add_node(name, node)
        graph.add_edge(START if side_by_side else last, name)
        last = name
    return graph.compile(interrupt_before=list(before))


async def carry_out(platform: Platform, graph: Compiled, verdicts: Sequence[Verdict]) -> tuple[Run, list[str]]:
    """The run, once it has ended, and what was asked: each question is given the next verdict."""
    platform.tools.put(host(graph, name="asking"))
    run_id = await platform.runs().start(RETRYING, {})
    return await decide(platform, run_id, verdicts)


async def decide(platform: Platform, run_id: UUID, verdicts: Sequence[Verdict]) -> tuple[Run, list[str]]:
    asked: list[str] = []
    async with asyncio.timeout(60):
        while (run := await platform.runs().get(run_id)).finished_at is None:
            for review in await platform.reviews().list():
                asked.append(review.question)
                verdict = verdicts[min(len(asked), len(verdicts)) - 1]
                await platform.reviews().decide(review.id, verdict, by="ann")
            await asyncio.sleep(0.02)
    return run, asked


async def test_who_fails_after_the_answer_is_not_asked_again(settings: Settings) -> None:
    stumble = Stumbles()

    def node(state: Said) -> dict[str, Any]:
        answer = interrupt("first")
        stumble()
        return {"got": [answer]}

    async with Platform.open(settings) as platform:
        run, asked = await carry_out(platform, graph_of(node), ["approve", "reject"])
    assert (asked, run.output) == (["first"], {"got": [True]})


async def test_who_fails_before_the_answer_gets_it_all_the_same(settings: Settings) -> None:
    stumble = Stumbles()
    stumble.times = -1  # it comes to its question, and fails on the way to the answer

    def node(state: Said) -> dict[str, Any]:
        stumble()
        return {"got": [interrupt("first")]}

    async with Platform.open(settings) as platform:
        run, asked = await carry_out(platform, graph_of(node), ["reject", "approve"])
    assert (asked, run.output, stumble.times) == (["first"], {"got": [False]}, 2)


async def test_who_asks_twice_and_fails_has_both_answers(settings: Settings) -> None:
    stumble = Stumbles()

    def node(state: Said) -> dict[str, Any]:
        answers = [interrupt("first"), interrupt("second")]
        stumble()
        return {"got": answers}

    async with Platform.open(settings) as platform:
        run, asked = await carry_out(platform, graph_of(node), ["approve", "reject", "approve"])
    assert (asked, run.output) == (["first", "second"], {"got": [True, False]})


async def test_of_two_side_by_side_one_that_fails_is_not_asked_again(settings: Settings) -> None:
    stumble = Stumbles()

    def steady(state: Said) -> dict[str, Any]:
        return {"got": [("steady", interrupt("steady"))]}

    def shaky(state: Said) -> dict[str, Any]:
        answer = interrupt("shaky")
        stumble()
        return {"got": [("shaky", answer)]}

    async with Platform.open(settings) as platform:
        run, asked = await carry_out(platform, graph_of(steady, shaky, side_by_side=True), ["approve"])
    assert sorted(asked) == ["shaky", "steady"]
    assert sorted(run.output["got"]) == [["shaky", True], ["steady", True]]


async def test_a_stop_that_was_refused_stays_refused_and_one_that_was_given_up_is_asked_again(
    settings: Settings,
) -> None:
    done: list[str] = []

    def work(state: Said) -> dict[str, Any]:
        done.append("work")
        return {"got": ["done"]}

    async with Platform.open(settings) as platform:
        run, _ = await carry_out(platform, graph_of(work, before=["node0"]), ["reject"])
        assert (run.status, done) == ("failed", [])
        second = await platform.runs().start(RETRYING, {})
        async with asyncio.timeout(30):
            while (await platform.runs().get(second)).status != "waiting":  # noqa: ASYNC110 - as anybody would ask
                await asyncio.sleep(0.02)
        await platform.runs().cancel(second)
        async with asyncio.timeout(30):
            while (await platform.runs().get(second)).finished_at is None:  # noqa: ASYNC110 - as anybody would ask
                await asyncio.sleep(0.02)
        await platform.runs().retry(second)
        async with asyncio.timeout(30):
            while not await platform.reviews().list():  # noqa: ASYNC110 - as anybody would ask
                await asyncio.sleep(0.02)
        assert done == []
        run, asked = await decide(platform, second, ["approve"])
    assert (len(asked), run.output, done) == (1, {"got": ["done"]}, ["work"])


async def test_a_stop_inside_a_sub_graph_that_was_refused_is_not_passed(settings: Settings) -> None:
    done: list[str] = []

    def work(state: Said) -> dict[str, Any]:
        done.append("work")
        return {"got": ["done"]}

    outer = StateGraph(Said)
    outer.add_node("inner", graph_of(work, before=["node0"]))
    outer.add_edge(START, "inner")
    async with Platform.open(settings) as platform:
        refused, asked = await carry_out(platform, outer.compile(), ["reject"])
        assert (refused.status, len(asked), done) == ("failed", 1, [])
        allowed, asked = await decide(platform, await platform.runs().start(RETRYING, {}), ["approve"])
    assert (allowed.output, len(asked), done) == ({"got": ["done"]}, 1, ["work"])


async def said(platform: Platform, run_id: UUID) -> str:
    return texts_of(await platform.runs().journal(run_id))["graph"].slice(0)


async def test_what_a_node_says_before_it_asks_stands_once(settings: Settings) -> None:
    model = GatewayChatModel(route="strong")

    async def node(state: Said) -> dict[str, Any]:
        await model.ainvoke([("user", "Plan.")])
        return {"got": [interrupt("first"), interrupt("second")]}

    async with Platform.open(settings, provider=ScriptedModel({"strong": "The plan."})) as platform:
        run, _ = await carry_out(platform, graph_of(node), ["approve"])
        assert await said(platform, run.id) == "The plan."


async def test_what_a_sub_graph_has_said_stands_when_its_next_node_fails(settings: Settings) -> None:
    model, stumble = GatewayChatModel(route="strong"), Stumbles()

    async def speak(state: Said) -> dict[str, Any]:
        return {"got": [(await model.ainvoke([("user", "Say.")])).content]}

    async def shaky(state: Said) -> dict[str, Any]:
        spoken = await speak(state)
        stumble()
        return spoken

    inner = StateGraph(Said)
    inner.add_node("speak", speak)
    inner.add_node("shaky", shaky)
    inner.add_edge(START, "speak")
    inner.add_edge("speak", "shaky")
    inner.add_edge("shaky", END)
    outer = StateGraph(Said)
    outer.add_node("inner", inner.compile())
    outer.add_edge(START, "inner")
    outer.add_edge("inner", END)
    script = ScriptedModel({"strong": ["One.", "Lost.", "Two."]})
    async with Platform.open(settings, provider=script) as platform:
        run, _ = await carry_out(platform, outer.compile(), ["approve"])
        assert await said(platform, run.id) == "One.\n\nTwo."
    assert run.output["got"][-2:] == ["One.", "Two."]
