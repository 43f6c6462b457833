"""Imports in the database: lines put in once, rejects read page by page, tenants apart."""

from __future__ import annotations

import io
from pathlib import Path
from uuid import UUID

import pytest

from stretto.apps import add_app
from stretto.errors import Invalid, NotFound, NotPossible
from stretto.store import DEFAULT_TENANT, Database
from stretto_reviews.imports import (
    Rejected,
    all_rejects,
    begin_import,
    get_import,
    imports,
    put_rejects,
    put_rows,
    read_rows,
    rejects,
    take_in,
)

OTHER = UUID("00000000-0000-7000-8000-0000000000aa")


@pytest.fixture
async def reviews(database: Database) -> Database:
    await add_app(database, "reviews")
    return database


async def test_lines_are_put_in_once(reviews: Database) -> None:
    mine = await begin_import(reviews, DEFAULT_TENANT, "a.csv")
    rows = [(line, {"text": f"t{line}", "odd": "a\0b\ud800", "big": 10**30}) for line in range(1, 2_502)]
    assert await put_rows(reviews, DEFAULT_TENANT, mine, rows) == 2_501
    assert await put_rows(reviews, DEFAULT_TENANT, mine, rows[:5]) == 0
    assert (await get_import(reviews, DEFAULT_TENANT, mine)).rows == 2_501
    page = await read_rows(reviews, DEFAULT_TENANT, mine, after=2_499)
    assert page == [(line, {"text": f"t{line}", "odd": "ab?", "big": str(10**30)}) for line in (2_500, 2_501)]


async def test_an_import_that_is_over_takes_nothing(reviews: Database) -> None:
    mine = await begin_import(reviews, DEFAULT_TENANT, "a.csv")
    await put_rows(reviews, DEFAULT_TENANT, mine, [(1, {"text": "a"})])
    async with reviews.tenant(DEFAULT_TENANT) as connection:
        await connection.execute("DELETE FROM stretto_reviews.import_rows WHERE import_id = %s", [mine])
        await connection.execute("UPDATE stretto_reviews.imports SET finished_at = now() WHERE id = %s", [mine])
    assert await read_rows(reviews, DEFAULT_TENANT, mine) == []
    assert (await get_import(reviews, DEFAULT_TENANT, mine)).finished_at is not None
    with pytest.raises(NotPossible, match="is over"):
        await put_rows(reviews, DEFAULT_TENANT, mine, [(2, {"text": "b"})])
    assert await read_rows(reviews, DEFAULT_TENANT, mine) == []


async def test_rejects_are_read_page_by_page(reviews: Database) -> None:
    mine = await begin_import(reviews, DEFAULT_TENANT, "a.csv")
    bad = [Rejected(line, field, "why", "body") for line in range(700) for field in ("rating", "text")]
    async with reviews.tenant(DEFAULT_TENANT) as connection:
        assert await put_rejects(connection, DEFAULT_TENANT, mine, bad) == 700
        assert await put_rejects(connection, DEFAULT_TENANT, mine, bad[:10]) == 0
    assert len(await rejects(reviews, DEFAULT_TENANT, mine)) == 1_000
    assert [each async for each in all_rejects(reviews, DEFAULT_TENANT, mine)] == bad


async def test_a_file_is_taken_in_with_what_cannot_be_read(reviews: Database) -> None:
    data = b"id,text\n" + b"".join(b"%d,good\n" % line for line in range(2_000)) + b"x\n2001,caf\xe9\n2002,end\n"
    mine = await take_in(reviews, DEFAULT_TENANT, "b.csv", io.BytesIO(data), "csv")
    found = await get_import(reviews, DEFAULT_TENANT, mine)
    assert (found.name, found.rows, found.rejected) == ("b.csv", 2_003, 2)
    assert [(each.line, each.field) for each in await rejects(reviews, DEFAULT_TENANT, mine)] == [
        (2_002, "line"),
        (2_003, "line"),
    ]
    assert (await read_rows(reviews, DEFAULT_TENANT, mine, after=2_001))[0][0] == 2_004


async def test_a_file_that_is_none_leaves_no_import(reviews: Database, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot be read"):
        await take_in(reviews, DEFAULT_TENANT, "c.csv", tmp_path / "nowhere.csv", "csv")
    with pytest.raises(Invalid, match="empty"):
        await take_in(reviews, DEFAULT_TENANT, "c.csv", io.BytesIO(b""), "csv")
    assert await imports(reviews, DEFAULT_TENANT) == []


async def test_imports_are_listed_latest_first_and_by_tenant(reviews: Database) -> None:
    mine = [await begin_import(reviews, DEFAULT_TENANT, f"{number}.csv") for number in range(5)]
    theirs = await begin_import(reviews, OTHER, "theirs.csv")
    assert await begin_import(reviews, DEFAULT_TENANT, "again", import_id=mine[0]) == mine[0]
    assert [each.id for each in await imports(reviews, DEFAULT_TENANT, limit=2)] == mine[:2:-1]
    assert [each.id for each in await imports(reviews, DEFAULT_TENANT, before=mine[3])] == mine[2::-1]
    assert [each.name for each in await imports(reviews, OTHER)] == ["theirs.csv"]
    with pytest.raises(NotFound):
        await put_rows(reviews, DEFAULT_TENANT, theirs, [(1, {"text": "a"})])
    with pytest.raises(NotFound):
        await rejects(reviews, DEFAULT_TENANT, theirs)
    with pytest.raises(Invalid, match="name"):
        await begin_import(reviews, DEFAULT_TENANT, "\n")
