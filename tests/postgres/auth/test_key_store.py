"""Keys in a real database: found by their prefix alone, seen by their tenant alone, refused once revoked."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from psycopg import errors

from stretto.auth import AuthStore, Keys, NewKeyRow, Operator, new_key
from stretto.errors import Invalid, KeyRefused, NotFound
from stretto.store import DEFAULT_TENANT, Database


async def made(database: Database, tenant: str) -> tuple[UUID, str, str]:
    """A new tenant's id, its key and the key's prefix."""
    key = new_key()
    tenant_id = await Operator(database).add_tenant(tenant)
    await AuthStore(database).add_key(tenant_id, NewKeyRow(key.prefix, key.digest, "first"))
    return tenant_id, key.text, key.prefix


async def test_a_key_tells_its_tenant(database: Database):
    ada, key, prefix = await made(database, "ada")
    bob, other, _ = await made(database, "bob")
    keys = Keys(database)
    assert (await keys.holder(key)).tenant_id == ada
    assert (await keys.holder(key)).by == f"key {prefix}"
    assert (await keys.holder(other)).tenant_id == bob


async def test_a_wrong_key_is_refused_however_it_is_wrong(database: Database):
    _, key, prefix = await made(database, "ada")
    keys = Keys(database)
    right, wrong = await keys.holder(key), key[:-1] + ("0" if key[-1] != "0" else "1")
    assert right.by == f"key {prefix}"
    for text in (wrong, new_key().text, "st_", f"st_{prefix}", f"st_{prefix}_", key + "0", key.upper(), key + "\n"):
        for _ in range(2):  # also when the prefix is remembered
            with pytest.raises(KeyRefused) as refused:
                await keys.holder(text)
            assert key[-20:] not in str(refused.value)
    assert await keys.holder(key) == right


async def test_a_revoked_key_is_refused_when_its_memory_ends(database: Database):
    _, key, prefix = await made(database, "ada")
    keys = Keys(database, known_for_s=0.2)
    await keys.holder(key)
    assert await Operator(database).revoke(prefix) == "ada"

    async def use_it_until_refused() -> None:
        async with asyncio.timeout(5):
            while True:
                await keys.holder(key)
                await asyncio.sleep(0.02)

    with pytest.raises(KeyRefused):
        await use_it_until_refused()
    with pytest.raises(KeyRefused):
        await Keys(database).holder(key)


async def test_a_busy_key_costs_no_query(database: Database):
    _, key, _ = await made(database, "ada")
    keys = Keys(database, known_for_s=60)
    await keys.holder(key)
    await database.close()
    assert (await keys.holder(key)).by.removeprefix("key ") in key


async def test_what_is_remembered_is_bounded(database: Database, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("stretto.auth.keys.MOST_KNOWN", 5)
    keys = Keys(database)
    for _ in range(12):
        with pytest.raises(KeyRefused):
            await keys.holder(new_key().text)
    assert len(keys._known) <= 5


async def test_the_application_finds_one_key_and_lists_none_of_others(database: Database):
    ada, _, prefix = await made(database, "ada")
    async with database.system() as connection:
        assert await (await connection.execute("SELECT * FROM api_keys")).fetchall() == []
        found = await (await connection.execute("SELECT tenant_id FROM find_api_key(%s)", [prefix])).fetchall()
        assert found == [(ada,)]
    async with database.tenant(DEFAULT_TENANT) as connection:
        assert await (await connection.execute("SELECT * FROM api_keys")).fetchall() == []
    await Operator(database).revoke(prefix)
    for statement in (
        "UPDATE api_keys SET revoked_at = NULL",
        "UPDATE api_keys SET role = 'owner'",
        "DELETE FROM api_keys",
        "INSERT INTO audit (tenant_id, at, actor, action, target, outcome, detail)"
        " SELECT id, now(), 'a', 'b', 'c', 'done', '{}' FROM tenants",
        "UPDATE audit SET actor = 'nobody'",
        "DELETE FROM audit",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            async with database.tenant(ada) as connection:
                await connection.execute(statement)


async def test_names_are_told_apart_and_checked(database: Database):
    store = Operator(database)
    await store.add_tenant("ada")
    for name in ("ada", "Ada", "", "a b", "-a", "a" * 64, "a\n"):
        with pytest.raises(Invalid):
            await store.add_tenant(name)
    assert [tenant.name for tenant in await store.tenants()] == ["ada", "local"]
    with pytest.raises(NotFound, match="bob"):
        await store.tenant("bob")
    with pytest.raises(NotFound):
        await store.revoke("000000000000")
    with pytest.raises(Invalid):
        await AuthStore(database).add_key(DEFAULT_TENANT, NewKeyRow("0" * 12, b"", "a\x00b"))


async def test_the_list_shows_every_key_and_when_it_was_revoked_first(database: Database):
    _, _, prefix = await made(database, "ada")
    await made(database, "bob")
    store = Operator(database)
    await store.revoke(prefix)
    (first,) = await store.keys("ada")
    await store.revoke(prefix)
    assert (first.prefix, first.name, first.tenant) == (prefix, "first", "ada")
    assert first.revoked_at is not None
    assert await store.keys("ada") == [first]
    assert [row.tenant for row in await store.keys()] == ["ada", "bob"]
