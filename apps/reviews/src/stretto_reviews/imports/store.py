"""The only Python that runs the SQL of imports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any, cast
from uuid import UUID

import msgspec
import orjson
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.errors import Invalid, NotFound, NotPossible
from stretto.events import put_events
from stretto.store import Database, load_queries, new_id
from stretto_reviews.imports.files import Format, Lines, read_lines
from stretto_reviews.imports.rows import Rejected
from stretto_reviews.imports.webhooks import OrderRow, ProductRow

_Q = load_queries("stretto_reviews.imports")
BATCH_ROWS = 1_000
BATCH_BYTES = 4 * 1024 * 1024
MAX_NAME_CHARS = 200
LOW_STOCK = 10
"""A product is low at so many pieces, until the tenant sets something else."""
LOW_STOCK_EVENT = "app.reviews.low_stock"


class Import(msgspec.Struct, frozen=True):
    """What was handed in, and how far it is taken. `rejected` counts lines; `rows` counts them all."""

    id: UUID
    name: str
    rows: int
    done: int
    taken: int
    known: int
    duplicates: int
    spam: int
    rejected: int
    run_id: UUID | None
    created_at: datetime
    finished_at: datetime | None


async def begin_import(database: Database, tenant_id: UUID, name: str, *, import_id: UUID | None = None) -> UUID:
    """Begin an import; gives its id. With an id that is there already nothing is begun anew. Raises `Invalid`."""
    async with database.tenant(tenant_id) as connection:
        return await begin_within(connection, tenant_id, name, import_id)


async def begin_within(
    connection: AsyncConnection[TupleRow], tenant_id: UUID, name: str, import_id: UUID | None = None
) -> UUID:
    """The same in a transaction that is under way."""
    plain = "".join(character for character in name if character.isprintable()).strip()
    if not 0 < len(plain) <= MAX_NAME_CHARS:
        raise Invalid(f"An import needs a name of at most {MAX_NAME_CHARS} characters, such as its file's.")
    import_id = import_id or new_id()
    await connection.execute(_Q["begin"], {"id": import_id, "tenant_id": tenant_id, "name": plain})
    return import_id


async def put_rows(
    database: Database, tenant_id: UUID, import_id: UUID, rows: Sequence[tuple[int, Mapping[str, Any]]]
) -> int:
    """Put lines into an import; gives how many of them are new. A line that is there stays as it is.

    Raises `NotFound`, or `NotPossible` when the import is over.
    """
    added = 0
    for batch in _batches(rows):
        async with database.tenant(tenant_id) as connection:
            added += await put_within(connection, tenant_id, import_id, batch)
    return added


async def put_within(
    connection: AsyncConnection[TupleRow],
    tenant_id: UUID,
    import_id: UUID,
    rows: Sequence[tuple[int, Mapping[str, Any]]],
) -> int:
    """The same in a transaction that is under way, in one statement."""
    values = {"lines": [line for line, _ in rows], "bodies": [encode(body) for _, body in rows]}
    return await _put(connection, tenant_id, import_id, values)


async def _put(
    connection: AsyncConnection[TupleRow], tenant_id: UUID, import_id: UUID, values: Mapping[str, Any]
) -> int:
    place = {"tenant_id": tenant_id, "import_id": import_id}
    row = await (await connection.execute(_Q["put_rows"], {**values, **place})).fetchone()
    assert row is not None
    if not row[1]:
        there = await _imports(connection, tenant_id, import_id)
        raise NotPossible(f"The import {there.name!r} is over. Begin another.")
    return int(row[0])


async def put_rejects(
    connection: AsyncConnection[TupleRow], tenant_id: UUID, import_id: UUID, rejects: Sequence[Rejected]
) -> int:
    """Write down what was rejected; gives how many lines of them were not written before. Nothing is counted at the import."""
    values = {
        "lines": [each.line for each in rejects],
        "fields": [each.field for each in rejects],
        "reasons": [each.reason for each in rejects],
        "bodies": [each.body for each in rejects],
    }
    place = {"tenant_id": tenant_id, "import_id": import_id}
    row = await (await connection.execute(_Q["put_rejects"], {**values, **place})).fetchone()
    assert row is not None
    return int(row[0])


async def take_in(
    database: Database, tenant_id: UUID, name: str, source: str | Path | IO[bytes], format: Format
) -> UUID:
    """Put a file's lines into a new import; gives its id. The file is read in a thread, a batch at a time. Raises `Invalid`."""
    lines = read_lines(source, format)
    # The first batch is read before the import is begun: a file that is none leaves nothing behind.
    batch = await asyncio.to_thread(_next_batch, lines)
    import_id = await begin_import(database, tenant_id, name)
    while batch:
        async with database.tenant(tenant_id) as connection:
            await _put_batch(connection, tenant_id, import_id, batch)
        batch = await asyncio.to_thread(_next_batch, lines)
    return import_id


