"""The data sets for Qrvey, and for whoever else wants figures: read page by page, given as records, JSON lines or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import msgspec
import orjson

from stretto.errors import NotFound
from stretto.store import Database, load_queries
from stretto_reviews.connectors.qrvey import Pages
from stretto_reviews.imports.files import harmless

_Q = load_queries("stretto_reviews.qrvey")
PAGE = 1_000
FEED_DAYS = 90
"""What is pushed of the trends: later changes of older days are rare, and an export has them."""


class DataSet(msgspec.Struct, frozen=True):
    """A data set: its fields with Qrvey's types, which of them make a record unique, and how often it is pushed."""

    name: str
    fields: Mapping[str, str]
    unique: tuple[str, ...]
    every_s: int


SETS: Mapping[str, DataSet] = {
    each.name: each
    for each in (
        DataSet(
            "sentiment_trends",
            {
                "date": "date",
                "source": "string",
                "review_count": "integer",
                "avg_sentiment": "decimal",
                "avg_rating": "decimal",
                "positive_count": "integer",
                "negative_count": "integer",
            },
            ("date", "source"),
            3_600,
        ),
        DataSet(
            "customer_ltv",
            {
                "customer_id": "string",
                "total_purchases": "integer",
                "total_spent": "decimal",
                "avg_order_value": "decimal",
                "daily_value": "decimal",
            },
            ("customer_id",),
            86_400,
        ),
        DataSet(
            "inventory_alerts",
            {
                "product_id": "string",
                "sku": "string",
                "current_quantity": "integer",
                "threshold": "integer",
                "status": "string",
                "last_updated": "timestamp",
            },
            ("product_id",),
            900,
        ),
    )
}
"""All data sets, by name."""
_KEYS = {"sentiment_trends": (0, 1), "customer_ltv": (0,), "inventory_alerts": (0,)}


def data_set(name: str) -> DataSet:
    """The data set of this name. Raises `NotFound`."""
    found = SETS.get(name)
    if found is None:
        raise NotFound(f"There is no data set {name[:40]!r}. There are: {', '.join(sorted(SETS))}.")
    return found


async def pages(
    database: Database, tenant_id: UUID, name: str, size: int = PAGE, since: date = date.min
) -> AsyncIterator[list[dict[str, Any]]]:
    """A tenant's records in pages; those of days from `since` on, where they have days. Raises `NotFound`."""
    found = data_set(name)
    after: str | None = None
    while True:
        values = {"tenant_id": tenant_id, "after": after, "limit": size, "since": since}
        async with database.tenant(tenant_id) as connection:
            rows = await (await connection.execute(_Q[name], values)).fetchall()
        if rows:
            yield [{field: plain(value) for field, value in zip(found.fields, row, strict=True)} for row in rows]
        if len(rows) < size:
            return
        after = orjson.dumps([str(rows[-1][place]) for place in _KEYS[name]]).decode()


def pages_of(database: Database) -> Pages:
    """What the connector to Qrvey reads."""

    def read(tenant_id: UUID, name: str, size: int) -> AsyncIterator[list[dict[str, Any]]]:
        return pages(database, tenant_id, name, size, datetime.now(UTC).date() - timedelta(days=FEED_DAYS))

    return read


async def sets(database: Database, tenant_id: UUID, name: str, since: date = date.min) -> AsyncIterator[dict[str, Any]]:
    """A tenant's records of a data set, one by one. Raises `NotFound`."""
    async for page in pages(database, tenant_id, name, since=since):
        for record in page:
            yield record


async def export(
    database: Database,
    tenant_id: UUID,
    name: str,
    format: Literal["csv", "jsonl", "json"] = "csv",
    since: date = date.min,
) -> AsyncIterator[bytes]:
    """The same as a file, in pieces: CSV with a line of names, JSON lines, or one JSON list. Raises `NotFound`."""
    found = data_set(name)
    first = True
    if format == "csv":
        yield ",".join(found.fields).encode() + b"\r\n"
    elif format == "json":
        yield b"["
    async for page in pages(database, tenant_id, name, since=since):
        if format == "csv":
            yield _csv(page)
        elif format == "jsonl":
            yield b"".join(orjson.dumps(record) + b"\n" for record in page)
        else:
            yield (b"" if first else b",") + b",".join(orjson.dumps(record) for record in page)
        first = False
    if format == "json":
        yield b"]"


def _csv(page: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows([harmless(each) if isinstance(each, str) else each for each in record.values()] for record in page)
    return text.getvalue().encode()


def plain(value: object) -> object:
    """A value as JSON has it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date | UUID):
        return str(value)
    return value
