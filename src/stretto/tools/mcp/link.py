"""One connection with one server: opened, asked what it offers, called, closed. Loads the SDK, so it is imported on use."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import anyio
import structlog
from httpx2 import Auth
from mcp import Client, MCPError
from mcp.client.session import IncomingMessage
from mcp_types import (
    CONNECTION_CLOSED,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    REQUEST_TIMEOUT,
    CallToolResult,
    Implementation,
    LoggingMessageNotificationParams,
    ToolListChangedNotification,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from stretto.engine.step import StepContext
from stretto.errors import OutputInvalid, ToolFailed, ToolRefused, ToolUnavailable
from stretto.gateway.tool_servers import ToolServer
from stretto.tools.mcp.answering import Answering
from stretto.tools.mcp.asks import Asker, Ports, Progress
from stretto.tools.mcp.http import CODE_BROKEN, CODE_UNSENT, QUIET_S, Address
from stretto.tools.mcp.oauth import Logins, auth_for
from stretto.tools.mcp.offered import Offered, offered
from stretto.tools.mcp.results import to_output
from stretto.tools.mcp.secrets import Secrets
from stretto.tools.mcp.stdio import Program

log = structlog.get_logger(__name__)

START_S = 60.0
"""A program that fetches itself first (`npx`, `uvx`) needs so long at times."""
LOGIN_S = 600.0
STOP_S = 15.0
CALLS_AT_ONCE = 64
MOST_PAGES = 100
MOST_TOOLS = 1_000
PROGRESS_EVERY_S = 0.25
ENDLESS_S = 7 * 86_400.0
KEY_META = "stretto/idempotency_key"


SESSION_OVER = "Session terminated"
"""The SDK's word for HTTP 404, by which a server says that it does not know the session (any more)."""


