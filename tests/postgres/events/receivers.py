"""Receivers of webhooks on this machine, in all tempers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Receiver:
    """What has come in, and how it is answered: by the path's first part."""

    url: str = ""
    came: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list[tuple[str, dict[str, str], bytes]])
    answers: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = field(
        default_factory=dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]]
    )

    def ids(self, path: str) -> list[str]:
        """The ids of the messages that came to a path."""
        return [headers["webhook-id"] for at, headers, _ in self.came if at == path]


@asynccontextmanager
async def receiving() -> AsyncGenerator[Receiver]:
    """A receiver that answers 200, but at these paths: `/fails`, `/gone`, `/moved`, `/later`, `/hangs`, `/resets`, `/floods`."""
    receiver, ended = Receiver(), asyncio.Event()

    async def take(request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        receiver.came.append((request.path, headers, await request.read()))
        match request.path:
            case "/fails":
                return web.Response(status=500, text="no\0t now" + "x" * 5000)
            case "/gone":
                return web.Response(status=410)
            case "/moved":
                return web.Response(status=307, headers={"location": f"{receiver.url}/target"})
            case "/later":
                return web.Response(status=429, headers={"retry-after": "1234"})
            case "/hangs":
                await ended.wait()
            case "/resets":
                assert request.transport is not None
                request.transport.abort()
            case "/floods":
                answer = web.StreamResponse()
                await answer.prepare(request)
                while True:  # until the other side has had enough
                    await answer.write(b"x" * 65536)
            case _:
                pass
        return web.Response(text="thanks")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        ended.set()
        await runner.cleanup()
