"""The data sets: exported, pushed in their turn, each tenant's own."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from stretto import Platform
from stretto.apps import add_app
from stretto.errors import NotFound
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT, Database
from stretto_reviews.connectors import deliveries
from stretto_reviews.connectors.deliver import Deliverer
from stretto_reviews.figures import figures_changed
from stretto_reviews.qrvey import SETS, export, pages, sets
from stretto_reviews.qrvey.feed import plan_pushes
from tests.apps.reviews.vendors import QRVEY_KEY, Vendors, vendors

OTHER = UUID("00000000-0000-7000-8000-0000000000aa")
TODAY = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
FILL = """
INSERT INTO stretto_reviews.customers (id, tenant_id, email)
SELECT md5(%(t)s::text || n)::uuid, %(t)s::uuid, 'c' || n || '@example.com' FROM generate_series(1, 7) n;
INSERT INTO stretto_reviews.purchases (tenant_id, customer_id, order_id, quantity, total_amount, purchased_at)
SELECT %(t)s::uuid, md5(%(t)s::text || n)::uuid, 'o' || n || '/' || m, 1, 10 * n, %(now)s::timestamptz - m * interval '10 days'
FROM generate_series(1, 7) n, generate_series(0, 1) m;
INSERT INTO stretto_reviews.products (tenant_id, external_id, name, sku, inventory_quantity, low_stock_threshold, updated_at)
VALUES (%(t)s::uuid, 'a', 'A', '=A1', 0, 10, %(now)s::timestamptz), (%(t)s::uuid, 'b', 'B', 'B1', 10, 10, %(now)s::timestamptz),
       (%(t)s::uuid, 'c', 'C', 'C1', 11, 10, %(now)s::timestamptz), (%(t)s::uuid, 'd', 'D', 'D1', 0, -1, %(now)s::timestamptz);
INSERT INTO stretto_reviews.reviews (id, tenant_id, created_at, source, external_id, text, rating, status, sentiment)
SELECT gen_random_uuid(), %(t)s::uuid, %(now)s::timestamptz - d * interval '60 days', s, 'x', 'x', 4, 'analysed', 3.5 - d
FROM generate_series(0, 2) d, unnest(ARRAY['google', 'yelp']) s;
"""


@pytest.fixture
async def platform(settings: Settings, database: Database) -> AsyncIterator[Platform]:
    await add_app(database, "reviews")
    async with database.operator() as connection:
        for statement in FILL.split(";")[:-1]:
            await connection.execute(statement.encode(), {"t": DEFAULT_TENANT, "now": TODAY})
        await connection.execute(
            "INSERT INTO stretto_reviews.products (tenant_id, external_id, name, sku) VALUES (%s, 'a', 'theirs', 'X1')",
            [OTHER],
        )
    await figures_changed(database)
    async with Platform.open(settings, worker=False) as platform:
        yield platform


async def all_of(platform: Platform, name: str, tenant_id: UUID = DEFAULT_TENANT, **more: Any) -> list[dict[str, Any]]:
    return [each async for each in sets(platform.database, tenant_id, name, **more)]


async def test_the_sets_have_the_fields_that_they_promise(platform: Platform) -> None:
    trends = await all_of(platform, "sentiment_trends")
    assert len(trends) == 6
    assert trends[-1] == {
        "date": TODAY.date().isoformat(),
        "source": "yelp",
        "review_count": 1,
        "avg_sentiment": 3.5,
        "avg_rating": 4.0,
        "positive_count": 1,
        "negative_count": 0,
    }
    worth = await all_of(platform, "customer_ltv")
    assert len(worth) == 7
    assert sorted(each["total_spent"] for each in worth) == [20.0 * number for number in range(1, 8)]
    assert worth[0]["daily_value"] == worth[0]["total_spent"] / 10
    stock = sorted(await all_of(platform, "inventory_alerts"), key=lambda each: each["sku"])
    assert [(each["sku"], each["current_quantity"], each["status"]) for each in stock] == [
        ("=A1", 0, "out_of_stock"),
        ("B1", 10, "low_stock"),
    ]
    for name, records in (("sentiment_trends", trends), ("customer_ltv", worth), ("inventory_alerts", stock)):
        assert all(list(each) == list(SETS[name].fields) for each in records)


async def test_pages_hold_everything_once(platform: Platform) -> None:
    for name in SETS:
        whole = await all_of(platform, name)
        for size in (1, 2, len(whole)):
            read = [each async for page in pages(platform.database, DEFAULT_TENANT, name, size) for each in page]
            assert read == whole
    since = TODAY.date() - timedelta(days=61)
    assert len(await all_of(platform, "sentiment_trends", since=since)) == 4
    with pytest.raises(NotFound, match="customer_ltv, inventory_alerts, sentiment_trends"):
        await all_of(platform, "users")


async def test_tenants_see_their_own(platform: Platform) -> None:
    assert [each["sku"] for each in await all_of(platform, "inventory_alerts", OTHER)] == ["X1"]
    assert await all_of(platform, "sentiment_trends", OTHER) == []
    assert await all_of(platform, "customer_ltv", OTHER) == []


async def test_files_of_all_formats_say_the_same(platform: Platform) -> None:
    for name in SETS:
        whole = await all_of(platform, name)
        files = {
            format: b"".join(
                [piece async for piece in export(platform.database, DEFAULT_TENANT, name, format)]
            ).decode()
            for format in ("csv", "jsonl", "json")
        }
        assert json.loads(files["json"]) == whole
        assert [json.loads(line) for line in files["jsonl"].splitlines()] == whole
        read = list(csv.DictReader(io.StringIO(files["csv"], newline="")))
        assert [list(each) for each in read] == [list(each) for each in whole]
        if name == "inventory_alerts":
            assert {each["sku"] for each in read} == {"'=A1", "B1"}
    empty = [piece async for piece in export(platform.database, OTHER, "customer_ltv", "json")]
    assert json.loads(b"".join(empty)) == []


async def test_each_set_is_pushed_in_its_turn(platform: Platform) -> None:
    async with vendors() as there:
        await push_twice(platform, there)


async def push_twice(platform: Platform, there: Vendors) -> None:
    configured = {
        "STRETTO_REVIEWS_QRVEY_KEY": QRVEY_KEY,
        "STRETTO_REVIEWS_QRVEY_URL": there.url,
        "STRETTO_REVIEWS_QRVEY_SENTIMENT_TRENDS": "set-trends",
        "STRETTO_REVIEWS_QRVEY_CUSTOMER_LTV": "set-ltv",
        "STRETTO_REVIEWS_QRVEY_INVENTORY_ALERTS": "set-stock",
    }
    noon = datetime.combine(date(2026, 3, 1), datetime.min.time(), UTC) + timedelta(hours=12)
    assert await plan_pushes(platform, noon, {}) == 0, "off until it is configured"
    planned = [
        await plan_pushes(platform, noon + timedelta(minutes=minutes), configured)
        for minutes in (0, 14, 15, 59, 60, 720)
    ]
    assert planned == [3, 0, 1, 1, 2, 3]
    sender = Deliverer(platform, environment=configured)
    await sender.turn(DEFAULT_TENANT)
    await sender.close()
    assert {each.state for each in await deliveries(platform.database, DEFAULT_TENANT)} == {"sent"}
    assert {name: len(records) for name, records in there.records.items()} == {
        "set-trends": 4,
        "set-ltv": 7,
        "set-stock": 2,
    }
