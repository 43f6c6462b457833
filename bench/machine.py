"""What the numbers were measured on, and what else was going on there."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parent.parent


class Machine(msgspec.Struct, kw_only=True):
    """The machine during one benchmark. Load is the average number of processes that wanted a core."""

    at: str
    cores: int
    cpu: str
    python: str
    postgres: str
    settings: dict[str, str]
    """Of PostgreSQL: those on which durability depends."""
    fsync_ms: float
    """Median time to put 8 kB on this disk for good."""
    load_before: float
    load_after: float = 0.0
    busy_before: float = 0.0
    """Share of all cores (0-1) that was busy in the second before the benchmark, when it did nothing itself."""
    commit: str = ""


def look_at_machine(postgres: str, settings: dict[str, str], folder: Path) -> Machine:
    """Describe the machine now, before a benchmark. Takes about a second."""
    load = os.getloadavg()[0]
    return Machine(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        cores=len(os.sched_getaffinity(0)),
        cpu=cpu_name(),
        python=platform.python_version(),
        postgres=postgres,
        settings=settings,
        fsync_ms=fsync_ms(folder),
        load_before=round(load, 2),
        busy_before=busy_share(),
        commit=commit(),
    )


def cpu_name() -> str:
    """The processor's name, as the kernel gives it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def busy_share(over_s: float = 1.0) -> float:
    """How much of all cores was busy, while this process slept."""

    def times() -> tuple[int, int]:
        fields = [int(word) for word in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
        return sum(fields), fields[3] + fields[4]

    if not Path("/proc/stat").exists():
        return 0.0
    total, idle = times()
    time.sleep(over_s)
    total_after, idle_after = times()
    return round(1 - (idle_after - idle) / max(1, total_after - total), 2)


def fsync_ms(folder: Path, times: int = 30) -> float:
    """Median time of a write of 8 kB with fdatasync in this folder."""
    took: list[float] = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for _ in range(times):
            began = time.perf_counter()
            os.write(file.fileno(), bytes(8192))
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    return round(statistics.median(took) * 1000, 3)


def commit() -> str:
    """The commit that was measured, with a mark when files of `src` differ from it."""

    def git(*words: str) -> str:
        found = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        return found.stdout.strip()

    changed = git("status", "--porcelain", "--", "src")
    return git("rev-parse", "--short", "HEAD") + ("+changes" if changed else "")
