"""Secrets that a tenant gives to servers of tools: set, listed by name, removed, and never read back but by a server's start."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from psycopg.rows import TupleRow

from stretto.errors import Invalid, NotFound, NotPossible, SettingsInvalid
from stretto.gateway.keys import Key
from stretto.store import Database, load_queries
from stretto.tools.mcp.secrets import SHORTEST

if TYPE_CHECKING:
    from stretto.gateway.keys.sealing import MasterKey

_Q = load_queries("stretto.tools")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MOST_CHARS = 8192
KeyMaker = Callable[[], Awaitable[bytes]]
"""Gives the 32 bytes that all processes of an installation seal with."""


@dataclass(frozen=True, slots=True)
class SecretName:
    """A secret as it is listed: its name, and when it was set."""

    name: str
    updated_at: datetime


class ToolSecrets:
    """The secrets of all tenants. The key that they are sealed with, and the cryptography, are fetched when the first one comes."""

    def __init__(self, database: Database, key: KeyMaker) -> None:
        self.database = database
        self._key = key
        self._cipher: MasterKey | None = None
        self._fetching = asyncio.Lock()

    async def names(self, tenant_id: UUID, after: str | None = None, limit: int = 1000) -> list[SecretName]:
        """Names, in order."""
        rows = await self._all("list_secrets", tenant_id, after=after, limit=limit)
        return [SecretName(name, updated_at) for name, updated_at in rows]

    async def set(self, tenant_id: UUID, name: str, secret: Key) -> None:
        """Seal a secret under this name, in the place of any other. Raises `Invalid`, which does not repeat it."""
        check(name, secret)
        await self.keep(tenant_id, name, secret)

    async def keep(self, tenant_id: UUID, name: str, secret: Key) -> None:
        """The same for what is Stretto's own: a name that begins with `*`."""
        sealed = (await self._ready()).seal(_place(tenant_id, name), secret)
        await self._all("save_secret", tenant_id, name=name, sealed=sealed, now=datetime.now(UTC))

    async def find(self, tenant_id: UUID, name: str) -> Key | None:
        """The secret, for a server that gets it; None where there is none. Raises `NotPossible` where it cannot be opened."""
        rows = await self._all("find_secret", tenant_id, name=name)
        if not rows:
            return None
        try:
            return (await self._ready()).open(_place(tenant_id, name), bytes(rows[0][0]))
        except SettingsInvalid:
            raise NotPossible(
                f"The secret {name!r} cannot be opened with this installation's keys. Set it anew: "
                f"stretto tools secret set {name}"
            ) from None

    async def remove(self, tenant_id: UUID, name: str) -> None:
        """Remove a secret. Servers that have it are started anew within 15 s. Raises `NotFound`."""
        if not await self._all("remove_secret", tenant_id, name=name):
            raise NotFound(f"There is no secret {name[:80]!r}. `stretto tools secret list` lists them.")

    async def _all(self, query: str, tenant_id: UUID, **values: Any) -> list[TupleRow]:
        given: Mapping[str, Any] = {"tenant_id": tenant_id, **values}
        async with self.database.tenant(tenant_id) as connection:
            cursor = await connection.execute(_Q[query], given)
            return await cursor.fetchall() if cursor.description else []

    async def _ready(self) -> MasterKey:
        async with self._fetching:
            if self._cipher is None:
                from stretto.gateway.keys.sealing import MasterKey  # noqa: PLC0415 - loaded on use

                self._cipher = MasterKey(await self._key())
            return self._cipher


def check(name: str, secret: Key) -> None:
    """Raises `Invalid` for what cannot be kept."""
    value = secret.reveal()
    if not NAME.fullmatch(name):
        raise Invalid(
            f"{name[:80]!r} cannot name a secret. A name has letters, digits, `.`, `_` and `-`, begins with a letter or a digit, "
            "and has at most 64."
        )
    if not SHORTEST <= len(value) <= MOST_CHARS or not value.isprintable():
        raise Invalid(f"A secret has from {SHORTEST} to {MOST_CHARS:,} characters in one line.")


def _place(tenant_id: UUID, name: str) -> str:
    return f"tool secret\0{tenant_id}\0{name}"
