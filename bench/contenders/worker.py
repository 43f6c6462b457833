"""A worker as `stretto worker` runs one, in the contender's process."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from stretto.gateway.config import GatewayConfig
from stretto.gateway.provider import ModelProvider
from stretto.gateway.read_config import read_config
from stretto.platform import Platform, spare_collections
from stretto.settings import load_settings
from stretto.tools import Tools


def config_before(url: str, routes: str = "{fast: [bench/bench-1]}") -> GatewayConfig:
    """A configuration whose routes are answered by the server at this address."""
    text = f"providers:\n  bench: {{dialect: openai, url: {url}}}\nroutes: {routes}\n"
    return read_config(text, "stretto.yaml", {})


@asynccontextmanager
async def working(
    url: str,
    *,
    tools: Tools | None = None,
    provider: ModelProvider | None = None,
    config: GatewayConfig | None = None,
    concurrent_runs: int = 200,
    spare: bool = True,
) -> AsyncGenerator[Platform]:
    """A platform with its worker on the database at this address. Without `spare`, Python's collector works as it comes."""
    settings = load_settings(database_url=url, concurrent_runs=concurrent_runs)
    async with Platform.open(settings, tools=tools, provider=provider, config=config) as platform:
        if spare:
            spare_collections()
        yield platform
