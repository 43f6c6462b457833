"""Hosted graphs of LangGraph: what it costs that each node is told of."""

from __future__ import annotations

from bench.figures import STRETTO, Measurement
from bench.ground import Ground
from bench.rounds import figure, interleave

NAME = "nodes"
SILENT = "the same, nodes not told of"


async def measure(ground: Ground, quick: bool) -> Measurement:
    """Runs of a graph, one at a time and several together, with and without facts of its nodes."""
    rounds, times, together = (1, 2, 2) if quick else (5, 8, 8)
    length = 200
    found = await interleave(
        rounds,
        {
            name: lambda told=told: ground.contend(
                "graph_nodes:runs",
                f"bench_nodes_{'told' if told else 'silent'}",
                told=told,
                length=length,
                times=times,
                together=together,
            )
            for name, told in ((STRETTO, True), (SILENT, False))
        },
    )
    return Measurement(
        name=NAME,
        title="Nodes of hosted LangGraph graphs",
        what=(
            f"A graph of {length} nodes, one after the other, which do nothing, as a flow: its run has two facts for each node (it began, "
            f"it ended). Beside it, the same with these facts left out. {times} runs one after the other, then {together} at once, "
            "with a checkpoint after each node that is waited for, as when nothing else is asked for."
        ),
        figures=[
            figure(found, "node_ms", "one run at a time, per node", "ms", "less", ratio_target=1.1),
            figure(found, "nodes_per_s", f"{together} runs at once", "nodes/s", "more", ratio_target=0.9),
            figure(found, "cpu_us", "the same, CPU of the process per node", "µs", "less"),
            figure(found, "postgres_us", "the same, CPU of PostgreSQL per node", "µs", "less"),
            figure(found, "rows", "rows of the journal of a run", "rows", "less"),
        ],
        notes=[
            "Nodes that do nothing are the worst case: a model's call takes a thousand times as long as what is told of it."
        ],
    )
