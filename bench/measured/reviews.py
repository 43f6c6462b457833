"""The review engine: a hundred thousand reviews taken in, beside a loop that stores one after the other."""

from __future__ import annotations

from bench.figures import STRETTO, Measurement
from bench.ground import Ground
from bench.rounds import figure, interleave

NAME = "reviews"
PLAIN = "plain loop"
REVIEWS = 100_000
WITHIN_S = 1_800.0


async def measure(ground: Ground, quick: bool) -> Measurement:
    """Take in, analyse, store: all but vectors."""
    reviews = 2_000 if quick else REVIEWS
    results = await interleave(
        1,
        {
            name: lambda which=which: ground.contend(
                f"reviews_taken:{which}", f"bench_reviews_{which}", within_s=WITHIN_S, reviews=reviews
            )
            for name, which in ((STRETTO, "stretto"), (PLAIN, "plain"))
        },
    )
    return Measurement(
        name=NAME,
        title="Reviews taken in",
        what=(
            f"{reviews:,} reviews of three to eight sentences each, recombined from the sample, are one import of one tenant. The ingestion "
            "pipeline takes it up, a LangGraph graph whose every step is kept: checked, near duplicates and spam found, language, "
            "sentiment, themes and H3 cells, stored with customers and products under row-level security; points are given beside it. "
            "Vectors come after that and are not counted. The plain loop makes the same analysis and stores each review by itself."
        ),
        figures=[
            figure(results, "reviews_per_s", "taken in, apart from embedding", "reviews/s", "more", target=300),
            figure(results, "cpu_us", "CPU of the process per review", "µs", "less"),
            figure(results, "postgres_us", "CPU of PostgreSQL per review", "µs", "less"),
            figure(results, "process_mb", "most memory of the process", "MB", "less"),
        ],
        notes=[
            "The process of the plain loop has all reviews in memory from the beginning; an import's lines lie in the database."
        ],
    )
