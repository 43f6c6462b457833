"""One session, and how a change asked for by a browser proves that the session's own page has asked for it.

A browser sends the cookie along whoever made it send the request. Three things keep other sites' pages out: the cookie is
`SameSite=Lax`; what the browser itself says of the request's origin (`Sec-Fetch-Site`, `Origin`); and a token that only a page
of this server can read and put into a header (OWASP's Cross-Site Request Forgery Prevention Cheat Sheet).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from stretto.auth.principal import Principal
from stretto.errors import NotAllowed

CSRF_HEADER = "x-stretto-csrf"
"""The header that carries a session's token with every change."""

OWN_SITE = frozenset({"same-origin", "none"})
"""What browsers say (Fetch Metadata) of requests that a page of this very server has made, or the person by hand."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has logged in, in one tenant. `csrf_token` goes with each change, in `X-Stretto-CSRF`."""

    id: UUID
    principal: Principal
    tenant: str
    email: str
    name: str
    ends_at: datetime
    csrf_token: str = field(repr=False)


def csrf_token(cookie: str) -> str:
    """The token of the session of this cookie. Who knows the token does not know the cookie."""
    made = hmac.digest(cookie.encode(), b"stretto csrf", hashlib.sha256)
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def check_csrf(session: Session, method: str, headers: Mapping[str, str]) -> None:
    """Raises `NotAllowed` unless the session's own page asks. `headers` by small names; `method` may be `WEBSOCKET`.

    Call it for what may change something. A browser cannot set headers of its own on a WebSocket: there its `Origin`,
    which the guard compares with `Host`, has to be there.
    """
    site = headers.get("sec-fetch-site")
    if site is not None and site.lower() not in OWN_SITE:
        raise NotAllowed("A page of another site may not act for you. Open Stretto itself.")
    if method == "WEBSOCKET":
        if not headers.get("origin"):
            raise NotAllowed("A WebSocket opened by a session's cookie says its `Origin`. Use a key elsewhere.")
        return
    given = headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(given.encode(), session.csrf_token.encode()):
        raise NotAllowed(
            "A change by a session's cookie needs the session's token. Send `csrf_token` of `GET /auth/session` as "
            "`X-Stretto-CSRF`, or use a key."
        )
