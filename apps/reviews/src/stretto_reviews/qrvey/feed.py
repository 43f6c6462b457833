"""Plans the pushes of data sets to Qrvey: hourly, daily, every 15 minutes, for tenants that have configured it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from stretto import Platform
from stretto_reviews.connectors import plan
from stretto_reviews.connectors.configured import NEEDED, PREFIX, settings_of
from stretto_reviews.connectors.store import data_tenants
from stretto_reviews.qrvey.sets import SETS

POLL_S = 60.0


async def feed(platform: Platform) -> None:
    """Plan what is due, until it is cancelled. Runs beside a worker; of several each push is planned once."""
    while True:
        await plan_pushes(platform, datetime.now(UTC))
        await asyncio.sleep(POLL_S)


async def plan_pushes(platform: Platform, now: datetime, environment: Mapping[str, str] | None = None) -> int:
    """Plan the pushes of the periods that `now` lies in, for all tenants; gives how many are new."""
    planned = 0
    for tenant_id in await data_tenants(platform.database):
        planned += await _plan_of(platform, tenant_id, now, environment)
    return planned


async def _plan_of(platform: Platform, tenant_id: UUID, now: datetime, environment: Mapping[str, str] | None) -> int:
    settings = await settings_of(platform, tenant_id, environment)
    if not all(settings.get(f"{PREFIX}qrvey-{each}") for each in NEEDED["qrvey"]):
        return 0
    letters = [
        (f"qrvey/{each.name}/{period(now, each.every_s)}", "qrvey", {"dataset": each.name})
        for each in SETS.values()
        if f"{PREFIX}qrvey-{each.name.replace('_', '-')}" in settings
    ]
    async with platform.database.tenant(tenant_id) as connection:
        return await plan(connection, tenant_id, letters)


def period(now: datetime, every_s: int) -> str:
    """The beginning of the period that a moment lies in, of so many seconds since 1970."""
    return datetime.fromtimestamp(int(now.timestamp()) // every_s * every_s, UTC).strftime("%Y-%m-%dT%H:%MZ")
