"""Keys: how one is made, and whose request a key makes it.

A key reads `st_<prefix>_<secret>`. The prefix (48 random bits) finds it and may be shown; the secret has 256 random bits
and is kept as its SHA-256 only. No slow hash is needed: slow ones make up for secrets that can be guessed, and nobody
guesses 256 bits (OWASP's Password Storage Cheat Sheet is about passwords that people choose).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from stretto.auth.principal import Principal
from stretto.auth.store import AuthStore, FoundKey
from stretto.errors import KeyRefused
from stretto.store import Database

KNOWN_FOR_S = 3.0
"""So long a key is taken without asking the database again; a revoked one works no longer than this."""

MOST_KNOWN = 4096
"""Prefixes remembered at most, those that are no key among them."""

_KEY = re.compile(r"st_([0-9a-f]{12})_([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made. `text` is the only copy of its secret."""

    text: str = field(repr=False)
    prefix: str
    digest: bytes = field(repr=False)


def new_key() -> NewKey:
    """Make a key."""
    prefix, secret = secrets.token_hex(6), secrets.token_hex(32)
    return NewKey(f"st_{prefix}_{secret}", prefix, digest_of(secret))


def digest_of(secret: str) -> bytes:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def is_key(text: str) -> bool:
    """Whether this wants to be a key of Stretto; what another service's client must send is none."""
    return text.startswith("st_")


class Keys:
    """Tells whose key it is. Remembers for 3 s what the database said, so that a busy client costs no query.

    `note_used` writes down which keys were used since it was last called; somebody calls it every minute or so.
    """

    def __init__(self, database: Database, known_for_s: float = KNOWN_FOR_S) -> None:
        self._store = AuthStore(database)
        self._known_for_s = known_for_s
        self._known: dict[str, tuple[float, Principal | None, bytes]] = {}
        self._used: set[UUID] = set()

    async def holder(self, key: str) -> Principal:
        """Whose key this is. Raises `KeyRefused`, with the same words for every reason, or a `StoreError`."""
        form = _KEY.fullmatch(key)
        if form is None:
            raise KeyRefused
        prefix, secret = form[1], form[2]
        now = time.monotonic()
        known = self._known.get(prefix)
        if known is None or now >= known[0]:
            known = await self._look_up(prefix, now)
        _, holder, digest = known
        if not hmac.compare_digest(digest_of(secret), digest) or holder is None:
            raise KeyRefused
        assert holder.key_id is not None
        self._used.add(holder.key_id)
        return holder

    async def note_used(self) -> None:
        """Write down which keys were used, in one statement."""
        used, self._used = self._used, set()
        if used:
            await self._store.note_used(list(used))

    async def _look_up(self, prefix: str, now: float) -> tuple[float, Principal | None, bytes]:
        found = await self._store.find_key(prefix)
        if len(self._known) >= MOST_KNOWN:
            self._known = {name: known for name, known in self._known.items() if now < known[0]}
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
        # The life begins before the question was asked: what was revoked meanwhile ends in time all the same.
        until = now + self._known_for_s
        if found is None:
            known = (until, None, b"")
        else:
            if found.expires_at is not None:
                until = min(until, now + (found.expires_at - datetime.now(UTC)).total_seconds())
            known = (until, principal_of(prefix, found), found.digest)
        self._known[prefix] = known
        return known


def principal_of(prefix: str, found: FoundKey) -> Principal:
    """Who acts by this key."""
    scopes = None if found.scopes is None else frozenset(found.scopes)
    return Principal(found.tenant_id, f"key {prefix}", found.role, "key", found.key_id, scopes)
