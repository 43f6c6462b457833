"""A tenant sees and writes its own rows only; who forgets the tenant sees nothing."""

from __future__ import annotations

from stretto.store import DEFAULT_TENANT, Database


async def test_the_default_tenant_is_there(database: Database) -> None:
    async with database.tenant(DEFAULT_TENANT) as connection:
        rows = await (await connection.execute("SELECT id, name FROM tenants")).fetchall()
    assert rows == [(DEFAULT_TENANT, "local")]


async def test_without_a_tenant_nothing_is_seen(database: Database) -> None:
    async with database.system() as connection:
        assert await (await connection.execute("SELECT * FROM tenants")).fetchall() == []
