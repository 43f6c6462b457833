"""CPU per streamed token, from a provider's events to whoever reads."""

from __future__ import annotations

from bench.figures import STRETTO, Measurement
from bench.ground import Ground
from bench.rounds import figure, interleave

NAME = "wire"
AGENT = "through the gateway into an agent's step"


async def measure(ground: Ground, quick: bool) -> Measurement:
    """Answers as fast as they come."""
    rounds, tokens = (1, 1000) if quick else (3, 5000)

    def reference(kind: str):
        return lambda: ground.contend("reference_streams:burst", kind=kind, runs=4, tokens=tokens)

    references = {"openai SDK": reference("openai"), "pydantic-ai, openai": reference("pydantic-ai")}
    found = await interleave(
        rounds,
        {
            STRETTO: lambda: ground.contend("wire:burst", runs=40, tokens=tokens),
            AGENT: lambda: ground.contend("wire:agents", "bench_stretto", runs=40, tokens=tokens),
            **references,
        },
    )
    through = {STRETTO: found[AGENT], **{name: found[name] for name in references if name in found}}
    alone = {name: results for name, results in found.items() if name != AGENT}
    return Measurement(
        name=NAME,
        title="CPU per token over the wire",
        what=(
            f"Answers of {tokens:,} tokens, an event each, eight events in a chunk, one answer after the other, from a local server "
            "that sends as fast as its client reads. First from the wire to a consumer that counts; then the whole way: wire → "
            "gateway (admission, ledger) → agent's step → fan-out to a follower → journal on disk."
        ),
        figures=[
            figure(alone, "cpu_us", "CPU per token, wire to consumer", "µs", "less", target=6),
            figure(through, "cpu_us", f"CPU per token, {AGENT}", "µs", "less", target=12),
            figure(through, "postgres_us", "the same, CPU of PostgreSQL", "µs", "less"),
            figure(alone, "tokens_per_s", "tokens through one process, wire to consumer", "tokens/s", "more"),
            figure(through, "tokens_per_s", f"tokens through one process, {AGENT}", "tokens/s", "more"),
        ],
        notes=[
            "All clients read the same server. The references go from the wire to the consumer in both comparisons: they keep nothing.",
        ],
    )
