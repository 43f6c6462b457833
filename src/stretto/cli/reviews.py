"""`stretto reviews` and `stretto review`: what waits for a person, and the person's decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from stretto.cli.exits import Exit, run_async
from stretto.cli.options import By, RunId, StepPath, me

if TYPE_CHECKING:
    from stretto.engine import Awaiting


def reviews(
    run: Annotated[str | None, typer.Argument(metavar="RUN", help="Only of this run.", show_default=False)] = None,
) -> Exit:
    """List what waits for a person, the oldest first."""
    return run_async(_reviews(run))


def review(
    run: RunId,
    step: StepPath,
    approve: Annotated[bool, typer.Option("--approve", help="Let it pass.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="Do not let it pass.")] = False,
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="Why; the flow can read it.")] = "",
    value: Annotated[
        str | None, typer.Option("--value", metavar="JSON", help="Put this in place of what was shown.")
    ] = None,
    by: By = "",
) -> Exit:
    """Decide on what a step shows to a person. Without --approve or --reject it is only shown."""
    return run_async(_review(run, step, approve, reject, comment, value, by or me()))


async def _reviews(text: str | None) -> Exit:
    from datetime import UTC, datetime

    from stretto.cli.amounts import age, brief
    from stretto.cli.following import short
    from stretto.cli.table import print_table
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        runs = platform.runs()
        found = await runs.reviews(None if text is None else await runs.find(text))
    if not found:
        typer.echo("Nothing waits for a person.", err=True)
        return Exit.DONE
    now = datetime.now(UTC)
    rows = [
        (
            short(each.run_id),
            each.step,
            age((now - each.since).total_seconds()),
            brief(each.body.get("question")),
            brief(each.body.get("show")),
        )
        for each in found
    ]
    print_table(("run", "step", ">age", "question", "shows"), rows)
    typer.echo("\nstretto review RUN STEP shows one whole; --approve or --reject decides.", err=True)
    return Exit.DONE


async def _review(text: str, step: str, approve: bool, reject: bool, comment: str, value: str | None, by: str) -> Exit:
    from stretto.cli.control import HEARD_S, heard, unheard
    from stretto.cli.following import short
    from stretto.cli.values import json_value
    from stretto.errors import Invalid, NotPossible
    from stretto.platform import Platform

    if approve and reject:
        raise Invalid("--approve and --reject exclude each other. Give one of them.")
    edited = None if value is None else json_value(value, "--value")
    async with Platform.open(worker=False) as platform:
        runs = platform.runs()
        run_id = await runs.find(text)
        waiting = await runs.reviews(run_id, limit=1000)
        found = [each for each in waiting if step in (each.step, plain_id(each.step))]
        if len(found) != 1:
            some = ", ".join(each.step for each in found or waiting) or "none"
            why = "fits several" if found else "does not wait for a decision (any more)"
            raise NotPossible(f"Step {step!r} of run {short(run_id)} {why}. What waits there: {some}.")
        if not approve and not reject:
            _show(found[0])
            return Exit.DONE
        verdict = "approve" if approve else "reject"
        await runs.decide(run_id, found[0].step, verdict, by=by, comments=comment, value=edited)
        name = short(run_id)
        print(f"{'approved' if approve else 'rejected'} {found[0].step} of {name}")
        if not await heard(platform, run_id, HEARD_S):
            print(unheard(name))
    return Exit.DONE


def plain_id(path: str) -> str:
    """The id of the step at a path, without the way to it."""
    return path.rpartition(".")[2].partition("[")[0]


def _show(waiting: Awaiting) -> None:
    from stretto.cli.amounts import plain
    from stretto.cli.following import short
    from stretto.cli.safe_text import safe

    question, shown = str(waiting.body.get("question") or "Approve this?"), waiting.body.get("show")
    print(f"{waiting.step}: {safe(question)}")
    if shown is not None:
        print(f"\n{safe(plain(shown)).rstrip()}")
    typer.echo(f"\nstretto review {short(waiting.run_id)} {waiting.step} --approve    (or --reject)", err=True)
