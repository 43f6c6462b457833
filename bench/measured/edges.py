"""`each` edges against `after` edges."""

from __future__ import annotations

from bench.figures import STRETTO, Measurement
from bench.ground import Ground
from bench.rounds import figure, interleave

NAME = "edges"
AFTER = "Stretto, `after` edges"


async def measure(ground: Ground, quick: bool) -> Measurement:
    """Writer, translator, editor, checker."""
    shape = {"paragraphs": 4 if quick else 12, "sentences": 3, "ttft_s": 0.05, "tokens_per_s": 240}

    def with_edges(edge: str):
        return lambda: ground.contend("stretto_edges:run", "bench_stretto", edge=edge, **shape)

    results = await interleave(1 if quick else 3, {STRETTO: with_edges("each"), AFTER: with_edges("after")})
    counts = {result["tokens"] for found in results.values() for result in found}
    assert len(counts) == 1, f"both flows stream the same tokens, not {counts}"
    return Measurement(
        name=NAME,
        title="Four agents in a row: `each` against `after`",
        what=(
            f"writer → translator → editor → checker over {shape['paragraphs']} paragraphs, {counts.pop():,} tokens in all four "
            "together. With `each`, the translator takes every paragraph as it is finished, the editor every translated "
            "paragraph, and so on; with `after`, each waits for the whole text before it. Time from `start` to the final text."
        ),
        figures=[figure(results, "seconds", "time to the final text", "s", "less", ratio_target=0.5)],
        simulated=[
            f"The models: time to first token {shape['ttft_s']} s, {shape['tokens_per_s']} tokens/s (four times as fast as usual, "
            "so that the benchmark ends soon; the ratio does not depend on it), and every answer has exactly as many tokens "
            "as the text that it is given, so that both flows stream the same. A real model that is given a paragraph at a "
            "time reads its instructions once for each paragraph: that costs input tokens, which this does not show.",
        ],
    )
