"""Thresholds of judges that hold in place of those of their flows, and how far judges can be believed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
import orjson
from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from stretto.api.body import Body, JsonRoute
from stretto.api.doors import PlatformDoor, PrincipalDoor, needs
from stretto.api.paging import CursorOf, Limit, Next, page_of
from stretto.api.problems import fails
from stretto.errors import Invalid, ThresholdNotFound

router = APIRouter(prefix="/v1", tags=["judges"], route_class=JsonRoute)

_NAMED = 100
FlowPart = Annotated[str, Query(max_length=_NAMED, description="The flow; empty for any.")]
PolicyPart = Annotated[str, Query(max_length=_NAMED, description="The policy; empty for any.")]
TypePart = Annotated[str, Query(max_length=_NAMED, description="The content type; empty for any.")]


class NewThreshold(Body):
    """From which confidence on a judge passes, and below which it rejects. An empty name means any; what is null stays as the
    flow says."""

    flow: str = Field(default="", max_length=_NAMED)
    policy: str = Field(default="", max_length=_NAMED)
    content_type: str = Field(default="", max_length=_NAMED)
    approve: float | None = Field(default=None, ge=0, le=1)
    reject: float | None = Field(default=None, ge=0, le=1)


class ThresholdShown(BaseModel):
    """Thresholds that the tenant has set."""

    model_config = ConfigDict(from_attributes=True)

    flow: str
    policy: str
    content_type: str
    approve: float | None
    reject: float | None
    updated_at: datetime


class ThresholdList(BaseModel):
    """By flow, policy and content type."""

    thresholds: list[ThresholdShown]
    next: Next


class BinShown(BaseModel):
    """One bar of a reliability diagram: decisions whose stated confidence was from `low` to `high`, its mean, and the share
    that people approved."""

    model_config = ConfigDict(from_attributes=True)

    low: float
    high: float
    count: int
    stated: float
    approved: float


class CalibrationShown(BaseModel):
    """How far a judge can be believed, by what people decided. `error`: its expected calibration error; `error_after`: what is
    left of it after calibration, on decisions that the calibration had not seen; null where that cannot be said yet."""

    model_config = ConfigDict(from_attributes=True)

    decisions: int
    approved: int
    calibrated: bool
    error: float | None
    error_after: float | None
    bins: list[BinShown]


def _key(text: str) -> tuple[str, str, str]:
    try:
        key = msgspec.json.decode(text, type=tuple[str, str, str])
    except msgspec.DecodeError as error:
        raise ValueError from error
    if any("\0" in part for part in key):
        raise ValueError
    return key


KeyCursor = Annotated[tuple[str, str, str] | None, Depends(CursorOf(_key))]


@router.get("/thresholds", dependencies=[needs("policies:read")])
async def list_thresholds(
    platform: PlatformDoor, principal: PrincipalDoor, after: KeyCursor, limit: Limit = 50
) -> ThresholdList:
    """The thresholds that were set."""
    found = await platform.thresholds.list(principal.tenant_id, after, limit + 1)
    page, following = page_of(found, limit, lambda each: orjson.dumps(each.key).decode())
    return ThresholdList(thresholds=[ThresholdShown.model_validate(each) for each in page], next=following)


@router.put("/thresholds", responses=fails(Invalid), dependencies=[needs("policies:write")])
async def put_threshold(new: NewThreshold, platform: PlatformDoor, principal: PrincipalDoor) -> ThresholdShown:
    """Set thresholds, or change them. They count from the next judgement on; in other processes after some seconds."""
    key = (new.flow, new.policy, new.content_type)
    saved = await platform.thresholds.put(principal.tenant_id, key, new.approve, new.reject)
    return ThresholdShown.model_validate(saved)


@router.delete(
    "/thresholds", status_code=204, responses=fails(ThresholdNotFound), dependencies=[needs("policies:write")]
)
async def delete_threshold(
    platform: PlatformDoor,
    principal: PrincipalDoor,
    flow: FlowPart = "",
    policy: PolicyPart = "",
    content_type: TypePart = "",
) -> None:
    """Let the flow's own hold again."""
    await platform.thresholds.delete(principal.tenant_id, (flow, policy, content_type))


@router.get("/calibration", dependencies=[needs("policies:read")])
async def get_calibration(
    judge: Annotated[str, Query(min_length=1, max_length=_NAMED, description="The agent that judges.")],
    platform: PlatformDoor,
    principal: PrincipalDoor,
    flow: Annotated[str | None, Query(max_length=_NAMED, description="Only its judgements in this flow.")] = None,
) -> CalibrationShown:
    """How far a judge can be believed, by the latest 5,000 decisions of people about what it had scored."""
    report = await platform.judging.calibrations.report(principal.tenant_id, flow, judge)
    return CalibrationShown.model_validate(report)
