"""The only Python that runs the SQL of tenants, keys, members and the audit log."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection, errors
from psycopg.rows import TupleRow, class_row, dict_row
from psycopg.types.json import Jsonb

from stretto.auth.roles import Permission, Role
from stretto.errors import Invalid, NotFound, NotPossible, PreconditionFailed
from stretto.store import Database, load_queries
from stretto.store.idempotency import Once, claim
from stretto.store.ids import new_id

_Q = load_queries("stretto.auth")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_EMAIL = re.compile(r"[^\s@\x00-\x1f]{1,64}@[^\s@\x00-\x1f]{1,190}")
MAX_LABEL_CHARS = 100
EXPORT_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Tenant:
    """Somebody whose runs, keys and money are kept apart from everybody else's."""

    id: UUID
    name: str
    created_at: datetime
    revision: int


@dataclass(frozen=True, slots=True)
class KeyListed:
    """A key as the operator's list shows it, without its secret, which nobody has."""

    tenant: str
    prefix: str
    name: str
    role: Role
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as its tenant sees it. `scopes` None: all that the role may do."""

    id: UUID
    prefix: str
    name: str
    role: Role
    scopes: list[Permission] | None
    created_at: datetime
    created_by: str
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    replaced_by: str | None


@dataclass(frozen=True, slots=True)
class FoundKey:
    """What a prefix leads to: whose key it is, what it may do, until when, and the digest of its secret."""

    tenant_id: UUID
    key_id: UUID
    digest: bytes
    role: Role
    scopes: list[Permission] | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who may log in to a tenant. `joined`: he has."""

    id: UUID
    email: str
    role: Role
    joined: bool
    revision: int
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class NewMemberRow:
    """Somebody to invite."""

    id: UUID
    email: str
    role: Role
    by: str


