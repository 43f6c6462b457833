"""What there is: reviews, figures, the map, duplicates, customers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query
from psycopg.rows import dict_row
from pydantic import BaseModel, Field

from stretto import Platform
from stretto.api import CursorOf, JsonRoute, Limit, Next, PlatformDoor, PrincipalDoor, cursor_at, fails, needs
from stretto.errors import NotFound
from stretto.store import load_queries
from stretto_reviews.places import corners_of, finer_digits, middle_of, resolutions_up, within

router = APIRouter(prefix="/v1/apps/reviews", tags=["review engine"], route_class=JsonRoute)
QUERIES = load_queries("stretto_reviews.api")
MOST_CELLS = 3_000
MOST_THEMES = 20


class EngineReview(BaseModel):
    """A review and what was found in it. `sentiment` is 0 (worst) to 5 (best); `similarity` is to `duplicate_of`."""

    id: UUID
    created_at: datetime
    source: str
    external_id: str
    product: str | None
    customer: str | None
    title: str
    text: str
    rating: int | None
    language: str
    latitude: float | None
    longitude: float | None
    h3_cell: str | None
    status: Literal["new", "analysed", "duplicate", "spam"]
    duplicate_of: UUID | None
    similarity: float | None
    spam_score: float
    spam_reasons: list[str]
    taken_back_by: str | None = Field(description="Who took it in after it was set aside.")
    sentiment: float | None
    themes: list[str]
    analysed_by: str | None = Field(description="`lexicon`, or the route of the model.")
    indexed: bool = Field(description="Whether it is found by searches.")


class EngineReviewList(BaseModel):
    """The latest written first."""

    reviews: list[EngineReview]
    next: Next


class DayShown(BaseModel):
    """A day's reviews."""

    day: date
    reviews: int
    sentiment: float | None
    rating: float | None
    positive: int
    negative: int


class ThemeMonth(BaseModel):
    """A theme in a month."""

    month: date
    reviews: int
    sentiment: float | None


class ThemeShown(BaseModel):
    """What is spoken of, and how."""

    theme: str
    reviews: int
    sentiment: float | None
    months: list[ThemeMonth]


class ProductShown(BaseModel):
    """A product, with what its reviews say."""

    external_id: str
    name: str
    sku: str
    price: float | None
    inventory_quantity: int
    low_stock: bool
    reviews: int
    sentiment: float | None
    rating: float | None


class TotalsShown(BaseModel):
    """All reviews, and what became of them. Positive is a sentiment above 3, negative one below 2."""

    reviews: int
    analysed: int
    duplicates: int
    spam: int
    indexed: int
    sentiment: float | None
    rating: float | None
    positive: int
    negative: int


class Overview(BaseModel):
    """Volume, sentiment and themes over time. Figures by day and theme are made anew every few minutes."""

    totals: TotalsShown
    days: list[DayShown]
    themes: list[ThemeShown]
    products: list[ProductShown]


class CellShown(BaseModel):
    """An H3 cell: its middle and corners (latitude, longitude), and its reviews."""

    cell: str
    latitude: float
    longitude: float
    corners: list[tuple[float, float]]
    reviews: int
    sentiment: float | None


class MapShown(BaseModel):
    """Cells of one resolution, those with most reviews first. `left_off` says how many more there are."""

    resolution: int
    cells: list[CellShown]
    left_off: int


class SideShown(BaseModel):
    """One of two texts that are alike."""

    id: UUID
    created_at: datetime
    source: str
    text: str
    customer: str | None


class PairShown(BaseModel):
    """A duplicate beside what it is a copy of."""

    similarity: float
    copy_: SideShown = Field(alias="copy")
    original: SideShown


class PairList(BaseModel):
    """Latest taken first."""

    pairs: list[PairShown]
    next: Next


class CustomerShown(BaseModel):
    """A customer, with points and what was bought."""

    id: UUID
    name: str
    email: str
    opted_into_loyalty: bool
    account_status: str
    loyalty_points: int
    created_at: datetime
    purchases: int
    spent: float
    average_order: float | None
    daily_value: float | None
    reviews: int


class CustomerList(BaseModel):
    """Those with most points first."""

    customers: list[CustomerShown]
    next: Next


