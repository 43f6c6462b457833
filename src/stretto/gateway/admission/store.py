"""The only Python that runs admission's SQL: one connection of its own, on which every exchange is one round trip."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, LiteralString
from uuid import UUID, uuid4

import orjson
from psycopg import AsyncConnection
from psycopg.rows import TupleRow, class_row

from stretto.errors import DatabaseUnreachable
from stretto.gateway.admission.exchange import Asked, Changed, Limit, MoneyGot, NeedGot, Observed, Reply, Unsure
from stretto.gateway.admission.shown import Row
from stretto.store import Database, load_queries
from stretto.store.database import clear_errors

_Q = load_queries("stretto.gateway.admission")
ANSWER_S = 10.0
"""A server that has not answered an exchange by then counts as away."""
KEEP_DAYS = 100
"""Budgets of runs that nobody touched for so long are removed; those of months after it as well."""


class PostgresLimits:
    """Limits in PostgreSQL. `process` is this process's name among the lessees."""

    def __init__(self, database: Database) -> None:
        self.process = uuid4()
        self._database = database
        self._connection: AsyncConnection[TupleRow] | None = None
        self._turn = asyncio.Lock()
        self.round_trips = 0

    async def open(self) -> None:
        self._connection = await self._database.dedicated()

    async def close(self) -> None:
        try:
            await self._run("leave", {"process": self.process})
        finally:
            if self._connection is not None:
                await self._connection.close()

    async def exchange(self, asked: Asked) -> Reply:
        money = [
            [str(a.tenant_id), a.name, _text(a.limit_usd), str(a.least), str(a.most), str(a.back), str(a.need)]
            for a in asked.money
        ]
        sets = [{"money": s.money, "needs": s.needs} for s in asked.sets]
        values: dict[str, Any] = {"money": money, "back": asked.back, "sets": sets}
        if asked.alive_s is not None:
            values["alive_s"] = asked.alive_s
        if asked.since is not None:
            values["since"] = asked.since
        rows = await self._run("exchange", {"process": self.process, "asked": orjson.dumps(values).decode()})
        return _read_reply(rows[0][0])

    async def declare(self, limits: Sequence[Limit], *, only: bool) -> None:
        rows = [[limit.name, limit.kind, limit.capacity, limit.per_s] for limit in limits]
        await self._run("declare", {"declared": orjson.dumps(rows).decode(), "only": only})

    async def observe(self, observed: Sequence[Observed]) -> None:
        rows = [[o.name, o.capacity, o.per_s, o.left, o.retry_after_s] for o in observed]
        await self._run("observe", {"observed": orjson.dumps(rows).decode()})

    async def hold_slots(self, held: Sequence[tuple[str, float]]) -> None:
        await self._run("hold_slots", {"process": self.process, "held": orjson.dumps(held).decode()})

    async def sweep(self) -> None:
        await self._run("sweep", {"days": KEEP_DAYS})

    async def tenant_name(self, tenant_id: UUID) -> str:
        async with self._database.tenant(tenant_id) as connection:
            found = await (await connection.execute(_Q["tenant_name"], {"tenant_id": tenant_id})).fetchone()
        return found[0] if found else ""

    async def rows(self, tenant_id: UUID) -> list[Row]:
        """All limits and this tenant's budgets now."""
        async with (
            self._database.tenant(tenant_id) as connection,
            connection.cursor(row_factory=class_row(Row)) as cursor,
        ):
            await cursor.execute(_Q["overview"], {"tenant_id": tenant_id})
            return await cursor.fetchall()

    async def settle_costs(
        self, connection: AsyncConnection[TupleRow], tenant_id: UUID, costs: Sequence[tuple[str, Decimal, bool]]
    ) -> None:
        """Count costs (budget, US dollars, whether this process reckons with it) in a transaction of somebody else's."""
        values = {
            "tenant_id": tenant_id,
            "process": self.process,
            "names": [name for name, _, _ in costs],
            "costs": [cost for _, cost, _ in costs],
            "leased": [leased for _, _, leased in costs],
        }
        await connection.execute(_Q["settle_costs"], values)

    async def _run(self, name: str, values: dict[str, Any]) -> list[TupleRow]:
        """Run a query on the connection of our own, which is made anew where it is broken."""
        async with self._turn:
            connection = self._connection
            if connection is None or connection.closed:
                connection = self._connection = await self._database.dedicated()
            self.round_trips += 1
            try:
                async with asyncio.timeout(ANSWER_S):
                    return await self._execute(connection, _Q[name], values)
            except TimeoutError:
                await connection.close()
                raise Unsure(f"The database has not answered within {ANSWER_S:g} s.") from None
            except DatabaseUnreachable as error:
                await connection.close()
                raise Unsure(error.message) from error
            except asyncio.CancelledError:
                await connection.close()
                raise

    @staticmethod
    async def _execute(
        connection: AsyncConnection[TupleRow], query: LiteralString, values: dict[str, Any]
    ) -> list[TupleRow]:
        with clear_errors():
            cursor = await connection.execute(query, values)
            return await cursor.fetchall() if cursor.description else []


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _read_reply(got: dict[str, Any]) -> Reply:
    return Reply(
        money=[MoneyGot(*map(Decimal, each)) for each in got["money"]],
        sets=[
            [
                NeedGot(
                    n["name"],
                    n["taken"],
                    n["level"],
                    n["capacity"],
                    n["per_s"],
                    n["closed_s"] or 0.0,
                    n["others"],
                    n["keep"],
                )
                for n in each["needs"]
            ]
            for each in got["sets"]
        ],
        changed=[
            Changed(name, kind, cap, per_s, level or 0.0, closed or 0.0, keep)
            for name, kind, cap, per_s, level, closed, keep in got["changed"]
        ],
        now=got["now"],
        month=got["month"],
        month_s=got["month_s"],
    )
