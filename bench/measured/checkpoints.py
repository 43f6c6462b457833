"""Checkpoints of LangGraph: `StrettoSaver` beside LangGraph's own saver for PostgreSQL, under the same graphs."""

from __future__ import annotations

from bench.figures import STRETTO, Measurement
from bench.ground import Ground
from bench.rounds import figure, interleave

NAME = "checkpoints"
LANGGRAPH = "langgraph-checkpoint-postgres"


async def measure(ground: Ground, quick: bool) -> Measurement:
    """Many threads at once, one thread alone, and reading what is there."""
    rounds, threads, length = (1, 16, 10) if quick else (3, 32, 50)

    def contend(function: str, **given: object):
        return {
            name: lambda which=which: ground.contend(
                f"graph_checkpoints:{function}", f"bench_checkpoints_{which}", which=which, **given
            )
            for name, which in ((STRETTO, "stretto"), (LANGGRAPH, "langgraph"))
        }

    many = await interleave(rounds, contend("nodes", threads=threads, length=length))
    alone = await interleave(rounds, contend("nodes", threads=1, length=length * 4, durability="sync"))
    read = await interleave(rounds, contend("resume", length=length * 2, times=20 if quick else 100))
    return Measurement(
        name=NAME,
        title="Checkpoints of LangGraph graphs",
        what=(
            "A loop of two nodes adds a note of half a kilobyte to the state and counts, so that each second checkpoint has a list that "
            f"is longer by one. {threads} threads with {length} notes each at once; one thread with {length * 4} notes, which waits for each "
            f'checkpoint (`durability="sync"`); and the state and the history of a thread with {length * 2} notes, read by a process that '
            "has not written it. The graphs are the same object, the server too; each saver has eight connections."
        ),
        figures=[
            figure(many, "nodes_per_s", f"{threads} threads at once", "nodes/s", "more", ratio_target=1.0),
            figure(many, "cpu_us", "the same, CPU of the process per node", "µs", "less"),
            figure(many, "postgres_us", "the same, CPU of PostgreSQL per node", "µs", "less"),
            figure(many, "bytes_per_node", "the same, bytes on disk per node, indexes too", "bytes", "less"),
            figure(alone, "nodes_per_s", "one thread, each checkpoint waited for", "nodes/s", "more", ratio_target=1.0),
            figure(alone, "bytes_per_node", "the same, bytes on disk per node", "bytes", "less"),
            figure(read, "first_p50_ms", "reading a state by a saver that is new, median", "ms", "less"),
            figure(read, "again_p50_ms", "reading it again, median", "ms", "less"),
            figure(read, "history_ms", "reading a history, all states", "ms", "less"),
        ],
        notes=["Most of the process's CPU is LangGraph's own, which is the same for both."],
    )
