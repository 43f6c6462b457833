"""The official servers, by standard input and output and by streamable HTTP."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from stretto.errors import OutputInvalid, ToolFailed, ToolUnavailable
from stretto.gateway.tool_servers import ToolServer
from stretto.tools.mcp import Asker, ModelAsked, ModelSaid, PersonAsked, PersonSaid, Ports
from tests.mcp.conftest import JS, SECRET, pool_of, script
from tests.mcp.test_odd_servers import WAIT_S, is_alive, until

FILES = {
    "read_text_file": "reads", "list_directory": "reads", "write_file": "writes", "edit_file": "writes", "move_file": "writes",
}  # fmt: skip

ROOT = Path(__file__).parents[2]


def everything(**more: object) -> ToolServer:
    return ToolServer("everything", (script("server-everything"), "stdio"), **more)  # type: ignore[arg-type]


@asynccontextmanager
async def everything_at() -> AsyncGenerator[tuple[str, int]]:
    """The official server at an address, and its process id."""
    process = await asyncio.create_subprocess_exec(
        script("server-everything"), "streamableHttp",
        env={"PATH": os.environ["PATH"], "PORT": "0"},
        stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        seen = psutil.Process(process.pid)

        def ports() -> list[int]:
            return [each.laddr.port for each in seen.net_connections() if each.status == "LISTEN"]

        await until(ports)
        yield f"http://127.0.0.1:{ports()[0]}/mcp", process.pid
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.usefixtures("node")
async def test_files(tmp_path: Path):
    server = ToolServer("files", (script("server-filesystem"), str(tmp_path)))
    async with pool_of(server) as caller:
        tools = {tool.name: tool.effects for tool in await caller.pool.find(caller.ctx.tenant_id, "files.*")}
        assert {name: tools[f"files.{name}"] for name in FILES} == FILES
        await caller.call("files.write_file", path=str(tmp_path / "a.txt"), content="Hello")
        assert (tmp_path / "a.txt").read_text() == "Hello"
        assert "Hello" in str(await caller.call("files.read_text_file", path=str(tmp_path / "a.txt")))
        with pytest.raises(ToolFailed, match="Access denied"):
            await caller.call("files.read_text_file", path="/etc/passwd")


@pytest.mark.usefixtures("node")
async def test_everything_by_standard_input_and_output():
    async def model(asker: Asker, asked: ModelAsked) -> ModelSaid:
        return ModelSaid(f"You said {asked.messages[-1].text}", "small")

    async def person(asker: Asker, asked: PersonAsked) -> PersonSaid:
        return PersonSaid("accept", {"name": "Ada"})

    ports = Ports(on_sample=model, on_elicit=person)
    async with pool_of(everything(secrets={"TOKEN": "env:TOKEN"}, sampling="fast"), ports=ports) as caller:
        assert await caller.call("everything.echo", message="hello") == "Echo: hello"
        with pytest.raises(OutputInvalid, match='"x" is not of type "number"'):
            await caller.call("everything.get-sum", a=1, b="x")
        weather = await caller.call("everything.get-structured-content", location="New York")
        assert set(weather) == {"temperature", "conditions", "humidity"}
        blocks = await caller.call("everything.get-tiny-image")
        assert [block["type"] for block in blocks] == ["text", "image", "text"]
        told = await caller.call("everything.get-env")
        assert "[secret TOKEN]" in told
        assert SECRET not in told
        await caller.call("everything.trigger-long-running-operation", duration=0.2, steps=2)
        assert caller.ctx.text.endswith("2 of 2\n")
        assert "You said" in await caller.call("everything.trigger-sampling-request", prompt="hi", maxTokens=9)
        assert "Ada" in await caller.call("everything.trigger-elicitation-request")


@pytest.mark.usefixtures("node")
async def test_fifty_calls_at_once_share_one_process():
    async with pool_of(everything()) as caller:
        results = await asyncio.gather(*(caller.call("everything.echo", message=str(n)) for n in range(50)))
        assert results == [f"Echo: {n}" for n in range(50)]
        assert len(caller.pool._slots) == 1
        guard = caller.link("everything").pid
    assert not is_alive(guard)


@pytest.mark.usefixtures("node")
async def test_everything_by_http():
    async with everything_at() as (url, pid), pool_of(ToolServer("web", url=url, timeout_s=10.0)) as caller:
        results = await asyncio.gather(*(caller.call("web.echo", message=str(n)) for n in range(50)))
        assert results == [f"Echo: {n}" for n in range(50)]
        await caller.call("web.trigger-long-running-operation", duration=0.2, steps=2)
        assert caller.ctx.text.endswith("2 of 2\n")
        assert "declined" in await caller.call("web.trigger-elicitation-request")
        working = asyncio.create_task(caller.call("web.trigger-long-running-operation", duration=60, steps=2))
        await until(lambda: caller.link("web").calls == 1)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(ToolUnavailable):
            await working
        with pytest.raises(ToolUnavailable, match="cannot be reached"):
            await caller.call("web.echo", message="anybody?")


# Of its scenarios those that have most in them; docs/tools.md tells how the others went.
SCENARIOS = ("elicitation-sep1034-client-defaults", "auth/client-credentials-basic", "auth/pre-registration")


@pytest.mark.parametrize("scenario", SCENARIOS)
async def test_the_official_conformance_suite(node: str, tmp_path: Path, scenario: str):
    client = f"{sys.executable} -m tests.mcp.conformance_client"
    process = await asyncio.create_subprocess_exec(
        node, "--import", str(JS / "older_node.mjs"), str(JS / "node_modules/.bin/conformance"),
        "client", "--command", client, "--scenario", scenario, "-o", str(tmp_path),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=ROOT,
    )  # fmt: skip
    async with asyncio.timeout(60):
        out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    assert "OVERALL: PASSED" in out.decode()


LIVES = """
import asyncio, os, sys
from stretto.gateway.tool_servers import ToolServer
from stretto.tools.mcp import ServerPool
from tests.mcp.conftest import Caller, secret_of
async def main():
    server = ToolServer("odd", (sys.executable, "-S", *sys.argv[1:]))
    async with ServerPool({"odd": server}, secret_of).open() as pool:
        caller = Caller(pool)
        print(await caller.call("odd.pid"), await caller.call("odd.child"), caller.link().pid, flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


async def test_nothing_is_left_when_stretto_is_killed(tmp_path: Path):
    odd = Path(__file__).parent / "odd_server.py"
    words = (sys.executable, "-c", LIVES, str(odd), str(tmp_path / "notes"), "stubborn")
    process = await asyncio.create_subprocess_exec(*words, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(WAIT_S):
            while (
                not (line := (await process.stdout.readline()).decode()).startswith(tuple("123456789")) or "[" in line
            ):
                pass
        pids = [int(word) for word in line.split()]
        assert all(map(is_alive, pids))
    finally:
        process.kill()
        await process.wait()
    await until(lambda: not any(map(is_alive, pids)))
