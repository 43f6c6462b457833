"""Schedules: flows that start by the clock."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from stretto.api.body import Body, JsonRoute
from stretto.api.doors import PlatformDoor, PrincipalDoor, needs
from stretto.api.etags import IfMatch, set_etag
from stretto.api.paging import Limit, NameCursor, Next, page_of
from stretto.api.problems import fails
from stretto.engine import Schedules
from stretto.engine.schedules import next_tick
from stretto.engine.store import Schedule
from stretto.errors import FlowNotFound, InputInvalid, Invalid, PreconditionFailed, ScheduleNotFound

router = APIRouter(prefix="/v1/schedules", tags=["schedules"], route_class=JsonRoute)

TICKS_SHOWN = 5

ScheduleName = Annotated[str, Path(min_length=1, max_length=200, description="The schedule's name.")]


async def _schedules(platform: PlatformDoor, principal: PrincipalDoor) -> Schedules:
    return platform.schedules(principal.tenant_id)


SchedulesDoor = Annotated[Schedules, Depends(_schedules)]
"""The schedules of the request's tenant."""


class ScheduleShown(BaseModel):
    """A schedule. `next_at` is its next tick; one that is paused passes it over."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    flow_name: str
    cron: str
    timezone: str
    input: Any
    priority: int
    next_at: datetime
    paused: bool
    revision: int


class ScheduleDetail(ScheduleShown):
    """A schedule by itself, with the next times at which it starts its flow."""

    next_times: list[datetime]


class ScheduleList(BaseModel):
    """By name."""

    schedules: list[ScheduleShown]
    next: Next


class NewSchedule(Body):
    """Which flow starts when. `cron` has five fields: minute hour day month weekday."""

    flow: str = Field(min_length=1, max_length=200)
    cron: str = Field(min_length=1, max_length=200)
    timezone: str = Field(default="UTC", min_length=1, max_length=64)
    input: dict[str, Any] = Field(default_factory=dict[str, Any])
    priority: int = Field(default=2, ge=0, le=3)
    paused: bool = False


@router.get("", dependencies=[needs("schedules:read")])
async def list_schedules(schedules: SchedulesDoor, after: NameCursor, limit: Limit = 50) -> ScheduleList:
    """The schedules, by name."""
    found = await schedules.list(after, limit + 1)
    page, following = page_of(found, limit, lambda schedule: schedule.name)
    return ScheduleList(schedules=[ScheduleShown.model_validate(each) for each in page], next=following)


@router.get("/{name}", responses=fails(ScheduleNotFound), dependencies=[needs("schedules:read")])
async def get_schedule(name: ScheduleName, schedules: SchedulesDoor, response: Response) -> ScheduleDetail:
    """One schedule, with its next times."""
    return _detail(await schedules.get(name), response)


@router.put(
    "/{name}",
    responses={
        201: {"description": "The schedule is new.", "model": ScheduleDetail},
        **fails(FlowNotFound, InputInvalid, Invalid, PreconditionFailed),
    },
    dependencies=[needs("schedules:write")],
)
async def put_schedule(
    name: ScheduleName,
    new: NewSchedule,
    schedules: SchedulesDoor,
    response: Response,
    revision: IfMatch,
    if_none_match: Annotated[
        str | None, Header(max_length=200, description="`*`: only if there is none of this name yet.")
    ] = None,
) -> ScheduleDetail:
    """Make a schedule, or replace the one of this name. Ticks count from now on."""
    if if_none_match is not None and if_none_match.strip() != "*":
        raise Invalid("`If-None-Match` takes `*` here: only if there is no schedule of this name yet.")
    saved = await schedules.save(
        name,
        new.flow,
        new.cron,
        timezone=new.timezone,
        input=new.input,
        priority=new.priority,
        paused=new.paused,
        expected=0 if if_none_match is not None else revision,
    )
    if saved.revision == 1:
        response.status_code = 201
        response.headers["Location"] = f"/v1/schedules/{name}"
    return _detail(saved, response)


@router.post("/{name}/pause", responses=fails(ScheduleNotFound), dependencies=[needs("schedules:write")])
async def pause_schedule(name: ScheduleName, schedules: SchedulesDoor, response: Response) -> ScheduleDetail:
    """Let a schedule rest."""
    return _detail(await schedules.set_paused(name, True), response)


@router.post("/{name}/resume", responses=fails(ScheduleNotFound), dependencies=[needs("schedules:write")])
async def resume_schedule(name: ScheduleName, schedules: SchedulesDoor, response: Response) -> ScheduleDetail:
    """Let a schedule go on with its next tick from now."""
    return _detail(await schedules.set_paused(name, False), response)


@router.delete(
    "/{name}",
    status_code=204,
    responses=fails(ScheduleNotFound, PreconditionFailed),
    dependencies=[needs("schedules:write")],
)
async def delete_schedule(name: ScheduleName, schedules: SchedulesDoor, revision: IfMatch) -> None:
    """Remove a schedule; runs that it started go on."""
    await schedules.delete(name, revision)


def _detail(schedule: Schedule, response: Response) -> ScheduleDetail:
    set_etag(response, schedule.revision)
    times = [schedule.next_at]
    while len(times) < TICKS_SHOWN:
        times.append(next_tick(schedule.cron, schedule.timezone, times[-1]))
    shown = ScheduleShown.model_validate(schedule)
    return ScheduleDetail(**shown.model_dump(), next_times=times)
