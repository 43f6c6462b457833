"""The person at the keyboard: lines that they type, read without blocking the loop and without a thread left behind."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from types import ModuleType

try:
    import termios as _termios
except ImportError:  # no terminal of this kind on this system
    termios: ModuleType | None = None
else:
    termios = _termios


def can_ask() -> bool:
    """Whether there is somebody to ask: a terminal for the question and one for the answer."""
    try:
        return sys.stdin.isatty() and sys.stderr.isatty()
    except ValueError:  # closed
        return False


class Keyboard:
    """Stops the terminal from showing what is typed while a picture is painted on it."""

    def __init__(self) -> None:
        self._before: list[object] | None = None

    def mute(self) -> None:
        """Show nothing of what is typed, until `unmute`."""
        if termios is None or self._before is not None or not can_ask():
            return
        with suppress(termios.error, OSError, ValueError):
            descriptor = sys.stdin.fileno()
            self._before = termios.tcgetattr(descriptor)
            changed = termios.tcgetattr(descriptor)
            changed[3] &= ~(termios.ECHO | termios.ECHONL)
            termios.tcsetattr(descriptor, termios.TCSANOW, changed)

    def unmute(self) -> None:
        """Make the terminal as it was before `mute`."""
        before, self._before = self._before, None
        if termios is not None and before is not None:
            with suppress(termios.error, OSError, ValueError):
                termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, before)


async def read_line() -> str | None:
    """The next line that is typed, without its newline; None at the end of input. May be cancelled at any time."""
    loop = asyncio.get_running_loop()
    descriptor = sys.stdin.fileno()
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(descriptor, wake)
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)
    # A terminal gives a whole line at once, so this read does not wait.
    typed = os.read(descriptor, 65_536).decode(errors="replace")
    return typed.rstrip("\r\n") if typed else None
