"""`stretto app`: applications that stand on Stretto; and what they do at the start."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from stretto.cli.exits import Exit, run_async

if TYPE_CHECKING:
    from stretto.apps import App, Progress
    from stretto.platform import Platform

apps = typer.Typer(name="app", help="Add applications to this database, and remove them.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The application's name.", show_default=False)]


@apps.command("list")
def list_apps() -> Exit:
    """List the applications that are installed, and which of them this database has."""
    return run_async(_list())


@apps.command("add")
def add(name: Name) -> Exit:
    """Add an application: its tables are made. Servers and workers have it from their next start on."""
    return run_async(_add(name))


@apps.command("remove")
def remove(
    name: Name,
    data: Annotated[bool, typer.Option("--data", help="Remove its tables, too, with all that is in them.")] = False,
) -> Exit:
    """Remove an application. What it holds stays, unless `--data` is given."""
    return run_async(_remove(name, data))


async def _list() -> Exit:
    from stretto.apps import added_apps, installed_apps
    from stretto.settings import load_settings
    from stretto.store import Database

    database = await Database.open(load_settings())
    try:
        added = await added_apps(database)
    finally:
        await database.close()
    there = installed_apps()
    for name in sorted({*added, *there}):
        state = ("added" if name in there else "added, but not installed here") if name in added else "not added"
        print(f"{name:<12} {state:<10} {there[name].title if name in there else ''}".rstrip())
    if not there and not added:
        print("No application is installed. They come as packages, such as apps/reviews of Stretto's repository.")
    return Exit.DONE


async def _add(name: str) -> Exit:
    from stretto.apps import add_app
    from stretto.settings import load_settings
    from stretto.store import Database

    database = await Database.open(load_settings())
    try:
        new = await add_app(database, name)
    finally:
        await database.close()
    print(
        f"{name} is added; it is there from the next start on"
        if new
        else f"{name} was there; its tables are up to date"
    )
    return Exit.DONE


async def _remove(name: str, data: bool) -> Exit:
    from stretto.apps import remove_app
    from stretto.errors import AppNotFound
    from stretto.settings import load_settings
    from stretto.store import Database

    database = await Database.open(load_settings())
    try:
        there = await remove_app(database, name, data=data)
    finally:
        await database.close()
    if not there:
        raise AppNotFound(f"This database has no application {name!r}. `stretto app list` shows those that it has.")
    print(f"{name} is removed{' with all its data' if data else '; its data stay'}")
    return Exit.DONE


def adding(
    names: Sequence[str], opening: Callable[[Platform], AbstractAsyncContextManager[None]]
) -> Callable[[Platform], AbstractAsyncContextManager[None]]:
    """As `opening`, after these applications were added."""

    @asynccontextmanager
    async def add_and_open(platform: Platform) -> AsyncGenerator[None]:
        from stretto.apps import add_app

        for name in names:
            await add_app(platform.database, name)
        async with opening(platform):
            yield

    return add_and_open


async def take_samples(platform: Platform, ended: asyncio.Event) -> None:
    """Let each application take its sample data in, and show how far it is. Stops when it is to end; it goes on at the next start."""
    from stretto.apps import installed_apps
    from stretto.store import DEFAULT_TENANT

    for name in platform.apps:
        app = installed_apps()[name]
        if app.samples is None or ended.is_set():
            continue
        work = asyncio.create_task(_shown(app, app.samples(platform, DEFAULT_TENANT)), name=f"samples of {name}")
        told = asyncio.create_task(ended.wait())
        await asyncio.wait([work, told], return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if not work.done():
            work.cancel()
        await asyncio.gather(work, return_exceptions=ended.is_set())


async def _shown(app: App, progress: AsyncIterator[Progress]) -> None:
    """A bar on a terminal; in a log a line at each tenth."""
    if not sys.stderr.isatty():
        tenth = -1
        async for each in progress:
            if each.done * 10 // max(each.total, 1) > tenth:
                tenth = each.done * 10 // max(each.total, 1)
                print(f"{app.title}: {each.what}, {each.done:,} of {each.total:,}", file=sys.stderr, flush=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(app.title, total=None)
        async for each in progress:
            bar.update(task, description=f"{app.title}: {each.what}", total=each.total, completed=each.done)
