"""Reviews taken in: files, single reviews, and how far imports are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from io import BytesIO, StringIO
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from stretto.api import Body, IdCursor, JsonRoute, Limit, Next, PlatformDoor, PrincipalDoor, fails, needs, page_of
from stretto.errors import Invalid, NotFound, NotPossible
from stretto.store import Database
from stretto_reviews.imports import Import as ImportRow
from stretto_reviews.imports import (
    begin_within,
    get_import,
    imports,
    put_within,
    read_row,
    rejects,
    take_within,
    write_rejects,
)
from stretto_reviews.pipelines.ingestion import start_within
from stretto_reviews.pipelines.taking_back import take_back
from stretto_reviews.qrvey.sets import export

router = APIRouter(prefix="/v1/apps/reviews", tags=["review engine"], route_class=JsonRoute)
files = APIRouter()
ImportId = Annotated[UUID, Path(description="The import's id.")]


class ImportShown(BaseModel):
    """An import and how far it is. `rows` counts its lines, `done` those that were taken up: `taken` became reviews (with `duplicates` and
    `spam` among them), `known` were there before, `rejected` cannot be taken (`…/rejects` says why)."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    rows: int
    done: int
    taken: int
    known: int
    duplicates: int
    spam: int
    rejected: int
    created_at: datetime
    finished_at: datetime | None


class ImportList(BaseModel):
    """Latest first."""

    imports: list[ImportShown]
    next: Next


class NewReview(Body):
    """A review from a system of your own; the fields are those of a line of an import."""

    text: str = Field(min_length=1, max_length=20_000)
    rating: int | None = Field(default=None, ge=1, le=5)
    title: str = Field(default="", max_length=500)
    source: str = Field(default="api", min_length=1, max_length=40)
    external_id: str | None = Field(
        default=None, min_length=1, max_length=200, description="The source's own id; else one from the content."
    )
    created_at: str | None = Field(
        default=None, max_length=40, description="When it was written, ISO 8601; default: now."
    )
    product: dict[str, Any] | None = Field(default=None, description="`external_id` and `name` of what it is about.")
    customer: dict[str, Any] | None = Field(
        default=None, description="`email`, `name` and `opted_into_loyalty` of who wrote it."
    )
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)


class NewReviews(Body):
    """Reviews to be taken in together."""

    reviews: list[NewReview] = Field(min_length=1, max_length=200)
    name: str = Field(default="api", min_length=1, max_length=200, description="What the import is called.")


class ReviewRefused(BaseModel):
    """A review that cannot be taken, by its place in the request (0 is the first): which field, and why."""

    at: int
    field: str
    reason: str


class ImportBegun(BaseModel):
    """The import, and the run that takes it up. Of single reviews also those that cannot be taken."""

    id: UUID
    run_id: UUID
    refused: list[ReviewRefused] = []


class AsideTaken(Body):
    """Reviews that were set aside and are to be taken in after all."""

    ids: Annotated[
        list[Annotated[UUID, Field(strict=False)]],
        Field(min_length=1, max_length=100, description="Copies, or suspected spam."),
    ]


