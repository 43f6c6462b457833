"""`stretto schedule`: flows that start at the times of a cron expression."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stretto.cli.exits import Exit, run_async
from stretto.cli.options import ENDINGS, Input, InputFile, complete_flow_file

schedule = typer.Typer(
    name="schedule",
    help="Start flows by the clock.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The schedule's name.", show_default=False)]


@schedule.command()
def add(
    name: Name,
    flow: Annotated[
        str,
        typer.Argument(
            metavar="FLOW", help="A flow file, or the name of a stored flow.", autocompletion=complete_flow_file
        ),
    ],
    cron: Annotated[
        str, typer.Option("--cron", metavar='"M H D M W"', help="Minute hour day month weekday.", show_default=False)
    ],
    timezone: Annotated[str, typer.Option("--timezone", metavar="ZONE", help="Such as Europe/Berlin.")] = "UTC",
    input: Input = None,
    input_file: InputFile = None,
    priority: Annotated[int, typer.Option("--priority", metavar="N", min=0, max=3, help="0 (first) to 3 (last).")] = 2,
) -> Exit:
    """Add a schedule, or replace the one of this name.

    It starts exactly one run a tick, however many workers are at work.
    """
    return run_async(_add(name, flow, cron, timezone, input or [], input_file, priority))


@schedule.command("list")
def list_schedules() -> Exit:
    """List all schedules and when each is due next."""
    return run_async(_list())


@schedule.command()
def delete(name: Name) -> Exit:
    """Remove a schedule; runs that it started go on."""
    return run_async(_delete(name))


async def _add(
    name: str, flow: str, cron: str, timezone: str, pairs: list[str], file: Path | None, priority: int
) -> Exit:
    from datetime import UTC, datetime

    from stretto.cli.values import read_inputs
    from stretto.engine.schedules import next_tick
    from stretto.engine.store import RunStore
    from stretto.errors import FlowNotFound
    from stretto.flow import compile_document, load_flow, validate_input
    from stretto.platform import Platform

    next_tick(cron, timezone, datetime.now(UTC))  # a mistake here is told before anything is opened
    graph = load_flow(Path(flow)) if flow.endswith(ENDINGS) or "/" in flow else None
    async with Platform.open(worker=False) as platform:
        if graph is None:
            found = await RunStore(platform.database).flow(platform.runs().tenant_id, flow)
            if found is None:
                raise FlowNotFound(f"There is no flow named {flow!r}. Name a flow file, such as {flow}.yaml.")
            graph = compile_document(found[1])
        given = validate_input(graph, read_inputs(graph, pairs, file))
        schedules = platform.schedules()
        await platform.flows().save(graph)
        saved = await schedules.save(name, graph.name, cron, timezone=timezone, input=given, priority=priority)
    print(f"{saved.name}: {saved.flow_name} at {cron} ({timezone}); next at {saved.next_at:%Y-%m-%d %H:%M} UTC")
    return Exit.DONE


async def _list() -> Exit:
    from stretto.cli.amounts import brief
    from stretto.cli.table import print_table
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        found = await platform.schedules().list()
    if not found:
        typer.echo("No schedules yet. `stretto schedule add` makes one.", err=True)
        return Exit.DONE
    rows = [
        (each.name, each.flow_name, each.cron, each.timezone, f"{each.next_at:%Y-%m-%d %H:%M} UTC", brief(each.input))
        for each in found
    ]
    print_table(("name", "flow", "cron", "timezone", "next", "input"), rows)
    return Exit.DONE


async def _delete(name: str) -> Exit:
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        await platform.schedules().delete(name)
    print(f"deleted {name}")
    return Exit.DONE
