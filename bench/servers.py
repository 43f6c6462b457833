"""Servers in processes of their own: `stretto up`, the simulated provider, and what they take of the machine."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from bench.ground import ContenderFailed
from bench.machine import ROOT
from bench.until import until

READY_S = 60.0
STRETTO_UP = ("-m", "stretto.cli", "up", "--port", "0")


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that is ready."""

    url: str
    process: asyncio.subprocess.Process
    ready_s: float
    """Seconds from the command until it was ready."""

    @property
    def pid(self) -> int:
        """The server's process."""
        return self.process.pid


@asynccontextmanager
async def serving(command: Sequence[str], **environment: str) -> AsyncGenerator[Serving]:
    """A Python program that says in its first line where it serves; SIGTERM ends it."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command,
        cwd=ROOT, env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(READY_S):
            line = (await process.stdout.readline()).decode()
        found = re.search(r"https?://\S+", line)
        if found is None:
            raise ContenderFailed(f"{' '.join(command)} did not become ready; it said {line!r}")
        yield Serving(found[0].rstrip("/"), process, time.perf_counter() - began)
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 30)


@asynccontextmanager
async def up(home: Path, command: Sequence[str] = STRETTO_UP, **environment: str) -> AsyncGenerator[Serving]:
    """`stretto up` in this folder, healthy; ends when nothing of it is left."""
    began = time.perf_counter()
    try:
        async with serving(command, STRETTO_HOME=str(home), **environment) as server:
            async with httpx.AsyncClient() as client:
                answer = await client.get(f"{server.url}/healthz")
            if answer.status_code != 200:
                raise ContenderFailed(f"`stretto up` said that it was ready, and /healthz answers {answer.status_code}")
            yield Serving(server.url, server.process, time.perf_counter() - began)
    finally:
        await until(lambda: not server_processes(home), 0.1)


def simulated(*options: str) -> Sequence[str]:
    """The command of a simulated provider (`stretto sim`) on a free port."""
    return ("-m", "stretto.cli", "sim", "--port", "0", *options)


def server_processes(home: Path) -> list[int]:
    """The keeper and all of PostgreSQL that works for this folder."""
    found: list[int] = []
    for process in psutil.process_iter(["cmdline"]):
        words = " ".join(process.info["cmdline"] or [])
        if "keeper.py" in words and str(home) in words:
            with suppress(psutil.NoSuchProcess):
                found += [process.pid, *(child.pid for child in process.children(recursive=True))]
    return found


def cpu_s(pids: Sequence[int]) -> float:
    """CPU seconds of these processes so far."""
    total = 0.0
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            found = psutil.Process(pid).cpu_times()
            total += found.user + found.system
    return total


def pss_mb(pids: Sequence[int]) -> float:
    """The proportional share of memory of these processes together, in MB (10^6 bytes)."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total * 1024 / 1e6
