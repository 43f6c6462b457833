"""`stretto usage`: what models were asked and what it cost, what a run may cost, and whether the invoice is right."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stretto.cli.exits import Exit, run_async

if TYPE_CHECKING:
    from stretto.gateway.ledger import Difference, Estimate, Reconciliation, Side, Spread, UsageKey, UsageRow

usage = typer.Typer(name="usage", invoke_without_command=True)

Flow = Annotated[str | None, typer.Option("--flow", metavar="NAME", help="Only calls of this flow.")]
AsJson = Annotated[bool, typer.Option("--json", help="Give it as JSON; money as exact text.")]
MOST_DIFFERENCES = 50


@usage.callback()
def usage_command(
    context: typer.Context,
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="KEYS",
            help="Told apart by day, flow, step, run, attempt, agent, route, deployment, provider, model, priority, outcome;"
            " several with commas, none for the sum alone.",
        ),
    ] = "day,model",
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="From then on: 7d, 12h, 2026-11-01 or 2026-11-01T08:00Z.")
    ] = "7d",
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Up to then, as for --since.")] = None,
    flow: Flow = None,
    latency: Annotated[
        bool, typer.Option("--latency", help="With times to the first token and to the end (median, 95th percentile).")
    ] = False,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Give it as CSV.")] = False,
) -> Exit:
    """Show what models were asked: calls, tokens and exact cost.

    Days begin at midnight UTC. Calls that a simulated model answered are marked; they cost nothing.
    """
    if context.invoked_subcommand is not None:
        return Exit.DONE
    if as_json and as_csv:
        raise typer.BadParameter("Choose one of --json and --csv.")
    return run_async(
        _usage(by, (since, until), flow, latency=latency, shape="json" if as_json else "csv" if as_csv else "")
    )


@usage.command()
def estimate(
    flow: Annotated[str, typer.Argument(metavar="FLOW", help="The name of a stored flow.", show_default=False)],
    as_json: AsJson = False,
) -> Exit:
    """Say what a run of a flow may cost, by its past runs."""
    return run_async(_estimate(flow, as_json))


@usage.command()
def reconcile(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="The invoice: a CSV file.", show_default=False),
    ],
    provider: Annotated[
        str, typer.Option("--provider", metavar="NAME", help="Whose invoice: a provider's name in stretto.yaml.")
    ],
    as_json: AsJson = False,
) -> Exit:
    """Compare a provider's invoice with the ledger, by day and model; changes nothing.

    Known are OpenAI's exports of usage and of cost, those of Anthropic's console, and a plain form with the columns day,
    model, input, cached_input, output, cost_usd, of which day and model, and cost or tokens, must be there.
    """
    return run_async(_reconcile(file, provider, as_json))


async def _usage(by: str, time: tuple[str, str | None], flow: str | None, *, latency: bool, shape: str) -> Exit:
    from datetime import UTC, datetime

    from stretto.gateway.ledger import total
    from stretto.gateway.ledger.asking import read_keys, read_time
    from stretto.gateway.ledger.shown import usage_csv, usage_document
    from stretto.platform import Platform

    now = datetime.now(UTC)
    keys, since = read_keys(by), read_time(time[0], now)
    until = None if time[1] is None else read_time(time[1], now)
    filters: dict[UsageKey, Any] = {} if flow is None else {"flow": flow}
    async with Platform.open(worker=False) as platform:
        rows = await platform.usage().by(platform.runs().tenant_id, keys, since, until, filters, latency=latency)
    if shape == "json":
        _print_json(usage_document(rows, latency=latency))
    elif shape == "csv":
        sys.stdout.write(usage_csv(keys, rows, latency=latency))
    elif not rows:
        typer.echo("No calls of models in that time.", err=True)
    else:
        _print_usage(keys, rows, total(rows), latency=latency)
    return Exit.DONE


def _print_usage(keys: Sequence[UsageKey], rows: Sequence[UsageRow], summed: UsageRow, *, latency: bool) -> None:
    from stretto.cli.table import print_table

    shown = [*rows, summed] if keys else rows
    money = _places([row.cost_usd for row in shown])
    columns: list[tuple[str, Callable[[UsageRow], str]]] = [
        (">calls", lambda row: f"{row.calls:,}"),
        (">failed", lambda row: f"{row.failed:,}"),
        (">input", lambda row: f"{row.tokens.input:,}"),
        (">cached input", lambda row: f"{row.tokens.cached_input:,}"),
        (">cache write", lambda row: f"{row.tokens.cache_write:,}"),
        (">output", lambda row: f"{row.tokens.output:,}"),
        (">reasoning", lambda row: f"{row.tokens.reasoning:,}"),
        (">from cache", lambda row: f"{row.cached:,}"),
        (">cost", lambda row: f"${row.cost_usd:,.{money}f}"),
    ]
    always = {">calls", ">input", ">output", ">cost"}
    columns = [(name, of) for name, of in columns if name in always or any(of(row) != "0" for row in rows)]
    if latency:
        times: list[tuple[str, Callable[[UsageRow], float | None]]] = [
            (">first token p50", lambda row: row.ttft_p50_s),
            (">p95", lambda row: row.ttft_p95_s),
            (">took p50", lambda row: row.duration_p50_s),
            (">p95", lambda row: row.duration_p95_s),
        ]
        columns += [(name, _in_seconds(of)) for name, of in times]
    columns.append(("note", lambda row: {"no": "", "yes": "simulated", "partly": "partly simulated"}[row.simulated]))
    table = [[*(_key(row.keys[key]) for key in keys), *(of(row) for _, of in columns)] for row in rows]
    if keys:
        table.append(["total", *([""] * (len(keys) - 1)), *(of(summed) for _, of in columns)])
    headings = [">priority" if key == "priority" else key for key in keys]
    print_table([*headings, *(name for name, _ in columns)], table)


async def _estimate(flow: str, as_json: bool) -> Exit:
    from stretto.gateway.ledger.shown import estimate_document
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        found = await platform.usage().estimate(platform.runs().tenant_id, flow)
    if as_json:
        _print_json(estimate_document(found))
    else:
        _print_estimate(found)
    return Exit.DONE


def _print_estimate(found: Estimate) -> None:
    from stretto.cli.table import print_table

    def row(name: str, spread: Spread, shown: Callable[[Decimal], str]) -> list[str]:
        return [name, shown(spread.p50), shown(spread.p90), shown(spread.mean)]

    if found.cost_usd is not None:
        places = _places([found.cost_usd.p50, found.cost_usd.p90])
        rows = [row("cost", found.cost_usd, lambda amount: f"${amount:,.{places}f}")]
        for name, spread in (("input tokens", found.input_tokens), ("output tokens", found.output_tokens)):
            rows += [] if spread is None else [row(name, spread, lambda amount: f"{amount:,.0f}")]
        rows += [] if found.calls is None else [row("calls", found.calls, lambda amount: f"{amount:,.1f}")]
        print_table(("a run", ">half at most", ">nine of ten at most", ">mean"), rows)
    print(found.how)


async def _reconcile(file: Path, provider: str, as_json: bool) -> Exit:
    from stretto.gateway.ledger.shown import reconciliation_document
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        found = await platform.usage().reconcile(platform.runs().tenant_id, provider, file)
    if as_json:
        _print_json(reconciliation_document(found))
    else:
        _print_reconciliation(found)
    return Exit.DONE


def _print_reconciliation(found: Reconciliation) -> None:
    from stretto.cli.amounts import count
    from stretto.cli.table import print_table

    if found.first is None:
        print(f"The file ({found.form}) holds no line; there is nothing to compare.")
        return
    shown = found.differences[:MOST_DIFFERENCES]
    if shown:
        amounts = [amount for row in shown for amount in (_cost(row.ledger), _cost(row.invoice)) if amount is not None]
        places = _places(amounts)
        print_table(
            ("day", "model", ">invoice", ">ledger", ">more billed", ">tokens billed", ">tokens held", "note"),
            [_difference(row, places) for row in shown],
        )
    if len(found.differences) > len(shown):
        print(f"and {count(len(found.differences) - len(shown), 'smaller difference')}; --json gives all")
    print(
        f"{found.form}, {found.first} to {found.last}, by day and model: "
        f"{found.agree:,} agree, {len(found.differences):,} differ."
    )
    if all(row.missing == "ledger" for row in found.differences) and not found.agree:
        print(
            f"The ledger holds no call of a provider {found.provider!r} in this time. Is that its name in stretto.yaml?"
        )
    tokens = (
        "" if found.invoice_tokens is None else f"{found.invoice_tokens:,} tokens billed, {found.ledger_tokens:,} held"
    )
    money = ""
    if found.invoice_usd is not None and found.difference_usd is not None:
        places = _places([found.invoice_usd, found.ledger_usd])
        money = f"${found.invoice_usd:,.{places}f} billed, ${found.ledger_usd:,.{places}f} in the ledger: "
        more = found.difference_usd
        money += f"${abs(more):,.{places}f} {'more' if more > 0 else 'less'} billed" if more else "no difference"
    print("total: " + "; ".join(filter(None, (money, tokens))))


def _difference(row: Difference, places: int) -> list[str]:
    def money(amount: Decimal | None) -> str:
        return "" if amount is None else f"${amount:,.{places}f}"

    def tokens(side: Side | None) -> str:
        return "" if side is None or side.tokens is None else f"{side.tokens.all_input + side.tokens.output:,}"

    notes = {"ledger": "not in the ledger", "invoice": "not billed", "": ""}[row.missing]
    if row.ledger is not None and row.ledger.estimated:
        notes = ", ".join(filter(None, (notes, f"{row.ledger.estimated} estimated")))
    more = "" if row.cost_usd is None else f"{row.cost_usd:+,.{places}f}"
    return [
        row.day.isoformat(),
        row.model,
        money(_cost(row.invoice)),
        money(_cost(row.ledger)),
        more,
        tokens(row.invoice),
        tokens(row.ledger),
        notes,
    ]


def _cost(side: Side | None) -> Decimal | None:
    return None if side is None else side.cost_usd


def _places(amounts: Sequence[Decimal]) -> int:
    """So many decimal places show all these amounts whole, so that a column adds up to its sum."""
    from stretto.gateway.ledger.shown import money_text

    return max([2, *(len(money_text(amount).partition(".")[2]) for amount in amounts)])


def _in_seconds(of: Callable[[UsageRow], float | None]) -> Callable[[UsageRow], str]:
    return lambda row: "" if (value := of(row)) is None else f"{value:.2f} s"


def _key(value: object) -> str:
    return "-" if value is None or value == "" else str(value)


def _print_json(document: object) -> None:
    import json

    print(json.dumps(document, ensure_ascii=False, indent=2))
