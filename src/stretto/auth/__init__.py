"""Whose request it is and what it may do: principals, roles, keys, members, the audit log."""

from stretto.auth.first_key import make_first_key
from stretto.auth.grantors import Grantors
from stretto.auth.keys import Keys, is_key, new_key
from stretto.auth.people import People, tenants_with
from stretto.auth.principal import LOCAL, Principal, role_named, scopes_named
from stretto.auth.roles import MEANINGS, ROLES, Permission, Role, roles_table
from stretto.auth.store import AuthStore, Membership, NewKeyRow, Operator

__all__ = [
    "LOCAL",
    "MEANINGS",
    "ROLES",
    "AuthStore",
    "Grantors",
    "Keys",
    "Membership",
    "NewKeyRow",
    "Operator",
    "People",
    "Permission",
    "Principal",
    "Role",
    "is_key",
    "make_first_key",
    "new_key",
    "role_named",
    "roles_table",
    "scopes_named",
    "tenants_with",
]
