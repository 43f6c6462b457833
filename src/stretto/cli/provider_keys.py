"""`stretto provider-key`: keys of model providers, sealed in the database."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from stretto.cli.exits import Exit, run_async

if TYPE_CHECKING:
    from stretto.gateway.keys.store import ProviderKeys

provider_key = typer.Typer(
    name="provider-key",
    help="Keep the keys of model providers, sealed.",
    no_args_is_help=True,
)

Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="The key's name: stretto.yaml says `key: sealed:NAME`.", show_default=False),
]


@provider_key.command("set")
def set_key(name: Name) -> Exit:
    """Seal a key in the database, in the place of any other of this name.

    It is read from stdin, or asked for on a terminal: never from the command line, which others can see. It is sealed with
    STRETTO_SECRET_KEY (base64 of 32 bytes) or, without one, with `secret.key` in STRETTO_HOME, which is made if needed.
    """
    given = typer.prompt(f"Key {name}", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.read(65_536)
    return run_async(_set(name, given))


@provider_key.command("list")
def list_keys() -> Exit:
    """List the names of all sealed keys, and which of them cannot be opened here."""
    return run_async(_list())


@provider_key.command("remove")
def remove(name: Name) -> Exit:
    """Remove a sealed key."""
    return run_async(_remove(name))


@asynccontextmanager
async def _keys() -> AsyncGenerator[ProviderKeys]:
    from stretto.gateway.keys.sealing import load_master
    from stretto.gateway.keys.store import ProviderKeys
    from stretto.settings import load_settings
    from stretto.store import Database

    settings = load_settings()
    master = load_master(settings.home_path)
    database = await Database.open(settings)
    try:
        yield ProviderKeys(database, master)
    finally:
        await database.close()


async def _set(name: str, given: str) -> Exit:
    from stretto.gateway.keys import Key
    from stretto.gateway.keys.store import check

    key = Key(given)
    check(name, key)  # a mistake here is told before anything is opened
    async with _keys() as keys:
        await keys.set(name, key)
    print(f"sealed {name}")
    return Exit.DONE


async def _list() -> Exit:
    from stretto.cli.table import print_table

    async with _keys() as keys:
        found = await keys.names()
        closed = set(await keys.load())
    if not found:
        typer.echo("No sealed keys yet. `stretto provider-key set NAME` seals one.", err=True)
        return Exit.DONE
    rows = [
        (
            each.name,
            f"{each.updated_at:%Y-%m-%d %H:%M} UTC",
            "sealed with another master key" if each.name in closed else "",
        )
        for each in found
    ]
    print_table(("name", "set", ""), rows)
    return Exit.DONE


async def _remove(name: str) -> Exit:
    async with _keys() as keys:
        await keys.remove(name)
    print(f"removed {name}")
    return Exit.DONE
