"""Our client as the official conformance suite drives it: find the tools of the server at the address, and call each.

Usage: python -m tests.mcp.conformance_client URL
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import httpx2

from stretto.errors import StrettoError
from stretto.gateway.keys import Key
from stretto.gateway.tool_servers import OAuth, ToolServer
from stretto.tools import Tool
from stretto.tools.mcp import Asker, PersonAsked, PersonSaid, Ports, ServerPool
from tests.mcp.conftest import Caller

REDIRECT = "http://localhost:3000/callback"


async def accept(asker: Asker, asked: PersonAsked) -> PersonSaid:
    return PersonSaid("accept", {})


async def log_in(address: str) -> str:
    """The suite's page asks nothing: it sends one back at once."""
    async with httpx2.AsyncClient() as client:
        answer = await client.get(address)
    return answer.headers["location"]


def context() -> dict[str, Any]:
    """What the suite tells the client besides the address."""
    return json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}")


def oauth() -> OAuth | None:
    """How the suite's scenario wants us to log in, if it does."""
    scenario = os.environ.get("MCP_CONFORMANCE_SCENARIO", "")
    if not scenario.startswith("auth/"):
        return None
    given = context()
    secret = "SECRET" if "client_secret" in given else ""
    if scenario.startswith("auth/client-credentials"):
        return OAuth("client_credentials", given["client_id"], secret, redirect=REDIRECT)
    by_address = "https://conformance-test.local/client-metadata.json" if "cimd" in scenario else ""
    return OAuth("authorization_code", given.get("client_id", by_address), secret, redirect=REDIRECT)


async def secret_of_context(tenant_id: UUID | None, place: str) -> Key | None:
    return Key(context().get("client_secret", "")) or None


EXAMPLES: dict[str, Any] = {"string": "us-west1", "boolean": True, "integer": 3, "number": 3, "object": {}, "array": []}


def told_calls() -> list[tuple[str, dict[str, Any]]]:
    """The calls that the suite asks for by its variable, if it does."""
    return [(each["name"], each["arguments"]) for each in context().get("toolCalls", [])]


def arguments_for(tool: Tool, all_tools: Sequence[Tool]) -> dict[str, Any]:
    """Some that fit: an example of each type, or a tool's schema where one is to be given back."""
    if tool.name == "it.json_schema_echo":
        return {"schema": dict(all_tools[0].schema)}
    properties: Mapping[str, Any] = tool.schema.get("properties", {})
    return {name: EXAMPLES.get(schema.get("type"), "us-west1") for name, schema in properties.items()}


async def main(url: str) -> int:
    """Gives how many calls failed."""
    failed = 0
    server = ToolServer("it", url=url, timeout_s=20.0, oauth=oauth())
    if "client_secret" in context():
        server = replace(server, secrets={"SECRET": "env:SECRET"})
    ports = Ports(on_elicit=accept, on_login=log_in)
    async with ServerPool({"it": server}, secret_of_context, ports).open() as pool:
        caller = Caller(pool)
        tools = await caller.pool.find(caller.ctx.tenant_id, "it.*")
        by_name = {tool.name: tool for tool in tools}
        calls = [(by_name[f"it.{name}"], arguments) for name, arguments in told_calls()]
        for tool, arguments in calls or [(tool, arguments_for(tool, tools)) for tool in tools]:
            try:
                await tool.call(caller.ctx, arguments, "the-key")
            except StrettoError as error:
                failed += "cannot take these arguments" not in error.message  # what does not fit is not even sent
                print(error, file=sys.stderr)  # noqa: T201
    return failed


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
