"""What tests of servers of tools share: pools of real servers, and contexts to call their tools in."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from stretto.flow.compile import compile_document
from stretto.gateway.keys import Key
from stretto.gateway.tool_servers import ToolServer
from stretto.testing import FakeContext
from stretto.tools.mcp import PoolLimits, Ports, ServerPool

JS = Path(__file__).parent / "js"
ODD = Path(__file__).parent / "odd_server.py"
INSTALL_S = 100
SECRET = 'open "sesame" 12345'

Pools = Callable[..., AbstractAsyncContextManager["Caller"]]


class Caller:
    """Calls tools of a pool as a step would."""

    def __init__(self, pool: ServerPool) -> None:
        self.pool = pool
        self.ctx = context_for()

    async def call(self, name: str, **arguments: Any) -> Any:
        (tool,) = await self.pool.find(self.ctx.tenant_id, name)
        return await tool.call(self.ctx, arguments, "the-key")

    def link(self, server: str = "odd") -> Any:
        """The connection with a server, to see how it is."""
        return next(slot.link for (_, name), slot in self.pool._slots.items() if name == server)


def context_for(tool: str = "odd.pid") -> FakeContext:
    graph = compile_document({"flow": "test", "steps": {"work": {"tool": tool}}})
    return FakeContext(graph.root.steps["work"], graph=graph)


async def secret_of(tenant_id: UUID | None, place: str) -> Key | None:
    return Key(SECRET) if place.endswith("TOKEN") else None


@asynccontextmanager
async def pool_of(
    *servers: ToolServer, ports: Ports | None = None, limits: PoolLimits | None = None
) -> AsyncGenerator[Caller]:
    async with ServerPool({each.name: each for each in servers}, secret_of, ports, limits).open() as pool:
        yield Caller(pool)


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """Where the odd server writes down what happens to it."""
    path = tmp_path / "notes"
    path.touch()
    return path


@pytest.fixture
def odd(notes: Path) -> Callable[..., ToolServer]:
    """Makes the configuration of an odd server."""

    def make(mode: str = "", name: str = "odd", **more: Any) -> ToolServer:
        return ToolServer(name, (sys.executable, "-S", str(ODD), str(notes), mode), **more)

    return make


@pytest.fixture(scope="session")
def node() -> str:
    """Node, with the official servers beside it as the lock has them. Installed once; git does not see them."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        pytest.skip("node and npm are not on PATH, so the official servers cannot be tried")
    lock = hashlib.sha256((JS / "package-lock.json").read_bytes()).hexdigest()
    stamp = JS / "node_modules" / ".stretto-lock"
    with (JS / "package.json").open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != lock:
            done = subprocess.run([npm, "ci"], cwd=JS, capture_output=True, text=True, timeout=INSTALL_S, check=False)
            assert done.returncode == 0, done.stderr
            stamp.write_text(lock)
    return found


def script(package: str) -> str:
    """An official server's program."""
    return str(JS / "node_modules" / ".bin" / f"mcp-{package}")
