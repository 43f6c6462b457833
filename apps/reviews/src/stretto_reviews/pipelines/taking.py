"""Taking the lines of an import: each becomes a review, or a reason why not; with duplicates and spam set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import orjson
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.store import load_queries
from stretto_reviews.analysis import complexity_of, language_of, spam_in
from stretto_reviews.duplicates import ALIKE, bands_of, similarity
from stretto_reviews.imports import Rejected, ReviewRow, put_rejects, read_row

QUERIES = load_queries("stretto_reviews.pipelines")
MOST_CANDIDATES = 5
"""So many reviews that share most bands are compared with a new one."""


@dataclass(slots=True)
class Taken:
    """A review that is to be stored, and what was found about it so far."""

    line: int
    id: UUID
    row: ReviewRow
    bands: Sequence[int]
    language: str
    status: str = "new"
    duplicate_of: UUID | None = None
    similarity: float | None = None
    spam_score: float = 0.0
    spam_reasons: Sequence[str] = ()

    def stored(self, customers: Mapping[str, UUID], products: Mapping[str, UUID]) -> dict[str, Any]:
        """As the statement `put_reviews` takes it."""
        row = self.row
        return {
            "id": self.id,
            "created_at": row.created_at,
            "source": row.source,
            "external_id": row.external_id,
            "product_id": products.get(row.product.external_id) if row.product else None,
            "customer_id": customers.get(row.customer_email) if row.customer_email else None,
            "title": row.title,
            "text": row.text,
            "rating": row.rating,
            "language": self.language,
            "latitude": row.latitude,
            "longitude": row.longitude,
            "status": self.status,
            "duplicate_of": self.duplicate_of,
            "similarity": self.similarity,
            "spam_score": self.spam_score,
            "spam_reasons": list(self.spam_reasons),
            "complexity": round(complexity_of(row.text, self.language), 3),
            "line": self.line,
        }


def review_id(tenant_id: UUID, source: str, external_id: str) -> UUID:
    """The id of a review: the same however often it is handed in."""
    return uuid5(tenant_id, f"{source}\0{external_id}")


def read_lines(
    tenant_id: UUID, lines: Sequence[tuple[int, Mapping[str, Any]]], received_at: datetime
) -> tuple[list[Taken], list[Rejected]]:
    """What the lines hold: reviews (of the same id the first), and what cannot be taken. Works hard: call it in a thread."""
    rows: dict[UUID, tuple[int, ReviewRow]] = {}
    rejected: list[Rejected] = []
    for line, body in lines:
        found = read_row(line, body, received_at)
        if isinstance(found, ReviewRow):
            rows.setdefault(review_id(tenant_id, found.source, found.external_id), (line, found))
        else:
            rejected.extend(found)
    bands = bands_of([row.text for _, row in rows.values()]) if rows else []
    taken = [
        Taken(line, id, row, parts, language_of(row.text))
        for (id, (line, row)), parts in zip(rows.items(), bands, strict=True)
    ]
    for each in taken:
        suspicion = spam_in(f"{each.row.title}\n{each.row.text}")
        each.spam_score, each.spam_reasons = suspicion.score, suspicion.reasons
        if suspicion.suspected:
            each.status = "spam"
    return taken, rejected


async def take(
    connection: AsyncConnection[TupleRow],
    tenant_id: UUID,
    import_id: UUID,
    taken: Sequence[Taken],
    rejected: Sequence[Rejected],
) -> None:
    """Store all of it, in the caller's transaction. What was taken before, by this import or another, is passed over."""
    own = {"tenant_id": tenant_id, "import_id": import_id}
    if rejected:
        await put_rejects(connection, tenant_id, import_id, rejected)
    fresh = await _fresh(connection, tenant_id, taken)
    if not fresh:
        return
    await connection.execute(
        QUERIES["months"], {"months": sorted({each.row.created_at.date().replace(day=1) for each in fresh})}
    )
    await _mark_duplicates(connection, tenant_id, fresh)
    customers = await _customers(connection, tenant_id, fresh)
    products = await _products(connection, tenant_id, fresh)
    rows = orjson.dumps([each.stored(customers, products) for each in fresh]).decode()
    await connection.execute(QUERIES["put_reviews"], {**own, "rows": rows})
    banded = [(band, each.id) for each in fresh if each.status == "new" for band in each.bands]
    values = {"bands": [band for band, _ in banded], "ids": [id for _, id in banded]}
    await connection.execute(QUERIES["put_bands"], {"tenant_id": tenant_id, **values})


