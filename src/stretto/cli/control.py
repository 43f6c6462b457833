"""Telling a run something from outside: pause, resume, cancel, inject, retry, priority, emit."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

import typer

from stretto.cli.exits import Exit, run_async
from stretto.cli.options import AsJson, By, Follow, RunId, StepPath, me

if TYPE_CHECKING:
    from stretto.platform import Platform

HEARD_S = 2.0
"""So long a run that is at work somewhere may take to hear what it was told."""
TAKEN_S = 20.0
"""So long this process tries to carry out what nobody else hears."""


def pause(run: RunId, by: By = "") -> Exit:
    """Pause a run: no new step starts. Those at work finish, decisions and events are kept; it ends only when it is resumed."""
    return run_async(_tell(run, "pause", by or me()))


def cancel(run: RunId, by: By = "") -> Exit:
    """Cancel a run; `stretto resume` goes on with it.

    What was shown is kept.
    """
    return run_async(_tell(run, "cancel", by or me()))


def resume(run: RunId, follow: Follow = True, as_json: AsJson = False, by: By = "") -> Exit:
    """Go on with a run, here, and show it.

    It may be paused, waiting, cancelled or failed. Finished steps are not repeated.
    """
    return run_async(_go_on(run, "resume", None, follow, as_json, by or me()))


def retry(
    run: RunId,
    step: Annotated[str | None, typer.Option("--step", metavar="STEP", help="Only this failed step.")] = None,
    follow: Follow = True,
    as_json: AsJson = False,
    by: By = "",
) -> Exit:
    """Try the failed steps of a run again, here, and show it."""
    return run_async(_go_on(run, "retry", step, follow, as_json, by or me()))


def inject(
    run: RunId,
    step: StepPath,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What the step should do differently.")],
    now: Annotated[
        bool, typer.Option("--now", help="Cut the step off and let it go on with this; else at its next turn.")
    ] = False,
    by: By = "",
) -> Exit:
    """Give feedback to a step at work."""
    return run_async(_inject(run, step, text, "now" if now else "next", by or me()))


def priority(
    run: RunId, number: Annotated[int, typer.Argument(metavar="N", help="From 0 (first) to 3 (last).")], by: By = ""
) -> Exit:
    """Change a run's priority.

    It counts from the run's next job and model call on.
    """
    return run_async(_priority(run, number, by or me()))


def emit(
    event: Annotated[str, typer.Argument(metavar="EVENT", help="The event's name.")],
    key: Annotated[str, typer.Option("--key", metavar="K", help="Only for waits with this key.")] = "",
    data: Annotated[str | None, typer.Option("--data", metavar="JSON", help="What the waiting steps get.")] = None,
) -> Exit:
    """Send an event: the steps that wait for it go on."""
    return run_async(_emit(event, key, data))


async def heard(platform: Platform, run_id: UUID, within_s: float) -> bool:
    """Whether the run takes up everything that it was told, in time."""
    from stretto.engine.store import RunStore

    store, deadline = RunStore(platform.database), time.monotonic() + within_s
    while await store.signals(platform.runs().tenant_id, run_id):
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True


async def taken(platform: Platform, run_id: UUID, within_s: float) -> bool:
    """Whether a worker takes a new run in time."""
    runs, deadline = platform.runs(), time.monotonic() + within_s
    while (await runs.get(run_id)).status == "accepted":
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.05)
    return True


def unheard(name: str) -> str:
    """What to say when nobody carries the run out now."""
    return (
        "No worker is at work now; the run has been told, and goes on as soon as one is: "
        f"`stretto resume {name}` does it here, `stretto up` or `stretto worker` as well."
    )


async def _tell(text: str, what: Literal["pause", "cancel"], by: str) -> Exit:
    """Pause or cancel; where nobody carries the run out, this process does for as long as it takes to hear it."""
    from stretto.cli.following import short
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        runs = platform.runs()
        run_id = await runs.find(text)
        if what == "pause":
            await runs.pause(run_id, by)
        else:
            await runs.cancel(run_id, by)
        done = await heard(platform, run_id, HEARD_S)
        if not done:
            async with platform.working():
                done = await heard(platform, run_id, TAKEN_S)
        name = short(run_id)
        past = {"pause": "paused", "cancel": "cancelled"}[what]
        print(f"{past} {name}; `stretto resume {name}` goes on with it" if done else unheard(name))
    return Exit.DONE


async def _go_on(
    text: str, what: Literal["resume", "retry"], step: str | None, follow: bool, as_json: bool, by: str
) -> Exit:
    from stretto.cli.following import Manner, follow_run, short
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        runs = platform.runs()
        run_id = await runs.find(text)
        rows = await runs.journal(run_id)
        graph, _ = await runs.graph_of(rows)
        if what == "resume":
            await runs.resume(run_id, by)
        else:
            await runs.retry(run_id, step, by)
        if follow:
            async with platform.working():
                return await follow_run(platform, run_id, graph, Manner(as_json, by, rows[-1].seq))
        name = short(run_id)
        print(f"{name} goes on" if await heard(platform, run_id, HEARD_S) else unheard(name))
    return Exit.DONE


async def _inject(text: str, step: str, feedback: str, mode: Literal["next", "now"], by: str) -> Exit:
    from stretto.cli.following import short
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        runs = platform.runs()
        run_id = await runs.find(text)
        await runs.inject(run_id, step, feedback, mode=mode, by=by)
        name = short(run_id)
        print(f"{step} of {name} has been told" if await heard(platform, run_id, HEARD_S) else unheard(name))
    return Exit.DONE


async def _priority(text: str, number: int, by: str) -> Exit:
    from stretto.cli.following import short
    from stretto.platform import Platform

    async with Platform.open(worker=False) as platform:
        runs = platform.runs()
        run_id = await runs.find(text)
        await runs.set_priority(run_id, number, by)
        name = short(run_id)
        print(f"{name} has priority {number}" if await heard(platform, run_id, HEARD_S) else unheard(name))
    return Exit.DONE


async def _emit(event: str, key: str, data: str | None) -> Exit:
    from stretto.cli.values import json_value
    from stretto.platform import Platform

    value = None if data is None else json_value(data, "--data")
    async with Platform.open(worker=False) as platform:
        await platform.runs().deliver(event, value, key)
    print(f"sent {event}" + (f" with key {key}" if key else ""))
    return Exit.DONE
