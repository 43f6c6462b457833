"""Running a checked statement: read-only, for one tenant, within bounds of time and size.

The checks of `check.py` are the first fence. The second stands here and in the database (migration 0002), and holds without the first:
the transaction is read-only and always rolled back, and the statement runs in a function that belongs to a role which may read the
columns of the catalogue alone, of the tenant for which this transaction has said that it asks. What a statement sets changes neither.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

import psycopg
from psycopg import AsyncConnection, errors
from psycopg.rows import TupleRow

from stretto.errors import Invalid, NotPossible
from stretto.store import Database, load_queries
from stretto_reviews.sqlagent.check import MOST_ROWS, Checked

_Q = load_queries("stretto_reviews.sqlagent")
TIMEOUT_S = 5.0
MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of an answer, each as long as `columns`; `truncated` says that there are more than these. All of it is JSON-able."""

    columns: tuple[str, ...]
    rows: list[list[Any]]
    truncated: bool
    sql: str


class _Over(Exception):
    """Ends the transaction, so that it is rolled back."""


async def ask_rows(
    database: Database,
    tenant_id: UUID,
    checked: Checked,
    *,
    timeout_s: float = TIMEOUT_S,
    most_bytes: int = MOST_BYTES,
) -> Table:
    """The rows of a checked statement for one tenant: at most 1,000 of them and `most_bytes`.

    Nothing is changed, whatever the statement is. Raises `Invalid` where PostgreSQL does not take it, `NotPossible` where it lasts or
    takes too much.
    """
    lines: list[str | None] = []
    try:
        async with database.tenant(tenant_id) as connection:
            lines = await _ask(connection, tenant_id, checked, timeout_s, most_bytes)
            raise _Over
    except _Over:
        pass
    except (errors.QueryCanceled, errors.LockNotAvailable):
        raise NotPossible(
            f"The question took longer than {timeout_s:g} s, so it was stopped. Ask for a shorter time, or for fewer tables at once."
        ) from None
    except (errors.OutOfMemory, errors.ProgramLimitExceeded, errors.ConfigurationLimitExceeded):
        raise NotPossible("The answer would take too much memory. Ask for less at once.") from None
    except (errors.InsufficientPrivilege, errors.ReadOnlySqlTransaction) as error:
        raise Invalid(f"The statement may not do this: {_said(error)} Only what may be asked can be read.") from None
    except psycopg.DatabaseError as error:
        raise Invalid(
            f"PostgreSQL does not take the statement: {_said(error)} Mend it, or ask in other words."
        ) from None
    return _table(checked, lines, most_bytes)


async def _ask(
    connection: AsyncConnection[TupleRow], tenant_id: UUID, checked: Checked, timeout_s: float, most_bytes: int
) -> list[str | None]:
    await connection.execute(_Q["begin_asking"], {"tenant_id": tenant_id})
    await connection.execute(_Q["be_careful"], {"timeout_ms": str(max(1, int(timeout_s * 1000)))})
    # Prepared statements would be kept for each connection, and this one has its plan inside the function anyway.
    cursor = await connection.execute(_Q["ask"], {"statement": checked.sql, "most_bytes": most_bytes}, prepare=False)
    return [row[0] for row in await cursor.fetchmany(MOST_ROWS + 2)]


def _said(error: psycopg.Error) -> str:
    """PostgreSQL's own words, one line of them."""
    primary = " ".join((error.diag.message_primary or "no reason given").split())[:300]
    return primary[:1].upper() + primary[1:].rstrip(".") + "."


def _table(checked: Checked, lines: list[str | None], most_bytes: int) -> Table:
    rows: list[list[Any]] = []
    cut = len(lines) > MOST_ROWS
    for line in lines[:MOST_ROWS]:
        if line is None:
            cut = True
            break
        found = cast("dict[str, Any]", json.loads(line))
        rows.append([found.get(name) for name in checked.columns])
    if cut and not rows:
        raise NotPossible(
            f"A single row has more than {most_bytes:,} bytes. Ask for fewer columns, or for less of their text."
        )
    return Table(checked.columns, rows, cut, checked.sql)
