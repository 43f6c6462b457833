"""What every request passes first: where nobody is asked who he is, only this machine is served, and no other web page's
script.

A page of another site cannot read answers (no CORS), but a browser would still send its requests: hence the check of
`Origin`. A name that is made to point at this machine (DNS rebinding) would make it the same site: hence that of `Host`.
Where everybody shows who he is (`STRETTO_AUTH=required`), a rebound name brings neither keys nor cookies along, so that
`Host` is held to STRETTO_PUBLIC_URL only where that is set.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stretto.api.authentication import SAFE_METHODS, is_here
from stretto.api.errors import problem
from stretto.api.openai.refusals import Dialect, body_of, dialect_of, told

MAX_BODY_BYTES = 2 * 1024 * 1024
MAX_PROMPT_BYTES = 32 * 1024 * 1024
"""A body in a dialect may hold images; Anthropic's API takes as much."""
BODY_S = 30.0
"""So long a client may take for a body."""
HEADERS = {
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

_LOCAL_HOST = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?", re.IGNORECASE | re.ASCII)


class Guard:
    """ASGI middleware: refuses what is not from here or is too large, and sets the headers of every answer."""

    def __init__(
        self,
        app: ASGIApp,
        max_body_bytes: int = MAX_BODY_BYTES,
        max_prompt_bytes: int = MAX_PROMPT_BYTES,
        served: Served | None = None,
    ) -> None:
        self._app = app
        self._served = served or Served()
        self._max_body_bytes = max_body_bytes
        self._max_prompt_bytes = max_prompt_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        dialect = dialect_of(scope["path"])
        most = self._max_body_bytes if dialect is None else self._max_prompt_bytes
        refused = refusal(scope, self._served) or too_large(scope, most)
        if scope["type"] == "websocket":
            if refused is not None:
                await send({"type": "websocket.close", "code": 1008})
            else:
                await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if refused is None:
            await self._app(scope, counted(receive, most), send_with_headers)
        elif dialect is None:
            await refused(scope, receive, send_with_headers)
        else:
            await in_dialect(refused, dialect)(scope, receive, send_with_headers)


def too_large(scope: Scope, most: int) -> Response | None:
    """Why a body is not even read; None when it may be."""
    length = Headers(scope=scope).get("content-length", "0")
    if length.isascii() and length.isdigit() and int(length) <= most:
        return None
    return problem(413, "ContentTooLarge", too_long(most))


def too_long(most: int) -> str:
    """What is said of a body that is too long."""
    return f"A body may have {most:,} bytes. Make it smaller."


def counted(receive: Receive, most: int) -> Receive:
    """The body, refused once it proves longer than it may be, whatever its headers said, or does not come."""
    left = most
    until: float | None = asyncio.get_running_loop().time() + BODY_S

    async def receive_some() -> Message:
        nonlocal left, until
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError:
            raise HTTPException(
                408, f"The body did not come within {BODY_S:g} s. Send it at once.", {"Connection": "close"}
            ) from None
        left -= len(message.get("body", b""))
        if left < 0:
            raise HTTPException(413, too_long(most))
        if not message.get("more_body", False):
            until = None  # what is waited for from now on is that the client leaves
        return message

    return receive_some


def in_dialect(refused: Response, dialect: Dialect) -> Response:
    """A problem as the clients of a dialect read it."""
    message = str(orjson.loads(refused.body)["detail"])
    body = body_of(dialect, told(dialect, refused.status_code, message))
    return Response(body, refused.status_code, media_type="application/json")


@dataclass(frozen=True, slots=True)
class Served:
    """Who is served: this machine only, or everybody who shows who he is, by whatever name or by that of one URL."""

    local: bool = True
    public_url: str | None = None

    def names(self, host: str) -> bool:
        """Whether this server goes by such a `Host`."""
        if _LOCAL_HOST.fullmatch(host):
            return True
        if self.local:
            return False
        return self.public_url is None or host.lower() == urlsplit(self.public_url).netloc.lower()


def refusal(scope: Scope, served: Served) -> Response | None:
    """Why a request is not served; None when it is."""
    headers = Headers(scope=scope)
    if served.local and not is_here(scope):
        return problem(403, "NotFromHere", "This server asks nobody who he is, and serves only its own machine.")
    hosts = headers.getlist("host")
    if len(hosts) != 1 or not served.names(hosts[0]):
        names = "localhost, 127.0.0.1 or [::1]" + ("" if served.local else f", or as {served.public_url}")
        return problem(403, "HostRefused", f"This server answers only as {names}. Use one of these.")
    origins = headers.getlist("origin")
    changes = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
    if changes and origins and not _is_same(origins, hosts[0]):
        return problem(403, "OriginRefused", "A page of another site may not change anything here.")
    if "\0" in scope["path"] or b"%00" in scope.get("query_string", b""):
        return problem(400, "BadRequest", "The address holds the character U+0000, which no name has. Remove it.")
    return None


def _is_same(origins: list[str], host: str) -> bool:
    return len(origins) == 1 and origins[0].lower() in (f"http://{host.lower()}", f"https://{host.lower()}")
