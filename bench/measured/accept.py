"""From accepted to the first step."""

from __future__ import annotations

from bench.figures import STRETTO, Figure, Measurement
from bench.ground import Ground
from bench.rounds import Results, figure, interleave

NAME = "accept"
QUEUED, DIRECT, PROCRASTINATE = "DBOS, queue", "DBOS, no queue", "Procrastinate alone"


async def measure(ground: Ground, quick: bool) -> Measurement:
    """One at a time, then twenty a second."""
    rounds, samples = (1, 20) if quick else (3, 200)

    async def at(per_s: float) -> Results:
        some = {"samples": samples, "per_s": per_s}
        polled = {**some, "samples": samples if per_s else max(10, samples // 8)}
        return await interleave(
            rounds,
            {
                STRETTO: lambda: ground.contend("stretto_runs:first_step", "bench_stretto", **some),
                PROCRASTINATE: lambda: ground.contend("procrastinate_jobs:first_step", "bench_jobs", **some),
                QUEUED: lambda: ground.contend("dbos_runs:first_step", "bench_dbos", queued=True, **polled),
                DIRECT: lambda: ground.contend("dbos_runs:first_step", "bench_dbos", queued=False, **some),
            },
        )

    alone, steady = await at(0), await at(20)
    return Measurement(
        name=NAME,
        title="From accepted to the first step",
        what=(
            f"{samples} runs of one step: first one at a time, then 20 a second. The time runs from the moment at which the "
            "run is durably accepted (`start` has returned) until its first step is called; with “from asking”, the time "
            "to accept it is in it too."
        ),
        figures=[*figures(alone, "one at a time", target=10), *figures(steady, "20 a second", target=None)],
        notes=[
            "DBOS's queue is polled once a second as it comes, so the samples are submitted at random moments "
            f"(one at a time: {max(10, samples // 8)} samples a round). Without a queue it starts workflows in the process "
            "that asked, and calls the first step before or after the start has returned; then the time counts as 0.",
            "Procrastinate alone is what Stretto's dispatch stands on: no run, no facts, no journal, and its worker in the "
            "same process.",
        ],
    )


def figures(results: Results, when: str, target: float | None) -> list[Figure]:
    """The figures of one way of arriving."""
    return [
        figure(results, "p50_ms", f"{when}, p50", "ms", "less", target=target, only=(QUEUED, PROCRASTINATE)),
        figure(results, "p95_ms", f"{when}, p95", "ms", "less", only=(QUEUED, PROCRASTINATE)),
        figure(results, "with_accept_p50_ms", f"{when}, from asking, p50", "ms", "less"),
        figure(results, "with_accept_p95_ms", f"{when}, from asking, p95", "ms", "less"),
    ]
