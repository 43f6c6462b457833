"""What somebody has handed out counts as long as his key or his membership does, and with what it may do then."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from stretto.auth import AuthStore, Grantors, NewKeyRow, Principal, new_key
from stretto.auth.store import NewMemberRow
from stretto.store import DEFAULT_TENANT, Database
from stretto.store.ids import new_id

ANN = ("https://issuer.example.org", "ann-1")


async def test_a_key_stands_until_it_is_revoked_or_ends(database: Database) -> None:
    store, grantors = AuthStore(database), Grantors(database)
    for scopes, may in ((None, True), (frozenset({"reviews:decide"}), True), (frozenset({"reviews:read"}), False)):
        made = new_key()
        row = NewKeyRow(made.prefix, made.digest, "k", "reviewer", scopes)  # type: ignore[arg-type]
        key_id = await store.add_key(DEFAULT_TENANT, row)
        who = Principal(DEFAULT_TENANT, f"key {made.prefix}", "reviewer", "key", key_id)
        assert await grantors.of(who) == key_id
        assert await grantors.may(DEFAULT_TENANT, key_id, "reviews:decide") is may
        assert not await grantors.may(new_id(), key_id, "reviews:decide"), "another tenant's"
        await store.revoke_key_of(DEFAULT_TENANT, made.prefix)
        assert not await grantors.may(DEFAULT_TENANT, key_id, "reviews:decide")
    made = new_key()
    key_id = await store.add_key(DEFAULT_TENANT, NewKeyRow(made.prefix, made.digest, "k", "viewer"))
    assert not await grantors.may(DEFAULT_TENANT, key_id, "reviews:decide")
    await store.rotate_key(DEFAULT_TENANT, made.prefix, NewKeyRow("0" * 12, b"", "k", "viewer"), datetime.now(UTC))
    assert not await grantors.may(DEFAULT_TENANT, key_id, "reviews:read")


async def test_a_member_stands_until_he_is_removed(database: Database) -> None:
    store, grantors = AuthStore(database), Grantors(database)
    member_id = new_id()
    async with database.tenant(DEFAULT_TENANT) as connection:
        invited = NewMemberRow(member_id, "ann@example.org", "reviewer", "local")
        await store.add_member_in(connection, DEFAULT_TENANT, invited)
    (found,) = await store.memberships("", "", "ann@example.org")
    await store.link_member(found, *ANN)
    who = Principal(DEFAULT_TENANT, "user ann@example.org", "reviewer", "session", person=ANN)
    assert await grantors.of(who) == member_id
    assert await grantors.may(DEFAULT_TENANT, member_id, "reviews:decide")
    assert not await grantors.may(DEFAULT_TENANT, member_id, "keys:write")
    async with database.tenant(DEFAULT_TENANT) as connection:
        await store.remove_member(connection, DEFAULT_TENANT, member_id)
    assert not await grantors.may(DEFAULT_TENANT, member_id, "reviews:decide")


async def test_who_has_neither_key_nor_membership_stands_by_himself(database: Database) -> None:
    grantors = Grantors(database)
    elsewhere = Principal(DEFAULT_TENANT, "user bob", "admin", "token", person=(ANN[0], "bob"))
    here = Principal(DEFAULT_TENANT, "local", "owner", "local")
    nobody: list[UUID | None] = [await grantors.of(who) for who in (elsewhere, here)]
    assert nobody == [None, None]
    assert await grantors.may(DEFAULT_TENANT, None, "reviews:decide")
