"""Memory: a hundred thousand texts remembered and searched, beside the same in plain SQL."""

from __future__ import annotations

import os

from bench.contenders.memory_searches import MOST_SENTENCES, PER_TEXT
from bench.figures import STRETTO, Measurement
from bench.ground import Ground
from bench.rounds import figure, interleave, say

NAME = "memory"
PLAIN = "plain SQL"
ITEMS = 100_000
WITHIN_S = 1_800.0


async def measure(ground: Ground, quick: bool) -> Measurement:
    """Fill and search; the sentences' vectors are made once, before."""
    items, searches, rounds = (3_000, 40, 1) if quick else (ITEMS, 200, 1)
    base = str(ground.home / "memory-texts")
    prepared = await ground.contend("memory_searches:prepare", within_s=WITHIN_S, into=base)
    say(
        f"{prepared['sentences']} sentences, {prepared['embedded_per_s']:.0f}/s by the model; load {os.getloadavg()[0]:.2f}"
    )
    given = {"ground": base, "items": items, "searches": searches}
    results = await interleave(
        rounds,
        {
            name: lambda which=which: ground.contend(
                f"memory_searches:{which}", f"bench_memory_{which}", within_s=WITHIN_S, **given
            )
            for name, which in ((STRETTO, "stretto"), (PLAIN, "plain"))
        },
    )
    found = results[STRETTO][0]
    return Measurement(
        name=NAME,
        title="Memory",
        what=(
            f"{items:,} texts of {PER_TEXT} sentences each, drawn from {prepared['sentences']:,.0f} of product reviews, are remembered 500 at a time by one "
            f"process, then searched one question after the other ({searches} of each kind: three to nine words of a sentence). Each text has a "
            "shop, stars and a place. Plain SQL is one table with a GIN and an HNSW index, filled by COPY, and one statement that fuses "
            "`ts_rank_cd` with pgvector: no tenants, no counts, no re-ranker."
        ),
        figures=[
            figure(results, "items_per_s", "remembered, apart from the model", "items/s", "more", target=300),
            figure(results, "postgres_us", "the same, CPU of PostgreSQL per item", "µs", "less"),
            figure(results, "cpu_us", "the same, CPU of the process per item", "µs", "less"),
            figure(results, "hybrid_new_p50_ms", "hybrid search, the question read by the model, p50", "ms", "less"),
            figure(results, "hybrid_new_p95_ms", "the same, p95", "ms", "less", target=50),
            figure(results, "hybrid_p50_ms", "hybrid search, the question's vector known, p50", "ms", "less"),
            figure(results, "hybrid_p95_ms", "the same, p95", "ms", "less", target=50),
            *(
                figure(results, f"{kind}{new}_p95_ms", f"{told}, {read}, p95", "ms", "less")
                for kind, told in (
                    ("near", "near a place"),
                    ("shop", "one shop of 500"),
                    ("stars", "four stars or more"),
                )
                for new, read in (("_new", "the question read by the model"), ("", "its vector known"))
            ),
            figure(results, "process_mb", "most memory of the process, with the model", "MB", "less"),
            figure(results, "postgres_mb", "memory of PostgreSQL after it", "MB", "less"),
        ],
        notes=[
            f"Of the ten nearest vectors the index finds {found['recall']:.0%}.",
            f"The model on this machine read {prepared['embedded_per_s']:.0f} sentences/s in batches.",
        ],
        simulated=[
            f"The model reads {MOST_SENTENCES:,} sentences at most; a text's vector is the mean of those of its sentences, of length 1. "
            "Questions are read by the model itself.",
        ],
    )
