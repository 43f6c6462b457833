"""Reviews are kept for as long as `STRETTO_REVIEWS_RETENTION_DAYS` says, by the month in which they were written; else for ever."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import structlog

from stretto import Platform
from stretto.errors import MemoryNotFound, SettingsInvalid
from stretto.memory import MAX_ITEMS
from stretto.store import load_queries
from stretto_reviews.figures import figures_changed
from stretto_reviews.pipelines.ingestion import COLLECTION

RETENTION = "STRETTO_REVIEWS_RETENTION_DAYS"
TEND_EVERY_S = 3600.0
QUERIES = load_queries("stretto_reviews")

log = structlog.get_logger(__name__)


def retention_days(environment: Mapping[str, str] = os.environ) -> int | None:
    """For how many days reviews are kept; None: for ever. Raises `SettingsInvalid`."""
    told = environment.get(RETENTION, "").strip()
    if not told:
        return None
    if not (told.isascii() and told.isdecimal() and 1 <= int(told[:9]) <= 36_500 and len(told) <= 9):
        raise SettingsInvalid(f"{RETENTION} is a number of days, from 1 to 36500, not {told[:40]!r}.")
    return int(told)


async def keep_retention(platform: Platform, days: int) -> None:
    """Drop the months of reviews whose time is over, every hour."""
    while True:
        await drop_months(platform, datetime.now(UTC).date() - timedelta(days=days))
        await asyncio.sleep(TEND_EVERY_S)


async def drop_months(platform: Platform, before: date) -> list[str]:
    """Drop the months that lie wholly before a day, with what memory knows of them; gives the names of the dropped partitions."""
    values = {"before": before}
    async with platform.database.operator() as connection:
        keys: dict[UUID, list[str]] = {}
        for tenant_id, review_id in await (await connection.execute(QUERIES["forgotten"], values)).fetchall():
            keys.setdefault(tenant_id, []).append(str(review_id))
        for tenant_id, own in keys.items():
            for start in range(0, len(own), MAX_ITEMS):
                with suppress(MemoryNotFound):
                    await platform.memory(tenant_id).forget(COLLECTION, own[start : start + MAX_ITEMS])
        dropped = [name for (name,) in await (await connection.execute(QUERIES["drop_months"], values)).fetchall()]
    if dropped:
        log.info("dropped months of reviews", partitions=dropped)
        await figures_changed(platform.database)
    return dropped
