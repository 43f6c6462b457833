"""Sessions: begun by a login, found by their cookie, ended by a logout, by time, or with the membership."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from stretto.auth.principal import Principal
from stretto.auth.sessions.session import Session, csrf_token
from stretto.auth.sessions.store import FoundSession, NewSession, SessionStore
from stretto.store import Database
from stretto.store.ids import new_id

if TYPE_CHECKING:
    from uuid import UUID

    from stretto.auth.tokens.claims import Claimed

LONGEST_S = 12 * 3600.0
"""A session lasts no longer than this, however busy (NIST SP 800-63B, 4.2.3, for AAL2)."""

IDLE_S = 3600.0
"""A session that nobody uses ends after this (NIST SP 800-63B-4, 2.2.3, for AAL2)."""

KNOWN_FOR_S = 3.0
"""So long a session is taken without asking the database again; what was ended elsewhere works no longer than this."""

MOST_KNOWN = 4096
"""Cookies remembered at most, those that are of no session among them."""

_COOKIE = re.compile(r"[0-9a-f]{64}")


class Sessions:
    """The sessions of one issuer's people. The database keeps the SHA-256 of a cookie only.

    `secure`: browsers reach this server by https. The cookie's name then begins with `__Host-`, by which they hold it to
    https and to this very host (RFC 6265bis, 4.1.3.2).
    """

    def __init__(
        self,
        database: Database,
        issuer: str,
        *,
        secure: bool,
        idle_s: float = IDLE_S,
        known_for_s: float = KNOWN_FOR_S,
    ) -> None:
        self.secure = secure
        self.cookie_name = "__Host-stretto" if secure else "stretto"
        self._store = SessionStore(database)
        self._issuer = issuer
        self._idle_s = idle_s
        self._known_for_s = known_for_s
        self._known: dict[bytes, tuple[float, FoundSession | None]] = {}

    async def start(self, who: Claimed, tenant_id: UUID) -> str:
        """Begin a session of somebody in a tenant that `People` has found for him; gives the cookie, its only copy."""
        cookie = secrets.token_hex(32)
        now = datetime.now(UTC)
        new = NewSession(new_id(), tenant_id, _digest(cookie), now, now + timedelta(seconds=LONGEST_S))
        await self._store.add(new, who)
        return cookie

    async def find(self, cookie: str) -> Session | None:
        """The session of a cookie; None when there is none, or when it is over."""
        if not _COOKIE.fullmatch(cookie):
            return None
        digest, now = _digest(cookie), time.monotonic()
        known = self._known.get(digest)
        if known is None or now >= known[0]:
            found = await self._store.find(digest, self._issuer, self._idle_s)
            known = self._keep(digest, now, found)
        return None if known[1] is None else _session(cookie, known[1], self._issuer)

    async def end(self, cookie: str) -> None:
        """End the session of a cookie, if there is one."""
        if not _COOKIE.fullmatch(cookie):
            return
        digest = _digest(cookie)
        found = await self._store.find(digest, self._issuer, self._idle_s)
        if found is not None:
            await self._store.end(found.tenant_id, found.id)
        self._keep(digest, time.monotonic(), None)

    def _keep(self, digest: bytes, now: float, found: FoundSession | None) -> tuple[float, FoundSession | None]:
        if len(self._known) >= MOST_KNOWN:
            self._known = {name: known for name, known in self._known.items() if now < known[0]}
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
        # The life begins before the question was asked: what was ended meanwhile ends in time all the same.
        until = now + self._known_for_s
        if found is not None:
            until = min(until, now + (found.ends_at - datetime.now(UTC)).total_seconds())
        self._known[digest] = (until, found)
        return self._known[digest]


def _digest(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode()).digest()


def _session(cookie: str, found: FoundSession, issuer: str) -> Session:
    principal = Principal(
        found.tenant_id,
        f"user {found.email or found.subject}",
        found.role,
        "session",
        person=(issuer, found.subject),
    )
    return Session(found.id, principal, found.tenant, found.email, found.name, found.ends_at, csrf_token(cookie))
