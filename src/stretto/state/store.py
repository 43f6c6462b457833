"""The only Python that runs the SQL of shared state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.state.document import Document, decode
from stretto.state.writing import Found
from stretto.store import Database, load_queries
from stretto.store.acting import traceparent_now

_Q = load_queries("stretto.state")
TRIM_EVERY = 16
"""At every 16th version the old ones are forgotten: seldom enough to cost little, often enough to stay bounded."""


@dataclass(frozen=True, slots=True)
class Version:
    """A version to be written; `value` is its JSON, None removes the document."""

    key: str
    version: int
    value: bytes | None
    merged_from: int | None


@dataclass(frozen=True, slots=True)
class Signed:
    """Who writes, when, and in which step of which run."""

    by: str
    at: datetime
    run_id: UUID | None
    step: str | None


class StateStore:
    """Documents in PostgreSQL, of one tenant."""

    def __init__(self, database: Database, tenant_id: UUID) -> None:
        self.database = database
        self.tenant_id = tenant_id

    async def lock(self, connection: AsyncConnection[TupleRow], seen: Mapping[str, int | None]) -> dict[str, Found]:
        """Lock these documents, also those that are not there yet; gives those that are."""
        values = {"tenant_id": self.tenant_id, "keys": list(seen), "seen": list(seen.values())}
        rows = await (await connection.execute(_Q["lock"], values)).fetchall()
        return {row[0]: Found(_document(row), row[9]) for row in rows}

    async def write(self, connection: AsyncConnection[TupleRow], versions: Sequence[Version], signed: Signed) -> None:
        """Add these versions of locked documents, and tell of them."""
        values: dict[str, Any] = {
            "tenant_id": self.tenant_id,
            "keys": [each.key for each in versions],
            "versions": [each.version for each in versions],
            "values": [None if each.value is None else each.value.decode() for each in versions],
            "deleted": [each.value is None for each in versions],
            "merged_from": [each.merged_from for each in versions],
            "by": signed.by,
            "at": signed.at,
            "run_id": signed.run_id,
            "step": signed.step,
            "events": orjson.dumps([changed(each, signed) for each in versions]).decode(),
        }
        await connection.execute(_Q["write"], values)
        keep = self.database.settings.state_versions
        for each in versions:
            if each.version % TRIM_EVERY == 0 and each.version > keep:
                await connection.execute(_Q["trim"], {"key": each.key, "up_to": each.version - keep})

    async def get(self, key: str, version: int | None = None) -> Document | None:
        """A version of a document, or the latest; also one that removed it."""
        rows = await self._all("get", key=key, version=version)
        return _document(rows[0]) if rows else None

    async def get_in(self, connection: AsyncConnection[TupleRow], key: str, version: int) -> Document | None:
        """As `get`, in a transaction that somebody else holds."""
        values = {"tenant_id": self.tenant_id, "key": key, "version": version}
        row = await (await connection.execute(_Q["get"], values)).fetchone()
        return None if row is None else _document(row)

    async def list(self, prefix: str, after: str | None, limit: int, page_bytes: int) -> list[tuple[Document, bool]]:
        """Documents by key, and whether each fits into the page; the values of those that do not are left out."""
        rows = await self._all("list", prefix=prefix, after=after, limit=limit, bytes=page_bytes)
        return [(_document(row), row[9]) for row in rows]

    async def history(self, key: str, before: int, limit: int) -> list[Document]:
        """The versions of a document before one of them, the latest first, without values."""
        return [_document(row) for row in await self._all("history", key=key, before=before, limit=limit)]

    async def _all(self, query: str, **values: Any) -> list[TupleRow]:
        async with self.database.tenant(self.tenant_id) as connection:
            return await (await connection.execute(_Q[query], {"tenant_id": self.tenant_id, **values})).fetchall()


async def forget_removed(database: Database, before: datetime) -> None:
    """Forget the documents of all tenants that were removed before a time, with their histories."""
    async with database.operator() as connection:
        await connection.execute(_Q["forget"], {"before": before})


def changed(version: Version, signed: Signed) -> dict[str, Any]:
    """The event that a document has changed. Its value stays where it is."""
    data: dict[str, Any] = {
        "key": version.key,
        "version": version.version,
        "by": signed.by,
        "deleted": version.value is None,
        "merged": version.merged_from is not None,
    }
    if signed.run_id is not None:
        data["run_id"] = str(signed.run_id)
    if signed.step is not None:
        data["step"] = signed.step
    return {
        "type": "stretto.state.changed",
        "subject": f"state/{version.key}",
        "at": signed.at.isoformat(),
        "data": data,
        "traceparent": traceparent_now() or None,
    }


def _document(row: TupleRow) -> Document:
    key, version, value, deleted, by, at, run_id, step, merged_from = row[:9]
    return Document(
        key,
        None if value is None else decode(value),
        version,
        by,
        at,
        run_id=run_id,
        step=step,
        deleted=deleted,
        merged_from=merged_from,
    )
