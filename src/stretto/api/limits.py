"""Every limit, bucket and budget as it stands now, and how the deployments are doing."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from stretto.api.doors import PlatformDoor, PrincipalDoor, needs
from stretto.api.shown import Money

router = APIRouter(prefix="/v1/limits", tags=["limits"])


class _Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class LimitShown(_Shown):
    """A limit of a deployment, or a named bucket. `level` is what is left, over all processes; the rest from `leased` on is
    of this process. `capacity` null: no limit, but the provider asked for a pause of `closed_s`."""

    kind: Literal["requests", "tokens", "concurrency", "bucket"]
    name: str
    capacity: float | None
    level: float
    refill_per_minute: float | None
    closed_s: float
    processes: int
    leased: float
    waiting: int
    longest_wait_s: float


class BudgetShown(_Shown):
    """A budget in US dollars. `name` is the month (YYYY-MM, UTC), the run's id, or run/step."""

    kind: Literal["month", "run", "step"]
    name: str
    limit_usd: Money | None
    spent_usd: Money
    reserved_usd: Money
    presumed_usd: Money
    left_usd: Money | None
    processes: int


class DeploymentShown(_Shown):
    """How a deployment is doing, as this process sees it: its breaker (`state`), errors and times to the first token."""

    deployment: str
    state: str
    rests_s: float
    error_rate: float
    ttft_s: float | None
    ttft_p95_s: float | None
    calls: int
    failures: int
    last_error: str


class CacheShown(_Shown):
    """How often a route's cache was asked in this process, and how often it answered (`rate`: share, 0-1)."""

    route: str
    asked: int
    exact: int
    semantic: int
    rate: float


class SpendingShown(_Shown):
    """What the tenant's tools have spent this month (UTC) on other things than models. `limit_usd` null: they may spend nothing;
    `held_usd`: by calls whose outcome is not known."""

    limit_usd: Money | None
    spent_usd: Money
    held_usd: Money


class LimitsShown(_Shown):
    """All of it, for the request's tenant."""

    limits: list[LimitShown]
    budgets: list[BudgetShown]
    deployments: list[DeploymentShown]
    caches: list[CacheShown]
    spending: SpendingShown


@router.get("", dependencies=[needs("limits:read")])
async def list_limits(platform: PlatformDoor, principal: PrincipalDoor) -> LimitsShown:
    """What there is to be had now, and of what."""
    now = await platform.gateway.limits_overview(principal.tenant_id)
    spending = await platform.purse.spent(principal.tenant_id)
    return LimitsShown(
        limits=[LimitShown.model_validate(each) for each in now.limits],
        budgets=[BudgetShown.model_validate(each) for each in now.budgets],
        deployments=[DeploymentShown.model_validate(each) for each in now.deployments],
        caches=[CacheShown.model_validate(each) for each in now.caches],
        spending=SpendingShown.model_validate(spending),
    )
