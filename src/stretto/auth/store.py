"""The only Python that runs the SQL of tenants and keys."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from psycopg.rows import class_row

from stretto.errors import Invalid, NotFound
from stretto.store import Database, load_queries
from stretto.store.ids import new_id

_Q = load_queries("stretto.auth")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
MAX_LABEL_CHARS = 100


@dataclass(frozen=True, slots=True)
class Tenant:
    """Somebody whose runs, keys and money are kept apart from everybody else's."""

    id: UUID
    name: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as the list shows it, without its secret, which nobody has."""

    tenant: str
    prefix: str
    name: str
    created_at: datetime
    revoked_at: datetime | None


class KeyStore:
    """Tenants and keys in the database. All but `find` and `add_key` is for an operator, never for a request."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, prefix: str) -> tuple[UUID, UUID, bytes] | None:
        """The tenant, the id and the digest of the key with this prefix; None when there is none that counts."""
        async with self._database.system() as connection:
            row = await (await connection.execute(_Q["find_key"], {"prefix": prefix})).fetchone()
        return None if row is None else (row[0], row[1], bytes(row[2]))

    async def add_key(self, tenant_id: UUID, prefix: str, digest: bytes, name: str = "") -> None:
        """Keep a tenant's new key, of which only the digest is known."""
        if len(name) > MAX_LABEL_CHARS or not name.isprintable():
            raise Invalid(f"A key's name has at most {MAX_LABEL_CHARS} characters, all of them printable.")
        values = {"key_id": new_id(), "tenant_id": tenant_id, "prefix": prefix, "digest": digest, "name": name}
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute(_Q["add_key"], {**values, "at": datetime.now(UTC)})

    async def add_tenant(self, name: str) -> UUID:
        """Make a tenant. Raises `Invalid` for a name that cannot be used or is taken."""
        if not _NAME.fullmatch(name):
            raise Invalid(
                f"{name!r} cannot be a tenant's name. Use small letters, digits, `.`, `_` and `-`; at most 63."
            )
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

    async def keys(self, tenant: str | None = None) -> list[KeyRow]:
        """All keys, or those of one tenant; revoked ones too."""
        async with self._database.operator() as connection, connection.cursor(row_factory=class_row(KeyRow)) as cursor:
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
