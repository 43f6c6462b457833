"""`stretto runs`: the latest runs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from stretto.cli.exits import Exit, run_async


class RunStatus(StrEnum):
    """What a run can be."""

    ACCEPTED = "accepted"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


def runs(
    status: Annotated[RunStatus | None, typer.Option("--status", help="Only runs that are so.")] = None,
    flow: Annotated[str | None, typer.Option("--flow", metavar="NAME", help="Only runs of this flow.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", metavar="N", min=1, max=1000, help="How many at most.")] = 20,
) -> Exit:
    """List the latest runs, the newest first."""
    return run_async(_runs(None if status is None else status.value, flow, limit))


async def _runs(status: str | None, flow: str | None, limit: int) -> Exit:
    from datetime import UTC, datetime

    from stretto.cli.amounts import age, brief, dollars, duration
    from stretto.cli.following import short
    from stretto.cli.table import print_table, status_text
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        found = await platform.runs().list(status=status, flow_name=flow, limit=limit)
    if not found:
        typer.echo(
            "No runs" + (" like that." if status or flow else " yet. `stretto run FLOW.yaml` starts one."), err=True
        )
        return Exit.DONE
    now = datetime.now(UTC)
    rows = [
        (
            short(run.id),
            run.flow_name,
            status_text(run.status),
            age((now - run.accepted_at).total_seconds()),
            duration(((run.finished_at or now) - run.accepted_at).total_seconds()),
            dollars(float(run.cost_usd)),
            brief(run.error["error"] if run.error else run.input),
        )
        for run in found
    ]
    print_table(("run", "flow", "status", ">age", ">took", ">cost", "input or error"), rows)
    return Exit.DONE
