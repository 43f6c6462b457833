"""The ledger's tables: the only module that reads and writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg.sql import SQL, Composable

from stretto.gateway.calls import Call, Settler
from stretto.gateway.ledger.packed import calls_json
from stretto.store import Database, load_queries

_Q = load_queries("stretto.gateway.ledger")


async def write_calls(
    connection: AsyncConnection[TupleRow],
    calls: Iterable[Call],
    settlers: Sequence[Settler] = (),
    price_documents: Mapping[str, str] | None = None,
) -> None:
    """Write calls of any tenants down in one transaction: rows, sums, and what the settlers count.

    Calls that are there already change nothing, and settlers do not see them. All that is locked is locked in one order:
    prices by version, sums by tenant and key, then what settlers lock, by tenant. `connection` autocommits.
    """
    tenants: dict[UUID, dict[UUID, Call]] = {}
    for call in calls:
        tenants.setdefault(call.caller.tenant_id, {})[call.id] = call
    async with connection.pipeline(), connection.transaction():
        if price_documents:
            values = {"versions": list(price_documents), "documents": list(price_documents.values())}
            await connection.execute(_Q["keep_prices"], values)
        written: list[tuple[UUID, Any]] = []
        for tenant_id in sorted(tenants):
            await connection.execute(_Q["set_tenant"], {"tenant_id": tenant_id})
            values = {"tenant_id": tenant_id, "calls": calls_json(tenants[tenant_id].values())}
            written.append((tenant_id, await connection.execute(_Q["record_calls"], values)))
        if not settlers:
            return
        for tenant_id, cursor in written:
            new = [tenants[tenant_id][call_id] for (call_id,) in await cursor.fetchall()]
            if new:
                await connection.execute(_Q["set_tenant"], {"tenant_id": tenant_id})
                for settle in settlers:
                    await settle(connection, tenant_id, new)


async def used_by_runs(database: Database, tenant_id: UUID, run_ids: Sequence[UUID]) -> list[TupleRow]:
    """What the calls of each of these runs came to; runs without calls have no row."""
    async with database.tenant(tenant_id) as connection:
        values = {"tenant_id": tenant_id, "run_ids": list(run_ids)}
        return await (await connection.execute(_Q["used_by_runs"], values)).fetchall()


async def agents_since(database: Database, tenant_id: UUID, since: datetime, first_id: UUID) -> list[TupleRow]:
    """By agent: steps with an answer, and steps without."""
    async with database.tenant(tenant_id) as connection:
        values = {"tenant_id": tenant_id, "since": since, "first_id": first_id}
        return await (await connection.execute(_Q["agents_since"], values)).fetchall()


async def read_usage(
    database: Database,
    query: LiteralString,
    parts: Mapping[str, Composable],
    values: Mapping[str, Any],
) -> list[TupleRow]:
    """The rows of `usage_from_days` or `usage_from_calls`, put together from these parts."""
    async with database.tenant(values["tenant_id"]) as connection:
        cursor = await connection.execute(SQL(_Q[query]).format(**parts), values)
        return await cursor.fetchall()


async def flow_exists(database: Database, tenant_id: UUID, flow: str) -> bool:
    """Whether the tenant has a flow of this name."""
    async with database.tenant(tenant_id) as connection:
        cursor = await connection.execute(_Q["flow_exists"], {"tenant_id": tenant_id, "flow": flow})
        return bool((await cursor.fetchall())[0][0])


async def latest_runs(database: Database, tenant_id: UUID, flow: str, most: int) -> list[TupleRow]:
    """The latest whole runs of a flow: version, calls, simulated ones, tokens in and out, cost."""
    async with database.tenant(tenant_id) as connection:
        values = {"tenant_id": tenant_id, "flow": flow, "most": most}
        return await (await connection.execute(_Q["latest_runs"], values)).fetchall()


async def provider_days(database: Database, tenant_id: UUID, provider: str, first: date, last: date) -> list[TupleRow]:
    """What a provider should have billed from the first day to the last."""
    async with database.tenant(tenant_id) as connection:
        values = {"tenant_id": tenant_id, "provider": provider, "first": first, "last": last}
        return await (await connection.execute(_Q["provider_days"], values)).fetchall()


async def calls_after(
    database: Database, tenant_id: UUID, after: UUID, limit: int
) -> tuple[list[TupleRow], dict[str, str]]:
    """Calls in the order of their ids, and the prices that their versions stood for."""
    async with database.tenant(tenant_id) as connection:
        values = {"tenant_id": tenant_id, "after": after, "limit": limit}
        rows = await (await connection.execute(_Q["calls_after"], values)).fetchall()
        versions = list({row[2] for row in rows})
        found = await (await connection.execute(_Q["price_documents"], {"versions": versions})).fetchall()
    return rows, dict(found)
