"""The shared state: commits per second by sixteen writers, of one document and of many."""

from __future__ import annotations

from bench.figures import STRETTO, Measurement
from bench.ground import Ground
from bench.rounds import figure, interleave

NAME = "state"
WRITERS = 16
PATCHED = "patches of what is there"
COMPARED = "compare-and-set by hand, without pauses"


async def measure(ground: Ground, quick: bool) -> Measurement:
    """Updates beside patches and beside compare-and-set by hand, on one document and on 256."""
    rounds, many, one = (1, 640, 320) if quick else (3, 3_200, 800)

    def contend(function: str, commits: int, documents: int):
        given = {"writers": WRITERS, "commits": commits, "documents": documents}
        return lambda: ground.contend(f"state_writes:{function}", "bench_state", **given)

    apart = await interleave(rounds, {STRETTO: contend("updated", many, 256), PATCHED: contend("patched", many, 256)})
    together = await interleave(
        rounds,
        {
            STRETTO: contend("updated", one, 1),
            PATCHED: contend("patched", one, 1),
            COMPARED: contend("compared", one // 4, 1),
        },
    )
    return Measurement(
        name=NAME,
        title="Shared state",
        what=(
            f"{WRITERS} writers on connections of their own change documents of half a kilobyte, each change a commit with its "
            "version and its event: by `update` (read, change, compare-and-set; from the second attempt on with the document locked), by "
            "a patch, which reads nothing before. Afterwards every change is counted in the documents: none is lost."
        ),
        figures=[
            figure(apart, "commits_per_s", "256 documents", "commits/s", "more"),
            figure(apart, "p95_ms", "the same, one change until it is committed, p95", "ms", "less"),
            figure(apart, "cpu_us", "the same, CPU of the process per commit", "µs", "less"),
            figure(apart, "postgres_us", "the same, CPU of PostgreSQL per commit", "µs", "less"),
            figure(together, "commits_per_s", "one document that all write", "commits/s", "more"),
            figure(together, "p95_ms", "the same, one change until it is committed, p95", "ms", "less"),
            figure(
                together,
                "conflicts_per_commit",
                "the same, attempts that met a newer version, per commit",
                "conflicts",
                "less",
            ),
        ],
        notes=["Writers of one document wait for each other: a commit waits for the disk before the next one begins."],
    )