async def _fresh(connection: AsyncConnection[TupleRow], tenant_id: UUID, taken: Sequence[Taken]) -> list[Taken]:
    if not taken:
        return []
    values = {
        "tenant_id": tenant_id,
        "sources": [each.row.source for each in taken],
        "external_ids": [each.row.external_id for each in taken],
        "ids": [each.id for each in taken],
        "created_at": [each.row.created_at for each in taken],
    }
    ids = {id for (id,) in await (await connection.execute(QUERIES["put_keys"], values)).fetchall()}
    return [each for each in taken if each.id in ids]


async def _mark_duplicates(connection: AsyncConnection[TupleRow], tenant_id: UUID, fresh: Sequence[Taken]) -> None:
    """Compare each new review with those that share bands: of the tenant's, and of the same batch those before it."""
    bands = sorted({band for each in fresh for band in each.bands})
    cursor = await connection.execute(QUERIES["alike"], {"tenant_id": tenant_id, "bands": bands})
    sharing: dict[int, list[UUID]] = {}
    for band, id in await cursor.fetchall():
        sharing.setdefault(band, []).append(id)
    known = {id for ids in sharing.values() for id in ids}
    cursor = await connection.execute(QUERIES["compared"], {"ids": list(known)})
    texts: dict[UUID, str] = dict(await cursor.fetchall())
    for each in fresh:
        if each.status == "new":
            shared = Counter(id for band in each.bands for id in sharing.get(band, ()))
            for id, _ in shared.most_common(MOST_CANDIDATES):
                if id not in texts:
                    continue  # its month was dropped meanwhile
                alike = similarity(each.row.text, texts[id])
                if alike >= ALIKE and alike > (each.similarity or 0.0):
                    each.status, each.duplicate_of, each.similarity = "duplicate", id, alike
        if each.status == "new":
            texts[each.id] = each.row.text
            for band in each.bands:
                sharing.setdefault(band, []).append(each.id)


async def _customers(connection: AsyncConnection[TupleRow], tenant_id: UUID, fresh: Sequence[Taken]) -> dict[str, UUID]:
    rows = {each.row.customer_email: each.row for each in fresh if each.row.customer_email}
    if not rows:
        return {}
    values = {
        "tenant_id": tenant_id,
        "emails": list(rows),
        "names": [row.customer_name for row in rows.values()],
        "opted_in": [row.opted_into_loyalty for row in rows.values()],
        "since": [row.created_at for row in rows.values()],
    }
    await connection.execute(QUERIES["put_customers"], values)
    cursor = await connection.execute(QUERIES["customers"], {"tenant_id": tenant_id, "emails": list(rows)})
    return dict(await cursor.fetchall())


async def _products(connection: AsyncConnection[TupleRow], tenant_id: UUID, fresh: Sequence[Taken]) -> dict[str, UUID]:
    names = {each.row.product.external_id: each.row.product.name for each in fresh if each.row.product}
    if not names:
        return {}
    values = {"tenant_id": tenant_id, "ids": list(names), "names": list(names.values())}
    await connection.execute(QUERIES["put_products"], values)
    return dict(
        await (await connection.execute(QUERIES["products"], {"tenant_id": tenant_id, "ids": list(names)})).fetchall()
    )
