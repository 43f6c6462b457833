"""What a question asks for besides its words: a product, stars, a mood, a time. It becomes a filter of the search."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_STARS = re.compile(r"\b([1-5]|one|two|three|four|five)[ -]stars?\b", re.IGNORECASE)
_LOW = re.compile(r"\b(?:negative|bad|unhappy|disappointed|angry|critical|complain\w*|worst)\b", re.IGNORECASE)
_HIGH = re.compile(r"\b(?:positive|happy|satisfied|delighted|praise\w*|enthusiastic)\b", re.IGNORECASE)
_DAYS = re.compile(r"\b(?:last|past) (\d{1,3})? ?(day|week|month|year)s?\b", re.IGNORECASE)
_MONTH = re.compile(rf"\b(?:in|during|of|since) ({'|'.join(_MONTHS)})(?: (\d{{4}}))?\b", re.IGNORECASE)
_YEAR = re.compile(r"\b(?:in|during|of|since) (\d{4})\b", re.IGNORECASE)
_LONG = {"day": 1, "week": 7, "month": 30, "year": 365}


@dataclass(frozen=True, slots=True)
class Understood:
    """The filter that a question asks for, and how it was understood, in words."""

    filter: Mapping[str, Any]
    words: str


def understand(question: str, products: Sequence[str], today: date) -> Understood:
    """What can be told of a question by its words alone."""
    found: dict[str, Any] = {}
    told: list[str] = []
    if product := product_in(question, products):
        found["product"] = product
        told.append(f"about {product}")
    if stars := _STARS.search(question):
        number = stars[1].lower()
        found["stars"] = _NUMBERS.get(number) or int(number)
        told.append(f"with {found['stars']} stars")
    if _LOW.search(question) and not _HIGH.search(question):
        found["sentiment"] = {"lt": 2.5}
        told.append("of those that complain")
    elif _HIGH.search(question) and not _LOW.search(question):
        found["sentiment"] = {"gt": 2.5}
        told.append("of those that praise")
    if days := span_in(question, today):
        found["day"] = {"gte": int(f"{days[0]:%Y%m%d}"), "lt": int(f"{days[1]:%Y%m%d}")}
        told.append(f"from {days[0]} to {days[1] - timedelta(days=1)}")
    return Understood(found, "Reviews " + ", ".join(told) if told else "All reviews")


def product_in(question: str, products: Sequence[str]) -> str | None:
    """The product that a question names, the longest name first; None where it names none, or its words fit several."""
    words = set(re.findall(r"[a-z0-9]+", question.lower()))
    asked = " ".join(re.findall(r"[a-z0-9]+", question.lower()))
    for product in sorted(products, key=len, reverse=True):
        if f" {' '.join(re.findall(r'[a-z0-9]+', product.lower()))} " in f" {asked} ":
            return product
    # By the words that no other product has, such as a model's number.
    of_each = {product: set(re.findall(r"[a-z0-9]+", product.lower())) for product in products}
    named: list[str] = []
    for product, own in of_each.items():
        others = set[str]().union(*(each for name, each in of_each.items() if name != product))
        if any(len(word) > 1 for word in (own - others) & words):
            named.append(product)
    return named[0] if len(named) == 1 else None


def span_in(question: str, today: date) -> tuple[date, date] | None:
    """The first day that a question asks about, and the one after the last."""
    if found := _DAYS.search(question):
        return today - timedelta(days=int(found[1] or 1) * _LONG[found[2].lower()]), today + timedelta(days=1)
    if found := _MONTH.search(question):
        month = _MONTHS.index(found[1].lower()) + 1
        year = int(found[2]) if found[2] else today.year - (month > today.month)
        if not 1900 <= year <= 9998:
            return None
        first = date(year, month, 1)
        after = date(year + month // 12, month % 12 + 1, 1)
        return first, today + timedelta(days=1) if found[0].lower().startswith("since") else after
    if (found := _YEAR.search(question)) and 1900 <= int(found[1]) <= 2100:
        first = date(int(found[1]), 1, 1)
        return first, today + timedelta(days=1) if found[0].lower().startswith("since") else date(first.year + 1, 1, 1)
    return None
