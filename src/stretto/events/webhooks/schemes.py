"""How senders sign what they send here. Each scheme is a small function on the raw body; `register_scheme` adds others.

A scheme compares in constant time, refuses what is older or newer than five minutes where a time is signed, and tells the
sender's own id of the delivery, by which a repetition is known. Without such an id the body is its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

import orjson

from stretto.errors import Invalid, SignatureRefused
from stretto.events.webhooks.signing import secret_bytes, signature

TOLERANCE_S = 300
"""As Standard Webhooks' libraries, Stripe's and Slack's documentation have it."""
MAX_KEY_CHARS = 200
MAX_SECRET_CHARS = 500
_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_NUMBER = re.compile(r"[0-9]{1,12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Request:
    """What came in: names of headers in small letters, the body as it came over the wire, and when, in Unix time."""

    headers: Mapping[str, str]
    body: bytes
    now: float


@dataclass(frozen=True, slots=True)
class Verified:
    """A request that its source has signed: its key among those of this source, and the sender's name of what happened."""

    key: str = ""
    event: str = ""


Scheme = Callable[[str, Request], Verified]
"""Checks a request by a secret. Raises `SignatureRefused`. An empty key stands for the digest of the body."""

_SCHEMES: dict[str, Scheme] = {}


def register_scheme(name: str, scheme: Scheme) -> None:
    """Let sources sign by a scheme of one's own, in every process that serves. Raises `Invalid` for a name that is taken."""
    if not _NAME.fullmatch(name):
        raise Invalid(f"{name!r} is no name for a scheme. Use small letters, digits and dashes, at most 40.")
    if name in _SCHEMES:
        raise Invalid(f"There is a scheme {name!r} already. Choose another name.")
    _SCHEMES[name] = scheme


def scheme_names() -> list[str]:
    """The names of all schemes: our own first, then those that were registered after."""
    return list(_SCHEMES)


def scheme_named(name: str) -> Scheme:
    """The scheme of this name. Raises `Invalid`."""
    found = _SCHEMES.get(name)
    if found is None:
        raise Invalid(f"There is no scheme {name!r}. There are: {', '.join(sorted(_SCHEMES))}.")
    return found


def check_secret(scheme: str, secret: str) -> None:
    """Raises `Invalid` for a secret that this scheme cannot use. Never repeats it."""
    scheme_named(scheme)
    if not 8 <= len(secret) <= MAX_SECRET_CHARS or not secret.isascii() or not secret.isprintable():
        raise Invalid(f"A secret has 8 to {MAX_SECRET_CHARS} characters, all of them printable ASCII.")
    if scheme == "standard-webhooks":
        secret_bytes(secret)


def verify(scheme: str, secret: str, request: Request) -> Verified:
    """Check a request. The key that it gives is never empty. Raises `SignatureRefused`."""
    found = scheme_named(scheme)(secret, request)
    key = found.key if 0 < len(found.key) <= MAX_KEY_CHARS and found.key.isprintable() else ""
    return Verified(key or f"sha256:{hashlib.sha256(request.body).hexdigest()}", found.event[:100])


def standard_webhooks(secret: str, request: Request) -> Verified:
    """`webhook-signature: v1,…` over id, time and body (https://www.standardwebhooks.com)."""
    key = _header(request, "webhook-id")
    timestamp = _fresh(request, _header(request, "webhook-timestamp"))
    wanted = signature(secret, key, timestamp, request.body)
    _check_any(wanted, _header(request, "webhook-signature").split(" "))
    return Verified(key)


def github(secret: str, request: Request) -> Verified:
    """`X-Hub-Signature-256: sha256=…` over the body; no time is signed.

    https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries. The delivery's id is not signed, so a
    repetition is known by the body: whoever has seen one cannot send it again under another id.
    """
    _check_any("sha256=" + _hex(secret, request.body), [_header(request, "x-hub-signature-256")])
    return Verified(event=request.headers.get("x-github-event", ""))


def shopify(secret: str, request: Request) -> Verified:
    """`X-Shopify-Hmac-Sha256: base64` over the body; no time and no id are signed.

    https://shopify.dev/docs/apps/build/webhooks/subscribe/https
    """
    wanted = base64.b64encode(hmac.digest(secret.encode(), request.body, hashlib.sha256)).decode()
    _check_any(wanted, [_header(request, "x-shopify-hmac-sha256")])
    return Verified(event=request.headers.get("x-shopify-topic", ""))


def stripe(secret: str, request: Request) -> Verified:
    """`Stripe-Signature: t=…,v1=…` over time and body (https://docs.stripe.com/webhooks#verify-manually).

    Each attempt is signed anew with its time; the id of the event stands in the body.
    """
    parts = [part.strip().partition("=") for part in _header(request, "stripe-signature").split(",")]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1:
        raise SignatureRefused
    timestamp = _fresh(request, times[0])
    wanted = _hex(secret, f"{timestamp}.".encode() + request.body)
    _check_any(wanted, [value for name, _, value in parts if name == "v1"])
    return Verified(_text_in(request.body, "id"), _text_in(request.body, "type"))


def slack(secret: str, request: Request) -> Verified:
    """`X-Slack-Signature: v0=…` over time and body (https://docs.slack.dev/authentication/verifying-requests-from-slack)."""
    timestamp = _fresh(request, _header(request, "x-slack-request-timestamp"))
    wanted = "v0=" + _hex(secret, f"v0:{timestamp}:".encode() + request.body)
    _check_any(wanted, [_header(request, "x-slack-signature")])
    return Verified(_text_in(request.body, "event_id"))


for _name, _scheme in (
    ("standard-webhooks", standard_webhooks),
    ("github", github),
    ("shopify", shopify),
    ("stripe", stripe),
    ("slack", slack),
):
    register_scheme(_name, _scheme)


def _header(request: Request, name: str) -> str:
    found = request.headers.get(name, "")
    if not found:
        raise SignatureRefused
    return found


def _fresh(request: Request, text: str) -> int:
    """The time that was signed, if it is near now."""
    if not _NUMBER.fullmatch(text) or (len(text) > 1 and text[0] == "0"):
        raise SignatureRefused
    if abs(request.now - int(text)) > TOLERANCE_S:
        raise SignatureRefused
    return int(text)


def _text_in(body: bytes, name: str) -> str:
    """A text at the top of a JSON body; empty where there is none."""
    try:
        found: object = orjson.loads(body)
    except ValueError:
        return ""
    value = cast("dict[str, object]", found).get(name) if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""


def _hex(secret: str, signed: bytes) -> str:
    return hmac.digest(secret.encode(), signed, hashlib.sha256).hex()


def _check_any(wanted: str, given: list[str]) -> None:
    """Raises `SignatureRefused` unless one of the signatures given is the one wanted."""
    fits = False
    for each in given[:20]:
        fits |= hmac.compare_digest(wanted.encode(), each.encode("utf-8", "replace"))
    if not fits:
        raise SignatureRefused
