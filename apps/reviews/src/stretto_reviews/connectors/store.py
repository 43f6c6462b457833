"""The only Python that runs the SQL of connectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.errors import Invalid
from stretto.store import Database, load_queries
from stretto_reviews.connectors.port import Delivery
from stretto_reviews.imports import encode

_Q = load_queries("stretto_reviews.connectors")
MAX_KEY_CHARS = 200
MAX_ERROR_CHARS = 500
State = Literal["planned", "sent", "failed", "off"]


class Planned(msgspec.Struct, frozen=True):
    """A delivery and what became of it. `off`: its connector was not configured when it was due."""

    key: str
    connector: str
    body: dict[str, Any]
    state: State
    attempts: int
    error: str | None
    due_at: datetime
    created_at: datetime
    sent_at: datetime | None


async def plan(
    connection: AsyncConnection[TupleRow], tenant_id: UUID, letters: Sequence[tuple[str, str, Mapping[str, Any]]]
) -> int:
    """Write down what other systems are to be told (key, connector, body), in the transaction of what it tells of.

    A key that is there already is not planned again. Gives how many are new.
    """
    if not letters:
        return 0
    for key, _, _ in letters:
        if not 0 < len(key) <= MAX_KEY_CHARS or not key.isprintable():
            raise Invalid(f"A delivery's key has from 1 to {MAX_KEY_CHARS} characters, all of them printable.")
    values = {
        "tenant_id": tenant_id,
        "keys": [key for key, _, _ in letters],
        "connectors": [connector for _, connector, _ in letters],
        "bodies": [encode(body) for _, _, body in letters],
    }
    row = await (await connection.execute(_Q["plan"], values)).fetchone()
    assert row is not None
    return int(row[0])


async def send_again(
    database: Database, tenant_id: UUID, *, connector: str | None = None, key: str | None = None
) -> int:
    """Let what failed, or came while its connector was off, be sent; gives how many there are."""
    async with database.tenant(tenant_id) as connection:
        values = {"tenant_id": tenant_id, "connector": connector, "key": key}
        return (await connection.execute(_Q["send_again"], values)).rowcount


async def deliveries(
    database: Database,
    tenant_id: UUID,
    *,
    connector: str | None = None,
    state: State | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[Planned]:
    """A tenant's deliveries, the latest first, those from before a key."""
    values = {"tenant_id": tenant_id, "connector": connector, "state": state, "before": before, "limit": limit}
    async with database.tenant(tenant_id) as connection:
        return [Planned(*row) for row in await (await connection.execute(_Q["deliveries"], values)).fetchall()]


async def due_tenants(database: Database, most: int) -> list[UUID]:
    """Tenants with deliveries that are due."""
    async with database.system() as connection:
        return [row[0] for row in await (await connection.execute(_Q["due_tenants"], {"most": most})).fetchall()]


async def data_tenants(database: Database) -> list[UUID]:
    """Tenants that have data here."""
    async with database.system() as connection:
        return [row[0] for row in await (await connection.execute(_Q["data_tenants"])).fetchall()]


async def claim(database: Database, tenant_id: UUID, most: int, lease_s: float) -> list[Delivery]:
    """Take deliveries that are due, for so long, each with the number of this attempt."""
    values = {"tenant_id": tenant_id, "most": most, "lease_s": lease_s}
    async with database.tenant(tenant_id) as connection:
        rows = await (await connection.execute(_Q["claim"], values)).fetchall()
    rows.sort(key=lambda row: row[4])
    return [Delivery(tenant_id, key, connector, body, attempts) for key, connector, body, attempts, _ in rows]


async def settle(
    database: Database,
    delivery: Delivery,
    state: State,
    *,
    error: str | None = None,
    pause_s: float = 0.0,
    tried: bool = True,
) -> None:
    """Write down what became of an attempt; nothing, when another process has the delivery in hand since."""
    await settle_all(database, delivery.tenant_id, [delivery], state, error=error, pause_s=pause_s, tried=tried)


async def settle_all(
    database: Database,
    tenant_id: UUID,
    deliveries: Sequence[Delivery],
    state: State,
    *,
    error: str | None = None,
    pause_s: float = 0.0,
    tried: bool = True,
) -> None:
    """The same of many that have met with the same, in one statement."""
    values = {
        "tenant_id": tenant_id,
        "keys": [each.key for each in deliveries],
        "attempts": [each.attempts for each in deliveries],
        "state": state,
        "error": None if error is None else error.replace("\0", "")[:MAX_ERROR_CHARS],
        "pause_s": pause_s,
        "tried": tried,
    }
    async with database.tenant(tenant_id) as connection:
        await connection.execute(_Q["settle"], values)
