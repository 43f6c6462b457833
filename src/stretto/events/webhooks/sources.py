"""Incoming webhooks: a signature checked on the raw body, each counted once, accepted fast, and from there on an event."""

from __future__ import annotations

import base64
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from stretto.errors import Invalid, NotFound, SignatureRefused
from stretto.events.event import HOOK_PREFIX
from stretto.events.webhooks.schemes import Request, check_secret, verify
from stretto.events.webhooks.sealing import Seal
from stretto.events.webhooks.store import FoundSource, Source, Told, WebhookStore
from stretto.store import Database
from stretto.store.idempotency import Once

MAX_BODY_BYTES = 256 * 1024
MAX_DEPTH = 100
"""What is nested deeper is kept as base64."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_PUBLIC_ID = re.compile(r"[A-Za-z0-9_-]{32}")


@dataclass(frozen=True, slots=True)
class Received:
    """What came in. `first` is False for a repetition, which changes nothing."""

    key: str
    first: bool


class HookSources:
    """A tenant's sources of incoming webhooks."""

    def __init__(self, database: Database, seal: Seal, tenant_id: UUID) -> None:
        self._store = WebhookStore(database)
        self._seal = seal
        self._tenant_id = tenant_id

    async def list(self, *, after: str | None = None, limit: int = 50) -> list[Source]:
        """Sources, in the order of their names."""
        return await self._store.sources(self._tenant_id, after=after, limit=limit)

    async def add(self, name: str, scheme: str, secret: str, *, by: str = "", once: Once | None = None) -> str:
        """Make a source; gives its public id, which stands in its address. Raises `Invalid` or `NotPossible`."""
        if not _NAME.fullmatch(name):
            raise Invalid(
                f"{name[:100]!r} is no name for a source. Use small letters, digits, `_` and `-`; at most 40."
            )
        check_secret(scheme, secret)
        public_id = secrets.token_urlsafe(24)
        values = {
            "public_id": public_id,
            "name": name,
            "scheme": scheme,
            "secret": await self._seal.seal(self._tenant_id, public_id, secret),
            "by": by,
        }
        return await self._store.add_source(self._tenant_id, values, once)

    async def remove(self, name: str) -> None:
        """Remove a source: its address leads nowhere from now on. Raises `NotFound`."""
        await self._store.remove_source(self._tenant_id, name)


class HookReceiver:
    """Takes what comes in, for whatever tenant."""

    def __init__(self, database: Database, seal: Seal, told: Told | None = None) -> None:
        self._store = WebhookStore(database)
        self._seal = seal
        self._told = told

    async def find(self, public_id: str) -> FoundSource:
        """Whose address this is. Raises `NotFound`."""
        found = await self._store.find_source(public_id) if _PUBLIC_ID.fullmatch(public_id) else None
        if found is None:
            raise NotFound("There is no such address for webhooks. `GET /v1/hook-sources` lists a tenant's own.")
        return found

    async def receive(self, public_id: str, source: FoundSource, headers: Mapping[str, str], body: bytes) -> Received:
        """Check the signature, and write the event `hook.<source>`, once. Raises `SignatureRefused`; then nothing is written."""
        secret = await self._seal.open(source.tenant_id, public_id, source.secret)
        try:
            verified = verify(source.scheme, secret, Request(headers, body, time.time()))
        except Invalid:  # a scheme that this process does not know
            raise SignatureRefused from None
        event = {
            "type": HOOK_PREFIX + source.name,
            "subject": f"hooks/{source.name}",
            "data": data_of(source.name, verified.key, verified.event, body),
        }
        first = await self._store.receive(source.tenant_id, public_id, verified.key, event, self._told)
        return Received(verified.key, first)


def data_of(source: str, key: str, event: str, body: bytes) -> dict[str, Any]:
    """The data of the event: the body as JSON where it is some that PostgreSQL can keep, else as base64."""
    data: dict[str, Any] = {"source": source, "delivery": key}
    if event and event.isprintable():
        data["event"] = event
    try:
        if b"\\u0000" in body or (body.count(b"[") + body.count(b"{") > MAX_DEPTH and too_deep(body)):
            raise ValueError
        data["body"] = orjson.loads(body)
    except ValueError:
        data["body_base64"] = base64.b64encode(body).decode()
    return data


def too_deep(body: bytes) -> bool:
    """Whether brackets stand inside each other too deeply; those in texts count too, so that one pass tells."""
    depth = 0
    for byte in body:
        if byte in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif byte in b"]}":
            depth -= 1
    return False
