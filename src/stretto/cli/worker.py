"""`stretto worker`: carries runs out until it is told to end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from stretto.cli.exits import Exit, run_async, say_error

if TYPE_CHECKING:
    from stretto.platform import Platform

LOOK_S = 1.0


def worker(
    until_eof: Annotated[
        bool, typer.Option("--until-eof", hidden=True, help="End also when stdin ends: the starter is gone.")
    ] = False,
) -> Exit:
    """Carry runs out until Ctrl-C or SIGTERM.

    Runs that are at work then are handed over to other workers.
    """
    return run_async(_worker(until_eof), logs="info")


async def _worker(until_eof: bool) -> Exit:
    import structlog

    from stretto.apps import opening
    from stretto.cli.interrupts import on_interrupts
    from stretto.platform import Platform, spare_collections

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
        async with Platform.open(extend=opening) as platform:
            spare_collections()
            log.info("worker ready", worker=platform.worker.name if platform.worker else "")
            code = await work_until(ended, platform)
            log.info("worker hands its runs over")
    return code


async def work_until(ended: asyncio.Event, platform: Platform) -> Exit:
    """Wait until this process is told to end, or its worker has met a fault."""
    while not ended.is_set():
        if platform.worker is None:
            say_error("the worker has ended by a fault; the log tells which. Its runs go on with other workers.")
            return Exit.FAILED
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await ended.wait()
    return Exit.DONE


def watch_stdin(ended: asyncio.Event) -> None:
    """Set the event when stdin ends, which it does when the process that holds its other end is gone."""
    loop, descriptor = asyncio.get_running_loop(), sys.stdin.fileno()

    def read() -> None:
        if not os.read(descriptor, 4096):
            loop.remove_reader(descriptor)
            ended.set()

    loop.add_reader(descriptor, read)
