"""Sessions in the database, by the digest of their cookies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from psycopg import errors
from psycopg.rows import class_row

from stretto.auth.roles import Role
from stretto.errors import NotAllowed
from stretto.store import Database
from stretto.store.sql import load_queries

if TYPE_CHECKING:
    from stretto.auth.tokens.claims import Claimed

_Q = load_queries("stretto.auth.sessions")
MOST_OF_ONE = 20
"""Sessions that one person may have in one tenant; a further one ends the oldest."""


@dataclass(frozen=True, slots=True)
class FoundSession:
    """What a cookie leads to."""

    id: UUID
    tenant_id: UUID
    tenant: str
    subject: str
    email: str
    name: str
    role: Role
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session to keep, of whose cookie only the digest is known."""

    id: UUID
    tenant_id: UUID
    digest: bytes
    at: datetime
    ends_at: datetime


class SessionStore:
    """Keeps sessions, and which attempts to log in were used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, new: NewSession, who: Claimed) -> None:
        """Keep a session, and sweep away what is over. Raises `NotAllowed` when the person is a member no longer."""
        claimed = (
            who.role if who.tenant is not None else None
        )  # as `People` decides: a token names both, or the members' table does
        values = {
            "id": new.id,
            "tenant_id": new.tenant_id,
            "digest": new.digest,
            "issuer": who.issuer,
            "subject": who.subject,
            "email": who.email if who.email_verified else "",
            "name": who.name,
            "role": claimed,
            "at": new.at,
            "ends_at": new.ends_at,
            "most": MOST_OF_ONE,
        }
        try:
            async with self._database.tenant(new.tenant_id) as connection:
                await connection.execute(_Q["add_session"], values)
                await connection.execute(_Q["sweep_sessions"], values)
        except errors.CheckViolation:
            raise NotAllowed("You are a member of this tenant no longer. Ask an admin to add you.") from None

    async def find(self, digest: bytes, issuer: str, idle_s: float) -> FoundSession | None:
        """The session of a cookie; None when there is none that counts. Keeps it awake."""
        async with (
            self._database.system() as connection,
            connection.cursor(row_factory=class_row(FoundSession)) as cursor,
        ):
            await cursor.execute(_Q["find_session"], {"digest": digest, "issuer": issuer, "idle_s": idle_s})
            return await cursor.fetchone()

    async def end(self, tenant_id: UUID, session_id: UUID) -> None:
        """End a session."""
        async with self._database.tenant(tenant_id) as connection:
            await connection.execute(_Q["end_session"], {"tenant_id": tenant_id, "id": session_id})

    async def use_login(self, digest: bytes, at: datetime, until: datetime) -> bool:
        """Use an attempt to log in; False when it has been used."""
        async with self._database.system() as connection:
            await connection.execute(_Q["sweep_logins"], {"at": at})
            row = await connection.execute(_Q["use_login"], {"digest": digest, "until": until})
            return await row.fetchone() is not None