async def take_within(
    connection: AsyncConnection[TupleRow], tenant_id: UUID, name: str, source: IO[bytes], format: Format
) -> UUID:
    """The same in a transaction that is under way, for files of a few megabytes."""
    lines = read_lines(source, format)
    import_id = await begin_within(connection, tenant_id, name)
    while batch := await asyncio.to_thread(_next_batch, lines):
        await _put_batch(connection, tenant_id, import_id, batch)
    return import_id


async def _put_batch(
    connection: AsyncConnection[TupleRow],
    tenant_id: UUID,
    import_id: UUID,
    batch: Sequence[tuple[int, Mapping[str, Any] | Rejected]],
) -> None:
    """Lines of a file; those that could not even be read are rejected, and count among the import's."""
    readable = [(line, body) for line, body in batch if not isinstance(body, Rejected)]
    if readable:
        await put_within(connection, tenant_id, import_id, readable)
    if unread := [body for _, body in batch if isinstance(body, Rejected)]:
        new = await put_rejects(connection, tenant_id, import_id, unread)
        values = {"tenant_id": tenant_id, "import_id": import_id, "count": new}
        await connection.execute(_Q["count_unread"], values)


def _next_batch(lines: Lines) -> list[tuple[int, Mapping[str, Any] | Rejected]]:
    batch: list[tuple[int, Mapping[str, Any] | Rejected]] = []
    room = BATCH_BYTES
    for line, body in islice(lines, BATCH_ROWS):
        batch.append((line, body))
        room -= sum(len(value) for value in body.values() if isinstance(value, str)) if isinstance(body, Mapping) else 0
        if room <= 0:
            break
    return batch


def _batches(
    rows: Sequence[tuple[int, Mapping[str, Any]]],
) -> Iterator[Sequence[tuple[int, Mapping[str, Any]]]]:
    for start in range(0, len(rows), BATCH_ROWS):
        yield rows[start : start + BATCH_ROWS]


async def read_rows(
    database: Database, tenant_id: UUID, import_id: UUID, after: int = 0, limit: int = BATCH_ROWS
) -> list[tuple[int, dict[str, Any]]]:
    """The lines of an import after one, in order."""
    values = {"tenant_id": tenant_id, "import_id": import_id, "after": after, "limit": limit}
    async with database.tenant(tenant_id) as connection:
        rows = await (await connection.execute(_Q["rows"], values)).fetchall()
    return [(line, body) for line, body in rows]


async def rejects(
    database: Database, tenant_id: UUID, import_id: UUID, after: tuple[int, str] = (-1, ""), limit: int = BATCH_ROWS
) -> list[Rejected]:
    """What was rejected of an import, in the order of lines, after a line and field. Raises `NotFound` for an import that is not there."""
    place = {"tenant_id": tenant_id, "import_id": import_id}
    async with database.tenant(tenant_id) as connection:
        values = {**place, "line": after[0], "field": after[1], "limit": limit}
        rows = await (await connection.execute(_Q["rejects"], values)).fetchall()
        if not rows:
            await _imports(connection, tenant_id, import_id)
    return [Rejected(*row) for row in rows]


async def all_rejects(database: Database, tenant_id: UUID, import_id: UUID) -> AsyncIterator[Rejected]:
    """All that was rejected of an import, page by page."""
    after = (-1, "")
    while page := await rejects(database, tenant_id, import_id, after):
        for each in page:
            yield each
        after = (page[-1].line, page[-1].field)


