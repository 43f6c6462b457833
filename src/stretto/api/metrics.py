"""`/metrics`, for Prometheus."""

from __future__ import annotations

import hmac
from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import Response

from stretto.api.authentication import is_here
from stretto.api.doors import PlatformDoor
from stretto.api.problems import fails
from stretto.errors import LoginNeeded, NotFound
from stretto.platform import Platform
from stretto.telemetry.exposition import Exposition, Now

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **fails(LoginNeeded, NotFound)},
)
async def get_metrics(request: Request, platform: PlatformDoor) -> Response:
    """Figures of this server and of its database, over all tenants.

    Without credentials on one's own machine (`STRETTO_AUTH=local`); else by `Authorization: Bearer` with
    STRETTO_METRICS_TOKEN. OpenMetrics where `Accept` names it.
    """
    check_scraper(request, platform)
    exposition: Exposition | None = request.app.state.exposition
    if exposition is None:
        raise NotFound("This process counts nothing, since it only looks.")
    now = replace(now_of(platform), open_streams=request.app.state.streams.count)
    body, kind = await exposition.render(now, request.headers.get("accept", ""))
    return Response(body, media_type=kind)


def check_scraper(request: Request, platform: Platform) -> None:
    """Raises `LoginNeeded` unless this one may see the figures of all tenants."""
    wanted = platform.settings.metrics_token
    if wanted is None and platform.settings.auth == "local" and is_here(request.scope):
        return
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    known = "" if wanted is None else wanted.get_secret_value()
    if known and scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), known.encode()):
        return
    raise LoginNeeded(
        "Metrics are of all tenants. Send `Authorization: Bearer` with STRETTO_METRICS_TOKEN of the server."
    )


def now_of(platform: Platform) -> Now:
    """What this process holds at the moment."""
    pool = platform.database.pool
    return Now(
        active_runs=0 if platform.worker is None else platform.worker.active_runs,
        followed_runs=platform.hub.followed_runs,
        pool_size=pool.size,
        pool_in_use=pool.in_use,
        pool_waiting=pool.waiting,
        ledger_backlog=platform.gateway.ledger_backlog,
    )
