"""Each connector says what its system's published interface asks for, and tells what may pass from what will not."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from stretto.errors import ToolRefused, ToolUnavailable
from stretto.events.webhooks import Places, open_session
from stretto.gateway.keys import Key
from stretto.store import DEFAULT_TENANT
from stretto_reviews.connectors import Connector, Delivery
from stretto_reviews.connectors.configured import connectors_of
from tests.apps.reviews.vendors import (
    KLAVIYO_KEY,
    QRVEY_KEY,
    SHOPIFY_KEY,
    YOTPO_GUID,
    YOTPO_KEY,
    Vendors,
    answering,
    cut_off,
    silent,
    vendors,
)

LOCAL = Places(local=True)
BODIES: dict[str, dict[str, Any]] = {
    "klaviyo": {"email": "ann@example.com", "points": 50, "campaign": "thanks"},
    "yotpo": {"email": "ann@example.com", "points": 50},
    "shopify": {"email": "ann@example.com", "tags": ["reviewer"]},
    "qrvey": {"dataset": "inventory_alerts"},
}
ALL = sorted(BODIES)


@pytest.fixture
async def there() -> AsyncIterator[Vendors]:
    async with vendors() as these:
        yield these


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with open_session(LOCAL, 0.4) as session:
        yield session


async def pages(tenant_id: UUID, name: str, size: int) -> AsyncIterator[list[dict[str, Any]]]:
    for number in range(3):
        yield [{"product_id": f"p{number}", "sku": "s", "current_quantity": number}]


def settings(url: str, **changes: str) -> dict[str, Key]:
    values = {
        "reviews-klaviyo-key": KLAVIYO_KEY,
        "reviews-klaviyo-url": url,
        "reviews-yotpo-key": YOTPO_KEY,
        "reviews-yotpo-guid": YOTPO_GUID,
        "reviews-yotpo-url": url,
        "reviews-shopify-key": SHOPIFY_KEY,
        "reviews-shopify-url": url,
        "reviews-qrvey-key": QRVEY_KEY,
        "reviews-qrvey-url": url,
        "reviews-qrvey-inventory-alerts": "set-stock",
        **changes,
    }
    return {name: Key(value) for name, value in values.items()}


def made(session: aiohttp.ClientSession, name: str, url: str, **changes: str) -> Connector:
    return connectors_of(session, LOCAL, settings(url, **changes), pages)[name]


def delivery(name: str, attempts: int = 1, /, **changes: Any) -> Delivery:
    return Delivery(DEFAULT_TENANT, "points/7", name, {**BODIES[name], **changes}, attempts)


async def test_klaviyo_gets_an_event_that_counts_once(there: Vendors, session: aiohttp.ClientSession) -> None:
    klaviyo = made(session, "klaviyo", there.url)
    for attempts in (1, 2):
        await klaviyo.send(delivery("klaviyo", attempts, name="Ann", metric="Thanks", value=9.5))
    assert list(there.events) == ["points/7"]
    event = there.events["points/7"]
    assert event["properties"] == {"points": 50, "campaign": "thanks"}
    assert event["metric"]["data"]["attributes"] == {"name": "Thanks"}
    assert event["profile"]["data"]["attributes"] == {"email": "ann@example.com", "first_name": "Ann"}
    assert event["value"] == 9.5


@pytest.mark.parametrize("fault", [cut_off, silent, answering(500), answering(502, "<html>no</html>")])
async def test_yotpo_gives_points_once_though_its_answer_was_lost(
    there: Vendors, session: aiohttp.ClientSession, fault: Any
) -> None:
    yotpo = made(session, "yotpo", there.url)
    there.after_faults.append(fault)
    with pytest.raises(ToolUnavailable):
        await yotpo.send(delivery("yotpo"))
    await yotpo.send(delivery("yotpo", 2))
    assert [each["points"] for each in there.points["ann@example.com"]] == [50]
    await yotpo.send(Delivery(DEFAULT_TENANT, "points/8", "yotpo", BODIES["yotpo"], 2))
    assert [each["points"] for each in there.points["ann@example.com"]] == [50, 50]


async def test_yotpo_gives_points_after_a_fault_before_it(there: Vendors, session: aiohttp.ClientSession) -> None:
    yotpo = made(session, "yotpo", there.url)
    there.next_answers.append(answering(503))
    with pytest.raises(ToolUnavailable):
        await yotpo.send(delivery("yotpo"))
    await yotpo.send(delivery("yotpo", 2))
    assert [each["points"] for each in there.points["ann@example.com"]] == [50], (
        "who is not known there yet has no history"
    )


async def test_shopify_adds_tags_to_the_customer(there: Vendors, session: aiohttp.ClientSession) -> None:
    shopify = made(session, "shopify", there.url)
    await shopify.send(delivery("shopify"))
    assert there.tags == {"gid://shopify/Customer/1": {"reviewer"}}
    with pytest.raises(ToolRefused, match="no customer of this address"):
        await shopify.send(delivery("shopify", email="bob@example.com"))
    with pytest.raises(ToolRefused, match="Tag is invalid"):
        await shopify.send(delivery("shopify", tags=["bad"]))
    there.next_answers.append(answering(200, '{"errors": [{"message": "x", "extensions": {"code": "THROTTLED"}}]}'))
    with pytest.raises(ToolUnavailable) as caught:
        await shopify.send(delivery("shopify"))
    assert caught.value.retry_after_s == 5.0


async def test_qrvey_gets_all_pages_and_may_get_them_again(there: Vendors, session: aiohttp.ClientSession) -> None:
    qrvey = made(session, "qrvey", there.url)
    await qrvey.send(delivery("qrvey"))
    await qrvey.send(delivery("qrvey", 2))
    assert sorted(there.records["set-stock"]) == ["p0", "p1", "p2"]
    with pytest.raises(ToolRefused, match="reviews-qrvey-customer-ltv"):
        await qrvey.send(delivery("qrvey", dataset="customer_ltv"))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("fault", "told", "wait_s"),
    [
        (answering(429, "slow down", Retry_After="17"), "answers 429. It says: slow down", 17.0),
        (answering(429, "", Retry_After="999999"), "answers 429", 3_600.0),
        (answering(503, "", RateLimit_Reset="3"), "answers 503", 3.0),
        (answering(500, "oops"), "answers 500. It says: oops", None),
        (answering(200, "<html>"), "no JSON", None),
        (answering(200, "x" * 1_100_000), "more than 1 MiB", None),
        (cut_off, "cannot be reached", None),
        (silent, "not answered in time", None),
    ],
)
async def test_what_may_pass_is_told_so(
    there: Vendors, session: aiohttp.ClientSession, name: str, fault: Any, told: str, wait_s: float | None
) -> None:
    there.next_answers.append(fault)
    with pytest.raises(ToolUnavailable, match=told) as caught:
        await made(session, name, there.url).send(delivery(name))
    assert caught.value.retry_after_s == wait_s


@pytest.mark.parametrize("name", ALL)
async def test_a_wrong_key_is_told_without_it(there: Vendors, session: aiohttp.ClientSession, name: str) -> None:
    wrong = "wrong-key-0123456789"
    connector = made(session, name, there.url, **{f"reviews-{name}-key": wrong})
    with pytest.raises(ToolRefused, match=rf"does not accept the key .*Set reviews-{name}-(guid and|key)") as caught:
        await connector.send(delivery(name))
    there.next_answers.append(answering(400, f"what is {wrong}?"))
    with pytest.raises(ToolRefused, match="what is •••") as repeated:
        await connector.send(delivery(name))
    for text in (str(caught.value), repr(caught.value), str(repeated.value), repr(connector), repr(vars(connector))):
        assert wrong not in text


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(("status", "told"), [(400, "refuses .400."), (404, "refuses .404."), (302, "elsewhere")])
async def test_what_will_not_pass_is_told_so(
    there: Vendors, session: aiohttp.ClientSession, name: str, status: int, told: str
) -> None:
    there.next_answers.append(answering(status, "", Location="http://127.0.0.1:1/"))
    with pytest.raises(ToolRefused, match=told):
        await made(session, name, there.url).send(delivery(name))
    assert len(there.requests) == 1


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("klaviyo", {"email": ""}),
        ("yotpo", {"email": None}),
        ("yotpo", {"points": "50"}),
        ("yotpo", {"points": True}),
        ("shopify", {"tags": "a"}),
        ("qrvey", {"dataset": 3}),
    ],
)
async def test_a_delivery_that_says_nothing_is_refused(
    there: Vendors, session: aiohttp.ClientSession, name: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(ToolRefused, match="cannot be told"):
        await made(session, name, there.url).send(delivery(name, **changes))
    assert there.requests == []


async def test_a_tenant_cannot_reach_inward(session: aiohttp.ClientSession) -> None:
    strict = Places()
    async with open_session(strict, 0.4) as outward:
        for url in (
            "http://example.org",
            "https://127.0.0.1:8000",
            "https://169.254.169.254",
            "https://localhost:9000",
        ):
            connector = connectors_of(outward, strict, settings(url), pages)["klaviyo"]
            with pytest.raises(ToolRefused, match="cannot be reached"):
                await connector.send(delivery("klaviyo"))


async def test_no_key_goes_to_who_cannot_show_who_he_is(session: aiohttp.ClientSession, tmp_path: Path) -> None:
    async with vendors(self_signed(tmp_path)) as stranger:
        for name in ALL:
            with pytest.raises(ToolUnavailable, match="cannot be reached"):
                await made(session, name, stranger.url).send(delivery(name))
        assert stranger.url.startswith("https")
        assert stranger.requests == []


def self_signed(folder: Path) -> ssl.SSLContext:
    """A certificate for 127.0.0.1 that nobody has to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    place = folder / "both.pem"
    place.write_bytes(private + certificate.public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(place)
    return context


async def test_nobody_there_may_pass(session: aiohttp.ClientSession) -> None:
    async with vendors() as gone:
        url = gone.url
    with pytest.raises(ToolUnavailable, match="cannot be reached"):
        await made(session, "klaviyo", url).send(delivery("klaviyo"))


async def test_connectors_are_off_until_they_are_configured(session: aiohttp.ClientSession) -> None:
    assert connectors_of(session, LOCAL, {}, pages) == {}
    only = {
        "reviews-yotpo-key": Key(YOTPO_KEY),
        "reviews-shopify-key": Key(SHOPIFY_KEY),
        "reviews-shopify-shop": Key("evil.com/#"),
    }
    found = connectors_of(session, LOCAL, only, pages)
    assert list(found) == ["shopify"]
    with pytest.raises(ToolRefused, match=r"no shop's name"):
        await found["shopify"].send(delivery("shopify"))
