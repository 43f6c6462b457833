"""The servers of all tenants in this process: started on first use, shared by a tenant's runs, stopped when idle."""

from __future__ import annotations

import asyncio
import importlib
import random
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from stretto.engine.step import StepContext
from stretto.errors import StrettoError, ToolNotFound, ToolRefused, ToolUnavailable
from stretto.gateway.tool_servers import ToolServer
from stretto.tools.mcp.asks import Ports
from stretto.tools.mcp.offered import Offered
from stretto.tools.mcp.secrets import Secrets, SecretSource, has_own, look_up
from stretto.tools.mcp.tool import ServerTool

if TYPE_CHECKING:
    from stretto.tools.mcp.link import Link
    from stretto.tools.mcp.oauth import Logins

log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 0.5
MOST_PAUSE_S = 30.0
STEADY_S = 60.0
"""A connection that held for so long makes good for the failures before."""
LOOK_AGAIN_S = 5.0
"""So old a list is asked for anew when a tool is not in it."""
LINK = "stretto.tools.mcp.link"


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """How many connections there may be in this process, and how long one without calls stays."""

    connections: int = 32
    idle_s: float = 300.0


@dataclass(slots=True)
class Slot:
    """A tenant's place at a server: the connection, if there is one, and how the last ones went."""

    server: ToolServer
    tenant_id: UUID | None = None
    link: Link | None = None
    starting: asyncio.Task[Link] | None = None
    failures: int = 0
    not_before: float = 0.0
    last_error: str = ""
    used_at: float = field(default_factory=time.monotonic)

    def failed(self, why: str, *, at_once: bool) -> None:
        """Count a failure, and set the pause before the next attempt: 0.5 s, doubled each time, with jitter."""
        self.failures += 1
        self.last_error = why
        steps = self.failures - (2 if at_once else 1)
        pause_s = 0.0 if steps < 0 else min(FIRST_PAUSE_S * 2.0**steps, MOST_PAUSE_S) * random.uniform(0.75, 1.0)
        self.not_before = time.monotonic() + pause_s


