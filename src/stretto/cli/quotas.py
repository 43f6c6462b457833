"""`stretto tenant quota`: how much a tenant and its keys may do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stretto.cli.exits import Exit, run_async

if TYPE_CHECKING:
    from stretto.auth.quotas import QuotaKind

DEFAULT = "default"


def quota(
    tenant: Annotated[str, typer.Argument(metavar="NAME", help="The tenant.", show_default=False)],
    requests: Annotated[
        str | None, typer.Option("--requests", metavar="RATE", help="Requests of the tenant, such as 600/minute.")
    ] = None,
    key_requests: Annotated[
        str | None,
        typer.Option("--key-requests", metavar="RATE", help="Requests of each key, or of the one that --key names."),
    ] = None,
    key: Annotated[
        str, typer.Option("--key", metavar="PREFIX", help="With --key-requests: this key alone.", show_default=False)
    ] = "",
    runs_per_day: Annotated[
        str | None, typer.Option("--runs-per-day", metavar="N", help="Runs started in a day (UTC).")
    ] = None,
    unfinished_runs: Annotated[
        str | None, typer.Option("--unfinished-runs", metavar="N", help="Runs that are not over.")
    ] = None,
) -> Exit:
    """Set a tenant's quotas, and show those that are set.

    Rates may be joined by `;`, as in "10/second;20000/day"; `none` lets through without a limit. `default` takes a quota
    away, so that STRETTO_REQUEST_LIMIT and STRETTO_KEY_REQUEST_LIMIT count again. Servers follow within 3 seconds.
    """
    if key and key_requests is None:
        raise typer.BadParameter("--key goes with --key-requests")
    changes: dict[QuotaKind, str | None] = {
        "requests": requests,
        "key_requests": key_requests,
        "runs_per_day": runs_per_day,
        "unfinished_runs": unfinished_runs,
    }
    return run_async(_quota(tenant, {kind: value for kind, value in changes.items() if value is not None}, key))


async def _quota(tenant: str, changes: dict[QuotaKind, str], key: str) -> Exit:
    from stretto.auth import Operator
    from stretto.auth.quotas import NONE, RATES, QuotaStore, checked_value
    from stretto.cli.table import print_table
    from stretto.platform import Platform

    removed = {kind for kind, value in changes.items() if value == DEFAULT or (value == NONE and kind not in RATES)}
    for kind, value in changes.items():
        if kind not in removed:
            checked_value(kind, value)  # all are read before any is set
    async with Platform.open(worker=False) as platform:
        owner = await Operator(platform.database).tenant(tenant)
        store = QuotaStore(platform.database)
        for kind, value in changes.items():
            await store.set(owner.id, kind, None if kind in removed else value, key if kind == "key_requests" else "")
        found = await store.of_tenant(owner.id)
    if not found:
        typer.echo(f"Tenant {tenant} has no quotas of its own; the settings count.", err=True)
        return Exit.DONE
    print_table(("quota", "of key", ">at most"), [(each.kind, each.name, each.value) for each in found])
    return Exit.DONE
