"""What was set aside is taken back by a person: all of it follows, once, and nothing sets it aside again."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from stretto import Platform
from stretto.api import serving
from stretto.errors import FlowArchived, NotFound, NotPossible
from stretto.langgraph import hosted
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT
from stretto_reviews.imports import Import, begin_import, get_import, imports, put_rows
from stretto_reviews.pipelines.action import POINTS
from stretto_reviews.pipelines.ingestion import NAME, start_ingestion
from stretto_reviews.pipelines.taking import read_lines, take
from stretto_reviews.pipelines.taking_back import TakenBack, take_back
from tests.apps.reviews.engine import OTHER, engine, over, rows, taken, until
from tests.apps.reviews.test_pipelines import BATTERY, COPY, review
from tests.e2e.wire import Client

LIKE_SPAM = "Click here is what the clock says, http://x.top is on its back, buy followers now!!!!! is printed below."
BY = "user mia@example.org"
PHONE = {"product": {"external_id": "p", "name": "Trail Phone"}, "rating": 5}
ADA, BEN = ({"name": name, "email": f"{name}@example.org", "opted_into_loyalty": True} for name in ("ada", "ben"))
LINES = [
    review("1", BATTERY, **PHONE),
    review("2", COPY, customer=ADA, **PHONE),
    review("3", LIKE_SPAM, customer=BEN, date="2026-06-04", **PHONE),
]
STATE = (
    "SELECT external_id, status, duplicate_of IS NULL, similarity IS NULL, taken_back_by, spam_reasons <> '{}', indexed_at IS NOT NULL "
    "FROM stretto_reviews.reviews ORDER BY created_at, id, external_id"
)
EVERYTHING = (
    "SELECT (SELECT jsonb_agg(r ORDER BY r.id) FROM stretto_reviews.reviews r), (SELECT count(*) FROM stretto_reviews.imports), "
    "(SELECT count(*) FROM stretto_reviews.import_rows), (SELECT count(*) FROM stretto_reviews.review_bands), "
    "(SELECT count(*) FROM stretto.runs)"
)


async def known_for_long(platform: Platform) -> None:
    """Both customers joined years ago and bought the phone, so nobody doubts them."""
    async with platform.database.tenant(DEFAULT_TENANT) as connection:
        await connection.execute(
            "WITH c AS (INSERT INTO stretto_reviews.customers (tenant_id, email, opted_into_loyalty, created_at) "
            "SELECT %(t)s, name || '@example.org', true, '2020-01-01' FROM unnest(ARRAY['ada', 'ben']) name RETURNING id), "
            "p AS (INSERT INTO stretto_reviews.products (tenant_id, external_id, name) VALUES (%(t)s, 'p', 'Trail Phone') RETURNING id) "
            "INSERT INTO stretto_reviews.purchases (tenant_id, customer_id, product_id, order_id, quantity, total_amount, purchased_at) "
            "SELECT %(t)s, c.id, p.id, c.id, 1, 100, '2026-01-01' FROM c, p",
            {"t": DEFAULT_TENANT},
        )


async def ids_of(platform: Platform, *external_ids: str, tenant_id: UUID = DEFAULT_TENANT) -> list[UUID]:
    found = dict(await rows(platform, "SELECT external_id, id FROM stretto_reviews.reviews", tenant_id))
    return [found[each] for each in external_ids]


def counts(of: Import) -> tuple[int, ...]:
    return (of.rows, of.done, of.taken, of.known, of.duplicates, of.spam, of.rejected)


async def test_what_is_taken_back_counts_like_any_other(settings: Settings) -> None:
    settings = settings.model_copy(update={"port": 0, "host": "127.0.0.1"})
    async with engine(settings) as platform, serving(platform) as url:
        await known_for_long(platform)
        first = await taken(platform, LINES)
        assert counts(first) == (3, 3, 3, 0, 1, 1, 0)
        copy, spam = await ids_of(platform, "2", "3")
        client = Client(url)
        answer = await client.post("/v1/apps/reviews/taken-back", {"ids": [str(spam), str(copy), str(copy)]})
        assert answer.status == 202, answer.body
        assert answer.json["taken"] == 2
        import_id = UUID(answer.json["id"])
        await over(platform, UUID(answer.json["run_id"]))
        second = await get_import(platform.database, DEFAULT_TENANT, import_id)
        assert (second.name, counts(second)) == ("Taken back by local", (2, 2, 2, 0, 0, 0, 0))
        assert second.finished_at is not None
        assert await get_import(platform.database, DEFAULT_TENANT, first.id) == first
        assert sorted(await rows(platform, STATE)) == [
            ("1", "analysed", True, True, None, False, True),
            ("2", "analysed", True, True, "local", False, True),
            ("3", "analysed", True, True, "local", True, True),
        ]
        shown = (await client.get(f"/v1/apps/reviews/reviews/{spam}")).json
        assert (shown["taken_back_by"], shown["status"], shown["indexed"]) == ("local", "analysed", True)
        assert (await client.get("/v1/apps/reviews/duplicates")).json["pairs"] == []
        totals = (await client.get("/v1/apps/reviews/overview?days=3660")).json["totals"]
        assert [totals[name] for name in ("reviews", "analysed", "duplicates", "spam", "indexed")] == [3, 3, 0, 0, 3]
        figures = "SELECT jsonb_object_agg(day, reviews) FROM stretto_reviews.daily_sentiment"

        async def are_made() -> bool:
            return await rows(platform, figures) == [({"2026-05-03": 2, "2026-06-04": 1},)]

        await until(are_made)
        hits = (await platform.memory().search("reviews", "what the clock says on its back")).hits
        assert hits[0].key == str(spam)

        async def thanked() -> bool:
            return (await rows(platform, "SELECT count(*) FROM stretto_reviews.actions"))[0][0] == 2

        await until(thanked)
        assert await rows(platform, "SELECT email, loyalty_points FROM stretto_reviews.customers ORDER BY 1") == [
            ("ada@example.org", POINTS),
            ("ben@example.org", POINTS),
        ]

        # Again, by its id and by its file: nothing changes.
        before = await rows(platform, EVERYTHING)
        again = await client.post("/v1/apps/reviews/taken-back", {"ids": [str(spam)]})
        assert (again.status, f"{spam} (analysed)" in again.json["detail"]) == (409, True)
        assert await rows(platform, EVERYTHING) == before
        same = await taken(platform, LINES)
        assert counts(same) == (3, 3, 0, 3, 0, 0, 0)
        assert (await rows(platform, EVERYTHING))[0][0] == before[0][0]

        # Later copies of it are found to be copies of it.
        later = await taken(
            platform, [review("4", f"{COPY} Hello."), review("5", "The lamp is bright enough to read.")]
        )
        assert counts(later) == (2, 2, 2, 0, 1, 0, 0)
        found = "SELECT duplicate_of FROM stretto_reviews.reviews WHERE status = 'duplicate'"
        assert await rows(platform, found) == [(copy,)]


async def test_of_several_who_take_it_back_at_once_one_does(settings: Settings) -> None:
    async with engine(settings) as platform:
        await known_for_long(platform)
        await taken(platform, LINES)
        ids = await ids_of(platform, "2", "3")
        orders = [ids, ids[::-1]] * 4
        told = await asyncio.gather(
            *(take_back(platform, DEFAULT_TENANT, order, BY) for order in orders), return_exceptions=True
        )
        done = [each for each in told if isinstance(each, TakenBack)]
        assert len(done) == 1
        assert {type(each) for each in told} == {TakenBack, NotPossible}
        await over(platform, done[0].run_id)
        assert len(await imports(platform.database, DEFAULT_TENANT)) == 2
        assert counts(await get_import(platform.database, DEFAULT_TENANT, done[0].id)) == (2, 2, 2, 0, 0, 0, 0)

        async def thanked() -> Any:
            return await rows(platform, "SELECT 1 FROM stretto_reviews.actions HAVING count(*) = 2")

        await until(thanked)
        assert await rows(platform, "SELECT count(*), sum(points) FROM stretto_reviews.points") == [(2, 2 * POINTS)]


async def test_all_are_taken_back_or_none(settings: Settings) -> None:
    async with engine(settings) as platform:
        await taken(platform, LINES)
        await taken(platform, LINES, OTHER)
        own, copy, spam = await ids_of(platform, "1", "2", "3")
        [theirs] = await ids_of(platform, "3", tenant_id=OTHER)
        nobody = uuid4()
        before = [await rows(platform, EVERYTHING, tenant) for tenant in (DEFAULT_TENANT, OTHER)]
        with pytest.raises(NotFound, match=str(theirs)):
            await take_back(platform, DEFAULT_TENANT, [copy, theirs], BY)
        with pytest.raises(NotFound, match=str(nobody)):
            await take_back(platform, DEFAULT_TENANT, [nobody, spam], BY)
        with pytest.raises(NotFound, match=r"and 2 more\. "):
            await take_back(platform, DEFAULT_TENANT, [uuid4() for _ in range(7)], BY)
        with pytest.raises(NotPossible, match=rf"{own} \(analysed\)\."):
            await take_back(platform, DEFAULT_TENANT, [copy, own, spam], BY)
        # Where the run cannot be accepted, the reviews stay where they are: both are one transaction.
        await platform.flows().archive(hosted(platform.tools, NAME).flow.name)
        with pytest.raises(FlowArchived):
            await take_back(platform, DEFAULT_TENANT, [copy, spam], BY)
        assert [await rows(platform, EVERYTHING, tenant) for tenant in (DEFAULT_TENANT, OTHER)] == before


async def test_whoever_ends_after_taking_back_has_lost_nothing(settings: Settings) -> None:
    async with engine(settings) as platform:
        await taken(platform, LINES)
        ids = await ids_of(platform, "2", "3")
    async with engine(settings, worker=False) as platform:
        found = await take_back(platform, DEFAULT_TENANT, ids, "x" * 300)
        assert await rows(platform, "SELECT count(*) FROM stretto_reviews.reviews WHERE status = 'new'") == [(2,)]
    async with engine(settings) as platform:
        await over(platform, found.run_id)
        known = await get_import(platform.database, DEFAULT_TENANT, found.id)
        assert counts(known) == (2, 2, 2, 0, 0, 0, 0)
        assert len(known.name) == 200
        assert await rows(platform, "SELECT count(*) FROM stretto_reviews.reviews WHERE indexed_at IS NOT NULL") == [
            (3,)
        ]


async def test_a_review_is_first_counted_where_it_came_from(settings: Settings) -> None:
    async with engine(settings, worker=False) as platform:
        import_id = await begin_import(platform.database, DEFAULT_TENANT, "first")
        await put_rows(platform.database, DEFAULT_TENANT, import_id, list(enumerate(LINES, start=1)))
        created_at = (await get_import(platform.database, DEFAULT_TENANT, import_id)).created_at
        async with platform.database.tenant(DEFAULT_TENANT) as connection:  # the import is cut off in mid-batch
            await take(
                connection,
                DEFAULT_TENANT,
                import_id,
                *read_lines(DEFAULT_TENANT, list(enumerate(LINES, 1)), created_at),
            )
        ids = await ids_of(platform, "2", "3")
        before = await rows(platform, EVERYTHING)
        with pytest.raises(NotPossible, match=f"just taking them up: .*{ids[0]}"):
            await take_back(platform, DEFAULT_TENANT, ids, BY)
        assert await rows(platform, EVERYTHING) == before
        run_id = await start_ingestion(platform, DEFAULT_TENANT, import_id)
    async with engine(settings) as platform:
        await over(platform, run_id)
        assert counts(await get_import(platform.database, DEFAULT_TENANT, import_id)) == (3, 3, 3, 0, 1, 1, 0)
        found = await take_back(platform, DEFAULT_TENANT, ids, BY)
        await over(platform, found.run_id)
        assert counts(await get_import(platform.database, DEFAULT_TENANT, import_id)) == (3, 3, 3, 0, 1, 1, 0)
        assert counts(await get_import(platform.database, DEFAULT_TENANT, found.id)) == (2, 2, 2, 0, 0, 0, 0)
