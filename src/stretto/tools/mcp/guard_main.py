"""Runs a server of tools, and ends it with all its processes when Stretto goes away, also by `kill -9`.

Usage: python -I -S guard_main.py DESCRIPTOR PROGRAM [WORD ...]

The descriptor is a socket to Stretto. When it closes, the group of processes that this one leads is ended: asked at first,
killed a second later. How the server ended is said on it in a line: `exit 0`, `signal 9`, `failed REASON`.
Imports only the standard library, so that it starts in some 15 ms.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

GRACE_S = 1.0
"""Between asking and killing."""


def main() -> None:
    """Start the server, and stay until it or Stretto is gone."""
    stretto = socket.socket(fileno=int(sys.argv[1]))
    wake, woken = socket.socketpair()
    for end in (wake, woken):
        end.setblocking(False)
    signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
        signal.signal(number, note)
    try:
        server = subprocess.Popen(sys.argv[2:])
    except OSError as error:
        say(stretto, f"failed {error.strerror or error}")
        os._exit(127)
    leave_pipes()
    is_here = True
    while is_here and server.poll() is None:
        ready, _, _ = select.select([stretto, wake], [], [])
        if wake in ready:
            with suppress(BlockingIOError):
                wake.recv(4096)
        is_here = stretto not in ready  # nothing is ever sent: it was closed
    if is_here:
        code = server.returncode
        say(stretto, f"exit {code}" if code >= 0 else f"signal {-code}")
    end_group(server)


def note(_number: int, _frame: object) -> None:
    """A signal came; the loop looks what for. The guard itself goes last."""


def say(stretto: socket.socket, line: str) -> None:
    """Tell Stretto, if it is there."""
    with suppress(OSError):
        stretto.sendall(line.encode(errors="replace")[:500] + b"\n")


def leave_pipes() -> None:
    """Let go of the pipes, so that they close when the server closes them."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)


def end_group(server: subprocess.Popen[bytes]) -> None:
    """End all processes of the group, this one with them."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    was_over = server.poll() is not None
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(0, signal.SIGTERM)
    until = time.monotonic() + (0.2 if was_over else GRACE_S)
    while time.monotonic() < until and (was_over or server.poll() is None):
        time.sleep(0.02)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
