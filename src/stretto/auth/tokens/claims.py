"""What a token claims, once its signature is checked: read by pinned names, typed, and bounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from stretto.auth.roles import ROLES, Role
from stretto.errors import TokenRefused

MOST_CHARS = 500


@dataclass(frozen=True, slots=True)
class Claimed:
    """Who somebody is, as his identity provider says. `tenant` and `role` where the token names them, else None."""

    issuer: str
    subject: str
    email: str
    email_verified: bool
    name: str
    tenant: str | None
    role: Role | None
    expires_at: datetime

    @property
    def by(self) -> str:
        """How facts and the audit log name him."""
        return f"user {self.email if self.email_verified else self.subject}"


def read_claims(claims: Mapping[str, Any], tenant_claim: str, role_claim: str) -> Claimed:
    """The claims that count. Raises `TokenRefused` where one is of a wrong type."""
    subject = _text(claims, "sub")
    if not subject:
        raise TokenRefused("The token's `sub` is empty, so that it names nobody.")
    return Claimed(
        issuer=_text(claims, "iss"),
        subject=subject,
        email=_text(claims, "email"),
        email_verified=claims.get("email_verified") is True,
        name=_text(claims, "name"),
        tenant=_tenant(at_path(claims, tenant_claim), tenant_claim),
        role=_role(at_path(claims, role_claim)),
        expires_at=datetime.fromtimestamp(int(claims["exp"]), UTC),
    )


def at_path(claims: Mapping[str, Any], path: str) -> object:
    """The claim at a dotted path such as `app_metadata.stretto_role`. A claim whose own name is the whole path (they may be
    URLs) comes first; None when there is none."""
    if path in claims:
        return claims[path]
    value: object = claims
    for part in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = cast("Mapping[str, object]", value).get(part)
    return value


def _text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name) or ""
    if not isinstance(value, str) or len(value) > MOST_CHARS or not value.isprintable():
        raise TokenRefused(f"The token's `{name}` is no text of at most {MOST_CHARS} printable characters.")
    return value


def _tenant(value: object, name: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not value or len(value) > MOST_CHARS or not value.isprintable():
        raise TokenRefused(f"The token's `{name}` is no tenant's name.")
    return value


def _role(value: object) -> Role | None:
    """The strongest of the roles that are named; other names are of other services."""
    named = cast("list[object]", value) if isinstance(value, list) else [value]
    return next((role for role in ROLES if role in named), None)
