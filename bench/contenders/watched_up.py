"""`stretto up` with a thread that writes down, every few seconds, what the process holds.

Usage: python -m bench.contenders.watched_up FILE EVERY_S   (a line of JSON for each look)
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from stretto.cli.app import main


def tasks() -> int:
    """The tasks of all loops that are not done; asked from another thread, so it may have to look twice."""
    every: Any = asyncio.tasks._all_tasks  # pyright: ignore[reportAttributeAccessIssue]
    for _ in range(100):
        try:
            return sum(not task.done() for task in list(every))
        except RuntimeError:  # a task came or went meanwhile
            continue
    return -1


def watch(file: Path, every_s: float) -> None:
    """Look, write, sleep, for ever."""
    process = psutil.Process()
    with file.open("a", buffering=1) as out:
        while True:
            memory = process.memory_info()
            told = {
                "at": time.time(),
                "rss_mb": memory.rss / 1e6,
                "descriptors": process.num_fds(),
                "tasks": tasks(),
                "threads": process.num_threads(),
                "cpu_s": time.process_time(),
            }
            out.write(json.dumps(told) + "\n")
            time.sleep(every_s)


if __name__ == "__main__":
    path, seconds = Path(sys.argv[1]), float(sys.argv[2])
    threading.Thread(target=watch, args=(path, seconds), daemon=True).start()
    sys.argv = ["stretto", "up", "--port", "0"]
    sys.exit(main())
