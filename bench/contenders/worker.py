"""A worker as `stretto worker` runs one, in the contender's process."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from stretto.gateway.provider import ModelProvider
from stretto.platform import Platform, spare_collections
from stretto.settings import load_settings
from stretto.tools import Tools


@asynccontextmanager
async def working(
    url: str,
    *,
    tools: Tools | None = None,
    provider: ModelProvider | None = None,
    concurrent_runs: int = 200,
    spare: bool = True,
) -> AsyncGenerator[Platform]:
    """A platform with its worker on the database at this address. Without `spare`, Python's collector works as it comes."""
    settings = load_settings(database_url=url, concurrent_runs=concurrent_runs)
    async with Platform.open(settings, tools=tools, provider=provider) as platform:
        if spare:
            spare_collections()
        yield platform
