"""Events per second, published and consumed."""

from __future__ import annotations

from bench.figures import STRETTO, Measurement
from bench.ground import Ground
from bench.rounds import figure, interleave

NAME = "events"
REDIS = "over Redis Streams"


async def measure(ground: Ground, quick: bool) -> Measurement:
    """From the outbox to a handler; then the whole log again."""
    rounds, events = (1, 2_000) if quick else (3, 40_000)
    found = await interleave(
        rounds,
        {
            STRETTO: lambda: ground.contend("events_flow:flow", "bench_events", events=events),
            REDIS: lambda: ground.contend("events_flow:flow", "bench_events", events=events, redis=True),
        },
    )
    return Measurement(
        name=NAME,
        title="Events",
        what=(
            f"{events:,} events of 500 subjects, written by eight writers ten at a time (a transaction each, as a room would "
            "beside its change), relayed to the log and given to a handler that does nothing: all in one process. Then the group "
            "is set back to the beginning and takes them all again. Then one event at a time."
        ),
        figures=[
            figure(found, "published_per_s", "written, while they are relayed and consumed", "events/s", "more"),
            figure(found, "through_per_s", "from the first write to the last handler's end", "events/s", "more"),
            figure(found, "consumed_per_s", "taken again from the beginning", "events/s", "more"),
            figure(found, "cpu_us", "CPU of the process per event, write to handler", "µs", "less"),
            figure(found, "postgres_us", "CPU of PostgreSQL per event", "µs", "less"),
            figure(found, "alone_p50_ms", "one alone, from being written to its handler, p50", "ms", "less"),
            figure(found, "alone_p95_ms", "the same, p95", "ms", "less"),
        ],
        notes=[
            "A replay begins when the member finds its epochs gone, at the latest with its next beat (1.5 s); that is counted.",
            "The relay gathers for 10 ms after each notification, which is most of what one event alone waits.",
            "Redis runs with its append-only file, synced every second.",
        ],
    )
