"""A thousand runs that wait for a person."""

from __future__ import annotations

from bench.figures import STRETTO, Measurement
from bench.ground import Ground
from bench.rounds import figure, interleave

NAME = "waiting"
DBOS, LANGGRAPH = "DBOS, recv", "LangGraph, interrupt"


async def measure(ground: Ground, quick: bool) -> Measurement:
    """Let them wait, look at the process, wake them all."""
    rounds, runs, fewer = (1, 50, 20) if quick else (3, 1000, 300)
    results = await interleave(
        rounds,
        {
            STRETTO: lambda: ground.contend("waiting:stretto", "bench_stretto", runs=runs),
            DBOS: lambda: ground.contend("waiting:dbos", "bench_dbos", runs=fewer),
            LANGGRAPH: lambda: ground.contend("waiting:langgraph", "bench_langgraph", runs=fewer),
        },
    )
    return Measurement(
        name=NAME,
        title="A thousand runs that wait for a person",
        what=(
            f"{runs:,} runs (draft → a person's decision → publish) wait at once; memory of the worker's process before and "
            f"after (private pages, after another {runs:,} such runs went through, so that the process has its full size). "
            "Then all are decided, 50 at a time, until the database shows the last one completed."
        ),
        figures=[
            figure(results, "kb_per_run", "memory of the process per waiting run", "kB", "less"),
            figure(results, "objects_per_run", "Python objects per waiting run", "objects", "less"),
            figure(results, "woken_per_s", "runs woken and completed", "runs/s", "more"),
        ],
        notes=[
            "The benchmark itself holds the ids of the runs (a list of UUIDs; handles and configurations for the references), which "
            "is in these figures: about one object a run.",
            f"The references wait with {fewer} each: DBOS holds a coroutine for each waiting workflow, LangGraph nothing, as it has "
            "no worker: whoever wants a thread to go on calls it.",
        ],
    )
