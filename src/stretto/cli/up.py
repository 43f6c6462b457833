"""`stretto up`: database, workers and HTTP server, until it is told to end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from stretto.cli.exits import Exit, run_async

if TYPE_CHECKING:
    from stretto.platform import Platform
    from stretto.settings import Settings

STOP_S = 15.0
"""So long a further worker may take to hand its runs over before it is killed."""
RESTART_S = 1.0


def up(
    workers: Annotated[int, typer.Option("--workers", metavar="N", min=1, max=256, help="Worker processes.")] = 1,
    host: Annotated[str | None, typer.Option("--host", metavar="HOST", help="Default: STRETTO_HOST.")] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="PORT", min=0, max=65535, help="0: any free one. Default: STRETTO_PORT, 8700."),
    ] = None,
    apps: Annotated[
        list[str] | None,
        typer.Option("--app", metavar="NAME", help="Add this application before. May be given several times."),
    ] = None,
    samples: Annotated[
        bool, typer.Option("--samples", help="Let applications take their sample data in where they have none.")
    ] = False,
) -> Exit:
    """Start everything: database, workers, HTTP server.

    Ctrl-C or SIGTERM ends it and leaves nothing running.
    """
    return run_async(_up(workers, host, port, Start(tuple(apps or ()), samples)), logs="info")


@dataclass(frozen=True, slots=True)
class Start:
    """What is done once at the start: applications to be added, and whether they take their sample data in."""

    apps: Sequence[str] = ()
    samples: bool = False


async def _up(workers: int, host: str | None, port: int | None, start: Start) -> Exit:
    from stretto.settings import load_settings

    changes = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = load_settings(**changes)
    with counting_together(workers, settings):
        return await _serve(workers, settings, start)


async def _serve(workers: int, settings: Settings, start: Start) -> Exit:
    from stretto.api import serving
    from stretto.apps import opening
    from stretto.cli.apps import adding, take_samples
    from stretto.cli.interrupts import on_interrupts
    from stretto.cli.worker import work_until
    from stretto.gateway.config_file import who_answers
    from stretto.platform import Platform, spare_collections

    ended = asyncio.Event()
    told = 0

    def end(number: signal.Signals) -> None:
        nonlocal told
        told += 1
        ended.set()
        if told > 1:
            os._exit(Exit.INTERRUPTED)  # workers end with us, the database with its last user

    with on_interrupts(end):
        async with (
            Platform.open(settings, extend=adding(start.apps, opening)) as platform,
            serving(platform) as address,
        ):
            if start.samples:
                await take_samples(platform, ended)
            spare_collections()
            await show_first_key(platform)
            further = [asyncio.create_task(keep_worker(ended), name=f"worker {n}") for n in range(1, workers)]
            try:
                print(f"ready at {address} · {who_answers(platform.gateway.config)}", flush=True)
                code = await work_until(ended, platform)
                print("stopping; runs at work are handed over", file=sys.stderr)
            finally:
                ended.set()
                await asyncio.gather(*further)
    return code


@contextlib.contextmanager
def counting_together(workers: int, settings: Settings) -> Generator[None]:
    """Let several processes count into one folder, so that `/metrics` tells of all of them (Prometheus' multiprocess mode).

    The client looks for the folder when it is loaded: nothing that loads it may come before.
    """
    if workers == 1:
        yield
        return
    settings.home_path.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="metrics-", dir=settings.home_path, ignore_cleanup_errors=True) as folder:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
        try:
            yield
        finally:
            del os.environ["PROMETHEUS_MULTIPROC_DIR"]


async def show_first_key(platform: Platform) -> None:
    """Make the first key where somebody sees it: on a terminal. A log is no place for a secret."""
    import structlog

    from stretto.auth import Operator, make_first_key

    if sys.stderr.isatty():
        if (key := await make_first_key(platform.database)) is not None:
            print(f"owner key of tenant local, shown only this once: {key}", file=sys.stderr)
    elif platform.settings.auth == "required" and not await Operator(platform.database).keys():
        log = structlog.get_logger("stretto.cli.up")
        log.warning("there is no key yet; `stretto key add --tenant local --role owner` makes one")


async def keep_worker(ended: asyncio.Event) -> None:
    """Run a further worker as a process of its own; start it again when it ends before its time.

    It ends when its stdin does, so it does not outlive this process, whatever becomes of that.
    """
    import structlog

    log = structlog.get_logger("stretto.cli.up")
    while not ended.is_set():
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "stretto.cli",
            "worker",
            "--until-eof",
            stdin=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C reaches this process alone, which then stops the others in good order
        )
        gone = asyncio.create_task(process.wait())
        told = asyncio.create_task(ended.wait())
        await asyncio.wait([gone, told], return_when=asyncio.FIRST_COMPLETED)
        told.cancel()
        if not gone.done():
            await stop_worker(process)
            return
        log.error("a worker process has ended; starting another", pid=process.pid, code=process.returncode)
        await asyncio.sleep(RESTART_S)


async def stop_worker(process: asyncio.subprocess.Process) -> None:
    """Let a worker hand over and end; kill it when it does not."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
