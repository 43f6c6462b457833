"""Common questions are understood without a model, and nothing else is."""

from __future__ import annotations

import dataclasses
from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stretto_reviews.sqlagent import Names, checked, understand
from stretto_reviews.sqlagent.reading import OWN_WORDS

TODAY = date(2026, 11, 21)
NAMES = Names(
    products=[
        "Coffee Mill",
        "Sony WH-1000XM5 Headphones",
        "Sony WH-1000XM4 Headphones",
        "Garden Hose",
        "Battery Pack 20W",
        "O'Neil's “Best” Lamp\\",
    ],
    sources=["trustpilot", "shopify", "csv import"],
    themes=["battery", "delivery", "sound quality", "price"],
)
ALL = " (duplicates and spam left out)."

UNDERSTOOD = [
    ("how many reviews", "The number of reviews"),
    ("How many reviews are there?", "The number of reviews"),
    ("HOW MANY REVIEWS DO WE HAVE", "The number of reviews"),
    ("how many reviews do we have about the coffee mill?", "The number of reviews of “Coffee Mill”"),
    ("how many reviews for Cofee Mill in March 2024", "The number of reviews of “Coffee Mill” in March 2024"),
    ("how many sonny wh-1000xm5 headphones reviews", "The number of reviews of “Sony WH-1000XM5 Headphones”"),
    ("How many reviews of the WH-1000XM5 in 2024 with 5 stars?", "The number of reviews with 5 stars of “Sony WH-1000XM5 Headphones” in 2024"),
    ("how many reviews of garden hoses", "The number of reviews of “Garden Hose”"),
    ("how many reviews in the last 30 days", "The number of reviews in the last 30 days (since 2026-10-23)"),
    ("how many reviews since 2024-01-15", "The number of reviews since 2024-01-15"),
    ("how many reviews since March 2024 from trustpilot", "The number of reviews from “trustpilot” since 2024-03-01"),
    ("how many reviews before 2024", "The number of reviews before 2024-01-01"),
    ("how many reviews on 3rd March 2024", "The number of reviews on 2024-03-03"),
    ("how many reviews in Q1 2024", "The number of reviews in the 1st quarter of 2024"),
    ("how many reviews yesterday", "The number of reviews on 2026-11-20"),
    ("how many reviews in December?", "The number of reviews in December 2025"),
    ("how many reviews between january 2024 and march 2024", "The number of reviews from 2024-01-01 to 2024-03-31"),
    ("how many negative reviews from Shopify last month", "The number of reviews with a sentiment below 2 from “shopify” in October 2026"),
    ("how many positive reviews this year", "The number of reviews with a sentiment above 3 in 2026"),
    ("How many reviews below 3 stars?", "The number of reviews with 1 to 2 stars"),
    ("how many 1-star reviews", "The number of reviews with 1 star"),
    ("how many reviews with at least four stars", "The number of reviews with 4 to 5 stars"),
    ("how many reviews with 2 to 4 stars", "The number of reviews with 2 to 4 stars"),
    ("how many reviews about delivery", "The number of reviews that speak of “delivery”"),
    ("how many reviews mention battery", "The number of reviews that speak of “battery”"),
    ('how many reviews mention "screen protector"', "The number of reviews whose text holds “screen protector”"),
    ("how many reviews contain refund since 2025", "The number of reviews whose text holds “refund” since 2025-01-01"),
    ("how many German reviews", "The number of reviews in German"),
    ("number of reviews per month", "The number of reviews, by month"),
    ("reviews per source", "The number of reviews, by source"),
    ("reviews by language", "The number of reviews, by language"),
    ("monthly reviews from csv import", "The number of reviews from “csv import”, by month"),
    ("What is the average rating?", "The mean of the stars (1 to 5) of reviews"),
    ("average rating by product", "The mean of the stars (1 to 5) of reviews, by product"),
    ("avg sentiment per month in 2024", "The mean sentiment (0 to 5) of reviews in 2024, by month"),
    ("average sentiment by theme", "The mean sentiment (0 to 5) of reviews, by theme"),
    ("average sentiment of battery pack", "The mean sentiment (0 to 5) of reviews of “Battery Pack 20W”"),
    ("rating of coffee mill", "The mean of the stars (1 to 5) of reviews of “Coffee Mill”"),
    ("top 5 products", "The 5 products with the highest mean sentiment of reviews"),
    ("worst 3 products by sentiment", "The 3 products with the lowest mean sentiment (0 to 5) of reviews"),
    ("top 10 products by number of reviews", "The 10 products with the highest number of reviews"),
    ("worst rated products", "The 10 products with the lowest mean of the stars (1 to 5) of reviews"),
    ("which product has the most reviews?", "The product with the highest number of reviews"),
    ("which source has the best sentiment?", "The source with the highest mean sentiment (0 to 5) of reviews"),
    ("what are the most mentioned themes of Coffee Mill", "The themes of reviews of “Coffee Mill”, the 10 most mentioned first"),
    ("top 5 themes in 2024", "The themes of reviews in 2024, the 5 most mentioned first"),
    ("What do customers complain about in Garden Hose", "The themes of negative reviews of “Garden Hose”, the 10 most mentioned first"),
    ("what do people like about the coffee mill", "The themes of positive reviews of “Coffee Mill”, the 10 most mentioned first"),
    ("sentiment over time", "Reviews, sentiment and stars, by month"),
    ("sentiment trend of coffee mill by week", "Reviews, sentiment and stars of “Coffee Mill”, by week"),
    ("how has the rating changed over time", "Reviews, sentiment and stars, by month"),
    ("best customers by spending", "The 10 customers who have spent the most."),
    ("top 5 customers by points", "The 5 customers with the most loyalty points."),
    ("who wrote the most reviews", "The 10 customers with the most reviews"),
    ("products low in stock", "The products whose stock is at or below their threshold."),
    ("which products are out of stock", "The products that are out of stock."),
    ("what should we restock", "The products whose stock is at or below their threshold."),
    ("share of negative reviews", "How many in a hundred analysed reviews have a sentiment below 2"),
    ("% negative by product", "How many in a hundred analysed reviews have a sentiment below 2, by product"),
    ("what percentage of reviews is positive", "How many in a hundred analysed reviews have a sentiment above 3"),
    ("compare coffee mill and garden hose", "Reviews, stars and sentiment of “Coffee Mill” and “Garden Hose”, beside each other"),
    ("Sony WH-1000XM5 vs Sony WH-1000XM4", "Reviews, stars and sentiment of “Sony WH-1000XM5 Headphones” and “Sony WH-1000XM4 Headphones”, beside each other"),
    ("show me the latest 5 reviews of coffee mill", "The 5 latest reviews of “Coffee Mill”"),
    ("last 10 reviews", "The 10 latest reviews"),
    ("most recent negative reviews", "The 10 latest reviews with a sentiment below 2"),
    ("how many spam reviews", "The number of reviews that are held for spam."),
    ("how many duplicates", "The number of reviews that are held for duplicates."),
    ("how many customers", "The number of customers."),
    ("total revenue by month", "What was paid and how many were sold, by month."),
    ("sales of Coffee Mill in 2024", "What was paid and how many were sold of “Coffee Mill” in 2024."),
    ("how many points were given in october", "The loyalty points that were given in October 2026."),
    ("best selling products", "The 10 products that were sold most."),
    ("how many reviews of O'Neil's \"Best\" Lamp", "The number of reviews of “O'Neil's “Best” Lamp\\”"),
]  # fmt: skip

