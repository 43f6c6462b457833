"""Keys sealed in the database."""

import pytest
from psycopg import AsyncConnection
from psycopg.errors import InsufficientPrivilege
from psycopg.rows import TupleRow

from stretto.errors import Invalid, NotFound, SettingsInvalid
from stretto.gateway.keys import Key
from stretto.gateway.keys.sealing import MasterKey
from stretto.gateway.keys.store import ProviderKeys
from stretto.store import DEFAULT_TENANT, Database

ONE, TWO = MasterKey(bytes(32)), MasterKey(bytes(range(32)))


async def test_a_key_is_set_opened_listed_replaced_and_removed(database: Database, owner: AsyncConnection[TupleRow]):
    keys = ProviderKeys(database, ONE)
    assert await keys.names() == []
    await keys.set("acme", Key("sk-secret-1"))
    await keys.set("zeta", Key("sk-secret-2"))
    assert await keys.open("acme") == Key("sk-secret-1")
    assert [each.name for each in await keys.names()] == ["acme", "zeta"]
    stored = await (await owner.execute("SELECT provider_keys::text, sealed FROM provider_keys")).fetchall()
    assert len(stored) == 2
    assert all("secret" not in text and b"secret" not in bytes(sealed) for text, sealed in stored)
    await keys.set("acme", Key("sk-secret-3"))
    assert await keys.open("acme") == Key("sk-secret-3")
    await keys.remove("acme")
    assert keys.get("acme") is None
    with pytest.raises(NotFound, match="acme"):
        await keys.open("acme")
    with pytest.raises(NotFound):
        await keys.remove("acme")


async def test_a_tenant_sees_and_writes_none(database: Database):
    await ProviderKeys(database, ONE).set("acme", Key("sk-1"))
    async with database.tenant(DEFAULT_TENANT) as connection:
        for statement in ("SELECT name FROM provider_keys", "DELETE FROM provider_keys RETURNING name"):
            assert await (await connection.execute(statement)).fetchall() == []
    with pytest.raises(InsufficientPrivilege):
        async with database.tenant(DEFAULT_TENANT) as connection:
            await connection.execute("INSERT INTO provider_keys VALUES ('mine', 'x', 'y', now())")


async def test_another_process_sees_a_key_once_it_loads(database: Database):
    here, there = ProviderKeys(database, ONE), ProviderKeys(database, ONE)
    await here.set("acme", Key("sk-1"))
    assert here.get("acme") == Key("sk-1")
    assert there.get("acme") is None
    assert await there.load() == []
    assert there.get("acme") == Key("sk-1")
    await here.remove("acme")
    await there.load()
    assert there.get("acme") is None


async def test_another_master_key_opens_nothing(database: Database):
    await ProviderKeys(database, ONE).set("acme", Key("sk-1"))
    other = ProviderKeys(database, TWO)
    assert await other.load() == ["acme"]
    assert other.get("acme") is None
    with pytest.raises(SettingsInvalid, match="provider-key set acme"):
        await other.open("acme")


async def test_a_sealed_key_does_not_open_under_another_name(database: Database, owner: AsyncConnection[TupleRow]):
    keys = ProviderKeys(database, ONE)
    await keys.set("cheap", Key("sk-1"))
    await owner.execute("UPDATE provider_keys SET name = 'dear'")
    with pytest.raises(SettingsInvalid):
        await keys.open("dear")


async def test_the_master_key_is_replaced_for_all_or_none(database: Database, owner: AsyncConnection[TupleRow]):
    keys = ProviderKeys(database, ONE)
    for n in range(5):
        await keys.set(f"key-{n}", Key(f"sk-{n}"))
    assert await keys.rotate(TWO) == 5
    assert await keys.rotate(TWO) == 0  # once more changes nothing
    renewed = ProviderKeys(database, TWO)
    assert await renewed.load() == []
    assert [renewed.get(f"key-{n}") for n in range(5)] == [Key(f"sk-{n}") for n in range(5)]
    await owner.execute("UPDATE provider_keys SET sealed = 'broken' WHERE name = 'key-3'")
    with pytest.raises(SettingsInvalid, match="key-3"):
        await renewed.rotate(ONE)
    assert await ProviderKeys(database, TWO).load() == ["key-3"]


@pytest.mark.parametrize(
    ("name", "key"),
    [("", "sk"), ("a b", "sk"), ("x" * 65, "sk"), ("a", " \n"), ("a", "sk\nsk"), ("a", "sk-é"), ("a", "s" * 9000)],
)
async def test_what_cannot_be_a_key_is_refused_and_not_repeated(database: Database, name: str, key: str):
    keys = ProviderKeys(database, ONE)
    with pytest.raises(Invalid) as caught:
        await keys.set(name, Key(key))
    assert "sk-é" not in str(caught.value)
    assert await keys.names() == []
