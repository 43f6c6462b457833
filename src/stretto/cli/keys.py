"""`stretto tenant` and `stretto key`: who may use the HTTP doors, and as whom."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
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
    role: Annotated[
        str, typer.Option("--role", metavar="ROLE", help="owner, admin, operator, reviewer or viewer.")
    ] = "operator",
    scopes: Annotated[
        list[str] | None,
        typer.Option(
            "--scope", metavar="PERMISSION", help="Narrow the role to this, such as runs:read; may be repeated."
        ),
    ] = None,
    days: Annotated[
        int | None, typer.Option("--days", metavar="N", min=1, max=3650, help="End it after so many days.")
    ] = None,
) -> Exit:
    """Make a key and print it, once.

    Only its digest is kept, so nobody can show it again. Clients send it as `Authorization: Bearer KEY`, as those of
    OpenAI do with their `api_key`, or as `x-api-key: KEY`, as those of Anthropic do.
    """
    return run_async(_add_key(tenant, name, role, scopes, days))


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
    from stretto.auth import Operator
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        await Operator(platform.database).add_tenant(name)
    print(f"added tenant {name}; `stretto key add --tenant {name}` makes a key for it")
    return Exit.DONE


async def _list_tenants() -> Exit:
    from stretto.auth import Operator
    from stretto.cli.table import print_table
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        found = await Operator(platform.database).tenants()
    print_table(("name", "since", "id"), [(each.name, f"{each.created_at:%Y-%m-%d}", str(each.id)) for each in found])
    return Exit.DONE


async def _add_key(tenant: str, name: str, role: str, scopes: list[str] | None, days: int | None) -> Exit:
    from datetime import timedelta

    from stretto.auth import AuthStore, NewKeyRow, Operator, new_key, role_named, scopes_named
    from stretto.platform import Platform

    made = new_key()
    expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
    row = NewKeyRow(
        made.prefix, made.digest, name, role_named(role), scopes_named(scopes or None), expires_at, "operator"
    )
    async with Platform.open(worker=False) as platform:
        owner = await Operator(platform.database).tenant(tenant)
        await AuthStore(platform.database).add_key(owner.id, row)
    print(made.text)
    print(f"This is the only time that the key is shown. `stretto key revoke {made.prefix}` ends it.", file=sys.stderr)
    return Exit.DONE


async def _list_keys(tenant: str | None) -> Exit:
    from stretto.auth import Operator
    from stretto.cli.table import print_table
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        store = Operator(platform.database)
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
            each.role,
            each.name,
            minute(each.created_at),
            minute(each.last_used_at),
            minute(each.expires_at),
            minute(each.revoked_at),
        )
        for each in found
    ]
    print_table(("prefix", "tenant", "role", "name", "made", "last used", "ends", "revoked"), rows)
    return Exit.DONE


def minute(at: datetime | None) -> str:
    """A time to the minute, in UTC; nothing for none."""
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


async def _revoke_key(prefix: str) -> Exit:
    from stretto.auth import Operator
    from stretto.platform import Platform

    # Whoever pastes the whole key means its prefix.
    name = prefix.removeprefix("st_").partition("_")[0]
    async with Platform.open(worker=False) as platform:
        tenant = await Operator(platform.database).revoke(name)
    print(f"revoked {name} of tenant {tenant}")
    return Exit.DONE
