"""`stretto tenant` and `stretto key`: who may use the HTTP doors, and as whom."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from stretto.cli.exits import Exit, run_async

tenant = typer.Typer(name="tenant", help="Tenants: each has runs, keys and budgets of its own.", no_args_is_help=True)
key = typer.Typer(name="key", help="Keys by which a client of the HTTP doors is known.", no_args_is_help=True)

OfTenant = Annotated[str | None, typer.Option("--tenant", metavar="NAME", help="Only those of this tenant.")]


@tenant.command("add")
def add_tenant(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The tenant's name.", show_default=False)],
) -> Exit:
    """Make a tenant."""
    return run_async(_add_tenant(name))


@tenant.command("list")
def list_tenants() -> Exit:
    """List all tenants."""
    return run_async(_list_tenants())


@key.command("add")
def add_key(
    tenant: Annotated[
        str, typer.Option("--tenant", metavar="NAME", help="Whose requests the key makes.", show_default=False)
    ],
    name: Annotated[str, typer.Option("--name", metavar="LABEL", help="What the key is for.")] = "",
) -> Exit:
    """Make a key and print it, once.

    Only its digest is kept, so nobody can show it again. Clients send it as `Authorization: Bearer KEY`, as those of
    OpenAI do with their `api_key`, or as `x-api-key: KEY`, as those of Anthropic do.
    """
    return run_async(_add_key(tenant, name))


@key.command("list")
def list_keys(tenant: OfTenant = None) -> Exit:
    """List all keys by their prefixes; revoked ones too."""
    return run_async(_list_keys(tenant))


@key.command("revoke")
def revoke_key(
    prefix: Annotated[str, typer.Argument(metavar="PREFIX", help="The key's prefix, as `stretto key list` shows it.")],
) -> Exit:
    """End a key for good: it is refused everywhere within 5 seconds."""
    return run_async(_revoke_key(prefix))


async def _add_tenant(name: str) -> Exit:
    from stretto.auth import KeyStore
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        await KeyStore(platform.database).add_tenant(name)
    print(f"added tenant {name}; `stretto key add --tenant {name}` makes a key for it")
    return Exit.DONE


async def _list_tenants() -> Exit:
    from stretto.auth import KeyStore
    from stretto.cli.table import print_table
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        found = await KeyStore(platform.database).tenants()
    print_table(("name", "since", "id"), [(each.name, f"{each.created_at:%Y-%m-%d}", str(each.id)) for each in found])
    return Exit.DONE


async def _add_key(tenant: str, name: str) -> Exit:
    from stretto.auth import KeyStore
    from stretto.auth.keys import new_key
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        store = KeyStore(platform.database)
        owner = await store.tenant(tenant)
        made = new_key()
        await store.add_key(owner.id, made.prefix, made.digest, name)
    print(made.text)
    print(f"This is the only time that the key is shown. `stretto key revoke {made.prefix}` ends it.", file=sys.stderr)
    return Exit.DONE


async def _list_keys(tenant: str | None) -> Exit:
    from stretto.auth import KeyStore
    from stretto.cli.table import print_table
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        store = KeyStore(platform.database)
        if tenant is not None:
            await store.tenant(tenant)
        found = await store.keys(tenant)
    if not found:
        typer.echo("No keys yet. `stretto key add --tenant NAME` makes one.", err=True)
        return Exit.DONE
    rows = [
        (
            each.prefix,
            each.tenant,
            each.name,
            f"{each.created_at:%Y-%m-%d %H:%M}",
            f"{each.revoked_at:%Y-%m-%d %H:%M}" if each.revoked_at else "",
        )
        for each in found
    ]
    print_table(("prefix", "tenant", "name", "made", "revoked"), rows)
    return Exit.DONE


async def _revoke_key(prefix: str) -> Exit:
    from stretto.auth import KeyStore
    from stretto.platform import Platform

    # Whoever pastes the whole key means its prefix.
    name = prefix.removeprefix("st_").partition("_")[0]
    async with Platform.open(worker=False) as platform:
        tenant = await KeyStore(platform.database).revoke(name)
    print(f"revoked {name} of tenant {tenant}")
    return Exit.DONE
