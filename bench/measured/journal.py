"""The journal's writer alone."""

from __future__ import annotations

from bench.figures import STRETTO, Measurement
from bench.ground import Ground
from bench.rounds import figure, interleave

NAME = "journal"
EACH = "a commit for each fact"


async def measure(ground: Ground, quick: bool) -> Measurement:
    """Facts per second by group commit."""
    rounds, facts, single = (1, 5_000, 800) if quick else (3, 100_000, 16_000)

    def group(runs: int):
        return lambda: ground.contend("journal_bare:group_commit", "bench_stretto", runs=runs, facts=facts)

    def each():
        return ground.contend("journal_bare:insert_each", "bench_inserts", connections=8, facts=single)

    some = await interleave(rounds, {STRETTO: group(100), EACH: each})
    many = await interleave(rounds, {STRETTO: group(1000)})
    return Measurement(
        name=NAME,
        title="The journal alone",
        what=(
            "Runs that say two facts at a time (a step has ended, the next has begun) and wait until both are committed: only "
            "`Journal.append`, no engine. Beside it, one INSERT and one commit for each fact on eight connections at once."
        ),
        figures=[
            figure(some, "facts_per_s", "100 runs at once", "facts/s", "more"),
            figure(some, "cpu_us", "CPU of the process per fact", "µs", "less"),
            figure(some, "postgres_us", "CPU of PostgreSQL per fact", "µs", "less"),
            figure(some, "facts_per_commit", "facts in one commit", "facts", "more"),
            figure(many, "facts_per_s", "1,000 runs at once", "facts/s", "more"),
            figure(many, "cpu_us", "the same, CPU of the process per fact", "µs", "less"),
        ],
    )
