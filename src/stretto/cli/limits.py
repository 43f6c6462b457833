"""`stretto limits`: what there is to be had of models now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stretto.cli.exits import Exit, run_async

if TYPE_CHECKING:
    from stretto.gateway.admission import BudgetNow, LimitNow


def limits(
    tenant: Annotated[str, typer.Option("--tenant", metavar="NAME", help="Whose budgets.")] = "local",
    as_json: Annotated[bool, typer.Option("--json", help="Give one JSON object, and nothing else.")] = False,
) -> Exit:
    """Show every limit, bucket and budget as it stands now.

    They hold over all processes together. How deployments are doing is known to the processes that call them:
    `GET /v1/limits` of a server tells it.
    """
    return run_async(_limits(tenant, as_json))


async def _limits(tenant: str, as_json: bool) -> Exit:
    import json
    from dataclasses import asdict

    from stretto.auth import Operator
    from stretto.cli.table import print_table
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        owner = await Operator(platform.database).tenant(tenant)
        now = await platform.gateway.limits_overview(owner.id)
    if as_json:
        shown = {"limits": [asdict(each) for each in now.limits], "budgets": [asdict(each) for each in now.budgets]}
        print(json.dumps(shown, default=lambda amount: f"{amount:f}"))
        return Exit.DONE
    if not now.limits and not now.budgets:
        typer.echo("No limits yet: none is configured, or none was used so far.", err=True)
        return Exit.DONE
    if now.limits:
        print_table(
            ("limit", "of", ">left", ">of all", ">per minute", "paused"), [limit_row(each) for each in now.limits]
        )
    if now.limits and now.budgets:
        print()
    if now.budgets:
        print_table(
            ("budget", "of", ">left", ">limit", ">spent", ">reserved", ">lost sight of"),
            [budget_row(each) for each in now.budgets],
        )
    return Exit.DONE


def limit_row(limit: LimitNow) -> tuple[str, ...]:
    """A limit as a line shows it."""
    return (
        limit.kind,
        limit.name,
        "" if limit.capacity is None else f"{limit.level:,.10g}",
        "" if limit.capacity is None else f"{limit.capacity:,.10g}",
        "" if limit.refill_per_minute is None else f"{limit.refill_per_minute:,.10g}",
        f"for {limit.closed_s:.0f} s" if limit.closed_s > 0 else "",
    )


def budget_row(budget: BudgetNow) -> tuple[str, ...]:
    """A budget as a line shows it. What processes held that died is lost sight of: it may be billed, so it counts as spent."""
    amounts = (budget.left_usd, budget.limit_usd, budget.spent_usd, budget.reserved_usd)
    lost = f"${budget.presumed_usd:,.4f}" if budget.presumed_usd else ""
    return (budget.kind, budget.name, *("" if amount is None else f"${amount:,.4f}" for amount in amounts), lost)
