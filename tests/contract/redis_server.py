"""A Redis server of a test's own, in a folder that is gone afterwards; ended by its own process id."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def redis_server(*options: str) -> Generator[str]:
    """The server's URL. It listens on a socket in its folder, so that no port is taken. Skips where there is no Redis."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server on this machine; Debian's package redis-server brings one")
    with tempfile.TemporaryDirectory(prefix="stretto-redis-") as folder:
        socket = Path(folder) / "socket"
        command = [program, "--port", "0", "--unixsocket", str(socket), "--dir", folder, "--save", "", *options]
        with (Path(folder) / "log").open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 10
            while not socket.exists():
                assert process.poll() is None, (Path(folder) / "log").read_text()
                assert time.monotonic() < deadline, "redis-server does not start"
                time.sleep(0.01)
            yield f"unix://{socket}?db=0"
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
