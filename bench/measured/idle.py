"""Before anything happens: imports, start, memory at rest."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import shutil
import signal
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil

from bench.figures import STRETTO, Measurement
from bench.ground import ContenderFailed, Ground, new_home
from bench.rounds import figure, interleave
from bench.until import until

NAME = "idle"
READY_S = 60.0
IDLE_S = 5.0
IMPORTS = {
    STRETTO: "import stretto\nfor name in stretto.__all__: getattr(stretto, name)",
    "LangGraph": "import langgraph.graph",
    "DBOS": "import dbos",
    "pydantic-ai": "import pydantic_ai",
    "openai SDK": "import openai",
}
BARE = "import stretto"


async def measure(ground: Ground, quick: bool) -> Measurement:
    """Ten interpreters for each import; `stretto up` in a new folder and in a used one."""
    times = 2 if quick else 10
    imports = await interleave(times, {name: (lambda code=code: import_time(code)) for name, code in IMPORTS.items()})
    bare = await interleave(times, {STRETTO: lambda: import_time(BARE)})
    starts = await interleave(1 if quick else 3, {STRETTO: start_up})
    return Measurement(
        name=NAME,
        title="Import, start, memory at rest",
        what=(
            f"Imports: {times} new interpreters each, less what an empty one takes. `stretto up`: from the command until it says "
            "that it is ready and `/healthz` answers, in a new folder (cold: the database is made) and in the same folder "
            f"again (warm: everything was stopped). Memory: {IDLE_S:g} s after that, the proportional share (PSS) of all processes: "
            "Python, the database's keeper, PostgreSQL."
        ),
        figures=[
            figure(bare, "wall_ms", "`import stretto`", "ms", "less", target=250),
            figure(imports, "wall_ms", "import with every public name", "ms", "less"),
            figure(imports, "cpu_ms", "the same, CPU", "ms", "less"),
            figure(starts, "cold_s", "`stretto up` to healthy, cold", "s", "less"),
            figure(starts, "warm_s", "`stretto up` to healthy, warm", "s", "less", target=3),
            figure(starts, "memory_mb", "memory at rest, all processes", "MB", "less", target=200),
            figure(starts, "python_mb", "of it: the Python process", "MB", "less"),
            figure(starts, "postgres_mb", "of it: PostgreSQL and its keeper", "MB", "less"),
            figure(starts, "idle_core", "CPU at rest, share of a core", "", "less"),
        ],
        notes=[
            "`import stretto` loads nothing but a table of names; each name loads what it needs when it is first used. So the "
            "references are compared with Stretto once all of its public names are loaded.",
        ],
    )


async def import_time(code: str) -> dict[str, float]:
    """Milliseconds that a new interpreter takes for this code, less those for none."""
    wall, cpu = await interpreter(code)
    wall_empty, cpu_empty = await interpreter("pass")
    return {"wall_ms": max(0.0, wall - wall_empty) * 1000, "cpu_ms": max(0.0, cpu - cpu_empty) * 1000}


async def interpreter(code: str) -> tuple[float, float]:
    """(wall, CPU) seconds of a new interpreter that runs this code."""
    began, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    if await process.wait():
        raise ContenderFailed(f"{code!r} ended with {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - used.ru_utime + after.ru_stime - used.ru_stime
    return time.perf_counter() - began, cpu


async def start_up() -> dict[str, float]:
    """`stretto up`, twice in the same folder."""
    home = new_home("stretto-bench-up-")
    try:
        async with up(home) as (cold_s, _):
            pass
        async with up(home) as (warm_s, process):
            await asyncio.sleep(IDLE_S)
            cpu, began = sum(cpu_times(process, home)), time.perf_counter()
            await asyncio.sleep(IDLE_S)
            idle_core = (sum(cpu_times(process, home)) - cpu) / (time.perf_counter() - began)
            python, postgres = pss_mb([process.pid]), pss_mb(server_processes(home))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return {
        "cold_s": cold_s,
        "warm_s": warm_s,
        "memory_mb": python + postgres,
        "python_mb": python,
        "postgres_mb": postgres,
        "idle_core": idle_core,
    }


@asynccontextmanager
async def up(home: Path) -> AsyncGenerator[tuple[float, Any]]:
    """Yields the seconds until healthy and the process; ends when nothing of it is left."""
    began = time.perf_counter()
    environment = {**os.environ, "STRETTO_HOME": str(home)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "stretto.cli", "up", "--port", "0",
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(READY_S):
            line = (await process.stdout.readline()).decode()
            found = re.search(r"https?://\S+", line)
            if found is None:
                raise ContenderFailed(f"`stretto up` did not become ready; it said {line!r}")
            async with httpx.AsyncClient() as client:
                answer = await client.get(f"{found[0].rstrip('/')}/healthz")
            if answer.status_code != 200:
                raise ContenderFailed(f"`stretto up` said that it was ready, and /healthz answers {answer.status_code}")
        yield time.perf_counter() - began, process
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.wait(), 30)
        await until(lambda: not server_processes(home), 0.1)


def server_processes(home: Path) -> list[int]:
    """The keeper and all of PostgreSQL that works for this folder."""
    found: list[int] = []
    for process in psutil.process_iter(["cmdline"]):
        words = " ".join(process.info["cmdline"] or [])
        if "keeper.py" in words and str(home) in words:
            with suppress(psutil.NoSuchProcess):
                found += [process.pid, *(child.pid for child in process.children(recursive=True))]
    return found


def cpu_times(process: Any, home: Path) -> list[float]:
    """CPU seconds of each process so far."""
    times: list[float] = []
    for pid in [process.pid, *server_processes(home)]:
        with suppress(psutil.NoSuchProcess):
            found = psutil.Process(pid).cpu_times()
            times.append(found.user + found.system)
    return times


def pss_mb(pids: list[int]) -> float:
    """The proportional share of memory of these processes together, in MB (10^6 bytes)."""
    total = 0
    for pid in pids:
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
    return total * 1024 / 1e6
