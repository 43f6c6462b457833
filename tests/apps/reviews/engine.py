"""A platform with the review engine, for tests: without vectors where these are not what is tried."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, LiteralString, cast
from uuid import UUID

from stretto import Platform
from stretto.apps import add_app, opening
from stretto.engine import Run
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT
from stretto_reviews.imports import Import, begin_import, get_import, put_rows
from stretto_reviews.pipelines.ingestion import start_ingestion

OTHER = UUID("00000000-0000-7000-8000-0000000000aa")


@asynccontextmanager
async def engine(settings: Settings, *, worker: bool = True) -> AsyncGenerator[Platform]:
    """The platform with the application, at work when not told otherwise; a second tenant is there."""

    @asynccontextmanager
    async def add_and_open(platform: Platform) -> AsyncGenerator[None]:
        await add_app(platform.database, "reviews")
        async with platform.database.operator() as connection:
            await connection.execute(
                "INSERT INTO stretto.tenants (id, name, created_at) VALUES (%s, 'other', now()) ON CONFLICT DO NOTHING",
                [OTHER],
            )
        async with opening(platform):
            yield

    async with Platform.open(settings, worker=worker, extend=add_and_open) as platform:
        yield platform


async def taken(
    platform: Platform, rows: Sequence[Mapping[str, Any]], tenant_id: UUID = DEFAULT_TENANT, name: str = "test"
) -> Import:
    """The import of these rows, once its run is over."""
    import_id = await begin_import(platform.database, tenant_id, name)
    await put_rows(platform.database, tenant_id, import_id, list(enumerate(rows, start=1)))
    await over(platform, await start_ingestion(platform, tenant_id, import_id), tenant_id)
    return await get_import(platform.database, tenant_id, import_id)


async def over(platform: Platform, run_id: UUID, tenant_id: UUID = DEFAULT_TENANT) -> Run:
    """The run, once it has come to its end."""
    async for _ in platform.runs(tenant_id).follow(run_id):
        pass
    run = await platform.runs(tenant_id).get(run_id)
    assert run.status == "completed", run.error
    return run


async def until(ask: Any, seconds: float = 30.0) -> Any:
    """What `ask` gives, once it is something."""
    deadline = time.monotonic() + seconds
    while not (found := await ask()):
        assert time.monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.05)
    return found


async def rows(platform: Platform, statement: str, tenant_id: UUID = DEFAULT_TENANT) -> list[Any]:
    """What a statement gives, as the tenant sees it."""
    async with platform.database.tenant(tenant_id) as connection:
        return await (await connection.execute(cast("LiteralString", statement))).fetchall()
