"""Taking back what was set aside: copies that are none, and what only looked like spam, on somebody's word.

They become the lines of an import of their own, so that all that follows is as for any review. Their keys are known, so that
import stores nothing anew and compares nothing again: it finds its reviews by its lines, and they are new.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from psycopg.rows import dict_row

from stretto import Platform
from stretto.errors import NotFound, NotPossible
from stretto_reviews.duplicates import bands_of
from stretto_reviews.imports.store import MAX_NAME_CHARS, begin_within, put_within
from stretto_reviews.pipelines.ingestion import start_within
from stretto_reviews.pipelines.taking import QUERIES

SET_ASIDE = ("duplicate", "spam")
MOST_NAMED = 5
"""So many reviews are named in a refusal; of others it tells how many."""


class TakenBack(msgspec.Struct, frozen=True):
    """The import that takes reviews back, the run that takes it up, and how many reviews these are."""

    id: UUID
    run_id: UUID
    taken: int


async def take_back(platform: Platform, tenant_id: UUID, ids: Sequence[UUID], by: str) -> TakenBack:
    """Take reviews in that were set aside: all of them and the start of their run in one transaction, or nothing.

    Raises `NotFound` for reviews that are not there, and `NotPossible` for those that are not set aside, or are just now.
    """
    async with platform.database.tenant(tenant_id) as connection:
        async with connection.cursor(row_factory=dict_row) as cursor:
            # Locked, so that of two who take one back at once the second finds it taken.
            await cursor.execute(QUERIES["set_aside"], {"ids": sorted(set(ids))})
            rows = await cursor.fetchall()
        refuse_others(ids, rows)
        import_id = await begin_within(connection, tenant_id, f"Taken back by {by}"[:MAX_NAME_CHARS])
        lines = [(line, body_again(row)) for line, row in enumerate(rows, start=1)]
        await put_within(connection, tenant_id, import_id, lines)
        found = [row["id"] for row in rows]
        values = {"import_id": import_id, "by": by, "ids": found, "lines": [line for line, _ in lines]}
        await connection.execute(QUERIES["take_back"], values)
        banded = await asyncio.to_thread(bands_of, [row["text"] for row in rows])
        pairs = [(band, id) for id, bands in zip(found, banded, strict=True) for band in bands]
        values = {"bands": [band for band, _ in pairs], "ids": [id for _, id in pairs]}
        await connection.execute(QUERIES["put_bands"], {"tenant_id": tenant_id, **values})
        run_id = await start_within(platform, connection, tenant_id, import_id)
    return TakenBack(import_id, run_id, len(rows))


def refuse_others(ids: Sequence[UUID], rows: Sequence[Mapping[str, Any]]) -> None:
    """Raises unless each of these reviews is there, set aside, and counted by the import that it came with."""
    there = {row["id"]: row for row in rows}
    if missing := [str(id) for id in dict.fromkeys(ids) if id not in there]:
        raise NotFound(f"There is no review {named(missing)}. Nothing was taken back.")
    if others := [f"{row['id']} ({row['status']})" for row in rows if row["status"] not in SET_ASIDE]:
        raise NotPossible(
            f"Not set aside, or taken back already: {named(others)}. Leave them out; nothing was changed."
        )
    if early := [str(row["id"]) for row in rows if row["in_hand"]]:
        raise NotPossible(
            f"Their import is just taking them up: {named(early)}. Ask again in a moment; nothing was changed."
        )


def named(several: Sequence[str]) -> str:
    """The first few of them, and how many more there are."""
    more = len(several) - MOST_NAMED
    return ", ".join(several[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def body_again(row: Mapping[str, Any]) -> dict[str, Any]:
    """A review as a line of an import. What its customer and product are called is known under their ids."""
    plain = ("source", "external_id", "title", "text", "rating", "latitude", "longitude")
    body = {name: row[name] for name in plain if row[name] not in (None, "")}
    body["created_at"] = row["created_at"].isoformat()
    if row["product"] is not None:
        body["product"] = {"external_id": row["product"]}
    if row["customer"] is not None:
        body["customer"] = {"email": row["customer"]}
    return body
