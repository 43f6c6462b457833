"""Measure what the review engine finds without a model, beside naive baselines, on annotated data: `python tools/measure_reviews.py`.

Sentiment and duplicates on the sample reviews (Hu and Liu 2004, Ding et al. 2008), themes on MAMS-ACSA (400 sentences of its test set).
"""

from __future__ import annotations

import random
import statistics
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from stretto.gateway.local import rate
from stretto.gateway.local.sentiment import lexicon
from stretto_reviews.analysis import themes_in
from stretto_reviews.duplicates import ALIKE, bands_of, similarity
from stretto_reviews.samples import SampleReview, sample_reviews

ROOT = Path(__file__).resolve().parent.parent
MAMS = ROOT / "apps" / "reviews" / "data" / "mams_acsa_test.xml"
THEMES = ("food", "service", "staff", "price", "ambience", "menu", "place")
"""Those of the data but `miscellaneous`, which names nothing."""
SEED = 7


def main() -> int:
    """Print all of it."""
    reviews = list(sample_reviews(whole=False))
    for line in (*sentiments(reviews), *themes(), *duplicates(reviews)):
        sys.stdout.write(f"{line}\n")
    return 0


def judged(text: str) -> float:
    """What the review engine says, around 0."""
    return rate(text).score - 2.5


def naive(text: str) -> float:
    """The baseline: words of the lexicon counted by their signs, nothing turned or weighed."""
    worth = lexicon()
    values = [worth.get(word.strip(".,;:!?()\"'").lower(), 0.0) for word in text.split()]
    return float(sum(value > 0 for value in values) - sum(value < 0 for value in values))


def sentiments(reviews: Sequence[SampleReview]) -> Iterator[str]:
    """Accuracy of the polarity and rank correlation, by sentence and by review."""
    sentences = [
        (each.text, sum(each.polarities) / len(each.polarities))
        for review in reviews
        for each in review.sentences
        if each.polarities and sum(each.polarities)
    ]
    whole = [(review.text, mean) for review in reviews if (mean := review.polarity)]
    yield f"sentiment: {len(sentences):,} sentences, {len(whole):,} reviews, each with an annotated polarity"
    for name, pairs in (("sentences", sentences), ("reviews", whole)):
        truth = [value for _, value in pairs]
        for method, score in (("lexicon and rules", judged), ("naive count", naive)):
            found = [score(text) for text, _ in pairs]
            decided = [(a, b) for a, b in zip(found, truth, strict=True) if a]
            right = sum((a > 0) == (b > 0) for a, b in decided)
            yield (
                f"  {name:<10} {method:<18} accuracy {right / len(pairs):.3f} of all, {right / len(decided):.3f} of the "
                f"{len(decided) / len(pairs):.0%} decided; rank correlation {spearman(found, truth):.3f}"
            )
        positive = sum(value > 0 for value in truth) / len(truth)
        yield f"  {name:<10} {'always positive':<18} accuracy {positive:.3f} of all"


def themes() -> Iterator[str]:
    """Precision, recall and F1 of themes."""
    sentences = [
        (each.findtext("text") or "", {mark.get("category") for mark in each.iter("aspectCategory")} & set(THEMES))
        for each in ET.parse(MAMS).getroot()  # noqa: S314 - a file of this repository
    ]
    yield f"themes: {len(sentences)} sentences of MAMS-ACSA, {len(THEMES)} themes"
    methods: tuple[tuple[str, Callable[[str], set[str]]], ...] = (
        ("lexicon", lambda text: set(themes_in(text, 20, phrases=False)) & set(THEMES)),
        ("naive: its name", lambda text: {theme for theme in THEMES if theme in text.lower()}),
    )
    for name, find in methods:
        pairs = [(find(text), truth) for text, truth in sentences]
        yield f"  {name:<18} {scores(pairs)}"


def scores(pairs: Sequence[tuple[set[str], set[str | None]]]) -> str:
    """Precision, recall and F1, counted over all."""
    both = sum(len(found & truth) for found, truth in pairs)
    found, truth = sum(len(found) for found, _ in pairs), sum(len(truth) for _, truth in pairs)
    return f"precision {both / found:.3f}, recall {both / truth:.3f}, F1 {2 * both / (found + truth):.3f}"


def duplicates(reviews: Sequence[SampleReview]) -> Iterator[str]:
    """Copies: exact, edited (one word in ten changed), reordered, with a sentence left out; and pairs that are none."""
    chance = random.Random(SEED)
    long = [review for review in reviews if len(review.text.split()) >= 20 and len(review.sentences) >= 3]
    vocabulary = sorted({word for review in long for word in review.text.split()})

    def edited(review: SampleReview) -> str:
        return " ".join(chance.choice(vocabulary) if chance.random() < 0.1 else word for word in review.text.split())

    def reordered(review: SampleReview) -> str:
        return " ".join(each.text for each in chance.sample(review.sentences, len(review.sentences)))

    def shortened(review: SampleReview) -> str:
        gone = chance.randrange(len(review.sentences))
        return " ".join(each.text for n, each in enumerate(review.sentences) if n != gone)

    makers: tuple[tuple[str, Callable[[SampleReview], str]], ...] = (
        ("exact", lambda review: review.text.upper()),
        ("edited", edited),
        ("reordered", reordered),
        ("shortened", shortened),
    )
    yield f"duplicates: {len(long)} reviews of 20 words or more, each copied in four ways; found by a band, then by Jaccard >= {ALIKE}"
    originals = bands_of([review.text for review in long])
    by_band: dict[int, list[int]] = {}
    for n, bands in enumerate(originals):
        for band in bands:
            by_band.setdefault(band, []).append(n)

    def matches(text: str, bands: Sequence[int]) -> set[int]:
        candidates = {n for band in bands for n in by_band.get(band, ())}
        return {n for n in candidates if similarity(text, long[n].text) >= ALIKE}

    hits = 0
    wrong = 0
    for name, make in makers:
        copies = [make(review) for review in long]
        found = [matches(text, bands) for text, bands in zip(copies, bands_of(copies), strict=True)]
        right = sum(n in each for n, each in enumerate(found))
        others = sum(len(each - {n}) for n, each in enumerate(found))
        hits, wrong = hits + right, wrong + others
        yield f"  {name:<10} recall {right / len(long):.3f}, copies of another review as well {others}"
    false = sum(
        len(matches(review.text, bands) - {n}) for n, (review, bands) in enumerate(zip(long, originals, strict=True))
    )
    yield f"  none       {false} of {len(long) * (len(long) - 1) // 2:,} pairs of different reviews are taken for copies"
    yield f"  together   precision {hits / (hits + wrong + false):.3f}, recall {hits / (4 * len(long)):.3f}"


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """The rank correlation; of equal values each has the mean of their ranks."""
    return statistics.correlation(ranks(one), ranks(other))


def ranks(values: Sequence[float]) -> list[float]:
    """The rank of each value."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    start = 0
    while start < len(order):
        stop = start
        while stop + 1 < len(order) and values[order[stop + 1]] == values[order[start]]:
            stop += 1
        for n in order[start : stop + 1]:
            found[n] = (start + stop) / 2
        start = stop + 1
    return found


if __name__ == "__main__":
    sys.exit(main())
