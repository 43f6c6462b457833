"""Who asks: every request gets an id and a `Principal`, or is refused, before anything else looks at it."""

from __future__ import annotations

import asyncio
import re
import secrets
from functools import partial
from ipaddress import ip_address
from weakref import WeakValueDictionary

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from stretto.api.dashboard import PAGES
from stretto.api.denials import Denials
from stretto.api.doors import AGAIN, PRINCIPAL, REQUEST_ID, SESSION, TRACEPARENT
from stretto.api.errors import of_error
from stretto.api.openai.refusals import dialect_of
from stretto.api.openai.refusals import refusal as refusal_in
from stretto.auth import LOCAL, Principal, is_key
from stretto.auth.sessions import check_csrf
from stretto.errors import LoginNeeded, NotAllowed, StrettoError
from stretto.platform import Platform
from stretto.store.acting import acting

PUBLIC = re.compile(
    r"/|/healthz|/readyz|/metrics|/openapi\.json|/docs(?:/.*)?|/assets/.*|/favicon\.svg|/auth/(?:login|callback)|/v1/hooks/[^/]+"
    rf"|/(?:{'|'.join(PAGES)})(?:/.*)?"
)
"""Paths that ask nobody who he is. Incoming webhooks and links to reviews prove themselves by their signatures; the dashboard's
page holds no data, and asks who he is whoever opens a link to one of its parts."""

TENANT_HEADER = "x-stretto-tenant"
"""Names the tenant, for people who are members of several."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Authentication:
    """ASGI middleware. Credentials are, in this order: a key (`Authorization: Bearer st_…` or `x-api-key`), a token
    (`Authorization: Bearer` with a JWT), a session's cookie. Without any, somebody on this machine is its owner where
    `STRETTO_AUTH` is `local`; else the answer is 401."""

    def __init__(self, app: ASGIApp, *, platform: Platform, denials: Denials) -> None:
        self._app = app
        self._local = platform.settings.auth == "local"
        self._platform = platform
        self._denials = denials
        self._asking: WeakValueDictionary[tuple[str, ...], asyncio.Lock] = WeakValueDictionary()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Find out who asks, and go on or refuse."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)
        scope[REQUEST_ID] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("x-request-id", request_id)
            await send(message)

        by, address = "", (scope.get("client") or ("",))[0]
        if not PUBLIC.fullmatch(scope["path"]):
            try:
                principal = await self._principal(scope, headers)
            except StrettoError as error:
                self._denials.note(HTTPConnection(scope), error)
                await refuse(scope, receive, send_with_id, error)
                return
            scope[PRINCIPAL] = principal
            scope[AGAIN] = partial(self._again, scope, headers)
            by = principal.by
        traceparent: str = scope.get(TRACEPARENT, "")
        with structlog.contextvars.bound_contextvars(request_id=request_id, trace_id=traceparent[3:35]):
            if not by or scope.get("method") in SAFE_METHODS:  # nothing is changed, so nothing is written down
                await self._app(scope, receive, send_with_id)
                return
            with acting(by, request_id, address, traceparent):
                await self._app(scope, receive, send_with_id)

    async def _principal(self, scope: Scope, headers: Headers) -> Principal:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        token = token.strip() if scheme.lower() == "bearer" else ""
        key = token if is_key(token) else headers.get("x-api-key", "").strip()
        if is_key(key):
            return await self._platform.keys.holder(key)
        verifier = self._platform.tokens
        if verifier is not None and token.startswith("eyJ") and token.count(".") == 2:
            wanted = headers.get(TENANT_HEADER) or None
            return await self._platform.people.principal(await verifier.verify(token), wanted, "token")
        if (by_session := await self._by_session(scope, headers)) is not None:
            return by_session
        # Clients of OpenAI and Anthropic must send some key, and the owner of this machine needs none.
        if self._local and is_here(scope):
            return LOCAL
        if self._platform.login is None:
            raise LoginNeeded("This server asks who you are. Send a key as `Authorization: Bearer st_…`.")
        raise LoginNeeded

    async def _again(self, scope: Scope, headers: Headers) -> Principal:
        """As `_principal`, later. Of many streams with the same credentials one asks, and the others find it remembered."""
        shown = tuple(headers.get(name, "") for name in ("authorization", "x-api-key", "cookie", TENANT_HEADER))
        async with self._asking.setdefault(shown, asyncio.Lock()):
            return await self._principal({**scope}, headers)

    async def _by_session(self, scope: Scope, headers: Headers) -> Principal | None:
        """Who has logged in with this browser; None when nobody has. Raises `NotAllowed` when not he himself asks."""
        sessions = self._platform.sessions
        cookie = (
            ""
            if sessions is None
            else cookie_parser("; ".join(headers.getlist("cookie"))).get(sessions.cookie_name, "")
        )
        session = await sessions.find(cookie) if sessions is not None and cookie else None
        if session is None:
            return None
        scope[SESSION] = session
        scope[PRINCIPAL] = session.principal  # whose attempt it is, where what follows refuses
        if scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS:
            check_csrf(session, scope.get("method", "WEBSOCKET"), headers)
        wanted = headers.get(TENANT_HEADER) or session.tenant
        if wanted != session.tenant:
            raise NotAllowed(
                f"You are logged in to the tenant {session.tenant!r}. For another one, log in at /auth/login?tenant=NAME."
            )
        return session.principal


def is_here(scope: Scope) -> bool:
    """Whether the connection comes from this machine. What speaks ASGI without a network is here, too."""
    client = scope.get("client")
    if client is None:
        return True
    try:
        return ip_address(client[0]).is_loopback
    except ValueError:
        return False


async def refuse(scope: Scope, receive: Receive, send: Send, error: StrettoError) -> None:
    """Answer with an error, in the dialect of the path."""
    if scope["type"] == "websocket":
        if "websocket.http.response" not in scope.get("extensions", {}):
            await send({"type": "websocket.close", "code": 1008, "reason": type(error).__name__})
            return
        await WebSocket(scope, receive, send).send_denial_response(of_error(error))
        return
    dialect = dialect_of(scope["path"])
    if dialect is None:
        await of_error(error)(scope, receive, send)
        return
    status, body, extra = refusal_in(dialect, error)
    pairs = [(name.encode(), value.encode()) for name, value in {"content-type": "application/json", **extra}.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
