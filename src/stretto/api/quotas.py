"""How much the tenant may do, and how much of it is used."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from stretto.api.doors import PlatformDoor, PrincipalDoor, needs
from stretto.auth.quotas import QuotaStore

router = APIRouter(prefix="/v1/quotas", tags=["limits"])


class RateShown(BaseModel):
    """A request limit of the tenant or of the key that asks: `left` requests now, and more after `wait_s`."""

    name: str
    of: Literal["tenant", "key"]
    most: int
    window_s: int
    left: int
    wait_s: float


class RunQuotaShown(BaseModel):
    """A quota of runs. `used`: started today (UTC), or unfinished now."""

    kind: Literal["runs_per_day", "unfinished_runs"]
    most: int
    used: int


class QuotasShown(BaseModel):
    """All that counts for this request; empty where nothing is limited."""

    requests: list[RateShown]
    runs: list[RunQuotaShown]


@router.get("", dependencies=[needs("limits:read")])
async def get_quotas(platform: PlatformDoor, principal: PrincipalDoor) -> QuotasShown:
    """The request limits of who asks and the quotas of his tenant, as they stand now."""
    store = QuotaStore(platform.database)
    verdict = await platform.requests.look(principal)
    quotas = {each.kind: int(each.value) for each in await store.of_tenant(principal.tenant_id, "") if not each.is_rate}
    today, unfinished = await store.runs_used(principal.tenant_id) if quotas else (0, 0)
    used = {"runs_per_day": today, "unfinished_runs": unfinished}
    return QuotasShown(
        requests=[
            RateShown(
                name=each.name,
                of="key" if each.name.startswith("key-") else "tenant",
                most=each.rate.most,
                window_s=each.rate.window_s,
                left=each.left,
                wait_s=each.wait_s,
            )
            for each in verdict.policies
        ],
        runs=[
            RunQuotaShown(kind=kind, most=quotas[kind], used=used[kind])
            for kind in ("runs_per_day", "unfinished_runs")
            if kind in quotas
        ],
    )
