"""Members: people who may log in to the tenant, and their roles."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from stretto.api.body import Body, JsonRoute
from stretto.api.doors import PlatformDoor, PrincipalDoor, needs
from stretto.api.etags import IfMatch, set_etag
from stretto.api.once import OnceDoor
from stretto.api.paging import IdCursor, Limit, Next, page_of
from stretto.api.problems import fails
from stretto.auth import AuthStore, Role
from stretto.auth.store import NewMemberRow
from stretto.errors import IdempotencyConflict, Invalid, NotFound, NotPossible, PreconditionFailed
from stretto.platform import Platform
from stretto.store.idempotency import claim
from stretto.store.ids import new_id

router = APIRouter(prefix="/v1/members", tags=["members"], route_class=JsonRoute)


class MemberShown(BaseModel):
    """A member. `joined`: has logged in, and is known by more than the address."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    email: str
    role: Role
    joined: bool
    revision: int
    created_by: str
    created_at: datetime


class MemberList(BaseModel):
    """Latest first."""

    members: list[MemberShown]
    next: Next


class NewMember(Body):
    """Somebody to invite by an e-mail address, which the login's provider must have verified."""

    email: str = Field(min_length=3, max_length=254)
    role: Role = "viewer"


class MemberChange(Body):
    """Another role."""

    role: Role


@router.get("", dependencies=[needs("members:read")])
async def list_members(
    platform: PlatformDoor,
    principal: PrincipalDoor,
    before: IdCursor,
    limit: Limit = 50,
) -> MemberList:
    """The tenant's members."""
    found = await AuthStore(platform.database).members(principal.tenant_id, before=before, limit=limit + 1)
    page, following = page_of(found, limit, lambda member: member.id)
    return MemberList(members=[MemberShown.model_validate(member) for member in page], next=following)


@router.post(
    "",
    status_code=201,
    responses=fails(Invalid, NotPossible, IdempotencyConflict),
    dependencies=[needs("members:write")],
)
async def add_member(
    new: NewMember, platform: PlatformDoor, principal: PrincipalDoor, response: Response, once: OnceDoor
) -> MemberShown:
    """Let somebody log in to this tenant, with a role up to one's own."""
    principal.check_grant(new.role)
    store = AuthStore(platform.database)
    async with platform.database.tenant(principal.tenant_id) as connection:
        member_id = new_id()
        earlier = await claim(connection, principal.tenant_id, once, "member", str(member_id))
        if earlier is None:
            invited = NewMemberRow(member_id, new.email, new.role, principal.by)
            await store.add_member_in(connection, principal.tenant_id, invited)
        else:
            member_id = UUID(earlier)
    response.headers["Location"] = f"/v1/members/{member_id}"
    return await _shown(platform, principal.tenant_id, member_id, response)


@router.get("/{member_id}", responses=fails(NotFound), dependencies=[needs("members:read")])
async def get_member(
    member_id: UUID, platform: PlatformDoor, principal: PrincipalDoor, response: Response
) -> MemberShown:
    """One member."""
    return await _shown(platform, principal.tenant_id, member_id, response)


@router.patch(
    "/{member_id}", responses=fails(NotFound, NotPossible, PreconditionFailed), dependencies=[needs("members:write")]
)
async def change_member(
    member_id: UUID,
    change: MemberChange,
    platform: PlatformDoor,
    principal: PrincipalDoor,
    revision: IfMatch,
    response: Response,
) -> MemberShown:
    """Give a member another role. Sessions that are open follow within a minute."""
    store = AuthStore(platform.database)
    principal.check_grant(change.role)
    async with platform.database.tenant(principal.tenant_id) as connection:
        before = await store.lock_member(connection, principal.tenant_id, member_id, revision)
        principal.check_grant(before.role)
        if change.role != before.role:
            await store.change_member(connection, principal.tenant_id, member_id, change.role)
            await store.check_owner_left(connection, principal.tenant_id, before)
    return await _shown(platform, principal.tenant_id, member_id, response)


@router.delete(
    "/{member_id}",
    status_code=204,
    responses=fails(NotFound, NotPossible, PreconditionFailed),
    dependencies=[needs("members:write")],
)
async def remove_member(member_id: UUID, platform: PlatformDoor, principal: PrincipalDoor, revision: IfMatch) -> None:
    """Remove a member; open sessions end."""
    store = AuthStore(platform.database)
    async with platform.database.tenant(principal.tenant_id) as connection:
        before = await store.lock_member(connection, principal.tenant_id, member_id, revision)
        principal.check_grant(before.role)
        await store.remove_member(connection, principal.tenant_id, member_id)
        await store.check_owner_left(connection, principal.tenant_id, before)


async def _shown(platform: Platform, tenant_id: UUID, member_id: UUID, response: Response) -> MemberShown:
    found = await AuthStore(platform.database).members(tenant_id, member_id=member_id)
    if not found:
        raise NotFound(f"There is no member {member_id}. `GET /v1/members` lists them.")
    set_etag(response, found[0].revision)
    return MemberShown.model_validate(found[0])
