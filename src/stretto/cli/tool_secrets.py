"""`stretto tools secret`: what a tenant gives to servers of tools."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from stretto.cli.exits import Exit, run_async

if TYPE_CHECKING:
    from uuid import UUID

    from stretto.tools.secret_store import ToolSecrets

secret = typer.Typer(name="secret", help="Keep what servers of tools are given, sealed.", no_args_is_help=True)

Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="The secret's name: stretto.yaml says `tenant:NAME`.", show_default=False),
]
Tenant = Annotated[
    str, typer.Option("--tenant", metavar="NAME", help="Whose; default: that of this machine.", show_default=False)
]


@secret.command("set")
def set_secret(name: Name, tenant: Tenant = "") -> Exit:
    """Seal a secret in the database, in the place of any other of this name.

    It is read from stdin, or asked for on a terminal: never from the command line, which others can see.
    """
    given = typer.prompt(f"Secret {name}", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.read(65_536)
    return run_async(_set(name, given, tenant))


@secret.command("list")
def list_secrets(tenant: Tenant = "") -> Exit:
    """List the names of the secrets. Nobody can read them back."""
    return run_async(_list(tenant))


@secret.command("remove")
def remove(name: Name, tenant: Tenant = "") -> Exit:
    """Remove a secret. Servers that have it are started anew within 15 s."""
    return run_async(_remove(name, tenant))


@asynccontextmanager
async def opened(tenant: str) -> AsyncGenerator[tuple[ToolSecrets, UUID]]:
    """The secrets, and whose they are."""
    from stretto.auth import Operator
    from stretto.platform import own_key
    from stretto.settings import load_settings
    from stretto.store import DEFAULT_TENANT, Database
    from stretto.tools.secret_store import ToolSecrets

    settings = load_settings()
    database = await Database.open(settings)
    try:
        owner = (await Operator(database).tenant(tenant)).id if tenant else DEFAULT_TENANT
        yield ToolSecrets(database, lambda: own_key(settings, database, "*tool-secrets")), owner
    finally:
        await database.close()


async def _set(name: str, given: str, tenant: str) -> Exit:
    from stretto.gateway.keys import Key
    from stretto.tools.secret_store import check

    key = Key(given)
    check(name, key)  # a mistake here is told before anything is opened
    async with opened(tenant) as (secrets, owner):
        await secrets.set(owner, name, key)
    print(f"sealed {name}")
    return Exit.DONE


async def _list(tenant: str) -> Exit:
    from stretto.cli.table import print_table

    async with opened(tenant) as (secrets, owner):
        found = await secrets.names(owner)
    if not found:
        typer.echo("No secrets yet. `stretto tools secret set NAME` seals one.", err=True)
        return Exit.DONE
    print_table(("name", "set"), [(each.name, f"{each.updated_at:%Y-%m-%d %H:%M} UTC") for each in found])
    return Exit.DONE


async def _remove(name: str, tenant: str) -> Exit:
    async with opened(tenant) as (secrets, owner):
        await secrets.remove(owner, name)
    print(f"removed {name}")
    return Exit.DONE