def quiet_logs() -> None:
    """Keep the SDK from logging what servers say: that may hold secrets, and what goes wrong is told by us."""
    for name in ("mcp", "httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # The SDK's session logs as "client", a name that others may use too.
    logging.getLogger("client").addFilter(lambda record: "mcp" not in Path(record.pathname).parts)


quiet_logs()


class LinkOver(Exception):
    """The connection was over before the call: another one can make it."""


class Link:
    """A connection with a server. `start` it once, then `call`; when `is_over`, another one takes its place.

    One task owns it from beginning to end, since what the SDK opens in a task must be closed in it.
    """

    def __init__(
        self,
        server: ToolServer,
        secrets: Secrets,
        ports: Ports,
        logins: Logins | None = None,
        tenant_id: UUID | None = None,
    ) -> None:
        self.server = server
        self.tools: Mapping[str, Offered] = {}
        self.calls = 0
        """Calls at work."""
        self.began_at = self.used_at = self.listed_at = time.monotonic()
        self.over = asyncio.Event()
        self.quiet = asyncio.Event()
        """No call is at work."""
        self.quiet.set()
        self.secrets = secrets
        self._ports = ports
        self._answering = Answering(server, secrets, ports)
        self._wake = asyncio.Event()
        self._stopping = self._changed = False
        self._places = asyncio.Semaphore(CALLS_AT_ONCE)
        self._listing = asyncio.Lock()
        self._client: Client | None = None
        self._logins = logins
        self._tenant_id = tenant_id
        self._wire = self._make_wire(None)
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task[None] | None = None

    def _make_wire(self, auth: Auth | None) -> Program | Address:
        server, secrets = self.server, self.secrets
        if server.url:
            headers = {name: secrets.fill(text) for name, text in server.headers.items()}
            return Address(server.url, headers, quiet_s=max(QUIET_S, server.elicitation_s + START_S), auth=auth)
        env = {**server.env, **secrets.reveal()}
        return Program(server.command, env, server.cwd, on_line=self._heard, on_gone=self._lose)

    def _heard(self, line: str) -> None:
        log.debug("a server of tools says", server=self.server.name, line=self.secrets.cover(line))

    @property
    def is_over(self) -> bool:
        """Whether it takes no more calls."""
        return self.over.is_set()

    def _lose(self) -> None:
        self.over.set()
        self._wake.set()

    @property
    def pid(self) -> int | None:
        """The process id of the guard of its program."""
        return self._wire.pid if isinstance(self._wire, Program) else None

    async def start(self) -> None:
        """Connect and learn what it offers. Raises `ToolUnavailable`, `ToolRefused`; then it is over."""
        if self.server.oauth is not None:
            visit = self._ports.on_login
            auth = await auth_for(self.server, self.secrets, self._logins, self._tenant_id, visit)
            self._wire = self._make_wire(auth)
        self._task = asyncio.create_task(self._run(), name=f"tools of {self.server.name}")
        await asyncio.shield(self._ready)

    async def stop(self) -> None:
        """Close it; what is at work fails. Its program is ended, with all its processes."""
        self._stopping = True
        self._lose()
        if self._task is None:
            return
        done, _ = await asyncio.wait([self._task], timeout=STOP_S)
        if not done:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        try:
            async with asyncio.timeout(self._start_s) as starting:
                async with self._make_client() as client:
                    self._client = client
                    if client.protocol_version not in MODERN_PROTOCOL_VERSIONS and (
                        self.server.sampling or self.server.one_at_a_time
                    ):
                        self._places = asyncio.Semaphore(1)  # else nobody could tell for which call it asks
                    await self.refresh()
                    starting.reschedule(None)
                    self._ready.set_result(None)
                    await self._stay(client)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self._fail(error)
        finally:
            self.over.set()
            if not self._ready.done():
                self._fail(None)

    @property
    def _start_s(self) -> float:
        """So long it may take to be ready; longer where a person logs in meanwhile."""
        return LOGIN_S if self._ports.on_login is not None and self.server.oauth is not None else START_S

    def _make_client(self) -> Client:
        asks_models = bool(self.server.sampling) and self._ports.on_sample is not None
        return Client(
            self._wire.messages(),
            client_info=Implementation(name="stretto", version="1"),
            read_timeout_seconds=self._start_s,
            cache=None,
            message_handler=self._on_message,
            logging_callback=self._on_log,
            elicitation_callback=self._answering.elicit,
            sampling_callback=self._answering.sample if asks_models else None,
        )

    async def _stay(self, client: Client) -> None:
        """Until it ends, or is ended; meanwhile learn anew what it offers when it says that this changed."""
        capability = client.server_capabilities.tools
        tells = capability is not None and bool(capability.list_changed)
        listens = tells and client.protocol_version in MODERN_PROTOCOL_VERSIONS  # before, servers tell unasked
        hearing = asyncio.create_task(self._hear_changes(client)) if listens else None
        try:
            while not self.is_over:
                await self._wake.wait()
                self._wake.clear()
                if self._changed and not self.is_over:
                    self._changed = False
                    await self.refresh_quietly()
        finally:
            if hearing is not None:
                hearing.cancel()
                await asyncio.wait([hearing])
        if not self._stopping:
            log.warning("a server of tools is gone", server=self.server.name, why=self._why(None))

    async def _hear_changes(self, client: Client) -> None:
        with suppress(Exception):  # without it, what changed is seen when a name is not found
            async with client.listen(tools_list_changed=True) as events:
                async for _ in events:
                    self._note_change()

    def _note_change(self) -> None:
        self._changed = True
        self._wake.set()

    async def refresh_quietly(self) -> None:
        """Ask what it offers; when it cannot be asked, what is known stays."""
        try:
            await self.refresh()
        except Exception as error:
            why = self.secrets.cover(f"{type(error).__name__}: {error}")[:300]
            log.warning("a server of tools changed and cannot be asked", server=self.server.name, why=why)

    async def refresh(self) -> None:
        """Ask what it offers."""
        client = self._client
        assert client is not None
        found: dict[str, Offered] = {}
        left_out: dict[str, str] = {}
        async with self._listing:
            cursor: str | None = None
            for _ in range(MOST_PAGES if client.server_capabilities.tools is not None else 0):
                page = await client.list_tools(cursor=cursor)
                for listed in page.tools:
                    if not self.server.allows(listed.name):
                        continue
                    tool, why = offered(self.server, listed)
                    if tool is None or len(found) == MOST_TOOLS:
                        left_out[listed.name[:80]] = why or f"it has more than {MOST_TOOLS} tools"
                    else:
                        found.setdefault(tool.name, tool)
                if page.next_cursor is None or page.next_cursor == cursor:
                    break
                cursor = page.next_cursor
            self.tools = found
            self.listed_at = time.monotonic()
        if left_out:
            shown = dict(list(left_out.items())[:10])
            log.warning("some tools of a server are left out", server=self.server.name, tools=shown)

    async def call(self, tool: Offered, arguments: Mapping[str, Any], ctx: StepContext, key: str) -> Any:
        """Call a tool and give its result as JSON data. Cancelling it tells the server.

        Raises `ToolFailed` (`ToolUnavailable`, `ToolRefused`), `OutputInvalid`; `LinkOver` when nothing was sent.
        """
        asker = Asker(self.server.name, tool.full_name, ctx, key, route=self.server.sampling)
        self.calls += 1
        self.quiet.clear()
        try:
            async with self._places, self._answering.calls_of(asker) as patience:
                if self.is_over or self._client is None:
                    raise LinkOver

                async def send(client: Client) -> CallToolResult:
                    async with patience.limit():
                        return await self._send(client, tool, arguments, asker)

                result = await self._guarded(tool, asker, send)
                unheard = self._answering.unheard(asker)
        finally:
            self.calls -= 1
            if not self.calls:
                self.quiet.set()
            self.used_at = time.monotonic()
        return to_output(tool.full_name, result, self.secrets, unheard)

    async def _send(self, client: Client, tool: Offered, arguments: Mapping[str, Any], asker: Asker) -> CallToolResult:
        told_at = 0.0

        async def on_progress(progress: float, total: float | None, message: str | None) -> None:
            nonlocal told_at
            now = time.monotonic()
            if now - told_at >= PROGRESS_EVERY_S or progress == total:
                told_at = now
                said = self.secrets.cover(message or "").replace("\n", " ")[:200]
                self._ports.on_progress(asker.ctx, Progress(tool.full_name, progress, total, said))

        return await client.call_tool(
            tool.name,
            dict(arguments),
            read_timeout_seconds=ENDLESS_S,  # our own time-out stands still while a person is asked
            progress_callback=on_progress,
            meta=None if tool.effects == "reads" else {KEY_META: asker.key},
        )

    async def _guarded(
        self, tool: Offered, asker: Asker, send: Callable[[Client], Awaitable[CallToolResult]]
    ) -> CallToolResult:
        """What goes wrong with a call, as errors of the tree."""
        assert self._client is not None
        name = tool.full_name
        try:
            return await send(self._client)
        except TimeoutError:
            raise unsure(tool, f"gave no answer within {self.server.timeout_s:g} s") from None
        except MCPError as error:
            said = self.secrets.cover(error.message)[:2_000]
            if error.code == REQUEST_TIMEOUT:
                raise unsure(tool, f"gave no answer within {self.server.timeout_s:g} s") from None
            if error.code in (CODE_UNSENT, CODE_BROKEN) or said == SESSION_OVER:
                self._lose()  # the next call opens another session
            if said == SESSION_OVER:
                raise LinkOver from None  # the server has done nothing
            if error.code == CODE_UNSENT:
                raise ToolUnavailable(f"The tool {name!r} cannot be called: {said}.", tool=name) from None
            if error.code == CODE_BROKEN:
                raise unsure(tool, f"gave no answer: {said}") from None
            if error.code == CONNECTION_CLOSED:
                raise unsure(tool, f"gave no answer: its server is gone ({self._why(None)})") from None
            kind = ToolRefused if error.code in (INVALID_PARAMS, METHOD_NOT_FOUND) else ToolFailed
            raise kind(f"The tool {name!r} failed: {said}{self._answering.unheard(asker)}", tool=name) from None
        except ValidationError:
            raise ToolFailed(f"The tool {name!r} answered with what is no result of MCP.", tool=name) from None
        except (anyio.ClosedResourceError, anyio.BrokenResourceError):
            raise unsure(tool, f"gave no answer: its server is gone ({self._why(None)})") from None
        except RuntimeError as error:  # the SDK's word for a result that breaks the tool's own schema
            if self.is_over:
                raise unsure(tool, f"gave no answer: its server is gone ({self._why(None)})") from None
            told = self.secrets.cover(str(error)).partition("\n")[0][:500]
            raise OutputInvalid(f"The result of the tool {name!r} breaks its own schema: {told}", tool=name) from None

    def _why(self, error: BaseException | None) -> str:
        """What is known of why it does not go on, without secrets."""
        told, wire = first_of(error), self._wire
        if isinstance(told, ToolUnavailable):
            words = told.message
        elif isinstance(told, TimeoutError):
            words = f"it was not ready within {self._start_s:g} s"
        elif (
            told is None
            or is_closed(told)
            or (isinstance(wire, Address) and (wire.refused or wire.unreachable or wire.shut_out))
        ):
            words = wire.why()
        else:
            words = told.message if isinstance(told, MCPError) else f"{type(told).__name__}: {told}"
        return self.secrets.cover(words)[:1_000]

    def _fail(self, error: BaseException | None) -> None:
        if not self._ready.done():
            why = self._why(error).rstrip(".")
            told = f"The server {self.server.name!r} of tools cannot be used: {why}."
            self._ready.set_exception(ToolUnavailable(told, server=self.server.name))
            self._ready.exception()  # seen, even when nobody waits any more
        elif not self._stopping:
            log.warning("a server of tools is gone", server=self.server.name, why=self._why(error))

    async def _on_message(self, message: IncomingMessage) -> None:
        if isinstance(message, ToolListChangedNotification):
            self._note_change()

    async def _on_log(self, params: LoggingMessageNotificationParams) -> None:
        self._heard(str(params.data)[:2_000])


def unsure(tool: Offered, what: str) -> ToolFailed:
    """The error of a call that may or may not have been carried out."""
    name = tool.full_name
    if tool.repeatable:
        return ToolUnavailable(f"The tool {name!r} {what}. It is called again, which does no harm.", tool=name)
    return ToolFailed(
        f"The tool {name!r} {what}. Whether it did its work is not known: look before calling again.", tool=name
    )


def first_of(error: BaseException | None) -> BaseException | None:
    """The error that a group is about."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return error  # pyright: ignore[reportUnknownVariableType]


def is_closed(error: BaseException) -> bool:
    """Whether it says only that the connection ended."""
    if isinstance(error, MCPError):
        return error.code == CONNECTION_CLOSED
    return isinstance(error, anyio.ClosedResourceError | anyio.BrokenResourceError | anyio.EndOfStream)