class TakenBackShown(BaseModel):
    """The import that they are lines of now, the run that takes it up, and how many they are."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    run_id: UUID
    taken: int


@router.get("/imports", dependencies=[needs("apps:read")], responses=fails(NotFound))
async def list_imports(
    platform: PlatformDoor, principal: PrincipalDoor, before: IdCursor, limit: Limit = 50
) -> ImportList:
    """What was handed in."""
    found = await imports(platform.database, principal.tenant_id, before=before, limit=limit + 1)
    page, following = page_of(found, limit, lambda each: each.id)
    return ImportList(imports=[_shown(each) for each in page], next=following)


@router.get("/imports/{import_id}", dependencies=[needs("apps:read")], responses=fails(NotFound))
async def get_one_import(platform: PlatformDoor, principal: PrincipalDoor, import_id: ImportId) -> ImportShown:
    """How far an import is."""
    return _shown(await get_import(platform.database, principal.tenant_id, import_id))


@router.get(
    "/imports/{import_id}/rejects",
    dependencies=[needs("apps:read")],
    responses={**fails(NotFound), 200: {"content": {"text/csv": {}}, "description": "One line for each mistake."}},
    response_class=StreamingResponse,
)
async def get_rejects(platform: PlatformDoor, principal: PrincipalDoor, import_id: ImportId) -> StreamingResponse:
    """What could not be taken: line, field, reason and the line itself, as CSV."""
    await get_import(platform.database, principal.tenant_id, import_id)
    told = rejects_csv(platform.database, principal.tenant_id, import_id)
    head = {"content-disposition": f'attachment; filename="rejects-{import_id}.csv"'}
    return StreamingResponse(told, media_type="text/csv; charset=utf-8", headers=head)


@router.post("/reviews", status_code=202, dependencies=[needs("apps:write")], responses=fails(Invalid))
async def add_reviews(platform: PlatformDoor, principal: PrincipalDoor, body: NewReviews) -> ImportBegun:
    """Take reviews in. They are analysed in the background; the run tells when that is done."""
    rows = [(n, _line(each)) for n, each in enumerate(body.reviews)]
    refused = [
        ReviewRefused(at=each.line, field=each.field, reason=each.reason)
        for line, row in rows
        if isinstance(found := read_row(line, row), list)
        for each in found
    ]
    bad = {each.at for each in refused}
    if len(bad) == len(rows):
        told = "; ".join(f"review {each.at}, {each.field} {each.reason}" for each in refused[:5])
        raise Invalid(f"None of the reviews can be taken: {told}")
    lines = [(n + 1, row) for n, row in rows if n not in bad]
    async with platform.database.tenant(principal.tenant_id) as connection:
        import_id = await begin_within(connection, principal.tenant_id, body.name)
        await put_within(connection, principal.tenant_id, import_id, lines)
        run_id = await start_within(platform, connection, principal.tenant_id, import_id)
    return ImportBegun(id=import_id, run_id=run_id, refused=refused)


@router.post("/taken-back", status_code=202, dependencies=[needs("apps:write")], responses=fails(NotFound, NotPossible))
async def take_reviews_back(platform: PlatformDoor, principal: PrincipalDoor, body: AsideTaken) -> TakenBackShown:
    """Take reviews in that were set aside as copies or as spam: all of them, or none. They are analysed in the background."""
    found = await take_back(platform, principal.tenant_id, body.ids, principal.by)
    return TakenBackShown.model_validate(found)


@files.post(
    "/v1/apps/reviews/imports",
    status_code=202,
    tags=["review engine"],
    dependencies=[needs("apps:write")],
    responses=fails(Invalid),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {kind: {"schema": {"type": "string"}} for kind in ("text/csv", "application/x-ndjson")},
        }
    },
)
async def add_import(
    request: Request,
    platform: PlatformDoor,
    principal: PrincipalDoor,
    name: Annotated[
        str, Query(min_length=1, max_length=200, description="What the import is called, such as its file's name.")
    ] = "upload",
    format: Annotated[Literal["csv", "jsonl"], Query(description="How the lines are written.")] = "csv",
) -> ImportBegun:
    """Take in a file: CSV with a head, or JSON lines, at most 2 MB at a time. Lines that cannot be taken are listed; the others are."""
    file = BytesIO(await request.body())
    async with platform.database.tenant(principal.tenant_id) as connection:
        import_id = await take_within(connection, principal.tenant_id, name, file, format)
        run_id = await start_within(platform, connection, principal.tenant_id, import_id)
    return ImportBegun(id=import_id, run_id=run_id)


async def rejects_csv(database: Database, tenant_id: UUID, import_id: UUID) -> AsyncIterator[str]:
    """The lines that could not be taken, page by page, below one head."""
    after = (-1, "")
    first = True
    while True:
        page = await rejects(database, tenant_id, import_id, after)
        text = StringIO()
        write_rejects(page, text)
        yield text.getvalue() if first else text.getvalue().partition("\n")[2]
        if not page:
            return
        after, first = (page[-1].line, page[-1].field), False


def _line(review: NewReview) -> dict[str, Any]:
    return {name: value for name, value in review.model_dump().items() if value not in (None, "")}


def _shown(row: ImportRow) -> ImportShown:
    return ImportShown.model_validate(row)


@router.get(
    "/data-sets/{name}",
    dependencies=[needs("apps:read")],
    responses={
        **fails(NotFound, Invalid),
        200: {"content": {"text/csv": {}, "application/json": {}}, "description": "Rows."},
    },
    response_class=StreamingResponse,
)
async def export_data_set(
    platform: PlatformDoor,
    principal: PrincipalDoor,
    name: Annotated[Literal["sentiment_trends", "customer_ltv", "inventory_alerts"], Path(description="The data set.")],
    format: Annotated[Literal["csv", "json"], Query(description="How the rows are written.")] = "csv",
) -> StreamingResponse:
    """A data set as Qrvey takes it: sentiment by day, customers' value, products low in stock."""
    rows = export(platform.database, principal.tenant_id, name, format)
    return StreamingResponse(rows, media_type="text/csv; charset=utf-8" if format == "csv" else "application/json")
