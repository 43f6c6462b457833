"""Runs one function of `bench.contenders` and prints what it returns as a line of JSON.

Usage: python -m bench.contender MODULE:FUNCTION '{"parameter": 1}'
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import psutil
import uvloop

MOST_BYTES = 8 << 30


class Meter:
    """CPU time of this process and of PostgreSQL, and time that passes, from its making (or `restart`) on."""

    def __init__(self, postmaster: int) -> None:
        self._postmaster = psutil.Process(postmaster)
        self.restart()

    def restart(self) -> None:
        """Count from now on."""
        self._began = (time.perf_counter(), time.process_time(), self._postgres_s())

    def read(self) -> dict[str, float]:
        """Seconds since the start: `wall_s`, `cpu_s` of this process, `postgres_s` of all of PostgreSQL's."""
        now = (time.perf_counter(), time.process_time(), self._postgres_s())
        return dict(
            zip(("wall_s", "cpu_s", "postgres_s"), (b - a for a, b in zip(self._began, now, strict=True)), strict=True)
        )

    def _postgres_s(self) -> float:
        own = self._postmaster.cpu_times()
        total = own.user + own.system + own.children_user + own.children_system  # children: those that have ended
        for child in self._postmaster.children():
            try:
                times = child.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
        return total


def main(function: str, parameters: str) -> None:
    """Import, run, print."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))  # what goes wrong shall not take the machine along
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    module, _, name = function.partition(":")
    measured: Callable[..., Awaitable[Any]] = getattr(importlib.import_module(f"bench.contenders.{module}"), name)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        result = runner.run(as_coroutine(measured(**json.loads(parameters))))
    print(json.dumps(result), flush=True)


async def as_coroutine(awaitable: Awaitable[Any]) -> Any:
    """The loop's runner takes coroutines only."""
    return await awaitable


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
