"""What may be asked: the tables and columns that a statement may name, each with what it means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

SCHEMA = "stretto_reviews"


@dataclass(frozen=True, slots=True)
class Column:
    """A column that may be asked; `type` as PostgreSQL calls it."""

    name: str
    type: str
    what: str


@dataclass(frozen=True, slots=True)
class Source:
    """A table or view that may be asked."""

    name: str
    what: str
    columns: tuple[Column, ...]


def _columns(text: str) -> tuple[Column, ...]:
    """Columns from lines `name | type | what it means`."""
    rows = [[part.strip() for part in line.split("|")] for line in text.strip().splitlines()]
    return tuple(Column(name, kind, what) for name, kind, what in rows)


_SOURCES = (
    Source(
        "reviews",
        "Reviews as they were written. Figures should count those with status = 'analysed'.",
        _columns("""
            id | uuid | The review.
            created_at | timestamptz | When it was written.
            source | text | Where it comes from, such as a shop or a file.
            external_id | text | Its id at the source.
            product_id | uuid | What it is about: products.id.
            customer_id | uuid | Who wrote it, where known: customers.id.
            title | text | Its heading; empty where it has none.
            text | text | What was written.
            rating | smallint | Stars, 1 to 5; NULL where none were given.
            language | text | Of the text, as ISO 639-1 ('en').
            latitude | double precision | Where it was written, where known.
            longitude | double precision | Where it was written, where known.
            h3_cell | text | The H3 cell of that place, resolution 9.
            status | text | 'new', 'analysed', 'duplicate' or 'spam'.
            duplicate_of | uuid | The review that it repeats.
            similarity | real | How much it is like that one, 0 to 1.
            spam_score | real | How much it looks like spam, 0 to 1.
            complexity | real | How hard it is to read, 0 to 1.
            sentiment | numeric | 0 (very negative) to 5 (very positive); above 3 is positive, below 2 negative.
            themes | text[] | What it speaks of; 'battery' = ANY(themes) looks for one, unnest(themes) gives all.
            analysed_at | timestamptz | When sentiment and themes were found.
        """),
    ),
    Source(
        "customers",
        "Who bought and wrote.",
        _columns("""
            id | uuid | The customer.
            email | text | In small letters.
            name | text | May be empty.
            opted_into_loyalty | boolean | Whether this customer takes part in the loyalty programme.
            account_status | text | 'active', 'suspended' or 'deleted'.
            loyalty_points | integer | The points that this customer has.
            created_at | timestamptz | Since when the customer is known.
        """),
    ),
    Source(
        "products",
        "What is sold.",
        _columns("""
            id | uuid | The product.
            external_id | text | Its id in the shop.
            name | text | Its name.
            sku | text | The shop's stock number.
            price | numeric | Its price.
            inventory_quantity | integer | How many are in stock.
            low_stock_threshold | integer | At or below so many its stock is low.
            created_at | timestamptz | Since when it is known.
        """),
    ),
    Source(
        "purchases",
        "What was bought: a row for each line of an order.",
        _columns("""
            id | uuid | The line of the order.
            customer_id | uuid | Who bought: customers.id.
            product_id | uuid | What was bought: products.id.
            order_id | text | The order.
            quantity | integer | How many.
            total_amount | numeric | What was paid for them.
            purchased_at | timestamptz | When.
        """),
    ),
    Source(
        "points",
        "Loyalty points as they were given.",
        _columns("""
            customer_id | uuid | Who got them: customers.id.
            review_id | uuid | For which review: reviews.id.
            reason | text | Why.
            points | integer | How many.
            at | timestamptz | When.
        """),
    ),
    Source(
        "actions",
        "What came of a review for its customer.",
        _columns("""
            review_id | uuid | The review: reviews.id.
            customer_id | uuid | The customer: customers.id.
            outcome | text | 'awarded' or 'denied'.
            reasons | text[] | Why.
            fraud_score | real | How much it looked like fraud, 0 to 1.
            points | integer | The points that were given.
            at | timestamptz | When.
        """),
    ),
    Source(
        "customer_ltv",
        "What each customer has bought in all; renewed on a schedule.",
        _columns("""
            customer_id | uuid | customers.id
            total_purchases | bigint | Lines of orders.
            total_spent | numeric | The sum of what was paid.
            avg_order_value | numeric | The mean of what was paid.
            first_purchase_at | timestamptz | The first purchase.
            last_purchase_at | timestamptz | The latest purchase.
        """),
    ),
    Source(
        "daily_sentiment",
        "Analysed reviews by day and source; renewed on a schedule.",
        _columns("""
            day | date | The day, in UTC.
            source | text | As in reviews.
            reviews | bigint | How many.
            avg_sentiment | numeric | The mean, 0 to 5.
            avg_rating | numeric | The mean, 1 to 5.
            positive | bigint | How many have a sentiment above 3.
            negative | bigint | How many have a sentiment below 2.
        """),
    ),
    Source(
        "daily_themes",
        "Analysed reviews by day and theme; renewed on a schedule.",
        _columns("""
            day | date | The day, in UTC.
            theme | text | What they speak of.
            reviews | bigint | How many.
            avg_sentiment | numeric | The mean of those, 0 to 5.
        """),
    ),
)

CATALOGUE: Mapping[str, Source] = MappingProxyType({source.name: source for source in _SOURCES})
"""The tables that may be asked, by name."""


def describe() -> str:
    """The tables and columns in words, for a model's prompt."""
    lines: list[str] = []
    for source in CATALOGUE.values():
        lines.append(f"{source.name}: {source.what}")
        lines += [f"  {column.name} {column.type}: {column.what}" for column in source.columns]
    return "\n".join(lines)
