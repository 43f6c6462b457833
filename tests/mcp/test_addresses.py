"""Servers at addresses that refuse, forget, redirect, answer too much, or are not there."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from stretto.errors import ToolFailed, ToolUnavailable
from stretto.gateway.tool_servers import ToolServer
from tests.mcp.conftest import SECRET, pool_of


@asynccontextmanager
async def serving(handler: web.RequestHandler | object) -> AsyncGenerator[str]:
    app = web.Application()
    app.router.add_route("*", "/mcp", handler)  # type: ignore[arg-type]
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/mcp"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (401, b"", r"refuses us \(HTTP 401\)"),
        (500, b"oh", "HTTP 500"),
        (200, b"<html>", "cannot be used"),
        (200, b"x" * (5 << 20), "more than 4 MiB"),
        (302, b"", "cannot be used"),
    ],
)
async def test_addresses_where_no_server_is(status: int, body: bytes, told: str):
    asked: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Authorization"))
        headers = {"Location": "http://127.0.0.1:9/mcp"} if status == 302 else None
        return web.Response(status=status, body=body, content_type="application/json", headers=headers)

    async with serving(answer) as url:
        server = ToolServer(
            "web", url=url, headers={"Authorization": "Bearer ${TOKEN}"}, secrets={"TOKEN": "env:TOKEN"}
        )
        async with pool_of(server) as caller:
            with pytest.raises(ToolUnavailable, match=told) as caught:
                await caller.call("web.x")
        assert set(asked) == {f"Bearer {SECRET}"}
        assert SECRET not in caught.value.message


async def test_nobody_at_the_address():
    async with pool_of(ToolServer("web", url="http://127.0.0.1:9/mcp")) as caller:
        with pytest.raises(ToolUnavailable, match="cannot be reached"):
            await caller.call("web.x")


class Forgetful:
    """A server of one tool that may forget its sessions, or break off in the middle of a call."""

    def __init__(self) -> None:
        self.sessions = 0
        self.known = ""
        self.calls = 0
        self.breaks = False

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if request.method != "POST":
            return web.Response(status=405)
        message: dict[str, Any] = json.loads(await request.text())
        if message["method"] == "initialize":
            self.sessions += 1
            self.known = f"session-{self.sessions}"
            hello = {
                "protocolVersion": "2025-11-25",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "f", "version": "1"},
            }
            return self.result(message, hello, {"Mcp-Session-Id": self.known})
        if message["method"] == "server/discover":
            return web.Response(status=400)
        if request.headers.get("Mcp-Session-Id") != self.known:
            return web.Response(status=404)
        if "id" not in message:
            return web.Response(status=202)
        if message["method"] == "tools/list":
            return self.result(message, {"tools": [{"name": "write", "inputSchema": {"type": "object"}}]})
        self.calls += 1
        if self.breaks:
            assert request.transport is not None
            request.transport.abort()
        return self.result(message, {"content": [{"type": "text", "text": f"call {self.calls}"}]})

    @staticmethod
    def result(message: dict[str, Any], result: dict[str, Any], headers: dict[str, str] | None = None) -> web.Response:
        return web.json_response({"jsonrpc": "2.0", "id": message["id"], "result": result}, headers=headers)


async def test_a_forgotten_session_is_opened_anew_and_the_call_made():
    server = Forgetful()
    async with serving(server.answer) as url, pool_of(ToolServer("web", url=url)) as caller:
        assert await caller.call("web.write") == "call 1"
        server.known = "another"
        assert await caller.call("web.write") == "call 2"
        assert server.sessions == 2


async def test_a_call_that_broke_off_may_have_been_carried_out():
    server = Forgetful()
    async with serving(server.answer) as url, pool_of(ToolServer("web", url=url)) as caller:
        await caller.call("web.write")
        server.breaks = True
        with pytest.raises(ToolFailed, match="Whether it did its work is not known") as caught:
            await caller.call("web.write")
        assert not isinstance(caught.value, ToolUnavailable)
        server.breaks = False
        assert await caller.call("web.write") == "call 3"


async def test_a_call_that_could_not_be_sent_was_not_carried_out():
    server = Forgetful()
    async with pool_of() as caller:
        async with serving(server.answer) as url:
            caller.pool.reconfigure({"web": ToolServer("web", url=url)})
            await caller.call("web.write")
        with pytest.raises(ToolUnavailable, match="cannot be reached"):
            await caller.call("web.write")
        assert server.calls == 1
