"""People: what somebody may do here who has proved who he is."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING
from uuid import UUID

from stretto.auth.principal import Principal
from stretto.auth.roles import ROLES, Permission
from stretto.auth.store import AuthStore
from stretto.errors import NotAllowed
from stretto.store import Database

if TYPE_CHECKING:
    from typing import Literal

    from stretto.auth.tokens.claims import Claimed

KNOWN_FOR_S = 5.0
MOST_KNOWN = 4096


class People:
    """Gives the principal of a token or session. Remembers for 5 s, so that a busy person costs no query.

    A token that names a tenant and a role is believed: who configures the issuer decides what it may say. Where it names no
    role, or no tenant, the members' table decides.
    """

    def __init__(self, database: Database, known_for_s: float = KNOWN_FOR_S) -> None:
        self._store = AuthStore(database)
        self._known_for_s = known_for_s
        self._known: dict[tuple[object, ...], tuple[float, Principal]] = {}

    async def principal(self, who: Claimed, wanted: str | None, via: Literal["token", "session"]) -> Principal:
        """What he may do, in the tenant that he wants (`X-Stretto-Tenant`), else in his first. Raises `NotAllowed`."""
        key = (who.issuer, who.subject, who.email, who.email_verified, who.tenant, who.role, wanted, via)
        now = time.monotonic()
        known = self._known.get(key)
        if known is None or now >= known[0]:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            known = self._known[key] = (now + self._known_for_s, await self._look_up(who, wanted, via))
        return known[1]

    async def _look_up(self, who: Claimed, wanted: str | None, via: Literal["token", "session"]) -> Principal:
        if who.tenant is not None:
            if wanted not in (None, who.tenant):
                raise NotAllowed(f"Your token is for the tenant {who.tenant!r} alone, not for {wanted!r}.")
            tenant_id = await self._store.find_tenant(who.tenant)
            if tenant_id is not None and who.role is not None:
                return Principal(tenant_id, who.by, who.role, via, person=(who.issuer, who.subject), tied=True)
            wanted = who.tenant
        email = who.email if who.email_verified else ""
        found = await self._store.memberships(who.issuer, who.subject, email)
        chosen = next((each for each in found if wanted in (None, each.tenant)), None)
        if chosen is None:
            where = "any tenant" if wanted is None else f"the tenant {wanted!r}"
            raise NotAllowed(f"You are known, but no member of {where}. Ask an admin to add {email or who.subject}.")
        if not chosen.linked:
            await self._store.link_member(chosen, who.issuer, who.subject)
        person, tied = (who.issuer, who.subject), who.tenant is not None
        return Principal(chosen.tenant_id, who.by, chosen.role, via, person=person, tied=tied)


async def tenants_with(store: AuthStore, principal: Principal, permission: Permission) -> Mapping[UUID, str]:
    """The tenants, with their names, where who asks has a permission by the members' table; the one of this request first.

    A key has its own tenant alone, and so has somebody whose token names it.
    """
    own = await store.own_tenant(principal.tenant_id)
    found = {own.id: own.name} if principal.may(permission) else {}
    if principal.person is None or principal.tied:
        return found
    theirs = await store.memberships(*principal.person, "")
    if any(each.tenant_id == own.id for each in theirs):
        found |= {each.tenant_id: each.tenant for each in theirs if permission in ROLES[each.role]}
    return found
