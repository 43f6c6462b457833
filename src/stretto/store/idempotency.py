"""A request that comes twice under one Idempotency-Key makes one thing, whatever it is that it makes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.errors import IdempotencyConflict, InputInvalid
from stretto.store.database import QUERIES

MAX_KEY_CHARS = 255
_canonical = msgspec.json.Encoder(order="sorted").encode


@dataclass(slots=True)
class Once:
    """A request under a key. `digest` tells it from others; `replayed` is set where it came before."""

    key: str
    digest: str
    replayed: bool = False


def once(key: str | None, *request: object) -> Once | None:
    """A request that shall count once, by all that makes it what it is; None without a key. Raises `InputInvalid`."""
    if key is None:
        return None
    if not 0 < len(key) <= MAX_KEY_CHARS:
        raise InputInvalid(f"An Idempotency-Key has 1 to {MAX_KEY_CHARS} characters; this has {len(key)}.")
    return Once(key, hashlib.sha256(_canonical(request)).hexdigest())


async def claim(
    connection: AsyncConnection[TupleRow],
    tenant_id: UUID,
    once: Once | None,
    kind: str,
    made_id: str,
    *,
    at: datetime | None = None,
    shown_once: bool = False,
) -> str | None:
    """Take the key for what this transaction makes; gives the id of what the same request made before.

    None: it is the first; make it, in this transaction. `kind` is a noun, such as `run`. Of several at once the
    others wait here until the first commits. Raises `IdempotencyConflict` when the key stands for another request,
    and, with `shown_once`, also for the same one: what was answered then holds a secret, and cannot be said again.
    """
    if once is None:
        return None
    values = {
        "tenant_id": tenant_id,
        "key": once.key,
        "digest": once.digest,
        "kind": kind,
        "made_id": made_id,
        "at": at or datetime.now(UTC),
    }
    while True:
        if await (await connection.execute(QUERIES["claim_key"], values)).fetchone():
            return None
        found = await (await connection.execute(QUERIES["get_key"], values)).fetchone()
        if found is not None:  # else it was forgotten between the two: take it
            return _made_by(once, found, shown_once=shown_once)


async def made_before(connection: AsyncConnection[TupleRow], tenant_id: UUID, once: Once | None) -> str | None:
    """The id of what the same request made before; None if it has made nothing, or has no key.

    For who can let no other such request be under way, and knows only later what he makes: then he takes the key with `claim`.
    Raises `IdempotencyConflict` when the key stands for another request.
    """
    if once is None:
        return None
    values = {"tenant_id": tenant_id, "key": once.key}
    found = await (await connection.execute(QUERIES["get_key"], values)).fetchone()
    return None if found is None else _made_by(once, found, shown_once=False)


def _made_by(once: Once, found: TupleRow, *, shown_once: bool) -> str:
    earlier_kind, earlier_id, digest = map(str, found)
    made = f"The Idempotency-Key {once.key!r} stands for another request, which made {earlier_kind} {earlier_id}."
    if digest != once.digest:
        raise IdempotencyConflict(f"{made} Use a new key for a new request.")
    if shown_once:
        raise IdempotencyConflict(
            f"This request was carried out: it made {earlier_kind} {earlier_id}, whose secret was shown once. "
            "If that answer got lost, remove what was made, and make another under a new Idempotency-Key."
        )
    once.replayed = True
    return earlier_id
