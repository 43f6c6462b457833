"""A process that carries runs out until one of them ends, and may kill itself at a commit.

Started by `Workers` through a fork server that has loaded everything, so that a worker costs no start-up.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from contextlib import aclosing
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from stretto.engine import journal
from stretto.platform import Platform
from stretto.settings import Settings
from tests.crash.grand import noting_tools, play
from tests.crash.played import PlayedModel
from tests.postgres.engine.stage import until

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["tests.crash.worker"])
QUICK: dict[str, Any] = {"heartbeat_s": 0.1, "lease_s": 0.6, "sweep_s": 0.05, "flush_s": 0.02, "linger_s": 0.0}
"""Settings that let a dead worker's runs go on soon."""


@dataclass(frozen=True)
class Death:
    """Die at the journal's commit number `at`: before it, or after it and before anybody here hears of it.

    With `SIGSTOP` it only seems dead, until somebody sends `SIGCONT`.
    """

    at: int
    when: Literal["before", "after"]
    by: signal.Signals = signal.SIGKILL


@dataclass(frozen=True)
class Orders:
    """What a worker is to do until it gets SIGTERM; with `run_id`, until this run has ended."""

    settings: dict[str, Any]
    effects: Path
    run_id: UUID | None = None
    death: Death | None = None
    commits: Path | None = None
    token_s: float = 0.004


def main(orders: Orders) -> None:
    """Work in this process."""
    asyncio.run(work(orders))


async def work(orders: Orders) -> None:
    """Carry runs out as ordered."""
    count = count_commits(orders.death)
    settings = Settings(**orders.settings)
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    model = PlayedModel(play, token_s=orders.token_s)
    async with Platform.open(settings, provider=model, tools=noting_tools(orders.effects)) as platform:
        waiting: list[asyncio.Task[bool]] = [asyncio.create_task(told.wait())]
        if orders.run_id is not None:
            waiting.append(asyncio.create_task(end_of(platform, orders.run_id)))
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    if orders.commits is not None:
        orders.commits.write_text(str(count[0]))


async def end_of(platform: Platform, run_id: UUID) -> bool:
    """Wait for the end of a run."""
    async with aclosing(platform.runs().follow(run_id)) as events:
        async for _ in events:
            pass
    return True


def count_commits(death: Death | None) -> list[int]:
    """Count the journal's commits in this process, and die at the one that is named."""
    count = [0]
    commit = journal._Lane._commit

    async def counted(self: Any, batch: list[journal.Append]) -> None:
        count[0] += 1
        here = death is not None and count[0] == death.at
        if here and death is not None and death.when == "before":
            os.kill(os.getpid(), death.by)
        await commit(self, batch)
        if here and death is not None and death.when == "after":
            os.kill(os.getpid(), death.by)

    journal._Lane._commit = counted
    return count


@dataclass
class Workers:
    """Starts workers and sees to it that none is left behind."""

    settings: Settings
    effects: Path
    started: list[BaseProcess] = field(default_factory=list[BaseProcess])

    def start(self, run_id: UUID | None = None, *, death: Death | None = None, **more: Any) -> BaseProcess:
        """Start a worker; its settings are quick unless told otherwise."""
        changes = more.pop("settings", QUICK)
        settings = {**self.settings.model_dump(exclude_unset=True), **changes}
        orders = Orders(settings, self.effects, run_id, death, **more)
        process = CONTEXT.Process(target=main, args=(orders,))
        process.start()
        self.started.append(process)
        return process

    def end(self) -> None:
        """Kill what is left."""
        for process in self.started:
            if process.is_alive():
                assert process.pid is not None
                os.kill(process.pid, signal.SIGCONT)
                process.kill()
            process.join()
            process.close()


async def over(process: BaseProcess, most_s: float = 60.0) -> int:
    """Wait for the end of a process; gives its exit code, negative for a signal."""
    await until(lambda: not process.is_alive(), "the process ends", most_s=most_s)
    assert process.exitcode is not None
    return process.exitcode
