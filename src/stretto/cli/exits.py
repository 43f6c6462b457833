"""How a command ends: the exit codes, and what is said on stderr when something went wrong."""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from collections.abc import Coroutine, Iterator
from enum import IntEnum

from stretto.cli.safe_text import safe
from stretto.errors import DocumentInvalid, Invalid, LeaseLost, NotFound, StateConflict, StoreError, StrettoError

DEBUG = "STRETTO_DEBUG"


class Exit(IntEnum):
    """The exit codes; `MEANINGS` says what each means."""

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    WAITS = 3
    UNUSABLE = 4
    INTERRUPTED = 130


MEANINGS = {
    Exit.DONE: "done",
    Exit.FAILED: "the run failed or was cancelled from elsewhere; or a fault of Stretto",
    Exit.BAD_INPUT: "the flow, an argument or a setting cannot be used; nothing was changed",
    Exit.WAITS: "the run is not over (it may wait for a person); this command left it",
    Exit.UNUSABLE: "the database or the machine cannot be used",
    Exit.INTERRUPTED: "ended by Ctrl-C",
}


def run_async(work: Coroutine[object, object, Exit], *, logs: str = "warning") -> Exit:
    """Carry out a command's work in the one event loop of this process; `logs` is the level from which it logs."""
    from stretto.telemetry.logs import configure_logs

    configure_logs(logs)
    try:
        import uvloop
    except ImportError:
        loop_factory = None
    else:
        loop_factory = uvloop.new_event_loop
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(work)
    except KeyboardInterrupt as interrupt:  # where a command does not handle it itself
        return report(interrupt)


def report(error: BaseException) -> Exit:
    """Say on stderr what went wrong, in one message, and give the exit code that goes with it."""
    if os.environ.get(DEBUG):
        traceback.print_exception(error)
    if isinstance(error, BaseExceptionGroup):
        inner = list(_leaves(error))  # pyright: ignore[reportUnknownArgumentType]
        told = next((leaf for leaf in inner if isinstance(leaf, StrettoError)), inner[0])
        return report_one(told)
    return report_one(error)


def report_one(error: BaseException) -> Exit:
    """`report` for what is no group."""
    match error:
        case KeyboardInterrupt() | asyncio.CancelledError():
            say_error("interrupted; nothing that Stretto had accepted is lost. `stretto runs` lists all runs.")
            return Exit.INTERRUPTED
        case DocumentInvalid():
            count = len(error.problems)
            say_error(f"the {error.what} has {count} problem{'s' * (count != 1)}; nothing was run\n{error.message}")
            return Exit.BAD_INPUT
        case Invalid() | NotFound() | StateConflict():
            say_error(error.message)
            return Exit.BAD_INPUT
        case StoreError() | LeaseLost():
            say_error(error.message)
            return Exit.UNUSABLE
        case StrettoError():
            say_error(error.message)
            return Exit.FAILED
        case OSError():
            say_error(f"the machine refused something: {error}")
            return Exit.UNUSABLE
        case _:
            say_error(
                f"something unexpected happened, which is a fault of Stretto: {type(error).__name__}: {error}\n"
                f"Set {DEBUG}=1 and repeat the command for the whole traceback; please report it. "
                "Accepted runs are safe."
            )
            return Exit.FAILED


def say_error(message: str) -> None:
    """Write `error: …` to stderr, red where that can be shown."""
    line = f"error: {safe(message)}"
    if sys.stderr.isatty() and "NO_COLOR" not in os.environ:
        line = f"\033[31m{line}\033[0m"
    print(line, file=sys.stderr)


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)  # pyright: ignore[reportUnknownArgumentType]
        else:
            yield error