async def imports(database: Database, tenant_id: UUID, before: UUID | None = None, limit: int = 50) -> list[Import]:
    """A tenant's imports, the latest first, those from before one."""
    values = {"tenant_id": tenant_id, "id": None, "before": before, "limit": limit}
    async with database.tenant(tenant_id) as connection:
        return [Import(*row) for row in await (await connection.execute(_Q["imports"], values)).fetchall()]


async def get_import(database: Database, tenant_id: UUID, import_id: UUID) -> Import:
    """One import. Raises `NotFound`."""
    async with database.tenant(tenant_id) as connection:
        return await _imports(connection, tenant_id, import_id)


async def _imports(connection: AsyncConnection[TupleRow], tenant_id: UUID, import_id: UUID) -> Import:
    values = {"tenant_id": tenant_id, "id": import_id, "before": None, "limit": 1}
    row = await (await connection.execute(_Q["imports"], values)).fetchone()
    if row is None:
        raise NotFound(f"There is no import {import_id}.")
    return Import(*row)


async def put_order(connection: AsyncConnection[TupleRow], tenant_id: UUID, order: OrderRow) -> None:
    """An order as it is now: its customer, its purchases, and the stock, of which an event tells where it becomes low."""
    place = {"tenant_id": tenant_id, "order_id": order.order_id, "at": order.purchased_at}
    await connection.execute(_Q["drop_lines"], {**place, "lines": [each.line for each in order.lines]})
    if not order.lines:
        return
    customer_id = None
    if order.customer_email is not None:
        customer = {"tenant_id": tenant_id, "email": order.customer_email, "name": order.customer_name}
        row = await (await connection.execute(_Q["put_customer"], customer)).fetchone()
        customer_id = None if row is None else row[0]
    ids = [each.product_id for each in order.lines]
    products = {"ids": ids, "names": [each.name for each in order.lines], "skus": [each.sku for each in order.lines]}
    await connection.execute(_Q["put_ordered_products"], {**place, **products})
    values = {
        "customer_id": customer_id,
        "ids": ids,
        "lines": [each.line for each in order.lines],
        "quantities": [each.quantity for each in order.lines],
        "totals": [each.total for each in order.lines],
    }
    await _tell_low(connection, await (await connection.execute(_Q["put_purchases"], {**place, **values})).fetchall())


async def put_product(connection: AsyncConnection[TupleRow], tenant_id: UUID, product: ProductRow) -> None:
    """A product as the shop has it; an event tells where its stock becomes low."""
    values = {"tenant_id": tenant_id, "threshold": LOW_STOCK, **msgspec.structs.asdict(product)}
    await _tell_low(connection, await (await connection.execute(_Q["put_product"], values)).fetchall())


async def _tell_low(connection: AsyncConnection[TupleRow], rows: Sequence[TupleRow]) -> None:
    events: list[Mapping[str, Any]] = []
    for product_id, external_id, sku, name, quantity, threshold, low in rows:
        if low:
            data = {
                "product_id": str(product_id),
                "external_id": external_id,
                "sku": sku,
                "name": name,
                "quantity": quantity,
                "threshold": threshold,
                "status": "low_stock" if quantity else "out_of_stock",
            }
            events.append({"type": LOW_STOCK_EVENT, "subject": f"products/{product_id}", "data": data})
    await put_events(connection, events)


def encode(body: Mapping[str, Any]) -> str:
    """A line as JSON that PostgreSQL can keep: without NUL and halves of characters, and with numbers that JSON knows."""
    try:
        encoded = orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # also for texts that are no UTF-8, and for integers of more than 64 bits
        encoded = orjson.dumps(cleaned(body))
    if b"\\u0000" in encoded:
        encoded = orjson.dumps(cleaned(body))
    return encoded.decode()


def cleaned(value: object, depth: int = 0) -> object:
    """A value with everything taken out of it that JSON or PostgreSQL cannot hold."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "")
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**63 else str(value)[:1000] if abs(value) < 10**999 else "a very long number"
    if depth < 50:
        if isinstance(value, Mapping):
            fields = cast("Mapping[object, object]", value).items()
            return {str(cleaned(str(key))): cleaned(each, depth + 1) for key, each in fields}
        if isinstance(value, list | tuple):
            return [cleaned(each, depth + 1) for each in cast("Sequence[object]", value)]
    return str(cleaned(str(value)[:1000]))
