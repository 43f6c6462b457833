"""The figures are made anew when something has changed, and not for each change where that takes long."""

from __future__ import annotations

import asyncio

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.apps import add_app
from stretto.store import DEFAULT_TENANT, Database
from stretto_reviews.figures import figures_changed, keep_figures
from tests.apps.reviews.engine import until

REVIEW = (
    "INSERT INTO stretto_reviews.reviews (id, tenant_id, created_at, source, external_id, title, text, language, status, import_id, line, sentiment) "
    "VALUES (gen_random_uuid(), %s, '2026-05-03', 'shop', gen_random_uuid()::text, '', 'good', 'en', 'analysed', %s, 1, 4)"
)
IMPORT = "INSERT INTO stretto_reviews.imports (id, tenant_id, name) VALUES (gen_random_uuid(), %s, 'one') RETURNING id"


@pytest.fixture
async def counted(database: Database, owner: AsyncConnection[TupleRow]) -> Database:
    """One review, which the figures know."""
    await add_app(database, "reviews")
    await add_review(owner)
    await figures_changed(database)
    assert await known(database) == 1
    return database


async def add_review(owner: AsyncConnection[TupleRow]) -> None:
    row = await (await owner.execute(IMPORT, [DEFAULT_TENANT])).fetchone()
    assert row is not None
    await owner.execute(REVIEW, [DEFAULT_TENANT, row[0]])


async def known(database: Database) -> int:
    """How many reviews the figures know."""
    return (
        await database.read(
            DEFAULT_TENANT, ("SELECT coalesce(sum(reviews), 0) FROM stretto_reviews.daily_sentiment", {})
        )
    )[0][0][0]


async def test_what_is_cheap_is_made_at_once(counted: Database, owner: AsyncConnection[TupleRow]) -> None:
    await add_review(owner)
    assert await known(counted) == 1
    await figures_changed(counted)
    assert await known(counted) == 2


async def test_what_takes_long_is_made_a_tenth_of_the_time(counted: Database, owner: AsyncConnection[TupleRow]) -> None:
    await owner.execute("UPDATE stretto_reviews.figures SET begun_at = now(), took = '20 seconds'")
    await add_review(owner)
    await figures_changed(counted)
    assert await known(counted) == 1
    await owner.execute("UPDATE stretto_reviews.figures SET begun_at = now() - interval '201 seconds'")
    await figures_changed(counted)
    assert await known(counted) == 2


async def test_a_change_while_they_are_made_is_not_forgotten(
    counted: Database, owner: AsyncConnection[TupleRow]
) -> None:
    async with owner.transaction():
        await owner.execute("SELECT pg_advisory_xact_lock(7314520018500)")  # another process makes them
        await add_review(owner)
        await figures_changed(counted)
    assert await known(counted) == 1

    async def both() -> bool:
        return await known(counted) == 2

    keeping = asyncio.create_task(keep_figures(counted))
    try:
        await until(both, 20)
    finally:
        keeping.cancel()


async def test_where_nothing_has_changed_nothing_is_made(counted: Database, owner: AsyncConnection[TupleRow]) -> None:
    made = "SELECT begun_at FROM stretto_reviews.figures"
    before = await (await owner.execute(made)).fetchone()
    await owner.execute("UPDATE stretto_reviews.figures SET wanted_at = begun_at")
    async with counted.system() as connection:
        found = await (await connection.execute("SELECT stretto_reviews.keep_figures()")).fetchone()
    assert found == (False,)
    assert await (await owner.execute(made)).fetchone() == before
    with pytest.raises(Exception, match="permission denied"):
        async with counted.system() as connection:
            await connection.execute("UPDATE stretto_reviews.figures SET took = '1 day'")
