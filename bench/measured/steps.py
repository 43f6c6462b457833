"""Durable steps per second."""

from __future__ import annotations

from bench.figures import STRETTO, Measurement
from bench.ground import Ground
from bench.rounds import figure, interleave

NAME = "steps"
DBOS, POSTGRES, MEMORY = "DBOS", "LangGraph, PostgreSQL", "LangGraph, memory"


async def measure(ground: Ground, quick: bool) -> Measurement:
    """100 runs at once of 100 steps each; then one run alone."""
    rounds, runs, length = (1, 20, 20) if quick else (3, 100, 100)
    many = {"runs": runs, "length": length}
    together = await interleave(
        rounds,
        {
            STRETTO: lambda: ground.contend("stretto_runs:steps", "bench_stretto", **many),
            DBOS: lambda: ground.contend("dbos_runs:steps", "bench_dbos", most_s=40, **many),
            POSTGRES: lambda: ground.contend("langgraph_runs:steps", "bench_langgraph", most_s=40, **many),
            MEMORY: lambda: ground.contend("langgraph_runs:steps", most_s=40, **many),
        },
    )
    few = {"length": 20 if quick else 100, "times": 2 if quick else 5}
    alone = await interleave(
        rounds,
        {
            STRETTO: lambda: ground.contend("stretto_runs:alone", "bench_stretto", **few),
            DBOS: lambda: ground.contend("dbos_runs:alone", "bench_dbos", **few),
            POSTGRES: lambda: ground.contend("langgraph_runs:alone", "bench_langgraph", **few),
        },
    )
    return Measurement(
        name=NAME,
        title="Durable steps per second",
        what=(
            f"{runs} runs at once, each a chain of {length} steps that do nothing, from accepting the first run until the "
            "database shows the last one completed: accept → queue → worker → journal, in one process. Then one run at "
            f"a time of {few['length']} steps, from `start` to the last fact, divided by its steps."
        ),
        figures=[
            figure(together, "steps_per_s", f"{runs} runs at once", "steps/s", "more", target=8000),
            figure(together, "cpu_us", "CPU of the process per step", "µs", "less"),
            figure(together, "postgres_us", "CPU of PostgreSQL per step", "µs", "less", only=(DBOS, POSTGRES)),
            figure(alone, "per_step_ms", "one run alone, per step", "ms", "less"),
            figure(alone, "gap_p50_ms", "from one step's call to the next's, p50", "ms", "less"),
            figure(alone, "gap_p95_ms", "the same, p95", "ms", "less"),
        ],
        notes=[
            "What is on disk when: Stretto commits that a step has started (and, in the same transaction, that the one before "
            "it has ended) before the step is called; DBOS commits a step's end before the next begins; LangGraph, as it comes "
            '(`durability="async"`), writes a checkpoint while the next node runs, so that its nodes wait for no disk.',
            "DBOS runs workflows and steps as coroutines, started in its process without a queue, on its default pool. "
            "Runs that a reference has not finished after 40 s are counted as far as they came.",
            "LangGraph in memory keeps nothing: the process's end is the end of its runs.",
        ],
    )
