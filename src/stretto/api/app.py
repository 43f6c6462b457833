"""Puts the HTTP door together: one router for each thing, one guard, one table of errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute
from starlette_compress import CompressMiddleware, remove_compress_type

from stretto.api import (
    audit,
    control,
    dashboard,
    deployments,
    description,
    docs_page,
    events,
    fleet,
    flows,
    health,
    hooks,
    keys,
    limits,
    login,
    members,
    memory,
    metrics,
    quotas,
    recall,
    review_link,
    reviews,
    runs,
    schedules,
    shipped,
    socket,
    state,
    step,
    steps,
    streams,
    tenant,
    thresholds,
    tool_secrets,
    usage,
    webhooks,
)
from stretto.api.authentication import Authentication
from stretto.api.denials import Denials
from stretto.api.description import describe
from stretto.api.doors import Needs
from stretto.api.errors import map_errors
from stretto.api.event_stream import OpenStreams
from stretto.api.guard import Guard, Served
from stretto.api.observed import Observed
from stretto.api.openai.gate import Door
from stretto.api.openai.routes import ROUTES
from stretto.api.quota import AddressLimit, Quota
from stretto.auth import Permission
from stretto.auth.quotas import Addresses
from stretto.platform import Platform
from stretto.telemetry.exposition import Exposition

ROUTERS = (
    health.router,
    metrics.router,
    login.router,
    flows.router,
    shipped.router,
    runs.router,
    recall.router,
    streams.router,
    steps.router,
    step.router,
    control.router,
    socket.router,
    reviews.router,
    thresholds.router,
    tool_secrets.router,
    review_link.router,
    limits.router,
    deployments.router,
    fleet.router,
    usage.router,
    schedules.router,
    state.router,
    memory.router,
    quotas.router,
    tenant.router,
    keys.router,
    members.router,
    audit.router,
    events.router,
    webhooks.router,
    hooks.sources,
    hooks.router,
    dashboard.router,
    docs_page.router,
    description.router,
)


remove_compress_type("text/event-stream")  # an event goes out by itself, and small ones do not shrink


def create_app(platform: Platform) -> FastAPI:
    """The HTTP API of an open platform. Closing the platform is the caller's business, and comes after the server's end."""
    app = FastAPI(
        title="Stretto",
        summary="Durable, streaming flows of agents.",
        version="1",
        docs_url=None,
        openapi_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.platform = platform
    refused = None if platform.telemetry is None else platform.telemetry.measures.on_refused
    app.state.streams = OpenStreams(platform.settings, refused)
    app.router.routes.extend(ROUTES)
    for router in sorted(ROUTERS, key=lambda router: router is not runs.router):  # the busiest is found first
        app.include_router(router)
    further = [router for make in platform.routers for router in make()]
    for router in further:
        app.include_router(router)
    map_errors(app)
    app.state.denials = Denials(platform.database, refused)
    settings = platform.settings
    # The last one added comes first.
    app.add_middleware(Quota, limiter=platform.requests, refused=refused)
    app.add_middleware(Authentication, platform=platform, denials=app.state.denials)
    app.add_middleware(AddressLimit, addresses=Addresses(settings.address_limit), refused=refused)
    app.add_middleware(CompressMiddleware, minimum_size=1_000)
    app.add_middleware(Guard, served=Served(settings.auth == "local", settings.public_url))
    app.state.exposition = None
    if platform.telemetry is not None:
        app.state.exposition = Exposition(platform.telemetry, platform.database)
        app.add_middleware(Observed, telemetry=platform.telemetry)
    describe(app, (*ROUTERS, *further), platform.examples)
    return app


def permissions(further: Sequence[APIRouter] = ()) -> dict[tuple[str, str], Permission | None]:
    """What each route needs, by method and path as OpenAPI writes it; None for public ones. `further` are those of applications."""
    found: dict[tuple[str, str], Permission | None] = {}
    for route in ROUTES:
        for method in (route.methods or set()) - {"HEAD"}:
            found[method, route.path_format] = cast("Door", route.endpoint).permission
    for route in (route for router in (*ROUTERS, *further) for route in router.routes):
        if isinstance(route, APIRoute | APIWebSocketRoute):
            needed: list[Permission] = [
                each.call.permission for each in route.dependant.dependencies if isinstance(each.call, Needs)
            ]
            assert len(needed) <= 1, f"{route.path} names {len(needed)} permissions"
            methods = (route.methods or set()) if isinstance(route, APIRoute) else {"WEBSOCKET"}
            for method in methods:
                found[method, route.path.replace(":path}", "}")] = needed[0] if needed else None
    return found
