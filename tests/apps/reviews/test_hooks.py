"""Webhooks of Synup and Shopify: read, checked by their signatures, and taken once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto import Platform
from stretto.apps import add_app
from stretto.events import Event
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT, Database, new_id
from stretto_reviews.imports import (
    PayloadUnread,
    from_shopify_order,
    from_shopify_product,
    from_synup,
    imports,
    read_row,
    read_rows,
    subscriptions,
)
from stretto_reviews.imports.hooks import take_hook
from tests.e2e.test_access import key_for, server, until

SECRET = "hush, this is a secret"
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SYNUP = {
    "webhook_id": "w1",
    "source": "Google",
    "review_id": "g-17",
    "rating": 4,
    "text": "Friendly people.",
    "customer": {"email": "Ann@Example.com", "name": "Ann"},
    "location_id": "TG9jYXRpb246MTQwMjQ=",
}
ORDER: dict[str, Any] = {
    "id": 4058476875,
    "email": "ann@example.com",
    "created_at": "2026-03-01T13:00:00+01:00",
    "processed_at": "2026-03-01T13:00:00+01:00",
    "cancelled_at": None,
    "test": False,
    "customer": {"id": 5, "email": "ann@example.com", "first_name": "Ann", "last_name": "Lee"},
    "line_items": [
        {
            "id": 11,
            "product_id": 7,
            "title": "Kettle",
            "sku": "K-1",
            "quantity": 3,
            "price": "20.00",
            "discount_allocations": [{"amount": "5.00"}],
        },
        {"id": 12, "product_id": None, "title": "Tip", "quantity": 1, "price": "2.50"},
    ],
}
PRODUCT: dict[str, Any] = {
    "id": 7,
    "title": "Kettle",
    "updated_at": "2026-02-28T00:00:00Z",
    "variants": [{"sku": "K-1", "price": "20.00", "inventory_quantity": 8}, {"sku": "K-2", "inventory_quantity": 4}],
}


@pytest.fixture
async def platform(settings: Settings, database: Database) -> AsyncIterator[Platform]:
    await add_app(database, "reviews")
    async with Platform.open(settings, worker=False) as platform:
        yield platform


def hook(source: str, body: object, topic: str = "", tenant_id: UUID = DEFAULT_TENANT) -> Event:
    data = {"source": source, "delivery": "d", "event": topic, "body": body}
    return Event(id=new_id(), tenant_id=tenant_id, type=f"hook.{source}", subject=f"hooks/{source}", at=AT, data=data)


async def rows(platform: Platform, what: str, tenant_id: UUID = DEFAULT_TENANT) -> list[tuple[Any, ...]]:
    queries = {
        "purchases": "SELECT line, quantity, total_amount FROM stretto_reviews.purchases ORDER BY line",
        "products": "SELECT external_id, name, inventory_quantity, low_stock_threshold FROM stretto_reviews.products ORDER BY 1",
        "customers": "SELECT email, name FROM stretto_reviews.customers ORDER BY 1",
    }
    async with platform.database.tenant(tenant_id) as connection:
        return await (await connection.execute(queries[what].encode())).fetchall()


async def low(platform: Platform) -> list[dict[str, Any]]:
    async with platform.database.operator() as connection:
        cursor = await connection.execute(
            "SELECT data FROM stretto.outbox WHERE type = 'app.reviews.low_stock' ORDER BY id"
        )
        return [data for (data,) in await cursor.fetchall()]


def test_synups_review_is_read() -> None:
    found = from_synup(SYNUP, AT)
    assert (found.source, found.external_id, found.rating, found.text) == ("google", "g-17", 4, "Friendly people.")
    assert (found.customer_email, found.customer_name, found.created_at) == ("ann@example.com", "Ann", AT)
    assert found.metadata == {"webhook_id": "w1", "location_id": SYNUP["location_id"]}
    inner = {
        "event": "review.created",
        "review": {"id": 3, "content": "Good.", "siteName": "yelp.com", "date": "2026-01-02"},
    }
    found = from_synup(inner)
    assert (found.source, found.external_id, found.text, found.created_at.day) == ("yelp.com", "3", "Good.", 2)
    with pytest.raises(PayloadUnread, match=r"rating 9 is not from 1 to 5\. .*text is missing"):
        from_synup({"rating": 9})


def test_shopifys_order_is_read() -> None:
    found = from_shopify_order(ORDER)
    assert (found.order_id, found.customer_email, found.customer_name) == ("4058476875", "ann@example.com", "Ann Lee")
    assert found.purchased_at == AT
    assert [(each.line, each.product_id, each.quantity, each.total) for each in found.lines] == [
        ("11", "7", 3, Decimal("55.00")),
        ("12", None, 1, Decimal("2.50")),
    ]
    assert from_shopify_order({**ORDER, "cancelled_at": "2026-03-02T00:00:00Z"}).lines == ()
    assert from_shopify_order({**ORDER, "email": "", "customer": None}).customer_email is None


def test_shopifys_product_is_read() -> None:
    found = from_shopify_product(PRODUCT)
    assert (found.external_id, found.sku, found.price, found.quantity) == ("7", "K-1", Decimal("20.00"), 12)
    assert from_shopify_product({"id": "gid://shopify/Product/9", "title": "T", "variants": []}).quantity is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"id": None}, "id is no id"),
        ({"id": "a\0b"}, "id is no id"),
        ({"processed_at": "?"}, "created_at"),
        ({"line_items": None}, "line_items"),
        ({"line_items": [{"id": 1, "quantity": "3", "price": "1"}]}, r"line_items\[0\].quantity"),
        ({"line_items": [{"id": 1, "quantity": -3, "price": "1"}]}, r"line_items\[0\].quantity"),
        ({"line_items": [{"id": 1, "quantity": 3, "price": "1e99"}]}, r"line_items\[0\].price"),
        ({"line_items": [{"id": 1, "quantity": 3, "price": "NaN"}]}, r"line_items\[0\].price"),
        ({"line_items": [{"id": 1, "quantity": 1_000_000, "price": "100000"}]}, "costs more"),
    ],
)
def test_an_order_that_is_none_names_the_field(change: dict[str, Any], told: str) -> None:
    with pytest.raises(PayloadUnread, match=told):
        from_shopify_order({**ORDER, **change})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from([ORDER, PRODUCT, SYNUP]),
    st.dictionaries(st.sampled_from([*ORDER, *PRODUCT, *SYNUP]), JSON, max_size=4),
)
def test_no_payload_is_too_odd(start: dict[str, Any], change: dict[str, Any]) -> None:
    for read in (from_shopify_order, from_shopify_product, from_synup):
        with suppress(PayloadUnread):
            read({**start, **change})


async def test_a_review_becomes_an_import_of_one_row_once(platform: Platform) -> None:
    started: list[tuple[UUID, UUID]] = []

    async def start(tenant_id: UUID, import_id: UUID) -> None:
        started.append((tenant_id, import_id))

    (subscription,) = subscriptions(platform, start)
    event = hook("synup", SYNUP)
    assert event.type.startswith(tuple(subscription.types))
    for _ in range(2):
        await subscription.handler(event)
    assert started == [(DEFAULT_TENANT, event.id)] * 2
    (there,) = await imports(platform.database, DEFAULT_TENANT)
    assert (there.id, there.name, there.rows) == (event.id, "synup", 1)
    ((line, body),) = await read_rows(platform.database, DEFAULT_TENANT, event.id)
    assert read_row(line, body) == from_synup(SYNUP, AT)


async def test_an_order_becomes_purchases_once_and_lowers_the_stock(platform: Platform) -> None:
    await take_hook(platform, hook("shopify", PRODUCT, "products/update"))
    assert await rows(platform, "products") == [("7", "Kettle", 12, 10)]
    assert await low(platform) == []
    event = hook("shopify-eu", ORDER, "orders/create")
    for _ in range(2):
        await take_hook(platform, event)
    await take_hook(platform, hook("shopify-eu", ORDER, "orders/updated"))
    assert await rows(platform, "customers") == [("ann@example.com", "Ann Lee")]
    assert await rows(platform, "purchases") == [("11", 3, Decimal("55.00")), ("12", 1, Decimal("2.50"))]
    assert await rows(platform, "products") == [("7", "Kettle", 9, 10)]
    (told,) = await low(platform)
    assert (told["external_id"], told["quantity"], told["threshold"], told["status"]) == ("7", 9, 10, "low_stock")


async def test_the_shops_own_count_wins_over_orders_before_it(platform: Platform) -> None:
    await take_hook(platform, hook("shopify", {**PRODUCT, "updated_at": "2026-03-02T00:00:00Z"}, "products/update"))
    await take_hook(platform, hook("shopify", ORDER, "orders/create"))
    assert await rows(platform, "products") == [("7", "Kettle", 12, 10)]
    await take_hook(platform, hook("shopify", {**PRODUCT, "title": "Old"}, "products/update"))
    assert await rows(platform, "products") == [("7", "Kettle", 12, 10)], "what is older than known changes nothing"
    gone = [{"sku": "K-1", "inventory_quantity": 0}]
    newer = {**PRODUCT, "updated_at": "2026-03-03T00:00:00Z", "variants": gone}
    for _ in range(2):
        await take_hook(platform, hook("shopify", newer, "products/update"))
    assert [each["status"] for each in await low(platform)] == ["out_of_stock"], (
        "told when it becomes so, not each time"
    )


async def test_a_product_that_only_orders_name_is_not_watched(platform: Platform) -> None:
    await take_hook(platform, hook("shopify", ORDER, "orders/create"))
    assert await rows(platform, "products") == [("7", "Kettle", 0, -1)]
    assert await low(platform) == []
    await take_hook(platform, hook("shopify", PRODUCT, "products/create"))
    assert await rows(platform, "products") == [("7", "Kettle", 12, 10)]


async def test_an_order_changes_and_is_cancelled(platform: Platform) -> None:
    await take_hook(platform, hook("shopify", ORDER, "orders/create"))
    fewer = {**ORDER, "line_items": [{**ORDER["line_items"][0], "current_quantity": 1, "discount_allocations": []}]}
    await take_hook(platform, hook("shopify", fewer, "orders/updated"))
    assert await rows(platform, "purchases") == [("11", 1, Decimal("20.00"))]
    await take_hook(platform, hook("shopify", {**ORDER, "cancelled_at": "2026-03-02T00:00:00Z"}, "orders/cancelled"))
    assert await rows(platform, "purchases") == []


async def test_what_is_of_no_use_is_passed_over_and_what_cannot_be_read_is_told(platform: Platform) -> None:
    await take_hook(platform, hook("shopify", {"id": 1}, "carts/update"))
    await take_hook(platform, hook("shopify", {**ORDER, "test": True}, "orders/create"))
    assert await rows(platform, "purchases") == []
    with pytest.raises(PayloadUnread, match="no JSON object"):
        await take_hook(platform, hook("synup", [1]))
    with pytest.raises(PayloadUnread, match="line_items"):
        await take_hook(platform, hook("shopify", {**ORDER, "line_items": 3}, "orders/create"))


async def test_tenants_keep_their_orders_apart(platform: Platform) -> None:
    other = UUID("00000000-0000-7000-8000-0000000000aa")
    await take_hook(platform, hook("shopify", ORDER, "orders/create"))
    await take_hook(platform, hook("shopify", {**ORDER, "line_items": []}, "orders/updated", other))
    assert len(await rows(platform, "purchases")) == 2
    assert await rows(platform, "purchases", other) == []


async def test_a_wrong_signature_gets_401_and_an_audit_entry(settings: Settings, tmp_path: Path) -> None:
    async with server(settings.model_copy(update={"home": tmp_path, "auth": "required"})) as (client, platform):
        admin = await key_for(platform, "admin")
        body = json.dumps(SYNUP).encode()
        digest = hmac.digest(SECRET.encode(), body, hashlib.sha256)
        signed = {
            "synup": {"x-synup-signature": digest.hex()},
            "shopify": {
                "x-shopify-hmac-sha256": base64.b64encode(digest).decode(),
                "x-shopify-topic": "orders/create",
                "x-shopify-webhook-id": "b54557e4",
            },
        }
        for scheme, headers in signed.items():
            new = {"name": f"{scheme}-main", "scheme": scheme, "secret": SECRET}
            path = (await client.post("/v1/hook-sources", new, **admin)).json["path"]
            assert (await client.request("POST", path, headers, body)).status == 202
            assert (await client.request("POST", path, headers, body)).status == 200
            assert (await client.request("POST", path, headers, body + b" ")).status == 401
            assert (await client.request("POST", path, {}, body)).status == 401
        denied = await until(
            lambda got: sum(each["times"] for each in got.json["entries"]) == 4,
            lambda: client.get("/v1/audit?outcome=denied&limit=200", **admin),
        )
        assert {each["actor"] for each in denied.json["entries"]} == {"hook synup-main", "hook shopify-main"}
