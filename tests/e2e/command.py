"""The shipped command as a process of its own, with and without a terminal."""

from __future__ import annotations

import contextlib
import fcntl
import io
import logging
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from stretto.cli import main

COMMAND = Path(sys.executable).parent / "stretto"
MOST_S = 60.0
_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|\x1b[=>]")


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class Stretto:
    """Runs `stretto` with these settings, in this folder. Answers come at once unless a test says otherwise."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict[str, str])

    def __call__(self, *arguments: str | Path, stdin: str = "", **settings: str) -> Done:
        """Run a command to its end."""
        done = subprocess.run(
            [COMMAND, *map(str, arguments)],
            cwd=self.folder,
            env=self.environment | _named(settings),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=MOST_S,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def inside(self, *arguments: str | Path) -> Done:
        """The same command in this process, which is quicker: for those that only look at something."""
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        before, root = os.environ.copy(), logging.getLogger()
        handlers, level = root.handlers[:], root.level
        os.environ.update(self.environment)
        try:
            with contextlib.chdir(self.folder), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = main([str(argument) for argument in arguments])
        finally:
            os.environ.clear()
            os.environ.update(before)
            root.handlers[:] = handlers
            root.setLevel(level)
            structlog.reset_defaults()
        return Done(code, *(_content(stream) for stream in (out, err)))

    @contextlib.contextmanager
    def started(self, *arguments: str | Path, **settings: str) -> Generator[Running]:
        """Run a command beside the test; it is killed at the end if it has not ended."""
        process = subprocess.Popen(
            [COMMAND, *map(str, arguments)],
            cwd=self.folder,
            env=self.environment | _named(settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        running = Running(process)
        try:
            yield running
        finally:
            running.close()

    @contextlib.contextmanager
    def terminal(
        self, *arguments: str | Path, width: int = 80, height: int = 24, **settings: str
    ) -> Generator[Terminal]:
        """Run a command on a terminal of its own."""
        terminal = Terminal(self, [str(argument) for argument in arguments], width, height, _named(settings))
        try:
            yield terminal
        finally:
            terminal.close()

    def flow(self, name: str, text: str) -> Path:
        """A flow file in the folder."""
        path = self.folder / f"{name}.yaml"
        path.write_text(text)
        return path


class Running:
    """A command at work without a terminal; what it writes is gathered."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.out: list[str] = []
        self.err: list[str] = []
        assert process.stdout is not None
        assert process.stderr is not None
        self._threads = [
            threading.Thread(target=_gather, args=(process.stdout, self.out)),
            threading.Thread(target=_gather, args=(process.stderr, self.err)),
        ]
        for thread in self._threads:
            thread.start()

    def wait_for(self, text: str) -> None:
        """Wait until the command has written this."""
        _wait(lambda: text in self.told, lambda: f"{text!r} in:\n{self.told}", self.process)

    @property
    def told(self) -> str:
        """All that was written so far."""
        return "".join((*self.out, *self.err))

    def tell(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def end(self) -> Done:
        """Wait for the end."""
        code = self.process.wait(MOST_S)
        for thread in self._threads:
            thread.join()
        return Done(code, "".join(self.out), "".join(self.err))

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.end()
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


class Terminal:
    """A command at work on a terminal. `told` is what it wrote, without the codes that move the cursor and colour."""

    def __init__(
        self, stretto: Stretto, arguments: list[str], width: int, height: int, settings: dict[str, str]
    ) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-c", _OWN_TERMINAL, str(COMMAND), *arguments],
            cwd=stretto.folder,
            env=stretto.environment | {"TERM": "xterm-256color"} | settings,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        self._slave = slave
        self._parts: list[bytes] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def raw(self) -> str:
        return b"".join(self._parts).decode(errors="replace")

    @property
    def told(self) -> str:
        return _CODES.sub("", self.raw).replace("\r", "")

    @property
    def echoes(self) -> bool:
        """Whether the terminal shows what is typed."""
        return bool(termios.tcgetattr(self._slave)[3] & termios.ECHO)

    def wait_for(self, text: str) -> None:
        """Wait until the command has written this."""
        _wait(lambda: text in self.told, lambda: f"{text!r} in:\n{self.told}", self.process)

    def type(self, text: str) -> None:
        """Press keys; `\\x03` is Ctrl-C."""
        os.write(self._master, text.encode())

    def end(self) -> int:
        """Wait for the end; gives the exit code."""
        code = self.process.wait(MOST_S)
        time.sleep(0.1)  # the last of what was written is on its way
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(MOST_S)
        os.close(self._slave)
        self._reader.join(5)
        os.close(self._master)

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while piece := os.read(self._master, 65_536):
                self._parts.append(piece)


_OWN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that Ctrl-C reaches the command
os.execv(sys.argv[1], sys.argv[1:])
"""


def _named(settings: Mapping[str, str]) -> dict[str, str]:
    """Lower-case names are settings of Stretto's, others stand for themselves."""
    return {f"STRETTO_{name.upper()}" if name.islower() else name: value for name, value in settings.items()}


def _content(stream: io.TextIOWrapper) -> str:
    stream.seek(0)
    return stream.read()


def _gather(stream: Iterator[str], lines: list[str]) -> None:
    lines.extend(stream)


def _wait(
    true: Callable[[], bool], what: Callable[[], str], process: subprocess.Popen[str] | subprocess.Popen[bytes]
) -> None:
    deadline = time.monotonic() + MOST_S
    while not true():
        assert time.monotonic() < deadline, f"did not come: {what()}"
        if process.poll() is not None:
            time.sleep(0.3)
            assert true(), f"ended without: {what()}"
        time.sleep(0.02)
