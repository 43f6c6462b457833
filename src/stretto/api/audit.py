"""The audit log: every change and every denied attempt, to read and to export."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response, StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict

from stretto.api.doors import PlatformDoor, PrincipalDoor, needs
from stretto.api.paging import Limit, Next, NumberCursor, page_of
from stretto.auth import AuthStore
from stretto.auth.store import AuditRow

router = APIRouter(prefix="/v1/audit", tags=["audit"])

_line = msgspec.json.Encoder().encode


class AuditEntry(BaseModel):
    """What was done or denied. `times`: so often within a second or so; `detail` of a change: columns, for an edit
    each with what it was and what it is."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    at: datetime
    actor: str
    action: str
    target: str
    outcome: Literal["done", "denied"]
    times: int
    request_id: str
    address: str
    detail: dict[str, Any]


class AuditList(BaseModel):
    """Latest first."""

    entries: list[AuditEntry]
    next: Next


@dataclass(frozen=True, slots=True)
class Only:
    """Which entries are shown."""

    outcome: Annotated[Literal["done", "denied"] | None, Query(description="What was done, or what was denied.")] = None
    actor: Annotated[str | None, Query(max_length=200, description="Who did it, as entries name him.")] = None
    action: Annotated[str | None, Query(max_length=100, description="Its beginning, such as `key.`")] = None
    since: Annotated[AwareDatetime | None, Query(description="Then or later.")] = None
    until: Annotated[AwareDatetime | None, Query(description="Earlier than that.")] = None


@router.get("", dependencies=[needs("audit:read")])
async def list_audit(
    platform: PlatformDoor,
    principal: PrincipalDoor,
    only: Annotated[Only, Depends()],
    before: NumberCursor,
    limit: Limit = 50,
) -> AuditList:
    """What was changed and what was denied, latest first."""
    found = await AuthStore(platform.database).audit(
        principal.tenant_id,
        before=before,
        limit=limit + 1,
        **asdict(only),
    )
    page, following = page_of(found, limit, lambda entry: entry.id)
    return AuditList(entries=[AuditEntry.model_validate(entry) for entry in page], next=following)


@router.get(
    "/export",
    response_class=Response,
    responses={200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
    dependencies=[needs("audit:read")],
)
async def export_audit(
    platform: PlatformDoor,
    principal: PrincipalDoor,
    since: Annotated[AwareDatetime | None, Query(description="Then or later; default: all of it.")] = None,
) -> StreamingResponse:
    """The whole log from a time on as one JSON object a line, latest first."""
    pages = AuthStore(platform.database).audit_pages(principal.tenant_id, since)
    return StreamingResponse(
        _lines(pages),
        media_type="application/x-ndjson",
        headers={"Content-Disposition": 'attachment; filename="audit.ndjson"'},
    )


async def _lines(pages: AsyncGenerator[list[AuditRow]]) -> AsyncGenerator[bytes]:
    async for page in pages:
        yield b"".join(_line(entry) + b"\n" for entry in page)
