"""Which applications there are on this machine, which of them a database has, and opening these."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from importlib.metadata import entry_points
from typing import cast

import structlog
from psycopg.sql import SQL, Identifier

from stretto.apps.app import App
from stretto.errors import AppNotFound, Invalid
from stretto.platform import Platform
from stretto.store import Database, load_queries
from stretto.store.cluster import APP
from stretto.store.migrate import load_migrations, migrate_app

GROUP = "stretto.apps"
NAME = re.compile(r"[a-z][a-z0-9]{0,30}")

log = structlog.get_logger(__name__)
_Q = load_queries("stretto.apps")


@cache
def installed_apps() -> Mapping[str, App]:
    """The applications that are installed beside Stretto, by name."""
    found: dict[str, App] = {}
    for entry in entry_points(group=GROUP):
        app = cast("object", entry.load())
        if not isinstance(app, App) or not NAME.fullmatch(app.name):
            raise Invalid(
                f"{entry.value} is no application: it has to be an `App` with a name of small letters and digits."
            )
        found[app.name] = app
    return found


def installed(name: str) -> App:
    """One application. Raises `AppNotFound`."""
    found = installed_apps().get(name)
    if found is None:
        there = ", ".join(sorted(installed_apps())) or "none"
        raise AppNotFound(f"No application {name!r} is installed. Installed: {there}.")
    return found


async def added_apps(database: Database) -> list[str]:
    """The names of the applications that this database has."""
    async with database.system() as connection:
        return [name for (name,) in await (await connection.execute(_Q["added"])).fetchall()]


async def add_app(database: Database, name: str) -> bool:
    """Let an application belong to this database: makes or renews its tables. Gives whether it is new.

    Raises `AppNotFound`, and `DatabaseUnfit` where its tables are newer than the application.
    """
    app = installed(name)
    known = load_migrations(app.package)
    async with database.operator() as connection:
        await connection.execute(_Q["lock"])
        await connection.execute(SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(app.schema)))
        await connection.execute(SQL("GRANT USAGE ON SCHEMA {} TO {}").format(Identifier(app.schema), Identifier(APP)))
        await migrate_app(connection, app.name, app.schema, known)
        row = await (await connection.execute(_Q["add"], {"name": name})).fetchone()
        await connection.execute(_Q["unlock"])
    return row is not None


async def remove_app(database: Database, name: str, *, data: bool = False) -> bool:
    """Let an application go; with `data` its tables as well. Gives whether it was there."""
    if not NAME.fullmatch(name):
        raise AppNotFound(f"There is no application {name!r}.")
    async with database.operator() as connection, connection.transaction():
        row = await (await connection.execute(_Q["remove"], {"name": name})).fetchone()
        if row is not None and data:
            await connection.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(f"stretto_{name}")))
            await connection.execute(_Q["forget_migrations"], {"name": name})
    return row is not None


@asynccontextmanager
async def opening(platform: Platform) -> AsyncGenerator[None]:
    """Open the applications that the platform's database has; for `Platform.open(extend=opening)`.

    One that is not installed here is passed over with a warning: its runs wait for a worker that has it.
    """
    async with AsyncExitStack() as stack:
        for name in await added_apps(platform.database):
            if name not in installed_apps():
                log.warning("an application of this database is not installed here; its tools are missing", app=name)
                continue
            await add_app(platform.database, name)  # of a newer version: its tables are brought up to date
            opened = await stack.enter_async_context(installed(name).open(platform))
            platform.apps[name] = installed(name).title
            if opened.routers is not None:
                platform.routers.append(opened.routers)
            if opened.examples is not None:
                platform.examples.append(opened.examples)
            platform.subscriptions.extend(opened.subscriptions)
            platform.beside.update((f"{name} {what}", work) for what, work in opened.beside.items())
        yield