NOT_UNDERSTOOD = [
    "", " ", "?", "reviews", "what is the weather today", "tell me a joke", "why is the sky blue", "who are you", "is it good?", "delete all reviews",
    "how many reviews of the time machine", "how many wh-1000xm6 reviews", "how many reviews in 2024-13-45", "how many reviews last 99999999 years",
    "average price", "how many reviews from nowhere", "'; DROP TABLE reviews; --", "how many reviews where 1=1", "SELECT * FROM reviews",
    "average rating by colour", "how many reviews that are not negative", "x" * 5_000, "how many " * 30,
]  # fmt: skip


@pytest.mark.parametrize(("question", "said"), UNDERSTOOD)
def test_common_questions_are_understood(question: str, said: str) -> None:
    found = understand(question, NAMES, TODAY)
    assert found is not None
    assert found.said == (said if said.endswith(".") else said + ALL)
    checked(found.sql)


@pytest.mark.parametrize("question", NOT_UNDERSTOOD)
def test_other_questions_are_left_alone(question: str) -> None:
    assert understand(question, NAMES, TODAY) is None


def test_there_are_enough_phrasings() -> None:
    assert len(UNDERSTOOD) >= 60


def test_values_stay_values() -> None:
    names = Names(products=["Lamp'; DROP TABLE reviews; --", "Plain"], sources=["a' OR '1'='1"])
    found = understand('how many reviews of "Lamp\'; DROP TABLE reviews; --" from a or 1 1', names, TODAY)
    assert found is not None
    assert "'Lamp''; DROP TABLE reviews; --'" in found.sql
    assert "'a'' OR ''1''=''1'" in found.sql
    checked(found.sql)


def test_a_slip_in_a_figure_is_another_product() -> None:
    names = Names(products=["Phone 14", "Phone 15"])
    found = understand("how many reviews of phone 15", names, TODAY)
    assert found is not None
    assert "'Phone 15'" in found.sql
    assert understand("how many reviews of phone 16", names, TODAY) is None


_WORDS = [
    *sorted(OWN_WORDS)[::3],
    *NAMES.products,
    *NAMES.sources,
    *NAMES.themes,
    "2024",
    "5",
    "march",
    '"',
    "'",
    "negative",
    "german",
    "-",
    "how many",
]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(_WORDS), max_size=12).map(" ".join)))
def test_no_question_raises_and_what_is_understood_may_be_asked(question: str) -> None:
    found = understand(question, NAMES, TODAY)
    if found is not None:
        checked(found.sql)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=30), st.dates())
def test_no_name_and_no_day_raises(name: str, today: date) -> None:
    names = Names(products=[name, "Coffee"], sources=[name], themes=[name])
    for question in (
        f"how many reviews of {name}",
        "how many reviews last 12 months",
        "reviews by month last year",
        f'how many reviews of "{name}"',
    ):
        found = understand(question, names, today)
        if found is not None:
            assert dataclasses.is_dataclass(found)