class ActionShown(BaseModel):
    """What came of a review for its customer. `decided_by` is `rules`, or who decided."""

    review_id: UUID
    customer: str | None
    outcome: Literal["awarded", "denied"]
    reasons: list[str]
    fraud_score: float | None
    points: int
    decided_by: str
    at: datetime


class ActionList(BaseModel):
    """Latest first."""

    actions: list[ActionShown]


def _moment(text: str) -> tuple[datetime, UUID]:
    at, _, id = text.partition("/")
    return datetime.fromisoformat(at).astimezone(UTC), UUID(id)


def _offset(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 10_000_000):
        raise ValueError
    return int(text)


MomentCursor = Annotated[tuple[datetime, UUID] | None, Depends(CursorOf(_moment))]
OffsetCursor = Annotated[int | None, Depends(CursorOf(_offset))]


@router.get("/reviews", dependencies=[needs("apps:read")])
async def list_engine_reviews(  # noqa: PLR0913, PLR0917 - each narrows the list by itself
    platform: PlatformDoor,
    principal: PrincipalDoor,
    place: MomentCursor,
    status: Annotated[
        Literal["new", "analysed", "duplicate", "spam"] | None, Query(description="What became of them.")
    ] = None,
    product: Annotated[str | None, Query(max_length=200, description="The product's name.")] = None,
    theme: Annotated[str | None, Query(max_length=60, description="A theme that they speak of.")] = None,
    cell: Annotated[
        str | None, Query(max_length=16, description="An H3 cell in which they were written, of resolution 3 to 9.")
    ] = None,
    source: Annotated[str | None, Query(max_length=40, description="Where they come from.")] = None,
    limit: Limit = 50,
) -> EngineReviewList:
    """The reviews, whole."""
    first, last = (None, None) if cell is None else within(cell)
    values = {
        "id": None,
        "status": status,
        "product": product,
        "theme": theme,
        "cell": cell,
        "first_cell": first,
        "last_cell": last,
        "source": source,
        "before": place and place[0],
        "before_id": place and place[1],
        "limit": limit + 1,
    }
    found = await _dicts(platform, principal.tenant_id, "reviews", values)
    page = [EngineReview.model_validate(row) for row in found[:limit]]
    following = cursor_at(f"{page[-1].created_at.isoformat()}/{page[-1].id}") if len(found) > limit else None
    return EngineReviewList(reviews=page, next=following)


@router.get("/reviews/{review_id}", dependencies=[needs("apps:read")], responses=fails(NotFound))
async def get_engine_review(
    platform: PlatformDoor, principal: PrincipalDoor, review_id: Annotated[UUID, Path(description="The review's id.")]
) -> EngineReview:
    """One review."""
    unasked = ("status", "product", "theme", "cell", "first_cell", "last_cell", "source", "before", "before_id")
    nothing = dict.fromkeys(unasked)
    found = await _dicts(platform, principal.tenant_id, "reviews", {**nothing, "id": review_id, "limit": 1})
    if not found:
        raise NotFound(f"There is no review {review_id}.")
    return EngineReview.model_validate(found[0])


@router.get("/overview", dependencies=[needs("apps:read")])
async def get_overview(
    platform: PlatformDoor,
    principal: PrincipalDoor,
    days: Annotated[int, Query(ge=1, le=3660, description="How many days back the figures go.")] = 365,
) -> Overview:
    """How many reviews there are, how they judge, and what they speak of."""
    since = {"since": datetime.now(UTC).date() - timedelta(days=days)}
    totals, by_day, themes, products = await platform.database.read(
        principal.tenant_id,
        (QUERIES["totals"], {}),
        (QUERIES["days"], since),
        (QUERIES["themes"], {**since, "most": MOST_THEMES}),
        (QUERIES["by_product"], {}),
    )
    return Overview(
        totals=TotalsShown(**_named(TotalsShown, totals[0])),
        days=[DayShown(**_named(DayShown, row)) for row in by_day],
        themes=[
            ThemeShown(
                theme=theme,
                reviews=n,
                sentiment=sentiment,
                months=[ThemeMonth(**_named(ThemeMonth, each)) for each in months or ()],
            )
            for theme, n, sentiment, months in themes
        ],
        products=[
            ProductShown(
                external_id=id,
                name=name,
                sku=sku,
                price=price,
                inventory_quantity=stock,
                low_stock=least >= 0 and stock <= least,
                reviews=n,
                sentiment=sentiment,
                rating=rating,
            )
            for id, name, sku, price, stock, least, n, sentiment, rating in products
        ],
    )


