"""How long after it was written a token reaches each of many clients."""

from __future__ import annotations

from bench.figures import STRETTO, Measurement, Table, show
from bench.ground import Ground
from bench.rounds import figure, interleave

NAME = "fanout"
QUEUES = "Starlette, a queue for each client"
CLIENTS = 100


async def measure(ground: Ground, quick: bool) -> Measurement:
    """One run at 50 tokens/s, a hundred clients."""
    seconds = 3.0 if quick else 10.0
    results = await interleave(
        1 if quick else 3,
        {
            STRETTO: lambda: ground.contend(
                "fanout:through_stretto", "bench_stretto", clients=CLIENTS, seconds=seconds
            ),
            QUEUES: lambda: ground.contend("fanout:through_queues", clients=CLIENTS, seconds=seconds),
        },
    )
    rows = [
        [who, show(result["core"]), show(result["events"] / seconds), show(result["fewest"] / seconds)]
        for who, found in results.items()
        for result in found
    ]
    return Measurement(
        name=NAME,
        title=f"A token on its way to {CLIENTS} clients",
        what=(
            f"An agent writes 50 tokens/s; {CLIENTS} clients in another process read its run's event stream over HTTP. "
            "From the time that the event tells, at which the token was written, to its arrival at each client."
        ),
        figures=[
            figure(results, "p50_ms", "token to client, median", "ms", "less"),
            figure(results, "p99_ms", "token to client, p99", "ms", "less"),
            figure(results, "cpu_us", "CPU of the server for each event that reaches a client", "µs", "less"),
        ],
        tables=[
            Table(
                title="Every round",
                columns=["who", "cores", "events/s", "events/s of the client with the fewest"],
                rows=rows,
            )
        ],
        notes=[
            "Not the same work: Stretto's process also carries the run out and keeps every token in the journal, and each of "
            "its events has an id to come back with. The reference is what tutorials show: StreamingResponse over an "
            "asyncio.Queue for each client, json.dumps for each client; it keeps nothing.",
        ],
        simulated=["The model: the simulated provider."],
    )
