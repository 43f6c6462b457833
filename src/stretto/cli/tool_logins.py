"""`stretto tools login`: log in at a server of tools, in a browser."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from stretto.cli.exits import Exit, run_async
from stretto.cli.tool_secrets import Tenant, opened

if TYPE_CHECKING:
    from stretto.gateway.tool_servers import ToolServer

Server = Annotated[
    str, typer.Argument(metavar="SERVER", help="The server's name under `mcp:` in stretto.yaml.", show_default=False)
]
PAGE = b"<!doctype html><title>Stretto</title><p>You may close this page; the terminal tells how it went.</p>"
MOST_HEAD = 16_384


def login(server: Server, tenant: Tenant = "") -> Exit:
    """Log in at a server of tools, in a browser on this machine.

    It prints an address to open, and waits until the page sends you back. The login is kept for the tenant, sealed, and renewed
    by itself; so it is done once, until the server ends it.
    """
    return run_async(_login(server, tenant))


def logout(server: Server, tenant: Tenant = "") -> Exit:
    """Forget the login at a server of tools. What the server holds of it stays until it ends there."""
    return run_async(_logout(server, tenant))


async def _login(name: str, tenant: str) -> Exit:
    from stretto.errors import ToolRefused
    from stretto.platform import secret_source
    from stretto.settings import load_settings
    from stretto.tools.mcp import Ports, ServerPool

    server = await configured(name)

    async def visit(address: str) -> str:
        assert server.oauth is not None
        return await come_back(server.oauth.redirect, address)

    async with opened(tenant) as (secrets, owner):
        source = secret_source(load_settings(), secrets.database, secrets)
        async with ServerPool({name: server}, source, Ports(on_login=visit), logins=secrets).open() as pool:
            offered = await pool.find(owner, f"{name}.*")
            if await secrets.find(owner, f"*login {name}") is None:
                raise ToolRefused(f"The server {name!r} asked for no login.")
    print(f"logged in at {name}, which has {len(offered)} tools")
    return Exit.DONE


async def _logout(name: str, tenant: str) -> Exit:
    async with opened(tenant) as (secrets, owner):
        await secrets.remove(owner, f"*login {name}")
    print(f"logged out of {name}")
    return Exit.DONE


async def configured(name: str) -> ToolServer:
    """The server, if a person can log in there."""
    from stretto.errors import Invalid
    from stretto.gateway.config_file import load_config
    from stretto.settings import load_settings

    servers = (await load_config(load_settings())).mcp
    server = servers.get(name)
    if server is None or server.oauth is None or server.oauth.grant != "authorization_code":
        told = "has no `oauth: {grant: authorization_code}`" if server is not None else "is not there"
        raise Invalid(f"The server {name!r} {told} under `mcp:` in stretto.yaml.")
    return server


async def come_back(redirect: str, address: str) -> str:
    """Show the address to open, wait where the page sends the person, and give the whole address that it sent him to."""
    from stretto.cli.safe_text import one_line

    parts = urlsplit(redirect)
    came: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n"), 10)
            words = head.decode("ascii", "replace").split()
            path = words[1] if len(words) == 3 and words[0] == "GET" else ""
            right = urlsplit(path).path == parts.path and "state=" in path
            status = b"200 OK" if right else b"404 Not Found"
            body = PAGE if right else b""
            head_out = b"HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            writer.write(head_out % (status, len(body)) + body)
            await writer.drain()
            if right and not came.done():
                came.set_result(f"{parts.scheme}://{parts.netloc}{path}")
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever it was, the person can come again
        finally:
            writer.close()

    waiting = await asyncio.start_server(answer, parts.hostname, parts.port, limit=MOST_HEAD)
    async with waiting:
        typer.echo(f"Open this address in a browser, and log in:\n\n{one_line(address)}\n", err=True)
        return await came
