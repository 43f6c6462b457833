"""The only Python that runs telemetry's SQL."""

from __future__ import annotations

from uuid import UUID

from stretto.store import Database, load_queries
from stretto.stream.log import Row

_Q = load_queries("stretto.telemetry")

Figures = dict[tuple[str, str], float]
"""Values by name and label; times in seconds."""


class FiguresStore:
    """Reads what metrics and traces are made from."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def figures(self) -> Figures:
        """Counts and ages of the whole database."""
        async with self._database.system() as connection:
            rows = await (await connection.execute(_Q["figures"])).fetchall()
        return {(name, label): value for name, label, value in rows}

    async def facts(self, tenant_id: UUID, run_id: UUID, limit: int) -> list[Row]:
        """A run's facts, without its text."""
        values = {"tenant_id": tenant_id, "run_id": run_id, "limit": limit}
        async with self._database.tenant(tenant_id) as connection:
            rows = await (await connection.execute(_Q["read_facts"], values)).fetchall()
        return [Row(*row) for row in rows]
