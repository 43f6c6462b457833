"""Keys and members: who changes one tells it in the same transaction, whichever way he comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from stretto.auth import AuthStore, NewKeyRow, Operator, new_key
from stretto.auth.store import NewMemberRow
from stretto.errors import NotPossible
from stretto.store import DEFAULT_TENANT, Database
from stretto.store.acting import acting
from stretto.store.ids import new_id
from tests.postgres.events.hearing import told


async def test_a_key_from_its_making_to_its_end(database: Database) -> None:
    store, first, second = AuthStore(database), new_key(), new_key()
    until = datetime.now(UTC) + timedelta(hours=1)
    with acting("user ada"):
        await store.add_key(DEFAULT_TENANT, NewKeyRow(first.prefix, first.digest, "shop", "viewer"))
        await store.rotate_key(
            DEFAULT_TENANT, first.prefix, NewKeyRow(second.prefix, second.digest, "shop", "viewer"), until
        )
        await store.revoke_key_of(DEFAULT_TENANT, first.prefix)
        await store.revoke_key_of(DEFAULT_TENANT, first.prefix)  # once is enough
    by = {"by": "user ada"}
    found = await told(database, f"keys/{first.prefix}")
    assert found[0] == (
        "key.created",
        {"key": first.prefix, "role": "viewer", "name": "shop", "expires_at": None, **by},
    )
    (name, data), *rest = found[1:]
    assert (name, data["replaced_by"], data["by"]) == ("key.rotated", second.prefix, "user ada")
    assert datetime.fromisoformat(data["expires_at"]) == until
    assert rest == [("key.revoked", {"key": first.prefix, **by})]
    assert [name for name, _ in await told(database, f"keys/{second.prefix}")] == ["key.created"]
    assert first.text.split("_")[2] not in str(await told(database))


async def test_the_operators_hand_and_another_tenants_log(database: Database) -> None:
    tenant_id, key = await Operator(database).add_tenant("ada"), new_key()
    await AuthStore(database).add_key(tenant_id, NewKeyRow(key.prefix, key.digest))
    await Operator(database).revoke(key.prefix)
    assert [(name, data["by"]) for name, data in await told(database, tenant_id=tenant_id)] == [
        ("key.created", "operator"),
        ("key.revoked", "operator"),
    ]
    assert await told(database) == []


async def test_that_a_key_was_used_is_not_told(database: Database) -> None:
    key = new_key()
    key_id = await AuthStore(database).add_key(DEFAULT_TENANT, NewKeyRow(key.prefix, key.digest))
    await AuthStore(database).note_used([key_id])
    assert [name for name, _ in await told(database)] == ["key.created"]


async def add(database: Database, email: str, role: str) -> UUID:
    member_id = new_id()
    async with database.tenant(DEFAULT_TENANT) as connection:
        row = NewMemberRow(member_id, email, role, "user ada")  # pyright: ignore[reportArgumentType]
        await AuthStore(database).add_member_in(connection, DEFAULT_TENANT, row)
    return member_id


async def test_a_member_from_his_invitation_to_his_leave(database: Database) -> None:
    store = AuthStore(database)
    with acting("user ada"):
        member_id = await add(database, "bob@example.org", "viewer")
        async with database.tenant(DEFAULT_TENANT) as connection:
            await store.change_member(connection, DEFAULT_TENANT, member_id, "admin")
        async with database.tenant(DEFAULT_TENANT) as connection:
            await store.change_member(connection, DEFAULT_TENANT, member_id, "admin")  # which he is
        async with database.tenant(DEFAULT_TENANT) as connection:
            await store.remove_member(connection, DEFAULT_TENANT, member_id)
    about = {"member_id": str(member_id), "by": "user ada"}
    found = await told(database, f"members/{member_id}")
    assert found == [
        ("member.added", {**about, "role": "viewer"}),
        ("member.changed", {**about, "role": "admin", "role_before": "viewer"}),
        ("member.removed", about),
    ]
    assert "bob@example.org" not in str(found)


async def test_what_was_not_done_was_not_told(database: Database) -> None:
    store = AuthStore(database)
    member_id = await add(database, "ada@example.org", "owner")
    with pytest.raises(NotPossible):  # noqa: PT012 - the transaction is what ends with it
        async with database.tenant(DEFAULT_TENANT) as connection:
            member = await store.lock_member(connection, DEFAULT_TENANT, member_id, None)
            await store.remove_member(connection, DEFAULT_TENANT, member_id)
            await store.check_owner_left(connection, DEFAULT_TENANT, member)
    assert [name for name, _ in await told(database)] == ["member.added"]
