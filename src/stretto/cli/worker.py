"""`stretto worker`: carries runs out until it is told to end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Annotated

import typer

from stretto.cli.exits import Exit, run_async


def worker(
    until_eof: Annotated[
        bool, typer.Option("--until-eof", hidden=True, help="End also when stdin ends: the starter is gone.")
    ] = False,
) -> Exit:
    """Carry runs out until Ctrl-C or SIGTERM.

    Runs that are at work then are handed over to other workers.
    """
    return run_async(_worker(until_eof))


async def _worker(until_eof: bool) -> Exit:
    import structlog

    from stretto.cli.interrupts import on_interrupts
    from stretto.cli.logs import configure_logs
    from stretto.platform import Platform

    configure_logs("info")
    log = structlog.get_logger("stretto.cli.worker")
    ended = asyncio.Event()
    told = 0

    def end(number: signal.Signals) -> None:
        nonlocal told
        told += 1
        ended.set()
        if told > 1:
            os._exit(Exit.INTERRUPTED)  # others take the runs over from the journal

    if until_eof:
        watch_stdin(ended)
    with on_interrupts(end):
        async with Platform.open() as platform:
            log.info("worker ready", worker=platform.worker.name if platform.worker else "")
            await ended.wait()
            log.info("worker hands its runs over")
    return Exit.DONE


def watch_stdin(ended: asyncio.Event) -> None:
    """Set the event when stdin ends, which it does when the process that holds its other end is gone."""
    loop, descriptor = asyncio.get_running_loop(), sys.stdin.fileno()

    def read() -> None:
        if not os.read(descriptor, 4096):
            loop.remove_reader(descriptor)
            ended.set()

    loop.add_reader(descriptor, read)
