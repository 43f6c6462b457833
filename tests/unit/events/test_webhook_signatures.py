"""Signatures: ours by the reference library, those of others by the examples that they publish."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from stretto.errors import Invalid, SignatureRefused
from stretto.events.webhooks import Request, Verified, register_scheme, scheme_names
from stretto.events.webhooks.schemes import check_secret, scheme_named, verify
from stretto.events.webhooks.signing import new_secret, secret_bytes, signature, signed_headers

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
    b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
    b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d"
    b"10d2c447fce8b6703c"
)
SLACK_TIME = 1531420618

# Each as its scheme's documentation has it: scheme, secret, headers, body, time.
PUBLISHED = {
    "standard-webhooks": (
        SECRET,
        {
            "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "webhook-timestamp": "1614265330",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        b'{"test": 2432232314}',
        1614265330,
    ),
    "github": (
        "It's a Secret to Everybody",
        {"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
        b"Hello, World!",
        0,
    ),
    "slack": (
        "8f742231b10e8888abcd99yyyzzz85a5",
        {
            "x-slack-request-timestamp": str(SLACK_TIME),
            "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        },
        SLACK_BODY,
        SLACK_TIME,
    ),
}


def made(scheme: str) -> tuple[str, dict[str, str], bytes, int]:
    """A request, signed word for word as Stripe's and Shopify's documentation tells; they publish no example."""
    secret, body, now = "whsec_of_a_shop", b'{"id": "evt_1", "type": "paid"}', 1_700_000_000
    if scheme == "stripe":
        v1 = hmac.new(secret.encode(), str(now).encode() + b"." + body, hashlib.sha256).hexdigest()
        return secret, {"stripe-signature": f"t={now},v1={'0' * 64},v1={v1},v0=abc"}, body, now
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return secret, {"x-shopify-hmac-sha256": base64.b64encode(digest).decode()}, body, now


ALL = {**PUBLISHED, "stripe": made("stripe"), "shopify": made("shopify")}


@pytest.mark.parametrize("scheme", ALL)
def test_what_a_source_signs_is_taken(scheme: str) -> None:
    secret, headers, body, now = ALL[scheme]
    check_secret(scheme, secret)
    assert verify(scheme, secret, Request(headers, body, now)).key


@pytest.mark.parametrize("scheme", ALL)
def test_what_is_changed_missing_or_signed_by_another_is_refused(scheme: str) -> None:
    secret, headers, body, now = ALL[scheme]
    other = SECRET[:-1] + "A" if scheme == "standard-webhooks" else secret + "x"
    tried = [
        (secret, headers, body + b" "),
        (other, headers, body),
        *((secret, {k: v for k, v in headers.items() if k != name}, body) for name in headers),
        *((secret, headers | {name: ""}, body) for name in headers),
        *((secret, headers | {name: "ÿ,=" + value}, body) for name, value in headers.items()),
    ]
    for its_secret, its_headers, its_body in tried:
        with pytest.raises(SignatureRefused):
            verify(scheme, its_secret, Request(its_headers, its_body, now))


@pytest.mark.parametrize("scheme", ["standard-webhooks", "slack", "stripe"])
def test_what_is_sent_once_more_later_is_refused(scheme: str) -> None:
    secret, headers, body, now = ALL[scheme]
    verify(scheme, secret, Request(headers, body, now + 300))
    for off in (301, -301):
        with pytest.raises(SignatureRefused):
            verify(scheme, secret, Request(headers, body, now + off))


def test_repetitions_are_known_by_what_was_signed() -> None:
    secret, headers, body, now = ALL["github"]
    one = verify("github", secret, Request(headers | {"x-github-delivery": "1"}, body, now))
    two = verify("github", secret, Request(headers | {"x-github-delivery": "2"}, body, now))
    assert one.key == two.key
    secret, headers, body, now = ALL["stripe"]
    assert verify("stripe", secret, Request(headers, body, now)) == Verified("evt_1", "paid")


def test_an_app_adds_a_scheme_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "stretto.events.webhooks.schemes._SCHEMES", {name: scheme_named(name) for name in scheme_names()}
    )

    def trusting(secret: str, request: Request) -> Verified:
        if request.headers.get("x-secret") != secret:
            raise SignatureRefused
        return Verified("7")

    register_scheme("test-trusting", trusting)
    assert verify("test-trusting", "12345678", Request({"x-secret": "12345678"}, b"", 0)).key == "7"
    with pytest.raises(Invalid, match="already"):
        register_scheme("test-trusting", trusting)
    with pytest.raises(Invalid, match="There are:"):
        check_secret("test-unknown", "12345678")


@given(
    st.binary(min_size=24, max_size=64),
    st.text(max_size=200).map(str.encode),
    st.from_regex(r"[A-Za-z0-9_-]{1,60}", fullmatch=True),
)
def test_the_reference_library_takes_what_we_sign_and_we_what_it_signs(raw: bytes, body: bytes, id_: str) -> None:
    secret, now = "whsec_" + base64.b64encode(raw).decode(), int(time.time())
    headers = dict(signed_headers([new_secret(), secret], id_, now, body))
    Webhook(secret).verify(body, headers, json_parse=False)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(body, headers, json_parse=False)
    theirs = Webhook(secret).sign(id_, datetime.fromtimestamp(now, UTC), body.decode())
    assert theirs == signature(secret, id_, now, body)
    assert verify("standard-webhooks", secret, Request(headers, body, now)).key == id_


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_AAAA", "whsec_" + "A" * 100, "whsec_ä" + "A" * 40])
def test_a_secret_has_24_to_64_bytes(secret: str) -> None:
    with pytest.raises(Invalid) as refused:
        secret_bytes(secret)
    assert len(secret) < 8 or secret not in str(refused.value)
