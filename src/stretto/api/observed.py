"""The outermost layer: every request is timed, counted and, where a collector is configured, a span of its caller's trace."""

from __future__ import annotations

import re
import secrets
import time
from datetime import UTC, datetime
from uuid import UUID

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stretto.api.doors import TRACEPARENT
from stretto.api.openai.refusals import DIALECTS
from stretto.engine.trace_ids import traceparent_of
from stretto.telemetry.service import Telemetry
from stretto.telemetry.spans import TRACEPARENT as FORM
from stretto.telemetry.spans import Span

_STARTED_RUN = re.compile(r"/v1/runs/([0-9a-f-]{36})")


class Observed:
    """ASGI middleware. A `traceparent` that comes along is the parent of the request's span; the run that a request
    starts has a link to it (W3C Trace Context)."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app = app
        self._telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request and tell of it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        given = FORM.fullmatch(Headers(scope=scope).get("traceparent", ""))
        trace, parent = (given[1], int(given[2], 16)) if given else (secrets.token_hex(16), None)
        traceparent = scope[TRACEPARENT] = f"00-{trace}-{secrets.token_hex(8)}-01"
        began, start = time.perf_counter(), datetime.now(UTC)
        status, location = 0, ""

        async def send_and_see(message: Message) -> None:
            nonlocal status, location
            if message["type"] in ("http.response.start", "websocket.accept", "websocket.close") and not status:
                status = message.get("status", 101 if message["type"] == "websocket.accept" else 403)
                location = next(
                    (value.decode() for name, value in message.get("headers", ()) if name == b"location"), ""
                )
                took_s = time.perf_counter() - began
                self._telemetry.measures.on_request(method, template_of(scope), status, took_s)
            await send(message)

        method = scope.get("method", "WEBSOCKET")
        try:
            await self._app(scope, receive, send_and_see)
        finally:
            traces = self._telemetry.traces
            if traces is not None and scope["path"] not in ("/healthz", "/readyz", "/metrics"):
                span = self._span(scope, method, status or 499, start, location)
                traces.on_request(traceparent, parent, span)

    @staticmethod
    def _span(scope: Scope, method: str, status: int, start: datetime, location: str) -> Span:
        route = template_of(scope)
        link = ""
        if (run := _STARTED_RUN.fullmatch(location)) is not None:
            link = traceparent_of(UUID(run[1]))
        return Span(
            0,
            None,
            f"{method} {route}",
            start,
            datetime.now(UTC),
            "server",
            attributes={
                "http.request.method": method,
                "http.route": route,
                "http.response.status_code": status,
                "url.path": scope["path"],
            },
            error=f"status {status}" if status >= 500 else "",
            link=link,
        )


def template_of(scope: Scope) -> str:
    """The route's template, which has no ids in it; `other` where no route was found."""
    if scope["path"] in DIALECTS:
        return scope["path"]
    route = scope.get("route")
    path = getattr(route, "path_format", None) or getattr(route, "path", None)
    return path if isinstance(path, str) else "other"
