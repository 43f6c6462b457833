"""Whoever carries a graph of LangGraph on is killed in mid-word: nothing that was said is lost, said twice or paid for twice."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any
from uuid import UUID

import pytest

pytest.importorskip("langgraph", reason="the extra langgraph is not installed")

from langgraph.graph import END, START, MessagesState, StateGraph

from stretto.engine.rows import texts_of
from stretto.gateway.provider import ModelRequest
from stretto.langgraph import GatewayChatModel, host
from stretto.langgraph.hosted import HostedGraph
from stretto.platform import Platform
from stretto.settings import Settings
from tests.crash.played import Part, PlayedModel
from tests.crash.worker import CONTEXT, QUICK
from tests.postgres.engine.stage import until

WORDS = ["One.", "Two.", "Three.", "Four."]


def choir() -> HostedGraph:
    """Four nodes, each of which says one thing more."""
    model = GatewayChatModel(route="strong")

    async def say(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    nodes = [f"say{number}" for number in range(len(WORDS))]
    for before, node in zip([START, *nodes], nodes, strict=False):
        graph.add_node(node, say)
        graph.add_edge(before, node)
    graph.add_edge(nodes[-1], END)
    return host(graph.compile(), name="choir")


async def said(platform: Platform, run_id: UUID) -> str:
    """What stands of the step's text, as the journal has it."""
    texts = texts_of(await platform.runs().journal(run_id))
    return texts["graph"].slice(0) if "graph" in texts else ""


def sing_and_die(settings: dict[str, Any], run_id: UUID, after: int) -> None:
    """Carry the run on until half of a node's word is in the journal; then be killed."""

    def half(request: ModelRequest) -> list[Part]:
        number = len(request.messages) - 1
        return [WORDS[number]] if number < after else [WORDS[number][:2], None]

    async def sing() -> None:
        async with Platform.open(Settings(**settings), provider=PlayedModel(half), worker=False) as platform:
            platform.tools.put(choir())
            async with platform.working():
                while not (await said(platform, run_id)).endswith(WORDS[after][:2]):  # noqa: ASYNC110 - as any reader does
                    await asyncio.sleep(0.02)
                os.kill(os.getpid(), signal.SIGKILL)

    asyncio.run(sing())


async def test_killed_at_each_word_everything_is_said_once(settings: Settings) -> None:
    settings = settings.model_copy(update=QUICK)
    model = PlayedModel(lambda request: WORDS[len(request.messages) - 1])
    async with Platform.open(settings, provider=model, worker=False) as platform:
        platform.tools.put(hosted := choir())
        run_id = await platform.runs().start(hosted.flow, {"messages": [{"role": "user", "content": "Count."}]})
        for after in range(len(WORDS)):
            process = CONTEXT.Process(target=sing_and_die, args=(settings.model_dump(), run_id, after))
            process.start()
            await asyncio.to_thread(process.join, 60)
            assert process.exitcode == -signal.SIGKILL
            assert (await said(platform, run_id)) == "\n\n".join([*WORDS[:after], WORDS[after][:2]])
        async with platform.working():

            async def over() -> bool:
                return (await platform.runs().get(run_id)).status == "completed"

            await until(over, "the run is completed")
        assert await said(platform, run_id) == "\n\n".join(WORDS)
    assert len(model.requests) == 1
