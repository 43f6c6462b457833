"""The application as Stretto sees it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import UUID

from stretto import Platform
from stretto.apps import App, Opened
from stretto.events import Group, Subscription
from stretto_reviews.connectors.deliver import deliver
from stretto_reviews.figures import keep_figures
from stretto_reviews.imports.hooks import subscriptions
from stretto_reviews.pipelines.action import action_graph, started_by
from stretto_reviews.pipelines.ingestion import ANALYSED, ingestion_graph, start_ingestion
from stretto_reviews.pipelines.query import query_graph
from stretto_reviews.pipelines.router import router_graph
from stretto_reviews.qrvey.feed import feed
from stretto_reviews.retention import keep_retention, retention_days
from stretto_reviews.samples import take_samples

if TYPE_CHECKING:
    from fastapi import APIRouter


@asynccontextmanager
async def opened(platform: Platform) -> AsyncGenerator[Opened]:
    """What the review engine adds to the platform: its graphs as tools, what starts them, its routes, and the care of its figures."""
    for graph in (ingestion_graph(platform), query_graph(platform), action_graph(platform), router_graph(platform)):
        platform.tools.put(graph)

    async def handed_in(tenant_id: UUID, import_id: UUID) -> None:
        await start_ingestion(platform, tenant_id, import_id)

    beside: dict[str, Callable[[], Awaitable[None]]] = {
        "figures": lambda: keep_figures(platform.database),
        "deliveries": lambda: deliver(platform),
        "qrvey": lambda: feed(platform),
    }
    if (days := retention_days()) is not None:
        beside["retention"] = lambda: keep_retention(platform, days)
    yield Opened(
        routers=make_routers,
        examples=make_examples,
        subscriptions=[
            Subscription(Group("reviews-action"), started_by(platform), types=[ANALYSED]),
            *subscriptions(platform, handed_in),
        ],
        beside=beside,
    )


def make_routers() -> Sequence[APIRouter]:
    """The routes, loaded where there is a door."""
    from stretto_reviews.api import ROUTERS  # noqa: PLC0415 - a worker needs none

    return ROUTERS


def make_examples() -> Mapping[str, Any]:
    """Examples of what the routes take and answer."""
    from stretto_reviews.api.examples import EXAMPLES  # noqa: PLC0415 - a worker needs none

    return EXAMPLES


APP = App("reviews", "Review engine", "stretto_reviews", opened, samples=take_samples)
"""The application, as `stretto app add reviews` finds it."""
