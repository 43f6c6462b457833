"""The only Python that reads and sets quotas."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, cast, get_args
from uuid import UUID

from psycopg.rows import class_row

from stretto.auth.quotas.rates import parse_rates
from stretto.errors import Invalid, NotFound
from stretto.store import Database, load_queries, uuid7_floor

_Q = load_queries("stretto.auth.quotas")

QuotaKind = Literal["requests", "key_requests", "runs_per_day", "unfinished_runs"]
KINDS: tuple[QuotaKind, ...] = get_args(QuotaKind)
RATES = frozenset(("requests", "key_requests"))
"""Kinds whose value is a rate; the others' is a number of runs."""
MOST_RUNS_COUNTED = 100_000


@dataclass(frozen=True, slots=True)
class Quota:
    """A quota that was set. `name`: the prefix of one key, else empty."""

    kind: QuotaKind
    name: str
    value: str

    @property
    def is_rate(self) -> bool:
        """Whether it limits requests; else it is a number of runs."""
        return self.kind in RATES


def checked_value(kind: QuotaKind, value: str) -> str:
    """A quota's value as it is kept. Raises `Invalid`."""
    text = value.strip()
    if kind in RATES:
        parse_rates(text)
        return text or "none"
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Invalid(f"{text[:100]!r} is no number of runs. Give 0 to 999999999.")
    return text


class QuotaStore:
    """The quotas in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_tenant(self, tenant_id: UUID, prefix: str | None = None) -> list[Quota]:
        """A tenant's quotas, at most 1,000; with a prefix, what counts for this key."""
        async with (
            self._database.tenant(tenant_id) as connection,
            connection.cursor(row_factory=class_row(Quota)) as cursor,
        ):
            await cursor.execute(_Q["get_quotas"], {"tenant_id": tenant_id, "prefix": prefix})
            return await cursor.fetchall()

    async def runs_used(self, tenant_id: UUID) -> tuple[int, int]:
        """How many runs the tenant has started today (UTC), and how many are unfinished; each up to 100,000."""
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        values = {"tenant_id": tenant_id, "since": uuid7_floor(midnight), "most": MOST_RUNS_COUNTED}
        async with self._database.tenant(tenant_id) as connection:
            row = await (await connection.execute(_Q["runs_used"], values)).fetchone()
        return cast("tuple[int, int]", row)

    async def set(self, tenant_id: UUID, kind: QuotaKind, value: str | None, prefix: str = "") -> None:
        """Set a quota, or with None take it away. For the operator. Raises `Invalid`, or `NotFound` for an unknown key."""
        values = {"tenant_id": tenant_id, "kind": kind, "name": prefix, "prefix": prefix}
        if value is not None:
            values["value"] = checked_value(kind, value)
        async with self._database.operator() as connection:
            if prefix and await (await connection.execute(_Q["has_key"], values)).fetchone() is None:
                raise NotFound(f"The tenant has no key {prefix!r}. `stretto key list` shows all.")
            await connection.execute(_Q["drop_quota" if value is None else "set_quota"], values)
