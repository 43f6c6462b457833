"""A server of tools behind OAuth, by hand: it says what was asked of it, and its tokens end when the test says so."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

TOKEN, REFRESH = "access-0123456789", "refresh-0123456789"
TOOL = {"name": "whoami", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}}


@dataclass
class Guarded:
    """The server with its authorization server, both at `url`. `grants` are those that were asked for, in order."""

    url: str = ""
    token: str = ""
    expires_in_s: int = 3600
    takes_refresh: bool = True
    grants: list[str] = field(default_factory=list[str])

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/.well-known/oauth-protected-resource/mcp", self.resource)
        app.router.add_get("/.well-known/oauth-authorization-server/as", self.issuer)
        app.router.add_post("/as/register", self.register)
        app.router.add_get("/as/authorize", self.authorize)
        app.router.add_post("/as/tokens", self.tokens)
        app.router.add_post("/mcp", self.mcp)
        return app

    async def resource(self, _: web.Request) -> web.Response:
        return web.json_response({"resource": f"{self.url}/mcp", "authorization_servers": [f"{self.url}/as"]})

    async def issuer(self, _: web.Request) -> web.Response:
        at = f"{self.url}/as"
        told = {
            "issuer": at,
            "authorization_endpoint": f"{at}/authorize",
            "token_endpoint": f"{at}/tokens",
            "registration_endpoint": f"{at}/register",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none", "client_secret_basic"],
        }
        return web.json_response(told)

    async def register(self, request: web.Request) -> web.Response:
        return web.json_response(
            {**await request.json(), "client_id": "us", "token_endpoint_auth_method": "none"}, status=201
        )

    async def authorize(self, request: web.Request) -> web.Response:
        back = urlencode({"code": "the-code", "state": request.query["state"]})
        return web.Response(status=302, headers={"Location": f"{request.query['redirect_uri']}?{back}"})

    async def tokens(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.grants.append(str(form["grant_type"]))
        refused = self.grants[-1] == "refresh_token" and (not self.takes_refresh or form["refresh_token"] != REFRESH)
        if refused:
            return web.json_response({"error": "invalid_grant"}, status=400)
        self.token = f"{TOKEN}-{len(self.grants)}"
        told = {
            "access_token": self.token,
            "token_type": "Bearer",
            "expires_in": self.expires_in_s,
            "refresh_token": REFRESH,
        }
        return web.json_response(told)

    async def mcp(self, request: web.Request) -> web.Response:
        if not self.token or request.headers.get("Authorization") != f"Bearer {self.token}":
            told = f'Bearer resource_metadata="{self.url}/.well-known/oauth-protected-resource/mcp"'
            return web.Response(status=401, headers={"WWW-Authenticate": told})
        asked = await request.json()
        if "id" not in asked:
            return web.Response(status=202)
        found: dict[str, Any] = {
            "initialize": {
                "protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": {"name": "guarded", "version": "1"},
            },
            "tools/list": {"tools": [TOOL]},
            "tools/call": {"content": [{"type": "text", "text": f"you, with {self.token}"}]},
        }  # fmt: skip
        answer = {"jsonrpc": "2.0", "id": asked["id"]}
        if asked["method"] not in found:
            return web.json_response({**answer, "error": {"code": -32601, "message": "no such method"}})
        return web.json_response({**answer, "result": found[asked["method"]]})


@asynccontextmanager
async def guarded() -> AsyncGenerator[Guarded]:
    """It, at a free port."""
    server = Guarded()
    runner = web.AppRunner(server.app())
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()
