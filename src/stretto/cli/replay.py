"""`stretto replay`: a run once more, as it was, from its journal or from a file. Nothing is carried out again."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stretto.cli.exits import Exit, run_async
from stretto.cli.options import AsJson
from stretto.stream.pace import LONGEST_GAP_S, Pace

if TYPE_CHECKING:
    from uuid import UUID

    from stretto.cli.view import View
    from stretto.flow.graph import Graph
    from stretto.stream import Row


def replay(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN",
            help="A run's id, or how it ends; or a file that `stretto show RUN --export` wrote, such as swarm.jsonl.",
            show_default=False,
        ),
    ],
    speed: Annotated[
        float, typer.Option("--speed", metavar="X", min=0.0, help="2 is twice as fast; 0 shows all at once.")
    ] = 1.0,
    gaps: Annotated[
        bool, typer.Option("--gaps", help=f"Sit out also gaps of over {LONGEST_GAP_S:.0f} s in which nothing happened.")
    ] = False,
    as_json: AsJson = False,
) -> Exit:
    """Show a run once more as it was, from its journal.

    Every token comes at its original time. Nothing is carried out again. A file needs no database.
    """
    return run_async(_replay(run, speed, gaps, as_json))


async def _replay(text: str, speed: float, gaps: bool, as_json: bool) -> Exit:
    from stretto.cli.interrupts import on_interrupts

    graph, rows, run_id = await _load(text)
    # All is in memory now; the database may go.
    left = asyncio.Event()

    def leave(number: signal.Signals) -> None:
        left.set()

    with on_interrupts(leave):
        player = asyncio.create_task(_play(graph, rows, str(run_id), speed, gaps, as_json))
        leaving = asyncio.create_task(left.wait())
        await asyncio.wait([player, leaving], return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        if not player.done():
            player.cancel()
            await asyncio.gather(player, return_exceptions=True)
            return Exit.INTERRUPTED
        return player.result()


async def _load(text: str) -> tuple[Graph, Sequence[Row], UUID]:
    """The run of this id or in this file; no id has a dot or a slash in it."""
    if "." in text or Path(text).name != text:
        from stretto.engine.recording import read_recording

        recording = await asyncio.to_thread(read_recording, Path(text))
        return recording.graph, recording.rows, recording.run_id
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        runs = platform.runs()
        run_id = await runs.find(text)
        rows = await runs.journal(run_id)
        graph, _ = await runs.graph_of(rows)
    return graph, rows, run_id


async def _play(graph: Graph, rows: Sequence[Row], run_id: str, speed: float, gaps: bool, as_json: bool) -> Exit:
    from stretto.cli.following import give_output
    from stretto.cli.score import Score
    from stretto.cli.show import is_simulated
    from stretto.cli.view import open_view
    from stretto.stream.timeline import timeline

    pace = _PaintedPace(rows[0].at, speed, None if gaps else LONGEST_GAP_S)
    score = Score(graph)
    view = open_view(score, as_json=as_json, clock=pace.now, hint=lambda: "replay")
    if not as_json:
        view.say(f"{graph.name} · replay of run {run_id}")
        if is_simulated(rows):
            view.say("answers: simulated provider (no model)")
    with view:
        for at, event in timeline(rows):
            await _wait_for(at, pace, view)
            view.take(event)
    if not as_json:
        if not score.over:
            print("That is all so far: the run is not over.", file=sys.stderr)
        give_output(score.output)
    return Exit.DONE


async def _wait_for(at: datetime, pace: _PaintedPace, view: View) -> None:
    """Wait until it is time for what happened at `at`, and paint meanwhile."""
    from stretto.cli.following import REPAINT_S

    while (left_s := pace.left_s(at)) > 0:
        view.paint()
        await asyncio.sleep(min(left_s, REPAINT_S))
    if pace.paint_due(REPAINT_S):
        view.paint()
        await asyncio.sleep(0)


class _PaintedPace(Pace):
    """The journal's time, with the picture's."""

    _painted = 0.0

    def paint_due(self, every_s: float) -> bool:
        """Whether the picture is due again although there was nothing to wait for."""
        now = asyncio.get_running_loop().time()
        if now - self._painted < every_s:
            return False
        self._painted = now
        return True