@router.get("/map", dependencies=[needs("apps:read")])
async def get_map(
    platform: PlatformDoor,
    principal: PrincipalDoor,
    resolution: Annotated[
        int, Query(ge=2, le=9, description="Of the H3 cells: 3 is 12,000 km², 6 is 36 km², 9 is 0.1 km².")
    ] = 5,
) -> MapShown:
    """Where reviews come from, in H3 cells."""
    values = {"finer": finer_digits(resolution), "less": resolutions_up(resolution), "most": MOST_CELLS}
    rows = (await platform.database.read(principal.tenant_id, (QUERIES["cells"], values)))[0]
    return await asyncio.to_thread(_cells, rows, resolution)


@router.get("/duplicates", dependencies=[needs("apps:read")])
async def list_duplicates(
    platform: PlatformDoor,
    principal: PrincipalDoor,
    place: MomentCursor,
    limit: Limit = 50,
) -> PairList:
    """Reviews that are copies of others, beside these."""
    values = {"after": place and place[1], "limit": limit + 1}
    found = (await platform.database.read(principal.tenant_id, (QUERIES["pairs"], values)))[0]
    names = ("id", "created_at", "source", "text", "customer")
    pairs = [
        PairShown(
            similarity=row[5],
            copy=SideShown(**dict(zip(names, row[:5], strict=True))),
            original=SideShown(**dict(zip(names, row[6:], strict=True))),
        )
        for row in found[:limit]
    ]
    last = pairs[-1].copy_ if len(found) > limit else None
    return PairList(pairs=pairs, next=last and cursor_at(f"{last.created_at.isoformat()}/{last.id}"))


@router.get("/customers", dependencies=[needs("apps:read")])
async def list_customers(
    platform: PlatformDoor,
    principal: PrincipalDoor,
    place: OffsetCursor,
    limit: Limit = 50,
) -> CustomerList:
    """Customers, with their points and what they bought."""
    offset = place or 0
    rows = (
        await platform.database.read(
            principal.tenant_id, (QUERIES["customers"], {"offset": offset, "limit": limit + 1})
        )
    )[0]
    names = (
        *("id", "name", "email", "opted_into_loyalty", "account_status", "loyalty_points", "created_at"),
        *("purchases", "spent", "average_order", "daily_value", "reviews"),
    )
    shown = [dict(zip(names, row, strict=True)) for row in rows[:limit]]
    customers = [
        CustomerShown.model_validate({**row, "purchases": row["purchases"] or 0, "spent": row["spent"] or 0.0})
        for row in shown
    ]
    return CustomerList(customers=customers, next=cursor_at(offset + limit) if len(rows) > limit else None)


@router.get("/actions", dependencies=[needs("apps:read")])
async def list_actions(
    platform: PlatformDoor,
    principal: PrincipalDoor,
    customer_id: Annotated[UUID | None, Query(description="Whose; default: everybody's.")] = None,
    limit: Limit = 50,
) -> ActionList:
    """Points that were given or denied, and why."""
    values = {"customer_id": customer_id, "limit": limit}
    rows = (await platform.database.read(principal.tenant_id, (QUERIES["actions"], values)))[0]
    return ActionList(actions=[ActionShown(**_named(ActionShown, row)) for row in rows])


def _named(shape: type[BaseModel], row: Sequence[Any]) -> dict[str, Any]:
    return dict(zip(shape.model_fields, row, strict=True))


async def _dicts(platform: Platform, tenant_id: UUID, query: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
    async with platform.database.tenant(tenant_id) as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(QUERIES[query], values)
        return await cursor.fetchall()


def _cells(rows: Sequence[tuple[Any, ...]], resolution: int) -> MapShown:
    shown = [_cell(cell, n, sentiment or 0.0) for cell, n, sentiment, _ in rows]
    return MapShown(resolution=resolution, cells=shown, left_off=rows[0][3] - len(shown) if rows else 0)


def _cell(cell: str, reviews: int, sentiment: float) -> CellShown:
    latitude, longitude = middle_of(cell)
    return CellShown(
        cell=cell,
        latitude=latitude,
        longitude=longitude,
        corners=corners_of(cell),
        reviews=reviews,
        sentiment=round(sentiment, 3),
    )
