"""Whose word stands behind what was handed out: the key or the member who made it, and whether it still counts."""

from __future__ import annotations

from uuid import UUID

from stretto.auth.principal import Principal
from stretto.auth.roles import ROLES, Permission
from stretto.auth.store import AuthStore
from stretto.store import Database


class Grantors:
    """Names who makes something that others will use later, and says then whether he himself still might.

    Nothing is remembered: what a revoked key has handed out counts no more from that moment on.
    """

    def __init__(self, database: Database) -> None:
        self._store = AuthStore(database)

    async def of(self, principal: Principal) -> UUID | None:
        """The id of the principal's key or membership; None for who has neither: the owner of this machine, and somebody
        whom the issuer alone knows, by a token that names tenant and role."""
        if principal.key_id is not None or principal.person is None:
            return principal.key_id
        found = await self._store.memberships(*principal.person, "")
        return next((each.member_id for each in found if each.tenant_id == principal.tenant_id), None)

    async def may(self, tenant_id: UUID, grantor: UUID | None, permission: Permission) -> bool:
        """Whether the grantor's key or membership still stands, with this permission. Who had neither always may."""
        if grantor is None:
            return True
        found = await self._store.rights_of(tenant_id, grantor)
        if found is None:
            return False
        role, scopes = found
        return permission in ROLES[role] and (scopes is None or permission in scopes)
