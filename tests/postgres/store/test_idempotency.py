"""One key stands for one thing made, of whatever kind, in the transaction that makes it."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from stretto.errors import IdempotencyConflict, InputInvalid
from stretto.store import DEFAULT_TENANT, Database
from stretto.store.idempotency import Once, claim, once

ASKED = ("POST", "/v1/members", {"email": "a@b.example", "role": "viewer"})


def asked(key: str = "k", *request: object) -> Once:
    found = once(key, *(request or ASKED))
    assert found is not None
    return found


async def take(database: Database, request: Once, made_id: str, tenant_id: UUID = DEFAULT_TENANT) -> str | None:
    async with database.tenant(tenant_id) as connection:
        return await claim(connection, tenant_id, request, "member", made_id)


async def test_the_first_makes_it_and_the_others_learn_what_it_made(database: Database) -> None:
    first, again = asked(), asked()
    assert await take(database, first, "m1") is None
    assert await take(database, again, "m2") == "m1"
    assert (first.replayed, again.replayed) == (False, True)
    assert await take(database, asked("k2"), "m3") is None
    stranger = UUID(int=7)
    assert await take(database, asked(), "theirs", stranger) is None


async def test_of_many_at_once_one_makes_it(database: Database) -> None:
    found = await asyncio.gather(*(take(database, asked(), f"m{n}") for n in range(20)))
    assert found.count(None) == 1
    assert set(found) - {None} == {f"m{found.index(None)}"}


async def test_what_was_not_made_leaves_the_key_free(database: Database) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the transaction is what ends with it
        async with database.tenant(DEFAULT_TENANT) as connection:
            await claim(connection, DEFAULT_TENANT, asked(), "member", "m1")
            raise ZeroDivisionError
    assert await take(database, asked(), "m2") is None


async def test_another_request_under_the_key_is_refused_and_the_order_of_fields_is_no_difference(
    database: Database,
) -> None:
    assert await take(database, asked(), "m1") is None
    same = asked("k", "POST", "/v1/members", {"role": "viewer", "email": "a@b.example"})
    assert await take(database, same, "m2") == "m1"
    for other in (("POST", "/v1/members", {"role": "owner"}), ("POST", "/v1/keys", ASKED[2]), ("PUT", *ASKED[1:])):
        with pytest.raises(IdempotencyConflict, match="made member m1"):
            await take(database, asked("k", *other), "m3")


async def test_a_secret_is_not_said_twice(database: Database) -> None:
    async with database.tenant(DEFAULT_TENANT) as connection:
        assert await claim(connection, DEFAULT_TENANT, asked(), "key", "0123", shown_once=True) is None
    with pytest.raises(IdempotencyConflict, match="key 0123, whose secret was shown once"):
        async with database.tenant(DEFAULT_TENANT) as connection:
            await claim(connection, DEFAULT_TENANT, asked(), "key", "4567", shown_once=True)


async def test_without_a_key_everything_is_made(database: Database) -> None:
    assert once(None, *ASKED) is None
    async with database.tenant(DEFAULT_TENANT) as connection:
        assert await claim(connection, DEFAULT_TENANT, None, "member", "m1") is None
    for key in ("", "k" * 256):
        with pytest.raises(InputInvalid, match="1 to 255"):
            once(key, *ASKED)
