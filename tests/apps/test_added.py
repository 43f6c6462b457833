"""An application is added to a database, opened with the platform, and removed."""

from __future__ import annotations

import pytest

from stretto import Platform
from stretto.apps import add_app, added_apps, opening, remove_app
from stretto.errors import AppNotFound
from stretto.settings import Settings
from stretto.store import Database


async def test_an_application_is_added_once_opened_and_removed(settings: Settings, database: Database) -> None:
    assert await added_apps(database) == []
    assert await add_app(database, "reviews")
    assert not await add_app(database, "reviews")
    async with Platform.open(settings, worker=False, extend=opening) as platform:
        assert platform.apps == {"reviews": "Review engine"}
    assert await remove_app(database, "reviews", data=True)
    assert not await remove_app(database, "reviews")
    async with Platform.open(settings, worker=False, extend=opening) as platform:
        assert platform.apps == {}
    assert await add_app(database, "reviews"), "after its data were removed its tables are made again"


async def test_an_application_that_is_not_installed_is_named(database: Database) -> None:
    with pytest.raises(AppNotFound, match=r"No application 'nothing' is installed. Installed: .*reviews"):
        await add_app(database, "nothing")


async def test_its_tables_keep_tenants_apart(database: Database) -> None:
    await add_app(database, "reviews")
    async with database.operator() as connection:
        cursor = await connection.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = 'stretto_reviews' AND c.relkind IN ('r', 'p') AND NOT c.relrowsecurity"
        )
        assert await cursor.fetchall() == []
        cursor = await connection.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = 'stretto_reviews' AND c.relkind = 'm' AND has_table_privilege('stretto_app', c.oid, 'SELECT')"
        )
        assert await cursor.fetchall() == []
