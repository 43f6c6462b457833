"""Usage: what models were asked and what it cost, and what a run of a flow may cost."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from stretto.api.body import JsonRoute
from stretto.api.doors import PlatformDoor, PrincipalDoor, needs
from stretto.api.problems import fails
from stretto.auth import AuthStore, tenants_with
from stretto.errors import FlowNotFound
from stretto.gateway.ledger import Usage, UsageKey
from stretto.gateway.ledger.asking import EXAMPLES, read_row_keys, read_time
from stretto.gateway.ledger.shown import estimate_document, usage_csv, usage_document

router = APIRouter(prefix="/v1/usage", tags=["usage"], route_class=JsonRoute)


async def _usage(platform: PlatformDoor) -> Usage:
    return platform.usage()


UsageDoor = Annotated[Usage, Depends(_usage)]
"""The ledger's reader."""


class TokenSums(BaseModel):
    """Tokens by the classes that are priced apart; `reasoning` is a part of `output`, the others do not overlap."""

    input: int
    cached_input: int
    cache_write: int
    output: int
    reasoning: int


class UsageItem(BaseModel):
    """What calls came to. `not_made` were answered by the cache or not let through; latencies only where asked for."""

    keys: dict[str, str | int | None]
    calls: int
    failed: int
    cancelled: int
    not_made: int
    cached: int
    estimated: int
    simulated_calls: int
    simulated: Literal["no", "partly", "yes"]
    tokens: TokenSums
    cost_usd: str
    ttft_p50_s: float | None = None
    ttft_p95_s: float | None = None
    duration_p50_s: float | None = None
    duration_p95_s: float | None = None


class UsageList(BaseModel):
    """Rows, by day and then by cost, and their exact sum. Money is decimal text."""

    rows: list[UsageItem]
    total: UsageItem


class SpreadItem(BaseModel):
    """How a figure spreads over runs, as decimal text."""

    p50: str
    p90: str
    mean: str


class EstimateItem(BaseModel):
    """What a run may cost, by past runs; `enough` is false for fewer than five. `how` is for people."""

    flow: str
    runs: int
    versions: list[int]
    enough: bool
    simulated: bool
    cost_usd: SpreadItem | None
    input_tokens: SpreadItem | None
    output_tokens: SpreadItem | None
    calls: SpreadItem | None
    how: str


@dataclass(frozen=True, slots=True)
class Only:
    """Which calls are counted."""

    flow: Annotated[str | None, Query(description="Of this flow's runs.")] = None
    step: Annotated[str | None, Query(description="Of steps of this id.")] = None
    run: Annotated[UUID | None, Query(description="Of this run.")] = None
    agent: Annotated[str | None, Query(description="Of this agent.")] = None
    route: Annotated[str | None, Query(description="Asked for by this route.")] = None
    deployment: Annotated[str | None, Query(description="Answered by this deployment.")] = None
    provider: Annotated[str | None, Query(description="Answered by this provider.")] = None
    model: Annotated[str | None, Query(description="Answered by this model.")] = None
    priority: Annotated[int | None, Query(ge=0, le=3, description="Of this priority, 0 (first) to 3 (last).")] = None
    outcome: Annotated[str | None, Query(description="That came to this, such as `admitted` or `cached`.")] = None


_TIME = f"Such as {EXAMPLES}; a plus sign in a URL is written %2B."


async def _between(
    since: Annotated[str, Query(description=_TIME)] = "7d",
    until: Annotated[str | None, Query(description=_TIME)] = None,
) -> tuple[datetime, datetime | None]:
    now = datetime.now(UTC)
    return read_time(since, now), None if until is None else read_time(until, now)


@router.get(
    "", response_model=UsageList, responses={200: {"content": {"text/csv": {}}}}, dependencies=[needs("usage:read")]
)
async def get_usage(
    request: Request,
    usage: UsageDoor,
    principal: PrincipalDoor,
    platform: PlatformDoor,
    only: Annotated[Only, Depends()],
    between: Annotated[tuple[datetime, datetime | None], Depends(_between)],
    by: Annotated[
        str,
        Query(
            description="Keys with commas, such as day,model; empty for the sum alone. With `tenant` among them, of all tenants "
            "where who asks is a member and may see usage; otherwise of this request's tenant."
        ),
    ] = "day,model",
    latency: Annotated[bool, Query(description="Also how long calls took.")] = False,
) -> Any:
    """What was used, told apart by keys. `Accept: text/csv` gives CSV."""
    keys = read_row_keys(by)
    filters: dict[UsageKey, Any] = {
        cast("UsageKey", key): value for key, value in asdict(only).items() if value is not None
    }
    first, last = between
    if "tenant" in keys:
        tenants = await tenants_with(AuthStore(platform.database), principal, "usage:read")
        rows = await usage.by_tenant(tenants, keys, first, last, filters, latency=latency)
    else:
        rows = await usage.by(
            principal.tenant_id, cast("tuple[UsageKey, ...]", keys), first, last, filters, latency=latency
        )
    if _wants_csv(request):
        return Response(usage_csv(keys, rows, latency=latency), media_type="text/csv")
    return usage_document(rows, latency=latency)


@router.get("/estimate", responses=fails(FlowNotFound), dependencies=[needs("usage:read")])
async def estimate_run(
    flow: Annotated[str, Query(description="The flow's name.")], usage: UsageDoor, principal: PrincipalDoor
) -> EstimateItem:
    """What a run of a stored flow may cost, by its past runs."""
    return EstimateItem.model_validate(estimate_document(await usage.estimate(principal.tenant_id, flow)))


def _wants_csv(request: Request) -> bool:
    """Whether CSV is asked for before JSON; of several types the one named first counts."""
    types = [part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")]
    named = [name for name in types if name in {"text/csv", "application/json", "*/*"}]
    return bool(named) and named[0] == "text/csv"
