"""CPU per token in bursts."""

from __future__ import annotations

from bench.figures import STRETTO, Measurement
from bench.ground import Ground
from bench.rounds import figure, interleave

NAME = "tokens"


async def measure(ground: Ground, quick: bool) -> Measurement:
    """Tokens as fast as they come."""
    rounds, tokens = (1, 1000) if quick else (3, 5000)

    def stretto(at_once: int):
        return lambda: ground.contend("stretto_streams:burst", "bench_stretto", runs=20, tokens=tokens, at_once=at_once)

    def reference(kind: str):
        return lambda: ground.contend("reference_streams:burst", kind=kind, runs=4, tokens=tokens)

    references = {
        "openai SDK": reference("openai"),
        "pydantic-ai, openai": reference("pydantic-ai"),
        "pydantic-ai, function": reference("pydantic-ai-function"),
    }
    single = await interleave(rounds, {STRETTO: stretto(1), **references})
    eight = await interleave(rounds, {STRETTO: stretto(8)})
    return Measurement(
        name=NAME,
        title="CPU per token in bursts",
        what=(
            f"20 runs at once, each a step that writes {tokens:,} tokens as fast as it may: `StepContext.write` → fan-out to "
            "a follower → journal on disk, without any provider. The references read answers of as many tokens from a "
            "local server that sends as fast as they read (or, pydantic-ai with FunctionModel, from a function)."
        ),
        figures=[
            figure(single, "cpu_us", "CPU of the process per token, one token a write", "µs", "less", target=12),
            figure(eight, "cpu_us", "the same, eight tokens a write", "µs", "less"),
            figure(single, "postgres_us", "CPU of PostgreSQL per token", "µs", "less"),
            figure(single, "tokens_per_s", "tokens through one process", "tokens/s", "more"),
        ],
        notes=[
            "Not the same work: Stretto's figure is write + fan-out + persisted, without a wire (the benchmark `wire` has it); "
            "the references' is wire (or function) to consumer, and nothing is kept.",
        ],
    )
