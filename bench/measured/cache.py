"""How long an answer takes that is kept, against one that is asked for."""

from __future__ import annotations

from typing import Any

from bench.contenders.caching import TASKS
from bench.figures import STRETTO, Figure, Measurement
from bench.ground import Ground
from bench.rounds import interleave
from bench.servers import serving, simulated

NAME = "cache"
TTFT_S = 0.2
TOKENS = 32
MISS = "a miss"


async def measure(ground: Ground, quick: bool) -> Measurement:
    """Misses, hits in memory, hits from PostgreSQL in another process, and similar questions there."""
    sim = simulated("--ttft", str(TTFT_S), "--speed", "1000000", "--tokens", f"{TOKENS}-{TOKENS}")
    async with serving(sim) as server:

        async def one() -> dict[str, Any]:
            filled = await ground.contend("caching:fill", "bench_cache", base=server.url)
            return {**filled, **await ground.contend("caching:find", url=ground.url("bench_cache"), base=server.url)}

        results = (await interleave(1 if quick else 3, {STRETTO: one}))[STRETTO]
    ways = {
        "an equal request, same process (memory)": "memory",
        "an equal request, another process (PostgreSQL)": "stored",
        "a question that means the same (MiniLM here, PostgreSQL)": "similar",
    }
    return Measurement(
        name=NAME,
        title="Answers that are kept",
        what=(
            f"Time of `Gateway.complete`, one call after the other, for {len(TASKS)} questions to a simulated provider with a time to "
            f"first token of {TTFT_S:g} s and answers of {TOKENS} tokens that come at once: asked for the first time, again in the same "
            "process, again in another process, and in other words there."
        ),
        figures=[
            *(
                Figure(
                    name=f"{name}, p{share}",
                    unit="ms",
                    better="less",
                    rounds={
                        STRETTO: [float(each[f"{way}_p{share}_ms"]) for each in results],
                        MISS: [float(each[f"miss_p{share}_ms"]) for each in results],
                    },
                )
                for name, way in ways.items()
                for share in (50, 95)
            ),
            only(results, "embedding_ms", "of it: the embedding of the question", "ms", "less"),
            only(results, "similar_share", "share of the reworded questions that were found", "", "more"),
        ],
        notes=[
            "Reworded: “How do I …?” as “How can I …?”, found at a cosine similarity of 0.9 or more. A real answer takes as "
            "long again as it has tokens, which a kept one does not; that is left out here.",
        ],
        simulated=["The provider: `stretto sim`. The embeddings are real: all-MiniLM-L6-v2 on this machine's cores."],
    )


def only(results: list[dict[str, Any]], key: str, name: str, unit: str, better: Any) -> Figure:
    """A figure without a reference."""
    return Figure(name=name, unit=unit, better=better, rounds={STRETTO: [float(each[key]) for each in results]})
