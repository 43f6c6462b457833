"""A hosted graph of LangGraph whose nodes do nothing: with each node told of in the run's facts, and without."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any, Literal, TypedDict

from langgraph.graph import END, START, StateGraph

from bench.contender import Meter
from bench.contenders.stretto_runs import complete
from bench.contenders.worker import working
from bench.figures import percentile
from stretto.langgraph import host
from stretto.langgraph.nodes import Nodes


class Count(TypedDict):
    count: int


def chain(length: int) -> Any:
    """So many nodes, one after the other, which do nothing."""

    async def noop(state: Count) -> dict[str, Any]:
        return {}

    graph = StateGraph(Count)
    names = [f"s{n}" for n in range(length)]
    for before, name in zip([START, *names], names, strict=False):
        graph.add_node(name, noop)
        graph.add_edge(before, name)
    graph.add_edge(names[-1], END)
    return graph.compile()


class Deaf(Nodes):
    """Tells nothing."""

    def hear(self, space: tuple[str, ...], mode: Literal["tasks", "updates"], payload: Mapping[str, Any]) -> None:
        pass


async def runs(postmaster: int, url: str, told: bool, length: int, times: int, together: int) -> dict[str, float]:
    """Runs one after the other, and so many together; a graph has so many nodes, one after the other."""
    if not told:
        vars(sys.modules[host.__module__]).update(Nodes=Deaf, MODES=())
    graph = host(chain(length), name="line", config={"recursion_limit": length + 5})
    async with working(url) as platform:
        platform.tools.put(graph)
        door = platform.runs()
        await complete(door, graph.flow, 2)
        took: list[float] = []
        for _ in range(times):
            began = time.perf_counter()
            await complete(door, graph.flow, 1)
            took.append((time.perf_counter() - began) / length)
        meter = Meter(postmaster)
        await complete(door, graph.flow, together)
        spent = meter.read()
        (run_id,) = await complete(door, graph.flow, 1)
        rows = len(await door.journal(run_id))
    nodes = together * length
    return {
        "node_ms": percentile(took, 0.5) * 1000,
        "nodes_per_s": nodes / spent["wall_s"],
        "cpu_us": spent["cpu_s"] / nodes * 1e6,
        "postgres_us": spent["postgres_s"] / nodes * 1e6,
        "rows": rows,
    }
