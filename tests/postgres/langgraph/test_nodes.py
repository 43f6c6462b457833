"""The nodes of hosted graphs in the journal: in order, over a question and a change of process, and of no weight to decisions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

pytest.importorskip("langgraph", reason="the extra langgraph is not installed")

from langgraph.graph import START, StateGraph

from stretto.api import serving
from stretto.flow.facts import Aside, Fact, NodeEnded, NodeStarted, StepCompleted
from stretto.flow.progress import Progress
from stretto.langgraph import host
from stretto.platform import Platform
from stretto.settings import Settings
from tests.e2e.wire import Client
from tests.postgres.gateway.test_runs_pay import ended, facts
from tests.postgres.langgraph.test_hosted import Letter, asked, desk, start


def nodes(found: Sequence[Fact]) -> list[tuple[str, int, str]]:
    """What happened to which node, in which attempt."""
    told: list[tuple[str, int, str]] = []
    for fact in found:
        if isinstance(fact, NodeStarted):
            told.append((fact.node, fact.attempt, "begins"))
        elif isinstance(fact, NodeEnded):
            told.append((fact.node, fact.attempt, fact.outcome))
    return told


async def test_nodes_are_told_over_a_question_and_another_process(settings: Settings) -> None:
    hosted = host(desk([]), name="desk")
    async with Platform.open(settings) as platform:
        run_id = await start(platform, hosted, {"topic": "a secret"})
        review = await asked(platform)
    async with Platform.open(settings, worker=False) as platform:
        await platform.reviews().decide(review.id, "approve", by="ann")
        platform.tools.put(host(desk([]), name="desk"))
        async with platform.working():
            await ended(platform, run_id)
        found = await facts(platform, run_id)
    told = nodes(found)
    assert sorted(told[:4]) == [
        ("draft", 1, "begins"),
        ("draft", 1, "done"),
        ("second", 1, "begins"),
        ("second", 1, "done"),
    ]
    assert told[4:] == [("ask", 1, "begins"), ("ask", 1, "interrupted"), ("ask", 2, "begins"), ("ask", 2, "done")]
    assert isinstance([fact for fact in found if fact.__class__ in (NodeEnded, StepCompleted)][-1], StepCompleted)
    asks = {fact.task for fact in found if isinstance(fact, NodeStarted | NodeEnded) and fact.node == "ask"}
    assert len(asks) == 1
    assert "secret" not in repr([fact for fact in found if isinstance(fact, NodeStarted | NodeEnded)])
    # An older journal has none of it, and comes to the same.
    with_them, without = (Progress(hosted.flow, lambda path: "") for _ in range(2))
    with_them.apply_all(found)
    without.apply_all(fact for fact in found if not isinstance(fact, Aside))
    for progress in (with_them, without):
        assert (progress.status, progress.wants) == ("completed", {})
    assert with_them.states["graph"].output == without.states["graph"].output


async def test_a_node_that_fails_says_so_in_its_attempt(settings: Settings) -> None:
    def fail(state: Letter) -> dict[str, Any]:
        raise ConnectionError("away")

    graph = StateGraph(Letter)
    graph.add_node("fail", fail)
    graph.add_edge(START, "fail")
    async with Platform.open(settings) as platform:
        run_id = await start(platform, host(graph.compile(), name="failing"), {"topic": "x"})
        run = await ended(platform, run_id)
        found = await facts(platform, run_id)
    assert run.status == "failed"
    attempts = nodes(found)
    assert attempts
    assert attempts == [("fail", n, what) for n in range(1, len(attempts) // 2 + 1) for what in ("begins", "failed")]
    assert {fact.error for fact in found if isinstance(fact, NodeEnded)} == {"ConnectionError: away"}


async def test_nodes_are_drawn_within_their_step(settings: Settings) -> None:
    settings = settings.model_copy(update={"port": 0, "host": "127.0.0.1"})
    async with Platform.open(settings) as platform, serving(platform) as url:
        client, hosted = Client(url), host(desk([]), name="desk")
        run_id = await start(platform, hosted, {"topic": "x"})
        drawn = (await client.get(f"/v1/runs/{run_id}/graph")).json
        assert [(node["id"], node["kind"], node["parent"]) for node in drawn["nodes"]] == [
            ("graph", "tool", None),
            ("graph › draft", "node", "graph"),
            ("graph › second", "node", "graph"),
            ("graph › ask", "node", "graph"),
        ]
        assert {(edge["from"], edge["to"], edge["kind"]) for edge in drawn["edges"]} == {
            ("graph › draft", "graph › ask", "after"),
            ("graph › second", "graph › ask", "after"),
        }
        checked = await client.post("/v1/flows/validate", dict(hosted.flow.document))
        assert checked.json["graph"] == drawn
        review = await asked(platform)
        await platform.reviews().decide(review.id, "approve", by="ann")
        await ended(platform, run_id)