class ServerPool:
    """The servers that `stretto.yaml` names under `mcp:`; a `ToolSource`. Use it within `open()`."""

    def __init__(
        self,
        servers: Mapping[str, ToolServer],
        secrets: SecretSource,
        ports: Ports | None = None,
        limits: PoolLimits | None = None,
        logins: Logins | None = None,
    ) -> None:
        """`logins`: where persons' logins at servers are kept; without it, in this process alone."""
        self.servers = dict(servers)
        self.ports = ports or Ports()
        self._secrets = secrets
        self._logins = logins
        self._limits = limits or PoolLimits()
        self._slots: dict[tuple[UUID | None, str], Slot] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._closing = asyncio.Event()

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[ServerPool]:
        """Let servers be used; at the end all are stopped."""
        sweeping = asyncio.create_task(self._sweep(), name="idle servers of tools")
        try:
            yield self
        finally:
            sweeping.cancel()
            self._closing.set()
            for slot in self._slots.values():
                self._retire(slot)
            self._slots.clear()
            while self._ending:
                await asyncio.wait(self._ending)
            await asyncio.wait([sweeping])

    def reconfigure(self, servers: Mapping[str, ToolServer]) -> None:
        """Go by this from now on. Servers that changed are started anew; calls at work there end first."""
        self.servers = dict(servers)
        for key, slot in list(self._slots.items()):
            if self.servers.get(key[1]) != slot.server:
                del self._slots[key]
                self._retire(slot)

    async def find(self, tenant_id: UUID, pattern: str) -> Sequence[ServerTool]:
        """The tools whose name fits (`ToolSource.find`)."""
        if "*" not in pattern:
            server, _, name = pattern.partition(".")
            if server not in self.servers or not name:
                return []
            return [await self._tool(tenant_id, server, name)]
        fitting = [name for name in self.servers if may_hold(name, pattern)]
        async with asyncio.TaskGroup() as group:
            links = [group.create_task(_quietly(self._link(tenant_id, name))) for name in fitting]
        found: list[ServerTool] = []
        for task in links:
            link = task.result()
            if isinstance(link, BaseException):
                raise link
            found += [ServerTool(tool, self) for tool in link.tools.values() if fnmatchcase(tool.full_name, pattern)]
        return found

    async def _tool(self, tenant_id: UUID, server: str, name: str) -> ServerTool:
        link = await self._link(tenant_id, server)
        if name not in link.tools and time.monotonic() - link.listed_at > LOOK_AGAIN_S:
            await link.refresh_quietly()
        if name in link.tools:
            return ServerTool(link.tools[name], self)
        near = get_close_matches(name, link.tools, n=3, cutoff=0.5)
        others = ", ".join(list(link.tools)[:20]) or "none"
        hint = f"Did you mean {' or '.join(f'{server}.{each}' for each in near)}?" if near else f"It has: {others}."
        full_name = f"{server}.{name}"
        told = f"The server {server!r} has no tool {name!r}"
        if not self.servers[server].allows(name):
            told = f"{full_name!r} is not among the tools that `allow` names"
        raise ToolNotFound(f"{told}. {hint}", tool=full_name)

    async def call(
        self, tenant_id: UUID, tool: Offered, arguments: Mapping[str, Any], ctx: StepContext, key: str
    ) -> Any:
        """Call a tool over the tenant's connection, which is opened if need be."""
        over = importlib.import_module(LINK).LinkOver
        for _ in range(3):  # a connection may end between being chosen and being used; then nothing was sent
            link = await self._link(tenant_id, tool.server)
            try:
                return await link.call(tool, arguments, ctx, key)
            except over:
                continue
        raise ToolUnavailable(f"The server {tool.server!r} of tools goes away again and again.", server=tool.server)

    async def _link(self, tenant_id: UUID, name: str) -> Link:
        """The tenant's connection with a server. Raises `ToolUnavailable`, `ToolRefused`, `ToolNotFound`."""
        server = self.servers.get(name)
        if server is None or self._closing.is_set():
            raise ToolNotFound(f"There is no server {name!r} of tools. Add it to `mcp:` in stretto.yaml.", tool=name)
        key = (tenant_id if server.per_tenant else None, name)
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = Slot(server, key[0])
        slot.used_at = time.monotonic()
        self._look_after(slot)
        if slot.link is not None:
            return slot.link
        if slot.starting is None:
            self._may_start(slot)
            slot.starting = asyncio.create_task(self._start(slot), name=f"start {name}")
            slot.starting.add_done_callback(_seen)
        return await asyncio.shield(slot.starting)

    def _look_after(self, slot: Slot) -> None:
        """Take note of a connection that ended by itself."""
        if slot.link is None or not slot.link.is_over:
            return
        if time.monotonic() - slot.link.began_at >= STEADY_S:
            slot.failures = 0
        slot.failed("it went away", at_once=True)
        self._retire(slot)

    def _may_start(self, slot: Slot) -> None:
        name, pause_s = slot.server.name, slot.not_before - time.monotonic()
        if pause_s > 0:
            told = f"The server {name!r} of tools rests for {pause_s:.1f} s after it failed: {slot.last_error}"
            raise unavailable(told, name, pause_s)
        open_now = [each for each in self._slots.values() if each.link is not None or each.starting is not None]
        if len(open_now) < self._limits.connections:
            return
        free = [each for each in open_now if each.link is not None and each.link.calls == 0]
        if not free:
            told = f"All {self._limits.connections} connections with servers of tools are in use."
            raise unavailable(told, name, 1.0)
        self._retire(min(free, key=lambda each: each.used_at))

    async def _start(self, slot: Slot) -> Link:
        link: Link | None = None
        try:
            # Takes a second at first, for which nothing else shall stand still.
            module = await asyncio.to_thread(importlib.import_module, LINK)
            link = module.Link(slot.server, await self._secrets_of(slot), self.ports, self._logins, slot.tenant_id)
            assert link is not None
            await link.start()
        except ToolUnavailable as error:
            slot.failed(error.message, at_once=False)
            raise
        except ToolRefused as error:
            raise ToolRefused(f"The server {slot.server.name!r} cannot be started: {error.message}") from None
        else:
            slot.link = link
            return link
        finally:
            slot.starting = None
            if link is not None and slot.link is not link:
                self._end(link)

    async def _secrets_of(self, slot: Slot) -> Secrets:
        return await look_up(slot.server, self._secrets, slot.tenant_id)

    async def _has_old_secrets(self, slot: Slot) -> bool:
        """Whether the tenant has changed a secret that the server got."""
        if slot.link is None or not has_own(slot.server):
            return False
        try:
            return not slot.link.secrets.same_as(await self._secrets_of(slot))
        except ToolRefused:  # one was removed
            return True
        except StrettoError:  # the database is away
            return False

    def _retire(self, slot: Slot) -> None:
        """Close a slot's connection; calls at work there end first."""
        if slot.starting is not None:
            slot.starting.add_done_callback(lambda task: self._end_started(slot, task))
            self._watch(slot.starting)
        link, slot.link = slot.link, None
        if link is not None:
            self._end(link)

    def _end_started(self, slot: Slot, task: asyncio.Task[Link]) -> None:
        link, slot.link = slot.link, None
        if link is not None:
            self._end(link)

    def _end(self, link: Link) -> None:
        self._watch(asyncio.create_task(self._drain(link), name=f"end {link.server.name}"))

    def _watch(self, task: asyncio.Task[Any]) -> None:
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _drain(self, link: Link) -> None:
        if not self._closing.is_set():
            waits = (link.quiet.wait(), link.over.wait(), self._closing.wait())
            tasks = [asyncio.ensure_future(each) for each in waits]
            most_s = link.server.timeout_s + link.server.elicitation_s
            await asyncio.wait(tasks, timeout=most_s, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
        await link.stop()

    async def _sweep(self) -> None:
        """Stop connections that nobody uses."""
        while True:
            await asyncio.sleep(min(self._limits.idle_s / 4, 15.0))
            before = time.monotonic() - self._limits.idle_s
            for key, slot in list(self._slots.items()):
                self._look_after(slot)
                is_used = slot.starting is not None or slot.used_at > before
                if await self._has_old_secrets(slot):
                    log.info("a server of tools is started anew with other secrets", server=key[1])
                elif is_used or (slot.link is not None and (slot.link.calls or slot.link.used_at > before)):
                    continue
                if self._slots.get(key) is slot:
                    del self._slots[key]
                    self._retire(slot)


def may_hold(server: str, pattern: str) -> bool:
    """Whether a tool of this server may fit the pattern."""
    part = pattern.partition(".")[0]
    return fnmatchcase(server, part) or ("*" in part and fnmatchcase(f"{server}.", f"{part}*"))


def unavailable(message: str, server: str, retry_after_s: float) -> ToolUnavailable:
    """The error with when to try again."""
    error = ToolUnavailable(message, server=server)
    error.retry_after_s = retry_after_s
    return error


async def _quietly(work: Any) -> Any:
    """What it gives, or its error as a value: one that fails shall not cancel the others."""
    try:
        return await work
    except (ToolUnavailable, ToolRefused, ToolNotFound) as error:
        return error


def _seen(task: asyncio.Task[Any]) -> None:
    """Nobody may be left to hear of its error."""
    if not task.cancelled():
        task.exception()
