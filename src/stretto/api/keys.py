"""Keys of the tenant: made, rotated and ended, never beyond the rights of who asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from stretto.api.body import Body, JsonRoute
from stretto.api.doors import PlatformDoor, PrincipalDoor, needs
from stretto.api.once import OnceDoor
from stretto.api.paging import IdCursor, Limit, Next, page_of
from stretto.api.problems import fails
from stretto.auth import AuthStore, NewKeyRow, Permission, Role, new_key
from stretto.errors import IdempotencyConflict, Invalid, NotFound, NotPossible
from stretto.store.idempotency import claim

router = APIRouter(prefix="/v1/keys", tags=["keys"], route_class=JsonRoute)

LONGEST_OVERLAP_S = 30 * 86_400

Prefix = Annotated[str, Path(min_length=12, max_length=12, pattern="^[0-9a-f]+$", description="The key's prefix.")]


class KeyShown(BaseModel):
    """A key without its secret. `scopes` null: all that the role may do; `last_used_at` is to the minute."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    prefix: str
    name: str
    role: Role
    scopes: list[Permission] | None
    created_at: datetime
    created_by: str
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    replaced_by: str | None


class KeyMade(KeyShown):
    """A key just made. `key` is shown now and never again."""

    key: str


class KeyList(BaseModel):
    """Latest first."""

    keys: list[KeyShown]
    next: Next


class NewKey(Body):
    """A key to make. It can do no more than who makes it."""

    name: str = Field(default="", max_length=100)
    role: Role = "operator"
    scopes: list[Permission] | None = Field(default=None, min_length=1, max_length=100)
    expires_at: AwareDatetime | None = Field(default=None, strict=False)


class Rotation(Body):
    """How long, in seconds, the old key goes on beside the new one."""

    overlap_s: int = Field(default=86_400, ge=0, le=LONGEST_OVERLAP_S)


@router.get("", dependencies=[needs("keys:read")])
async def list_keys(
    platform: PlatformDoor,
    principal: PrincipalDoor,
    before: IdCursor,
    limit: Limit = 50,
) -> KeyList:
    """The tenant's keys, those that ended too."""
    found = await AuthStore(platform.database).keys_of(principal.tenant_id, before=before, limit=limit + 1)
    page, following = page_of(found, limit, lambda key: key.id)
    return KeyList(keys=[KeyShown.model_validate(key) for key in page], next=following)


@router.post("", status_code=201, responses=fails(Invalid, IdempotencyConflict), dependencies=[needs("keys:write")])
async def add_key(
    new: NewKey, platform: PlatformDoor, principal: PrincipalDoor, response: Response, once: OnceDoor
) -> KeyMade:
    """Make a key. Its text is in this answer and nowhere else; only its digest is kept.

    A repeat under the same `Idempotency-Key` makes no second key, and cannot say the first one's text again: it gets a 409.
    """
    principal.check_grant(new.role, new.scopes)
    scopes = None if new.scopes is None else frozenset(new.scopes)
    made = new_key()
    row = NewKeyRow(made.prefix, made.digest, new.name, new.role, scopes, new.expires_at, principal.by)
    store = AuthStore(platform.database)
    async with platform.database.tenant(principal.tenant_id) as connection:
        await claim(connection, principal.tenant_id, once, "key", made.prefix, shown_once=True)
        await store.add_key_in(connection, principal.tenant_id, row)
    response.headers["Location"] = f"/v1/keys/{made.prefix}"
    return await _made(store, principal.tenant_id, made.prefix, made.text)


@router.get("/{prefix}", responses=fails(NotFound), dependencies=[needs("keys:read")])
async def get_key(prefix: Prefix, platform: PlatformDoor, principal: PrincipalDoor) -> KeyShown:
    """One key."""
    return KeyShown.model_validate(await AuthStore(platform.database).key_of(principal.tenant_id, prefix))


@router.post(
    "/{prefix}/rotate",
    status_code=201,
    responses=fails(NotFound, NotPossible, IdempotencyConflict),
    dependencies=[needs("keys:write")],
)
async def rotate_key(
    prefix: Prefix,
    rotation: Rotation,
    platform: PlatformDoor,
    principal: PrincipalDoor,
    response: Response,
    once: OnceDoor,
) -> KeyMade:
    """Make a key with the same rights, and let the old one end after the overlap."""
    store = AuthStore(platform.database)
    old = await store.key_of(principal.tenant_id, prefix)
    principal.check_grant(old.role, old.scopes)
    made = new_key()
    scopes = None if old.scopes is None else frozenset(old.scopes)
    row = NewKeyRow(made.prefix, made.digest, old.name, old.role, scopes, None, principal.by)
    until = datetime.now(UTC) + timedelta(seconds=rotation.overlap_s)
    await store.rotate_key(principal.tenant_id, prefix, row, until, once)
    response.headers["Location"] = f"/v1/keys/{made.prefix}"
    return await _made(store, principal.tenant_id, made.prefix, made.text)


@router.delete("/{prefix}", status_code=204, responses=fails(NotFound), dependencies=[needs("keys:write")])
async def revoke_key(prefix: Prefix, platform: PlatformDoor, principal: PrincipalDoor) -> None:
    """End a key for good: it is refused everywhere within 5 seconds."""
    store = AuthStore(platform.database)
    old = await store.key_of(principal.tenant_id, prefix)
    principal.check_grant(old.role, old.scopes)
    await store.revoke_key_of(principal.tenant_id, prefix)


async def _made(store: AuthStore, tenant_id: UUID, prefix: str, text: str) -> KeyMade:
    shown = KeyShown.model_validate(await store.key_of(tenant_id, prefix))
    return KeyMade(**shown.model_dump(), key=text)
