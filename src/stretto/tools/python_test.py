"""The tool `python.test`: run Python code and its tests in a process of its own."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import orjson

from stretto.errors import ToolUnavailable

_SANDBOX = Path(__file__).with_name("sandbox_main.py")
_FENCE = re.compile(
    r"^[ \t]*(`{3,}|~{3,})[ \t]*([\w+.-]*)[^\n]*\n(.*?)(?:^[ \t]*\1[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
_PYTHON = {"", "py", "python", "python3"}
ALL_PASSED = 86
"""The exit status that says that all was run and nothing failed; code that ends the process early has another."""

# The strictest that works here is used: no network and own process ids, if need be as an unprivileged user.
_UNSHARE = (
    ("unshare", "--net", "--pid", "--fork", "--kill-child"),
    ("unshare", "--user", "--net", "--pid", "--fork", "--kill-child"),
    ("unshare", "--net"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one test run may use. `output_chars` is what is kept of what it prints."""

    wall_s: float = 20.0
    cpu_s: int = 10
    memory_bytes: int = 1 << 30
    processes: int = 32
    file_bytes: int = 16 << 20
    output_chars: int = 16_000


@dataclass(frozen=True, slots=True)
class TestRun:
    """What came of it."""

    __test__ = False  # not for pytest

    passed: bool
    output: str
    seconds: float


async def python_test(code: str, tests: str = "") -> TestRun:
    """Run Python code, then its tests, and tell whether all went well.

    Markdown is welcome: its Python blocks are joined. Functions named `test_...` that take no arguments are
    called; without tests it is enough that the code runs.

    What is isolated: a process of its own in Python's isolated mode, a new empty folder, no environment
    variables, no standard input; limits on processor time, wall-clock time, memory, processes, file size and
    output; all its processes are killed at the end. Under root it becomes the user nobody, where that user
    can read Python. On Linux with Landlock (5.13, TCP from 6.7) it can read only Python and the system's
    programs, write only in its folder, and open no TCP connection. Where Linux allows `unshare`, it has no
    network at all and none of its processes can outlive it.
    What is not: without Landlock it can read and write whatever its user can; without Landlock and `unshare`
    it can reach the network; a root that does not become nobody is not bound by the limit on processes; on
    macOS the limit on memory does not hold.

    Args:
        code: Python, or Markdown with Python in fences.
        tests: asserts or test functions, run after the code, in the same names.
    """
    return await run_tests(code, tests, Limits())


async def run_tests(code: str, tests: str, limits: Limits) -> TestRun:
    """`python_test` with limits of one's own. Raises `ToolUnavailable` when no process can be started."""
    code, tests = extract_python(code), extract_python(tests)
    if not code.strip() and not tests.strip():
        return TestRun(passed=False, output="There is no Python code to run.", seconds=0.0)
    prefix = await asyncio.to_thread(find_unshare)
    folder = Path(tempfile.mkdtemp(prefix="stretto-test-"))
    writing = asyncio.ensure_future(asyncio.to_thread(_write_job, folder, code, tests, limits))
    try:
        await asyncio.shield(writing)
        return await _run(prefix, folder, limits)
    finally:
        await asyncio.shield(_remove(folder, writing))


async def _remove(folder: Path, writing: asyncio.Future[None]) -> None:
    await asyncio.wait([writing])  # a thread cannot be stopped: what it writes after a cancel must go as well
    await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def extract_python(text: str) -> str:
    """The Python in a Markdown text, its blocks joined; a text without fences is Python as it stands."""
    blocks = [(match[2].lower(), match[3]) for match in _FENCE.finditer(text)]
    if not blocks:
        return text
    return "\n\n".join(block.rstrip() for language, block in blocks if language in _PYTHON) + "\n"


@cache
def find_unshare() -> tuple[str, ...]:
    """The words before a command that take the network away from it; none where this machine forbids that."""
    if shutil.which("unshare") is None:
        return ()
    for words in _UNSHARE:
        with suppress(OSError, subprocess.TimeoutExpired):
            if subprocess.run([*words, "true"], capture_output=True, check=False, timeout=5, env={}).returncode == 0:
                return words
    return ()


def _write_job(folder: Path, code: str, tests: str, limits: Limits) -> None:
    """Put the code in `work`, where it runs, and what it may use in `job.json`."""
    work = folder / "work"
    work.mkdir()
    (work / "code.py").write_text(code, encoding="utf-8")
    (work / "tests.py").write_text(tests, encoding="utf-8")
    job = {
        "cpu_s": limits.cpu_s,
        "memory_bytes": limits.memory_bytes,
        "processes": limits.processes,
        "file_bytes": limits.file_bytes,
        "all_passed": ALL_PASSED,
        "has_tests": bool(tests.strip()),
    }
    (folder / "job.json").write_bytes(orjson.dumps(job))
    folder.chmod(0o711)  # nobody must reach its work folder, and no more


async def _run(prefix: tuple[str, ...], folder: Path, limits: Limits) -> TestRun:
    output = folder / "output"
    descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    began = time.monotonic()
    try:
        process = await asyncio.create_subprocess_exec(
            *prefix,
            sys.executable,
            "-I",
            "-B",
            str(_SANDBOX),
            str(folder / "job.json"),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,  # a file, not a pipe: nothing to drain, and whoever inherits it cannot hold us up
            stderr=subprocess.STDOUT,
            cwd=folder / "work",
            env={},
            start_new_session=True,
        )
    except OSError as error:
        raise ToolUnavailable(f"No process for the test could be started: {error}. It is tried again.") from error
    finally:
        os.close(descriptor)
    try:
        status = await asyncio.wait_for(process.wait(), limits.wall_s)
    except TimeoutError:
        status = None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await asyncio.shield(process.wait())
    seconds = round(time.monotonic() - began, 3)
    printed = await asyncio.to_thread(_read_output, output, limits.output_chars)
    verdict = explain_status(status, limits)
    passed = status == ALL_PASSED
    return TestRun(passed, "\n".join(part for part in (printed.rstrip("\n"), verdict) if part), seconds)


def explain_status(status: int | None, limits: Limits) -> str:
    """In words, how a process ended whose own output does not tell; empty when it does."""
    if status is None:
        return f"Stopped after {limits.wall_s:g} s."
    if status in (-signal.SIGXCPU, 128 + signal.SIGXCPU):
        return f"Stopped after {limits.cpu_s} s of processor time."
    if status in (-signal.SIGKILL, 128 + signal.SIGKILL):
        return "It was killed; it may have used too much memory or processor time."
    if status in (ALL_PASSED, 1):
        return ""
    return f"It ended early, with exit status {status}."


def _read_output(path: Path, most: int) -> str:
    with path.open("rb") as file:
        head = file.read(most * 4)
        size = path.stat().st_size
    text = head.decode("utf-8", "replace").replace("\x00", "")
    if len(text) <= most and len(head) == size:
        return text
    return f"{text[:most]}\n… cut off; it printed {size} bytes."
