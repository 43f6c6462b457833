"""`stretto run`: start a flow and show it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stretto.cli.exits import Exit, run_async
from stretto.cli.options import AsJson, By, FlowFile, Input, InputFile, Priority, me


def run(
    flow: FlowFile,
    input: Input = None,
    input_file: InputFile = None,
    as_json: AsJson = False,
    priority: Priority = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option("--idempotency-key", metavar="K", help="Start it once: with the same key again, show that run."),
    ] = None,
    by: By = "",
) -> Exit:
    """Run a flow and show its voices side by side while they write.

    The output goes to stdout when the run is done, everything else to stderr, so `stretto run f.yaml > out.md` works.
    A step that waits for a person asks on the terminal; without one, the command leaves with code 3 and says how to
    go on. A wait for a time is sat out. Ctrl-C cancels the run, and `stretto resume` goes on with it.
    """
    return run_async(_run(flow, input or [], input_file, as_json, priority, idempotency_key, by or me()))


async def _run(
    path: Path, pairs: list[str], file: Path | None, as_json: bool, priority: int | None, key: str | None, by: str
) -> Exit:
    from stretto.apps import opening
    from stretto.cli.following import Manner, follow_run
    from stretto.cli.values import read_inputs
    from stretto.flow import load_flow, validate_input
    from stretto.platform import Platform
    from stretto.settings import load_settings

    settings = load_settings()
    graph = load_flow(path)
    given = validate_input(graph, read_inputs(graph, pairs, file))
    async with Platform.open(settings, extend=opening) as platform:
        run_id = await platform.runs().start(graph, given, priority=priority, idempotency_key=key)
        return await follow_run(platform, run_id, graph, Manner(as_json, by))
