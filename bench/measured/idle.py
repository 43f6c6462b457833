"""Before anything happens: imports, start, memory at rest."""

from __future__ import annotations

import asyncio
import resource
import shutil
import sys
import time

from bench.figures import STRETTO, Measurement
from bench.ground import ContenderFailed, Ground, new_home
from bench.rounds import figure, interleave
from bench.servers import cpu_s, pss_mb, server_processes, up

NAME = "idle"
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
        async with up(home) as server:
            cold_s = server.ready_s
        async with up(home) as server:
            await asyncio.sleep(IDLE_S)
            cpu, began = cpu_s([server.pid, *server_processes(home)]), time.perf_counter()
            await asyncio.sleep(IDLE_S)
            idle_core = (cpu_s([server.pid, *server_processes(home)]) - cpu) / (time.perf_counter() - began)
            python, postgres = pss_mb([server.pid]), pss_mb(server_processes(home))
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return {
        "cold_s": cold_s,
        "warm_s": server.ready_s,
        "memory_mb": python + postgres,
        "python_mb": python,
        "postgres_mb": postgres,
        "idle_core": idle_core,
    }
