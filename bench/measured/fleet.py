"""A fleet of swarms in one process."""

from __future__ import annotations

from bench.figures import STRETTO, Measurement, Table, show
from bench.ground import Ground
from bench.rounds import figure, interleave

NAME = "fleet"


async def measure(ground: Ground, quick: bool) -> Measurement:
    """All at once, from start to end."""
    agents, turns = (20, [2, 1]) if quick else (1000, [3, 1])
    results = await interleave(
        1,
        {STRETTO: lambda: ground.contend("fleet:live", "bench_stretto", agents=agents, turns=turns)},
    )
    (found,) = results[STRETTO]
    memory = Table(
        title="Memory of the process, MB",
        columns=[
            "before",
            *(f"wave {n + 1}, {when}" for n in range(len(turns)) for when in ("at its highest", "afterwards")),
        ],
        rows=[[show(each) for each in (found["before_mb"], *memory_of(found))]],
    )
    return Measurement(
        name=NAME,
        title=f"{agents:,} agents, each a planner with workers and a judge",
        what=(
            f"{agents:,} runs at once in one worker process, {turns[0]} rounds each: a planner makes tasks, a worker does each, a judge "
            "scores each, and each result is committed to the shared state, over the version that was read, and counted on a board "
            f"that ten agents share. Then {agents:,} more in the same process, of one round. The simulated provider answers at 50 tokens/s. From the "
            "first start until the database shows the last run completed; then it is checked that no write is missing."
        ),
        figures=[
            figure(results, "tasks_per_s", "tasks done, judged and committed", "tasks/s", "more"),
            figure(results, "tasks", "tasks in all", "tasks", "more"),
            figure(results, "cpu_ms", "CPU of the process per task", "ms", "less"),
            figure(results, "postgres_ms", "CPU of PostgreSQL per task", "ms", "less"),
            figure(results, "cores", "cores that the process used", "cores", "less"),
            figure(results, "wait_p50_ms", "a task's wait until its model is asked, p50", "ms", "less"),
            figure(results, "wait_p95_ms", "the same, p95", "ms", "less"),
            figure(results, "wait_p99_ms", "the same, p99", "ms", "less"),
            figure(results, "wait_max_ms", "the same, longest", "ms", "less"),
            figure(results, "lag_p99_ms", "how late the event loop was, p99", "ms", "less"),
            figure(results, "lag_ms", "longest time that the event loop was held up", "ms", "less", target=200),
            figure(results, "kb_per_agent", "most memory per agent", "kB", "less"),
        ],
        tables=[memory],
        notes=[
            "A task is two model calls and three tool calls: the state is read, a worker asked, a judge asked, the result committed, the "
            "board counted up. The planner's calls come on top.",
            "A task waits for its worker from the plan being made, for its judge from the draft being done; both waits are counted.",
        ],
    )


def memory_of(found: dict[str, list[float]]) -> list[float]:
    """The highest memory of each wave, and what it came back to."""
    return [each for pair in zip(found["highest_mb"], found["rest_mb"], strict=True) for each in pair]
