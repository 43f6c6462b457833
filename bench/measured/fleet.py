"""A fleet of swarms in one process."""

from __future__ import annotations

from bench.figures import STRETTO, Measurement
from bench.ground import Ground
from bench.rounds import figure, interleave

NAME = "fleet"


async def measure(ground: Ground, quick: bool) -> Measurement:
    """All at once, from start to end."""
    rounds, agents, turns = (1, 50, 1) if quick else (2, 1000, 2)
    results = await interleave(
        rounds,
        {STRETTO: lambda: ground.contend("fleet:live", "bench_stretto", agents=agents, turns=turns)},
    )
    return Measurement(
        name=NAME,
        title=f"{agents:,} agents, each a planner with workers and a judge",
        what=(
            f"{agents:,} runs at once in one worker process, each {turns} turns of: a planner makes tasks, a worker does each, a judge "
            "scores each; the simulated provider answers at 50 tokens/s, so that the time is mostly the models'. From the first "
            "start until the database shows the last run completed."
        ),
        figures=[
            figure(results, "tasks_per_s", "tasks done and judged", "tasks/s", "more"),
            figure(results, "cpu_ms", "CPU of the process per task", "ms", "less"),
            figure(results, "postgres_ms", "CPU of PostgreSQL per task", "ms", "less"),
            figure(results, "cores", "cores that the process used", "cores", "less"),
            figure(results, "kb_per_agent", "most memory per agent", "kB", "less"),
            figure(results, "lag_ms", "longest time that the event loop was held up", "ms", "less"),
        ],
        notes=["A task is two model calls: the worker's and the judge's; the planner's come on top."],
    )
