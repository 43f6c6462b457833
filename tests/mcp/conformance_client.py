"""Our client as the official conformance suite drives it: find the tools of the server at the address, and call each.

Usage: python -m tests.mcp.conformance_client URL
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from stretto.gateway.tool_servers import ToolServer
from stretto.tools.mcp import Asker, PersonAsked, PersonSaid, Ports
from tests.mcp.conftest import pool_of


async def accept(asker: Asker, asked: PersonAsked) -> PersonSaid:
    return PersonSaid("accept", {})


async def main(url: str) -> None:
    async with pool_of(ToolServer("it", url=url, timeout_s=20.0), ports=Ports(on_elicit=accept)) as caller:
        for tool in await caller.pool.find(caller.ctx.tenant_id, "it.*"):
            arguments: dict[str, Any] = dict.fromkeys(tool.schema.get("properties", {}), 3)
            await caller.call(tool.name, **arguments)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
