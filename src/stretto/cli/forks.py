"""`stretto fork`: a new run that keeps what a run has done up to a step, and goes on from there with edits."""

from __future__ import annotations

from typing import Annotated

import typer

from stretto.cli.exits import Exit, run_async
from stretto.cli.options import AsJson, By, Follow, RunId, me


def fork(
    run: RunId,
    step: Annotated[
        str,
        typer.Option("--from", metavar="STEP", help="Run this step and what depends on it anew.", show_default=False),
    ],
    edits: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="input.NAME changes an input; STEP sets the output of a step, which is then not run. JSON or text.",
        ),
    ] = None,
    follow: Follow = True,
    as_json: AsJson = False,
    by: By = "",
) -> Exit:
    """Start a run that goes on from a step of another one.

    Everything that does not depend on the step is kept as it was and not run again.
    """
    return run_async(_fork(run, step, edits or [], follow, as_json, by or me()))


async def _fork(text: str, step: str, pairs: list[str], follow: bool, as_json: bool, by: str) -> Exit:
    from stretto.cli.control import HEARD_S, taken, unheard
    from stretto.cli.following import Manner, follow_run, short
    from stretto.cli.values import edit_values
    from stretto.engine import Edits
    from stretto.engine import fork as fork_run
    from stretto.platform import Platform

    edits = Edits.parse(edit_values(pairs))
    async with Platform.open(worker=False) as platform:
        runs = platform.runs()
        run_id = await fork_run(runs, await runs.find(text), step, edits)
        if not follow:
            print(run_id)
            if not await taken(platform, run_id, HEARD_S):
                typer.echo(unheard(short(run_id)), err=True)
            return Exit.DONE
        graph, _ = await runs.graph_of(await runs.journal(run_id))
        async with platform.working():
            return await follow_run(platform, run_id, graph, Manner(as_json, by))
