"""What a followed run is shown on: a terminal, plain lines, or lines of JSON."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import BinaryIO, Protocol

from rich.console import Console

from stretto.cli.score import Score
from stretto.stream import Event, to_json_line

Clock = Callable[[], datetime]


class View(AbstractContextManager["View"], Protocol):
    """Shows a run. Open it with `with`; `take` gets every event in order, `paint` is called about 12 times a second."""

    score: Score

    def take(self, event: Event) -> None:
        """Take the next event. Raises `BrokenPipeError` when nobody reads any more."""
        ...

    def paint(self) -> None:
        """Show what has changed."""
        ...

    def say(self, message: str) -> None:
        """Tell the person something."""
        ...

    def hold(self) -> AbstractContextManager[None]:
        """Leave the terminal alone for as long as a person types."""
        ...


def present() -> datetime:
    """The present time, in UTC."""
    return datetime.now(UTC)


def open_view(
    score: Score, *, as_json: bool, clock: Clock = present, hint: Callable[[], str] = lambda: "", known_seq: int = 0
) -> View:
    """The view that fits where the command's output goes. Only JSON is written to stdout; all else goes to stderr.

    Text up to row `known_seq` was shown before by another command; plain lines leave it out.
    """
    from stretto.cli.plain import JsonLines, Plain
    from stretto.cli.screen import Screen

    if as_json:
        return JsonLines(score, sys.stdout.buffer, sys.stderr, clock)
    console = stderr_console()
    if console.is_terminal and not console.is_dumb_terminal:
        return Screen(score, console, clock, hint)
    return Plain(score, sys.stderr, clock, known_seq)


def stderr_console() -> Console:
    """The terminal, by way of stderr."""
    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def write_event(out: BinaryIO, event: Event) -> None:
    """One event as a line of JSON, out at once."""
    out.write(to_json_line(event))
    out.flush()
