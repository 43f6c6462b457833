"""The server around the API: bound to this machine, and quick to end although streams are open."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import struct
from collections.abc import AsyncGenerator, Generator
from functools import partial
from typing import Any

import structlog
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from stretto.api.app import create_app
from stretto.api.denials import Denials
from stretto.api.guard import MAX_BODY_BYTES
from stretto.api.openai.answering import CUT
from stretto.auth import Keys
from stretto.errors import SettingsInvalid, StoreError
from stretto.platform import Platform
from stretto.settings import Settings

log = structlog.get_logger(__name__)
NOTE_USED_S = 30.0
SILENT_S = 20.0
"""So long a client may take for the head of a request."""
LOCAL_ADDRESSES = {"127.0.0.1": socket.AF_INET, "localhost": socket.AF_INET, "::1": socket.AF_INET6}
ANY = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - how a server that listens everywhere is reached from here


@contextlib.asynccontextmanager
async def serving(platform: Platform) -> AsyncGenerator[str]:
    """The API at the settings' host and port (0: any free) for as long as the block lasts; gives its address.

    At the end open streams end, and requests at work get 5 s. Signals are the caller's business.
    Raises `SettingsInvalid` when it cannot listen there, or when others than this machine could reach it.
    """
    listener = listen(platform.settings)
    address, port = listener.getsockname()[:2]
    host = ANY.get(address) or (f"[{address}]" if listener.family == socket.AF_INET6 else address)
    app = create_app(platform)
    config = uvicorn.Config(
        _with_cut(app),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # who a client is, is told by its connection alone
        timeout_keep_alive=75,  # longer than clients keep idle connections, so that none is closed while it is being used
        timeout_graceful_shutdown=5,
        ws="websockets-sansio",  # the other ones are built on what `websockets` gives up
        ws_max_size=MAX_BODY_BYTES,
        ws_per_message_deflate=False,  # 50 kB and more for each connection, and work for each message
    )
    server = _Server(config, app.state.streams.closing)
    logging.getLogger("uvicorn.error").addFilter(_is_fault)
    denials: Denials = app.state.denials
    denials.start()
    beside = [
        asyncio.create_task(_note_used_keys(platform.keys), name="used keys"),
        asyncio.create_task(_cut_silent(server), name="silent connections"),
    ]
    task = asyncio.create_task(server.serve(sockets=[listener]), name="http server")
    try:
        up = asyncio.create_task(server.up.wait())
        await asyncio.wait([up, task], return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if task.done():
            await task
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        await task
        for each in beside:
            each.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await denials.close()


async def _cut_silent(server: uvicorn.Server) -> None:
    """Cut connections that are open for long without a whole request; they would hold a file of this process each.

    uvicorn waits for ever for the rest of a request's head. It knows when a connection rests between two requests.
    """
    waiting: dict[object, int] = {}
    while True:
        await asyncio.sleep(SILENT_S / 4)
        before, waiting = waiting, {}
        for connection in list(server.server_state.connections):
            if not isinstance(connection, HttpToolsProtocol):  # a WebSocket
                continue
            cycle: Any = connection.cycle
            rests = connection.timeout_keep_alive_task is not None
            if rests or (cycle is not None and not cycle.response_complete):
                continue
            waiting[connection] = before.get(connection, 0) + 1
            if waiting[connection] > 4:
                connection.transport.abort()


async def _note_used_keys(keys: Keys) -> None:
    while True:
        await asyncio.sleep(NOTE_USED_S)
        try:
            await keys.note_used()
        except StoreError as error:
            log.warning("could not write down which keys were used", error=error.message)


def _is_fault(record: logging.LogRecord) -> bool:
    """A WebSocket that is refused with an answer is no fault, though uvicorn says so of each."""
    return record.msg != "ASGI callable returned without completing handshake."


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, closing: asyncio.Event) -> None:
        super().__init__(config)
        self.up = asyncio.Event()
        self._closing = closing

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._closing.set()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def _cut(transport: asyncio.Transport) -> None:
    """End a connection now. Without the option the system would go on to hold what the client did not read, for minutes."""
    wire = transport.get_extra_info("socket")
    if wire is not None:
        with contextlib.suppress(OSError):  # it has gone meanwhile
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _with_cut(app: ASGIApp) -> ASGIApp:
    """Let an answer cut its connection at once: a client that does not read would hold it, and what waits, for ever."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        # uvicorn's `send` is a method of the request, which knows its transport. Where that is so no longer, connections are
        # closed, which takes as long as the client likes.
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        if transport is not None:
            scope[CUT] = partial(_cut, transport)
        await app(scope, receive, send)

    return serve


def listen(settings: Settings) -> socket.socket:
    """A socket at the settings' host and port. Raises `SettingsInvalid`, also where strangers would be let in."""
    host, port = settings.host, settings.port
    family = LOCAL_ADDRESSES.get(host.lower())
    if family is None and settings.auth == "local":
        raise SettingsInvalid(
            f"STRETTO_HOST is {host!r}, by which others than this machine reach Stretto, but nobody is asked who he is. "
            "Set STRETTO_AUTH=required, so that everybody shows a key, a token or a session; "
            "`stretto key add --tenant local --role owner` makes a key."
        )
    name = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}.get(family, host) if family else host
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise SettingsInvalid(f"STRETTO_HOST is {host!r}, which is no address here ({error.strerror}).") from None
    family, _, _, _, address = found[0]
    try:
        listener = socket.create_server(address[:2], family=family)
        # Connections inherit it. Without it an answer whose head and body are sent apart waits 40 ms for the client's
        # acknowledgement; uvloop sets it by itself, asyncio only for sockets that name their protocol.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        raise SettingsInvalid(f"Port {port} of {host} {why}. Choose another with STRETTO_PORT.") from None