@dataclass(frozen=True, slots=True)
class Membership:
    """A tenant of somebody who has proved who he is; not `linked`: he was invited by his address."""

    tenant_id: UUID
    tenant: str
    member_id: UUID
    role: Role
    linked: bool


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry of the audit log. `times`: so often, within a second or so."""

    id: int
    at: datetime
    actor: str
    action: str
    target: str
    outcome: str
    times: int
    request_id: str
    address: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NewKeyRow:
    """A key to keep, of which only the digest is known."""

    prefix: str
    digest: bytes
    name: str = ""
    role: Role = "operator"
    scopes: frozenset[Permission] | None = None
    expires_at: datetime | None = None
    by: str = ""


class AuthStore:
    """Tenants, keys, members and the audit log in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Who is it?

    async def find_key(self, prefix: str) -> FoundKey | None:
        """The key with this prefix; None when there is none that counts."""
        async with (
            self._database.system() as connection,
            connection.cursor(row_factory=class_row(FoundKey)) as cursor,
        ):
            await cursor.execute(_Q["find_key"], {"prefix": prefix})
            return await cursor.fetchone()

    async def note_used(self, key_ids: Sequence[UUID]) -> None:
        """Remember that these keys were used, to the minute."""
        async with self._database.system() as connection:
            await connection.execute(_Q["note_used"], {"ids": list(key_ids)})

    async def find_tenant(self, name: str) -> UUID | None:
        """The id of the tenant of this name."""
        async with self._database.system() as connection:
            row = await (await connection.execute(_Q["find_tenant"], {"name": name})).fetchone()
        return None if row is None else row[0]

    async def memberships(self, issuer: str, subject: str, email: str) -> list[Membership]:
        """The tenants of somebody who has proved who he is. `email` only if his provider has verified it, else empty."""
        async with (
            self._database.system() as connection,
            connection.cursor(row_factory=class_row(Membership)) as cursor,
        ):
            await cursor.execute(_Q["memberships"], {"issuer": issuer, "subject": subject, "email": email})
            return await cursor.fetchall()

    async def link_member(self, membership: Membership, issuer: str, subject: str) -> None:
        """Remember who an invited member is."""
        values = {
            "tenant_id": membership.tenant_id,
            "member_id": membership.member_id,
            "issuer": issuer,
            "subject": subject,
        }
        async with self._database.tenant(membership.tenant_id) as connection:
            await connection.execute(_Q["link_member"], values)

    async def rights_of(self, tenant_id: UUID, grantor: UUID) -> tuple[Role, list[Permission] | None] | None:
        """The role and scopes of a key or member of this id that still counts."""
        async with self._database.tenant(tenant_id) as connection:
            found = await connection.execute(_Q["rights_of"], {"tenant_id": tenant_id, "id": grantor})
            row = await found.fetchone()
        return None if row is None else (row[0], row[1])

    # Keys

    async def add_key(self, tenant_id: UUID, key: NewKeyRow) -> UUID:
        """Keep a tenant's new key; gives its id."""
        async with self._database.tenant(tenant_id) as connection:
            return await self.add_key_in(connection, tenant_id, key)

    async def add_key_in(self, connection: AsyncConnection[TupleRow], tenant_id: UUID, key: NewKeyRow) -> UUID:
        """As `add_key`, in a transaction that somebody else holds."""
        if len(key.name) > MAX_LABEL_CHARS or not key.name.isprintable():
            raise Invalid(f"A key's name has at most {MAX_LABEL_CHARS} characters, all of them printable.")
        now = datetime.now(UTC)
        if key.expires_at is not None and key.expires_at <= now:
            raise Invalid("`expires_at` lies in the past. Give a later time, or none.")
        key_id = new_id()
        values = {
            "id": key_id,
            "tenant_id": tenant_id,
            "prefix": key.prefix,
            "digest": key.digest,
            "name": key.name,
            "role": key.role,
            "scopes": None if key.scopes is None else sorted(key.scopes),
            "expires_at": key.expires_at,
            "by": key.by,
            "at": now,
        }
        await connection.execute(_Q["add_key"], values)
        return key_id

    async def keys_of(
        self, tenant_id: UUID, *, prefix: str | None = None, before: UUID | None = None, limit: int = 50
    ) -> list[KeyRow]:
        """A tenant's keys, latest first, or the one of this prefix."""
        values = {"tenant_id": tenant_id, "prefix": prefix, "before": before, "limit": limit}
        async with (
            self._database.tenant(tenant_id) as connection,
            connection.cursor(row_factory=class_row(KeyRow)) as cursor,
        ):
            await cursor.execute(_Q["tenant_keys"], values)
            return await cursor.fetchall()

    async def key_of(self, tenant_id: UUID, prefix: str) -> KeyRow:
        """A tenant's key. Raises `NotFound`."""
        found = await self.keys_of(tenant_id, prefix=prefix)
        if not found:
            raise NotFound(f"There is no key {prefix!r}. `GET /v1/keys` lists them.")
        return found[0]

    async def rotate_key(
        self, tenant_id: UUID, prefix: str, new: NewKeyRow, old_until: datetime, once: Once | None = None
    ) -> None:
        """Keep a new key, and let the old one end; both or neither. Raises `NotPossible` when the old one counts no more."""
        async with self._database.tenant(tenant_id) as connection:
            await claim(connection, tenant_id, once, "key", new.prefix, shown_once=True)
            await self.add_key_in(connection, tenant_id, new)
            values = {
                "tenant_id": tenant_id,
                "prefix": prefix,
                "expires_at": old_until,
                "replaced_by": new.prefix,
                "at": datetime.now(UTC),
            }
            if await (await connection.execute(_Q["end_key"], values)).fetchone() is None:
                raise NotPossible(f"Key {prefix!r} was revoked or has expired. Make a new one with `POST /v1/keys`.")

    async def revoke_key_of(self, tenant_id: UUID, prefix: str) -> None:
        """End a tenant's key for good. Raises `NotFound`."""
        values = {"tenant_id": tenant_id, "prefix": prefix, "at": datetime.now(UTC)}
        async with self._database.tenant(tenant_id) as connection:
            if await (await connection.execute(_Q["revoke_tenant_key"], values)).fetchone() is None:
                raise NotFound(f"There is no key {prefix!r}. `GET /v1/keys` lists them.")

    # The tenant and its members

    async def own_tenant(self, tenant_id: UUID) -> Tenant:
        """The tenant itself."""
        async with (
            self._database.tenant(tenant_id) as connection,
            connection.cursor(row_factory=class_row(Tenant)) as cursor,
        ):
            await cursor.execute(_Q["get_tenant"], {"tenant_id": tenant_id})
            found = await cursor.fetchone()
        if found is None:
            raise NotFound("This tenant is no longer there.")
        return found

    async def rename_tenant(self, tenant_id: UUID, name: str, revision: int | None) -> None:
        """Give the tenant another name. Raises `Invalid`, or `PreconditionFailed` when it is of another revision."""
        check_name(name)
        values = {"tenant_id": tenant_id, "name": name, "revision": revision}
        try:
            async with self._database.tenant(tenant_id) as connection:
                if await (await connection.execute(_Q["rename_tenant"], values)).fetchone() is None:
                    raise PreconditionFailed
        except errors.UniqueViolation:
            raise Invalid(f"The name {name!r} is taken. Choose another.") from None

    async def members(
        self, tenant_id: UUID, *, member_id: UUID | None = None, before: UUID | None = None, limit: int = 50
    ) -> list[Member]:
        """A tenant's members, latest first, or the one of this id."""
        values = {"tenant_id": tenant_id, "id": member_id, "before": before, "limit": limit}
        async with (
            self._database.tenant(tenant_id) as connection,
            connection.cursor(row_factory=class_row(Member)) as cursor,
        ):
            await cursor.execute(_Q["members"], values)
            return await cursor.fetchall()

    async def add_member_in(
        self, connection: AsyncConnection[TupleRow], tenant_id: UUID, invited: NewMemberRow
    ) -> None:
        """Invite somebody by his e-mail address. Raises `Invalid`, or `NotPossible` when he is a member already."""
        email = invited.email
        if not _EMAIL.fullmatch(email):
            raise Invalid(f"{email!r} is no e-mail address. It looks like ada@example.org.")
        values = {"id": invited.id, "tenant_id": tenant_id, "email": email, "role": invited.role, "by": invited.by}
        row = await (await connection.execute(_Q["add_member"], {**values, "at": datetime.now(UTC)})).fetchone()
        if row is None:
            raise NotPossible(f"{email} is a member already. Change the role with `PATCH /v1/members/ID`.")

    async def lock_member(
        self, connection: AsyncConnection[TupleRow], tenant_id: UUID, member_id: UUID, revision: int | None
    ) -> Member:
        """A member; until the transaction ends nobody else changes any. Raises `NotFound` or `PreconditionFailed`."""
        await connection.execute(_Q["lock_members"], {"tenant_id": tenant_id})
        async with connection.cursor(row_factory=class_row(Member)) as cursor:
            await cursor.execute(_Q["lock_member"], {"tenant_id": tenant_id, "id": member_id})
            found = await cursor.fetchone()
        if found is None:
            raise NotFound(f"There is no member {member_id}. `GET /v1/members` lists them.")
        if revision is not None and revision != found.revision:
            raise PreconditionFailed
        return found

    async def change_member(self, connection: AsyncConnection[TupleRow], tenant_id: UUID, id: UUID, role: Role) -> None:
        """Give a member another role."""
        await connection.execute(_Q["change_member"], {"tenant_id": tenant_id, "id": id, "role": role})

    async def remove_member(self, connection: AsyncConnection[TupleRow], tenant_id: UUID, id: UUID) -> None:
        """Remove a member."""
        await connection.execute(_Q["remove_member"], {"tenant_id": tenant_id, "id": id})

    async def check_owner_left(self, connection: AsyncConnection[TupleRow], tenant_id: UUID, changed: Member) -> None:
        """Raises `NotPossible`, which rolls the change back, when it has taken the last owner away."""
        if changed.role == "owner":
            row = await (await connection.execute(_Q["owner_left"], {"tenant_id": tenant_id})).fetchone()
            if row is None:
                raise NotPossible(f"{changed.email} is the last owner. Make somebody else an owner first.")

    # The audit log

    async def audit(
        self,
        tenant_id: UUID,
        *,
        before: int | None = None,
        limit: int = 50,
        outcome: str | None = None,
        actor: str | None = None,
        action: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[AuditRow]:
        """Entries, latest first; `action` is the beginning of one, such as `key.`."""
        values = {"tenant_id": tenant_id, "before": before, "limit": limit, "outcome": outcome, "actor": actor}
        async with (
            self._database.tenant(tenant_id) as connection,
            connection.cursor(row_factory=class_row(AuditRow)) as cursor,
        ):
            await cursor.execute(_Q["list_audit"], {**values, "action": action, "since": since, "until": until})
            return await cursor.fetchall()

    async def audit_pages(self, tenant_id: UUID, since: datetime | None) -> AsyncGenerator[list[AuditRow]]:
        """The whole log from a time on, latest first, page by page."""
        before: int | None = None
        while page := await self.audit(tenant_id, before=before, limit=EXPORT_PAGE, since=since):
            yield page
            before = page[-1].id

    async def note_denials(self, denials: Sequence[Mapping[str, Any]]) -> None:
        """Write down attempts beyond one's rights."""
        async with self._database.system() as connection:
            await connection.execute(_Q["note_denials"], {"denials": Jsonb(list(denials))})


class Operator:
    """What the operator does at the command line, over all tenants. No request ever gets here."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_tenant(self, name: str) -> UUID:
        """Make a tenant. Raises `Invalid` for a name that cannot be used or is taken."""
        check_name(name)
        async with self._database.operator() as connection:
            values = {"tenant_id": new_id(), "name": name, "at": datetime.now(UTC)}
            row = await (await connection.execute(_Q["add_tenant"], values)).fetchone()
        if row is None:
            raise Invalid(f"There is a tenant {name!r} already. `stretto tenant list` shows all.")
        return row[0]

    async def tenants(self, name: str | None = None) -> list[Tenant]:
        """All tenants, or the one of this name, in order."""
        async with self._database.operator() as connection, connection.cursor(row_factory=class_row(Tenant)) as cursor:
            await cursor.execute(_Q["tenants"], {"name": name})
            return await cursor.fetchall()

    async def tenant(self, name: str) -> Tenant:
        """The tenant of this name. Raises `NotFound`."""
        found = await self.tenants(name)
        if not found:
            raise NotFound(
                f"There is no tenant {name!r}. `stretto tenant list` shows all; `stretto tenant add` makes one."
            )
        return found[0]

    async def keys(self, tenant: str | None = None) -> list[KeyListed]:
        """All keys, or those of one tenant; those that ended too."""
        async with (
            self._database.operator() as connection,
            connection.cursor(row_factory=class_row(KeyListed)) as cursor,
        ):
            await cursor.execute(_Q["list_keys"], {"tenant": tenant})
            return await cursor.fetchall()

    async def revoke(self, prefix: str) -> str:
        """End a key for good; gives its tenant's name. Raises `NotFound`."""
        async with self._database.operator() as connection:
            values = {"prefix": prefix, "at": datetime.now(UTC)}
            row = await (await connection.execute(_Q["revoke_key"], values)).fetchone()
        if row is None:
            raise NotFound(f"There is no key {prefix!r}. `stretto key list` shows all.")
        return row[0]

    async def add_first_key(self, tenant_id: UUID, key: NewKeyRow) -> bool:
        """Keep the very first key of this database; False when there is, or ever was, another."""
        async with self._database.operator() as connection, connection.transaction():
            await connection.execute(_Q["lock_keys"])
            async with connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(_Q["any_key"])
                if ((await cursor.fetchone()) or {}).get("exists"):
                    return False
            await AuthStore(self._database).add_key_in(connection, tenant_id, key)
        return True


def check_name(name: str) -> None:
    """Raises `Invalid` for a name that no tenant can have."""
    if not _NAME.fullmatch(name):
        raise Invalid(f"{name!r} cannot be a tenant's name. Use small letters, digits, `.`, `_` and `-`; at most 63.")
