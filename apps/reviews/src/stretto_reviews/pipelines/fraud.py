"""What speaks for a review that was written for the points: signs, each with a weight, put together as chances are.

The weights are ours. Above DOUBTFUL a person decides; two strong signs together do that. No sign is a name, an address or a place.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

DOUBTFUL = 0.7


def fraud_score(review: Mapping[str, Any]) -> tuple[float, list[str]]:
    """0 (nothing speaks for it) to 1, and the signs in words. `review` is a row of the statement `eligible`."""
    signs: list[tuple[float, str]] = []
    age = review["created_at"] - review["since"]
    if age < timedelta(days=1):
        signs.append((0.35, "the customer was new on that day"))
    elif age < timedelta(days=7):
        signs.append((0.2, "the customer was known for less than a week"))
    if review["in_a_day"] > 3:
        signs.append((0.5, f"{review['in_a_day']} reviews by the customer within a day"))
    if not review["bought"]:
        signs.append((0.3, "no purchase of the product is known"))
    if review["chars"] < 60:
        signs.append((0.25, "hardly any text"))
    if review["sentiment"] is not None and float(review["sentiment"]) < 2:
        signs.append((0.4, f"{review['rating']} stars, but the text complains"))
    kept = 1.0
    for weight, _ in signs:
        kept *= 1 - weight
    return round(1 - kept, 3), [reason for _, reason in signs]
