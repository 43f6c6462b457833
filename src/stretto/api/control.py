"""Telling a run something while it goes on."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter
from fastapi import Body as FromBody
from pydantic import Field

from stretto.api.body import Body, JsonRoute
from stretto.api.doors import PrincipalDoor, RunsDoor, needs
from stretto.api.problems import fails
from stretto.api.shown import RunDetail
from stretto.engine import Runs
from stretto.errors import NotPossible, RunNotFound, StepNotFound

router = APIRouter(prefix="/v1/runs", tags=["runs"], route_class=JsonRoute)


class Pause(Body):
    """No new step starts; those at work finish. Decisions and events that come are kept, and the run ends only when it is resumed."""

    command: Literal["pause"]


class Resume(Body):
    """Go on after a pause, or carry a failed or cancelled run on."""

    command: Literal["resume"]


class Cancel(Body):
    """End the run; what was shown stays."""

    command: Literal["cancel"]
    reason: str = ""


class Retry(Body):
    """Try the failed steps, or the one named, again."""

    command: Literal["retry"]
    step: str | None = None


class Inject(Body):
    """Give feedback to a step: `next` at its next turn, `now` cuts it off."""

    command: Literal["inject"]
    step: str
    text: str
    mode: Literal["next", "now"] = "next"


class SetPriority(Body):
    """From 0 (first) to 3 (last)."""

    command: Literal["priority"]
    priority: int = Field(ge=0, le=3)


Told = Pause | Resume | Cancel | Retry | Inject | SetPriority
Command = Annotated[Told, FromBody(discriminator="command")]


@router.post(
    "/{run_id}/control",
    status_code=202,
    responses=fails(RunNotFound, StepNotFound, NotPossible),
    dependencies=[needs("runs:control")],
)
async def control_run(run_id: UUID, command: Command, runs: RunsDoor, principal: PrincipalDoor) -> RunDetail:
    """Leave a command for the run, durably. The process that carries the run out follows it in a moment."""
    await tell(runs, run_id, command, principal.by)
    return RunDetail.model_validate(await runs.get(run_id))


async def tell(runs: Runs, run_id: UUID, command: Told, by: str) -> None:
    """Leave a command for the run."""
    match command:
        case Pause():
            await runs.pause(run_id, by)
        case Resume():
            await runs.resume(run_id, by)
        case Cancel():
            await runs.cancel(run_id, by, command.reason)
        case Retry():
            await runs.retry(run_id, command.step, by)
        case Inject():
            await runs.inject(run_id, command.step, command.text, mode=command.mode, by=by)
        case SetPriority():
            await runs.set_priority(run_id, command.priority, by)
