"""Processes that use the embedded server, and a look at what runs for a STRETTO_HOME."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import cast

import psutil

USE = """
import json, sys
from pathlib import Path
from stretto.store.embedded import join
member = join(Path(sys.argv[1]))
print(json.dumps({"port": member.port, "postmaster": member.postmaster, "keeper": member.keeper}), flush=True)
sys.stdin.read()
"""


class User:
    """A process that uses the embedded server until it is told to leave, or killed."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USE, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def wait(self) -> dict[str, int]:
        """What it was told when it joined."""
        assert self.process.stdout is not None
        return cast("dict[str, int]", json.loads(self.process.stdout.readline()))

    def kill(self) -> None:
        """End it without a chance to clean up."""
        self.process.kill()
        self.process.communicate()

    def leave(self) -> None:
        """Let it end in good order."""
        self.process.communicate()
        assert self.process.returncode == 0


def processes_of(home: Path) -> list[psutil.Process]:
    """Keeper, PostgreSQL and its children that run for this home; what has ended but was not waited for does not run."""
    return [process for process in psutil.process_iter() if belongs(process, str(home))]


def belongs(process: psutil.Process, home: str) -> bool:
    """Whether keeper or PostgreSQL of this home."""
    try:
        if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
            return False
        words = process.cmdline()
        ours = any(program in word for word in words[:5] for program in ("keeper.py", "postgres", "initdb"))
        return ours and (any(home in word for word in words) or process.cwd().startswith(home))
    except psutil.Error:
        return False


def wait_until(true: Callable[[], bool], what: str, most_s: float = 20.0, every_s: float = 0.01) -> None:
    """Wait for something that happens in another process."""
    deadline = time.monotonic() + most_s
    while not true():
        assert time.monotonic() < deadline, f"in {most_s:g} s it did not happen: {what}"
        time.sleep(every_s)


def wait_until_gone(home: Path) -> None:
    """Wait until nothing runs for this home."""
    # A look at all processes costs much more than the sleep between two.
    wait_until(lambda: not processes_of(home), f"nothing runs for {home}", every_s=0.1)


def kill(*pids: int) -> None:
    """Kill processes at once, by their numbers; one may have ended because another was killed."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
