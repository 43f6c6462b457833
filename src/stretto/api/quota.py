"""Request limits at the door: counts every request of a tenant and a key, and says how they stand on every answer.

The fields are those of draft-ietf-httpapi-ratelimit-headers-10: `RateLimit-Policy` names each rate with its quota (q) and its
window in seconds (w), `RateLimit` what is left (r) and after how many seconds there is more (t). A stream and a WebSocket
count once, when they are opened; then each message of the WebSocket counts (`socket.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stretto.api.authentication import refuse
from stretto.api.doors import PRINCIPAL
from stretto.auth import Principal
from stretto.auth.quotas import Addresses, Policy, RequestLimiter, Verdict
from stretto.errors import KeyRefused, LoginNeeded, NotIdentified, StrettoError, TokenRefused, TooManyRequests

NOT_COUNTED = frozenset(("/healthz", "/readyz", "/metrics"))
"""Probes and scrapers come as often as they like."""
LOGIN = "/auth/"
NOT_IDENTIFIED = frozenset(each.__name__ for each in (NotIdentified, KeyRefused, LoginNeeded, TokenRefused))
"""Why authentication closes a WebSocket."""
DENIAL = "websocket.http.response"
"""The ASGI extension by which a WebSocket is refused with an answer of HTTP."""


class Quota:
    """ASGI middleware, inside of authentication: counts the requests of whoever is known."""

    def __init__(self, app: ASGIApp, *, limiter: RequestLimiter, refused: Callable[[str], None] | None = None) -> None:
        self._app = app
        self._limiter = limiter
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer 429."""
        principal = scope.get(PRINCIPAL)
        if not isinstance(principal, Principal) or scope["path"] in NOT_COUNTED:
            await self._app(scope, receive, send)
            return
        try:
            verdict = await self._limiter.take(principal)
        except StrettoError as error:
            await answer(scope, receive, send, error)
            return
        telling = told_on(send, verdict.policies)
        if verdict.passes:
            await self._app(scope, receive, telling)
            return
        if self._refused is not None:
            self._refused(holder_of(verdict))
        await answer(scope, receive, telling, too_many(verdict))


class AddressLimit:
    """ASGI middleware, outside of authentication: holds up clients whose attempts to be known fail too often, so that nobody
    tries keys at full speed or floods the audit log."""

    def __init__(self, app: ASGIApp, *, addresses: Addresses, refused: Callable[[str], None] | None = None) -> None:
        self._app = app
        self._addresses = addresses
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the attempt through, or answer 429."""
        if scope["type"] not in ("http", "websocket") or scope["path"] in NOT_COUNTED:
            await self._app(scope, receive, send)
            return
        address = (scope.get("client") or ("",))[0]
        shown = credentials(scope)
        wait_s = self._addresses.wait_s(address, shown)
        if wait_s is not None:
            if self._refused is not None:
                self._refused("address")
            message = "Too many attempts from this address were refused. Wait as long as `Retry-After` says."
            await answer(scope, receive, send, TooManyRequests(message, wait_s))
            return
        login = scope["path"].startswith(LOGIN)

        async def watching(message: Message) -> None:
            refused = message["type"] == "http.response.start" and message["status"] == 401
            if refused or (message["type"] == "websocket.close" and message.get("reason") in NOT_IDENTIFIED):
                self._addresses.failed(address)
            elif message["type"] in ("http.response.start", "websocket.accept") and PRINCIPAL in scope:
                self._addresses.succeeded(shown)
            elif login and message["type"] == "http.response.start":
                self._addresses.failed(address)
            await send(message)

        await self._app(scope, receive, watching)


def credentials(scope: Scope) -> str:
    """What a client shows of itself, as one text; empty when it shows nothing."""
    headers = Headers(scope=scope)
    shown = [headers.get(name, "") for name in ("authorization", "x-api-key", "cookie")]
    return "\n".join(shown) if any(shown) else ""


def whose(policy: Policy) -> str:
    """Whose rate it is: tenant or key."""
    return policy.name.partition("-")[0]


def holder_of(verdict: Verdict) -> str:
    """Whose rate is used up: tenant or key."""
    return next((whose(each) for each in verdict.policies if each.left == 0), "")


def too_many(verdict: Verdict) -> TooManyRequests:
    """What a client is told that asks too often."""
    full = [each for each in verdict.policies if each.left == 0]
    rates = " and ".join(f"{each.rate.most} requests in {each.rate.window_s} s by this {whose(each)}" for each in full)
    wait_s = max(1, math.ceil(verdict.retry_after_s))
    return TooManyRequests(f"At most {rates} are let through. Try again in {wait_s} s.", wait_s)


def rate_limit_fields(policies: Sequence[Policy]) -> dict[str, str]:
    """The two fields of the draft, as structured fields (RFC 9651)."""
    if not policies:
        return {}
    return {
        "RateLimit-Policy": ", ".join(f'"{each.name}";q={each.rate.most};w={each.rate.window_s}' for each in policies),
        "RateLimit": ", ".join(f'"{each.name}";r={each.left};t={math.ceil(each.wait_s)}' for each in policies),
    }


def told_on(send: Send, policies: Sequence[Policy]) -> Send:
    """Put the fields on an answer."""
    fields = rate_limit_fields(policies)

    async def send_with_fields(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.accept", f"{DENIAL}.start"):
            headers = MutableHeaders(scope=message)
            for name, value in fields.items():
                headers[name] = value
        await send(message)

    return send_with_fields


async def answer(scope: Scope, receive: Receive, send: Send, error: StrettoError) -> None:
    """Refuse with an error; a WebSocket with a true 429, too, where the server can."""
    if scope["type"] != "websocket" or DENIAL not in scope.get("extensions", {}):
        await refuse(scope, receive, send, error)
        return

    async def send_denial(message: Message) -> None:
        await send({**message, "type": message["type"].replace("http.response", DENIAL)})

    await refuse({**scope, "type": "http", "method": "GET"}, receive, send_denial, error)
