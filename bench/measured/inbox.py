"""The inbox with a hundred thousand open reviews."""

from __future__ import annotations

from bench.figures import STRETTO, Measurement
from bench.ground import Ground
from bench.rounds import figure, interleave

NAME = "inbox"
TARGET_MS = 50


async def measure(ground: Ground, quick: bool) -> Measurement:
    """Pages of fifty."""
    rounds, reviews, samples = (1, 2_000, 40) if quick else (3, 100_000, 200)
    given = {"reviews": reviews, "samples": samples}
    results = await interleave(rounds, {STRETTO: lambda: ground.contend("inbox_pages:pages", "bench_inbox", **given)})
    return Measurement(
        name=NAME,
        title="The inbox with a hundred thousand open reviews",
        what=(
            f"{reviews:,} reviews of 41 flows wait, one in twenty sensitive, with a deadline each unless a person must decide. "
            f"{samples} times a page of 50, sensitive first, then the least confident, then the oldest."
        ),
        figures=[
            figure(results, "first_p95_ms", "the first page, p95", "ms", "less", target=TARGET_MS),
            figure(results, "deep_p95_ms", "a page in the middle, p95", "ms", "less", target=TARGET_MS),
            figure(results, "sensitive_p95_ms", "only sensitive ones, p95", "ms", "less", target=TARGET_MS),
            figure(results, "mine_p95_ms", "those of one person (one in fifty), p95", "ms", "less", target=TARGET_MS),
            figure(results, "flow_p95_ms", "those of a flow (one in forty), p95", "ms", "less", target=TARGET_MS),
            figure(results, "rare_p95_ms", "those of a rare flow (ten), p95", "ms", "less", target=TARGET_MS),
            figure(results, "figures_ms", "all figures", "ms", "less"),
        ],
        notes=[],
    )
