"""Who acts: the one record that says whose request it is and what it may do."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Literal, cast
from uuid import UUID

from stretto.auth.roles import ROLES, Permission, Role
from stretto.errors import Invalid, NotAllowed
from stretto.store import DEFAULT_TENANT


@dataclass(frozen=True, slots=True)
class Principal:
    """Who acts, in which tenant. `by` is what facts and the audit log record: `local`, `key 3fa9…`, `user ada@…`."""

    tenant_id: UUID
    by: str
    role: Role
    via: Literal["local", "key", "token", "session"]
    key_id: UUID | None = None
    scopes: frozenset[Permission] | None = None
    """What a key was narrowed to; None: all that its role may do."""
    person: tuple[str, str] | None = None
    """The issuer and subject of somebody who came by a token or session."""
    tied: bool = False
    """His token names the tenant; what he is a member of elsewhere does not count with it."""
    permissions: frozenset[Permission] = field(init=False)

    def __post_init__(self) -> None:
        allowed = ROLES[self.role]
        object.__setattr__(self, "permissions", allowed if self.scopes is None else allowed & self.scopes)

    def may(self, permission: Permission) -> bool:
        """Whether this is allowed."""
        return permission in self.permissions

    def check(self, permission: Permission) -> None:
        """Raises `NotAllowed` when this is not allowed."""
        if permission not in self.permissions:
            why = "" if permission in ROLES[self.role] else f", which the role {self.role} does not have"
            raise NotAllowed(
                f"This needs the permission {permission}{why}. "
                + ("Use a key with this scope." if not why else "Ask an admin of the tenant for another role."),
                permission=permission,
            )

    def check_grant(self, role: Role, scopes: Collection[Permission] | None = None) -> None:
        """Raises `NotAllowed` unless all that would be granted is one's own: nobody gives what he does not have."""
        granted = ROLES[role] if scopes is None else ROLES[role] & frozenset(scopes)
        if beyond := sorted(granted - self.permissions):
            raise NotAllowed(
                f"You cannot grant what you do not have: {', '.join(beyond)}. Choose a lesser role or fewer scopes.",
                permission=beyond[0],
            )


LOCAL = Principal(DEFAULT_TENANT, "local", "owner", "local")
"""Who comes without credentials from this machine, where `STRETTO_AUTH` is `local`: its owner."""


def role_named(text: str) -> Role:
    """The role of this name. Raises `Invalid`."""
    for role in ROLES:
        if role == text:
            return role
    raise Invalid(f"There is no role {text!r}. Roles are {', '.join(ROLES)}.")


def scopes_named(texts: Collection[str] | None) -> frozenset[Permission] | None:
    """Permissions by their names; None stays None. Raises `Invalid`."""
    if texts is None:
        return None
    if unknown := sorted(set(texts) - ROLES["owner"]):
        raise Invalid(f"There is no scope {unknown[0]!r}. Scopes are {', '.join(sorted(ROLES['owner']))}.")
    return cast("frozenset[Permission]", frozenset(texts))
