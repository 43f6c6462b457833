"""The tenant itself, who asks, and the table of roles."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from stretto.api.body import Body, JsonRoute
from stretto.api.doors import PlatformDoor, PrincipalDoor, needs
from stretto.api.etags import IfMatch, set_etag
from stretto.api.problems import fails
from stretto.auth import MEANINGS, ROLES, AuthStore, Permission, Role
from stretto.errors import Invalid, PreconditionFailed
from stretto.platform import Platform

router = APIRouter(prefix="/v1", tags=["tenant"], route_class=JsonRoute)


class TenantShown(BaseModel):
    """A tenant."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    created_at: datetime
    revision: int


class TenantChange(Body):
    """Another name: small letters, digits, `.`, `_` and `-`."""

    name: str = Field(min_length=1, max_length=63)


class TenantOfMine(BaseModel):
    """A tenant, and one's role there."""

    name: str
    role: Role


class TenantList(BaseModel):
    """The one of this request first."""

    tenants: list[TenantOfMine]


class Me(BaseModel):
    """Who asks, and what he may do."""

    tenant: TenantShown
    by: str
    via: Literal["local", "key", "token", "session"]
    role: Role
    permissions: list[Permission]
    apps: list[str] = Field(description="The applications of this server, by name.")


class PermissionShown(BaseModel):
    """A permission, and the roles that have it."""

    permission: Permission
    allows: str
    roles: list[Role]


class RolesTable(BaseModel):
    """Who may do what."""

    roles: list[Role]
    permissions: list[PermissionShown]


@router.get("/me", dependencies=[needs("tenant:read")])
async def get_me(platform: PlatformDoor, principal: PrincipalDoor) -> Me:
    """Who asks, in which tenant, with which rights."""
    tenant = TenantShown.model_validate(await AuthStore(platform.database).own_tenant(principal.tenant_id))
    return Me(
        tenant=tenant,
        by=principal.by,
        via=principal.via,
        role=principal.role,
        permissions=sorted(principal.permissions),
        apps=sorted(platform.apps),
    )


@router.get("/roles", dependencies=[needs("tenant:read")])
async def get_roles() -> RolesTable:
    """The one table of who may do what."""
    return RolesTable(
        roles=list(ROLES),
        permissions=[
            PermissionShown(
                permission=permission,
                allows=meaning,
                roles=[role for role, allowed in ROLES.items() if permission in allowed],
            )
            for permission, meaning in MEANINGS.items()
        ],
    )


@router.get("/tenant", dependencies=[needs("tenant:read")])
async def get_tenant(platform: PlatformDoor, principal: PrincipalDoor, response: Response) -> TenantShown:
    """The tenant of this request."""
    return await _shown(platform, principal.tenant_id, response)


@router.get("/tenants", dependencies=[needs("tenant:read")])
async def list_tenants(platform: PlatformDoor, principal: PrincipalDoor) -> TenantList:
    """The tenants of who asks: of a person all where he is a member, to be chosen by `X-Stretto-Tenant`; of a key its own."""
    store = AuthStore(platform.database)
    own = await store.own_tenant(principal.tenant_id)
    found = {own.name: TenantOfMine(name=own.name, role=principal.role)}
    if principal.person is not None:
        for each in await store.memberships(*principal.person, ""):
            found.setdefault(each.tenant, TenantOfMine(name=each.tenant, role=each.role))
    return TenantList(tenants=list(found.values()))


@router.patch("/tenant", responses=fails(Invalid, PreconditionFailed), dependencies=[needs("tenant:write")])
async def rename_tenant(
    change: TenantChange, platform: PlatformDoor, principal: PrincipalDoor, revision: IfMatch, response: Response
) -> TenantShown:
    """Give the tenant another name."""
    await AuthStore(platform.database).rename_tenant(principal.tenant_id, change.name, revision)
    return await _shown(platform, principal.tenant_id, response)


async def _shown(platform: Platform, tenant_id: UUID, response: Response) -> TenantShown:
    tenant = await AuthStore(platform.database).own_tenant(tenant_id)
    set_etag(response, tenant.revision)
    return TenantShown.model_validate(tenant)
