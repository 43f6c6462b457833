"""`stretto recall`: past runs that did something like what is to be done."""

from __future__ import annotations

from typing import Annotated

import typer

from stretto.cli.exits import Exit, run_async

WHOLE_CHARS = 200

Task = Annotated[str, typer.Argument(metavar="TASK", help="What is to be done, in words.", show_default=False)]


def recall(
    task: Task,
    flow: Annotated[str | None, typer.Option("--flow", metavar="NAME", help="Only runs of this flow.")] = None,
    within: Annotated[
        float | None,
        typer.Option("--within", metavar="SECONDS", help="Only runs that ended in the last so many seconds."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=50, help="How many at most.")] = 5,
) -> Exit:
    """Find completed runs that did something like this, of flows that say with `remember` what their runs are about."""
    return run_async(_recall(task, flow, within, limit))


async def _recall(task: str, flow: str | None, within_s: float | None, limit: int) -> Exit:
    from stretto.cli.table import print_table
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        found = await platform.episodes().recall(task, flow=flow, within_s=within_s, limit=limit)
    for note in found.notes:
        typer.echo(note, err=True)
    if not found.episodes:
        typer.echo("No run like this is remembered.", err=True)
        return Exit.DONE
    rows = [
        (
            str(each.run.id),
            each.run.flow_name,
            "" if each.similarity is None else f"{each.similarity:.2f}",
            (each.run.finished_at or each.run.accepted_at).astimezone().strftime("%Y-%m-%d %H:%M"),
            each.task[:WHOLE_CHARS],
        )
        for each in found.episodes
    ]
    print_table(("run", "flow", ">similarity", "ended", "what it was about"), rows)
    return Exit.DONE
