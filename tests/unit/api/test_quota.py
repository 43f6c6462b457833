"""What the door says of request limits, and how it holds up clients whose attempts fail."""

from __future__ import annotations

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stretto.api.doors import PRINCIPAL
from stretto.api.quota import AddressLimit, answer, rate_limit_fields, too_many
from stretto.auth import LOCAL
from stretto.auth.quotas import Addresses, Policy, Rate, Verdict, addresses, parse_rates
from stretto.auth.quotas.addresses import network_of
from stretto.errors import Invalid, TooManyRequests
from tests.unit.api.asgi import call, scope_for


def test_the_fields_are_those_of_the_draft() -> None:
    policies = [Policy("tenant-60", Rate(6000, 60), 5990, 12.2), Policy("key-1", Rate(10, 1), 0, 0.4)]
    assert rate_limit_fields(policies) == {
        "RateLimit-Policy": '"tenant-60";q=6000;w=60, "key-1";q=10;w=1',
        "RateLimit": '"tenant-60";r=5990;t=13, "key-1";r=0;t=1',
    }
    assert rate_limit_fields([]) == {}


def test_who_is_refused_hears_by_which_limit_and_until_when() -> None:
    verdict = Verdict(False, (Policy("tenant-60", Rate(6000, 60), 5, 50.0), Policy("key-10", Rate(7, 10), 0, 3.2)))
    error = too_many(verdict)
    assert error.message == "At most 7 requests in 10 s by this key are let through. Try again in 4 s."
    assert error.retry_after_s == 4


@pytest.mark.parametrize(
    ("text", "rates"),
    [
        ("600/minute", ((600, 60),)),
        ("20000 per day; 10/second", ((10, 1), (20000, 86400))),
        ("100/10 seconds", ((100, 10),)),
        ("5/minute;3/minute", ((3, 60),)),
        ("none", ()),
        ("", ()),
    ],
)
def test_rates_are_read_as_the_library_writes_them(text: str, rates: tuple[tuple[int, int], ...]) -> None:
    assert parse_rates(text) == tuple(Rate(*rate) for rate in rates)


@pytest.mark.parametrize(
    "text", ["fast", "1", "1/", "/minute", "-1/minute", "1/minute;fast", "9999999999/day", "1/5 years"]
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="no rate"):
        parse_rates(text)


def door(limit: str) -> ASGIApp:
    """Lets `good` credentials pass, and refuses others."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        status = 200
        if scope["path"] not in ("/", "/auth/login"):
            if (b"authorization", b"Bearer good") in scope["headers"]:
                scope[PRINCIPAL] = LOCAL
            else:
                status = 401
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return AddressLimit(app, addresses=Addresses(limit))


async def statuses(
    app: ASGIApp, times: int, path: str = "/v1/runs", key: str = "bad", client: str = "10.0.0.1"
) -> list[int]:
    headers = {"host": "localhost", "authorization": f"Bearer {key}"}
    return [(await call(app, path=path, headers=headers, client=client)).status for _ in range(times)]


async def test_an_address_may_fail_so_often_and_no_more() -> None:
    app = door("3/hour")
    assert await statuses(app, 5) == [401, 401, 401, 429, 429]
    assert await statuses(app, 2, client="10.0.0.2") == [401, 401], "another address"
    assert await statuses(app, 2, path="/healthz") == [401, 401], "a probe is not counted"
    refused = await call(app, path="/v1/runs", client="10.0.0.1")
    assert refused.headers["content-type"] == "application/problem+json"
    assert 3500 < int(refused.headers["retry-after"]) <= 3661
    assert refused.json["type"] == "urn:stretto:error:TooManyRequests"
    spoken = await call(app, "POST", "/v1/messages", client="10.0.0.1")
    assert spoken.json["error"]["type"] == "rate_limit_error"


async def test_whose_credentials_counted_is_not_held_up_by_others_behind_his_address() -> None:
    app = door("3/hour")
    assert await statuses(app, 5, key="good") == [200] * 5
    assert await statuses(app, 5) == [401, 401, 401, 429, 429]
    assert await statuses(app, 5, key="good") == [200] * 5
    assert await statuses(app, 1, key="good ") == [429]


async def test_the_login_is_counted_too() -> None:
    assert await statuses(door("2/hour"), 4, path="/auth/login") == [200, 200, 429, 429]
    assert await statuses(door("none"), 4) == [401] * 4


def test_a_household_is_one_client() -> None:
    assert network_of("2001:db8:1:2:3::4") == network_of("2001:db8:1:2:ffff::1") == "2001:db8:1:2::"
    assert network_of("2001:db8:1:3::1") != network_of("2001:db8:1:2::1")
    assert network_of("::ffff:10.0.0.1") == network_of("10.0.0.1") == "10.0.0.1"
    assert network_of("testclient") == "testclient"


def test_what_is_remembered_of_addresses_and_credentials_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "MOST_TRUSTED", 10)
    found = Addresses("1/hour")
    for n in range(11_000):
        found.failed(f"10.{n >> 8}.{n & 255}.1")
        found.succeeded(f"key {n}")
    assert len(found._windows._rings) == 10_000
    assert len(found._good) == 10
    assert found.wait_s("10.0.0.1", "") is None, "forgotten"
    assert found.wait_s("10.42.1.1", "") is not None
    assert found.wait_s("10.42.1.1", "key 10999") is None
    assert b"key 10999" not in b"".join(found._good)


async def test_a_websocket_is_refused_with_a_true_429() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    scope = {**scope_for(path="/v1/runs"), "type": "websocket", "extensions": {"websocket.http.response": {}}}
    await answer(scope, receive, send, TooManyRequests(None, 7))
    assert [each["type"] for each in sent] == ["websocket.http.response.start", "websocket.http.response.body"]
    assert sent[0]["status"] == 429
    assert (b"retry-after", b"7") in sent[0]["headers"]
    sent.clear()
    await answer({**scope, "extensions": {}}, receive, send, TooManyRequests(None, 7))
    assert sent == [{"type": "websocket.close", "code": 1008, "reason": "TooManyRequests"}]
