"""Ctrl-C and being told to end, as calls in the event loop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

ENDINGS = tuple(
    found
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if isinstance(found := getattr(signal, name, None), signal.Signals)
)


@contextmanager
def on_interrupts(handle: Callable[[signal.Signals], None]) -> Generator[None]:
    """Call `handle`, in the running loop, for each SIGINT, SIGTERM and SIGHUP instead of ending at once."""
    loop = asyncio.get_running_loop()
    for number in ENDINGS:
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.add_signal_handler(number, handle, number)
    try:
        yield
    finally:
        for number in ENDINGS:
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.remove_signal_handler(number)
