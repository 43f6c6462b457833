"""A server that is a program: started under a guard, spoken to in lines of JSON over its standard input and output.

The SDK's own transport keeps a line of any length, and leaves the program behind when this process is killed.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import INTERNAL_ERROR, ErrorData, JSONRPCError, jsonrpc_message_adapter

from stretto.errors import ToolUnavailable

GUARD = Path(__file__).with_name("guard_main.py")
INHERITED = ("HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER")
"""What a program gets of our own environment; keys of models are not among it."""
MOST_MESSAGE = 4 << 20
"""Longest message in bytes: a tool's result of 1 MiB stands in it twice, as text and as structure, and escaped."""
MOST_NONSENSE = 100
"""So many lines that are no messages are passed over (programs that print to standard output); then it is no server."""
MOST_STDERR_LINE = 2_000
STDERR_KEPT = 10
"""Lines of standard error that are told when the program ends by itself."""
STOP_S = 2.0
"""How long a program has to end by itself once its input is closed."""
GUARD_S = 3.0
"""How long the guard has, who gives the program one second."""
WORD_S = 0.5
"""How long after the end of its output the guard's word is waited for."""
PIECE = 1 << 16
GUARD_LOST = "its guard was killed"

Messages = tuple["MemoryObjectReceiveStream[SessionMessage | Exception]", "MemoryObjectSendStream[SessionMessage]"]
_ID_AT_END = re.compile(rb'"id"\s*:\s*(\d{1,15}|"[^"\\]{1,64}")\s*\}\s*$')
_ID_AT_BEGIN = re.compile(rb'^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*(\d{1,15}|"[^"\\]{1,64}")\s*,')


class Program:
    """A server's process. `on_line` gets each line of its standard error; `on_gone` is called when nothing more comes from it."""

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        cwd: str = "",
        on_line: Callable[[str], None] = lambda line: None,
        on_gone: Callable[[], None] = lambda: None,
    ) -> None:
        self.command = tuple(command)
        self._env = {name: os.environ[name] for name in INHERITED if name in os.environ} | dict(env)
        self._cwd = cwd
        self._on_line = on_line
        self._on_gone = on_gone
        self.last_lines: deque[str] = deque(maxlen=STDERR_KEPT)
        self.ended = ""
        """How it ended by itself: `exit 1`, `signal 9`; empty while it runs."""
        self.broken = ""
        """What it did that no server does."""
        self._process: asyncio.subprocess.Process | None = None
        self._nonsense = 0
        self._stopping = False
        self._told = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The guard's process id, which is also that of the group; None before the start."""
        return None if self._process is None else self._process.pid

    def why(self) -> str:
        """Why it is gone, as far as that is known."""
        told = self.broken or {"": "it closed its output", "exit 0": "it ended by itself"}.get(
            self.ended, f"it ended ({self.ended})"
        )
        said = "; ".join(line for line in self.last_lines if line.strip())
        return f"{told}; its last words: {said[-600:]}" if said and not self.broken else told

    @asynccontextmanager
    async def messages(self) -> AsyncGenerator[Messages]:
        """Start it, and exchange messages with it; at the end it is stopped, with all its processes.

        Raises `ToolUnavailable` when it cannot be started.
        """
        process, line_of_life = await self._start()
        inbound, received = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        sent, outbound = anyio.create_memory_object_stream[SessionMessage](0)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._read, process, inbound)
                group.start_soon(self._write, process, outbound, inbound)
                group.start_soon(self._read_errors, process)
                group.start_soon(self._hear_guard, line_of_life, inbound)
                try:
                    yield received, sent
                finally:
                    with anyio.CancelScope(shield=True):
                        received.close()
                        sent.close()
                        await self._stop(process, line_of_life)
                    group.cancel_scope.cancel()
        finally:
            # A second cancellation may have cut the above short; this cannot wait and need not.
            line_of_life.close()
            for stream in (inbound, received, sent, outbound):
                stream.close()

    async def _start(self) -> tuple[asyncio.subprocess.Process, socket.socket]:
        if shutil.which(self.command[0], path=self._env.get("PATH")) is None and not self._stands_there():
            raise ToolUnavailable(f"there is no program {self.command[0]!r}. Install it, or correct `command`.")
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", str(GUARD), str(theirs.fileno()), *self.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._env,
                cwd=self._cwd or None,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            ours.close()
            raise ToolUnavailable(f"it cannot be started: {(error.strerror or str(error)).lower()}.") from None
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return self._process, ours

    def _stands_there(self) -> bool:
        return bool(self._cwd) and "/" in self.command[0] and Path(self._cwd, self.command[0]).is_file()

    async def _read(
        self, process: asyncio.subprocess.Process, inbound: MemoryObjectSendStream[SessionMessage | Exception]
    ) -> None:
        """Standard output, cut into messages. A message that is too long fails the one call that it answers."""
        assert process.stdout is not None
        line, skipped = bytearray(), b""
        try:
            async with inbound:
                while piece := await process.stdout.read(PIECE):
                    *whole, rest = piece.split(b"\n")
                    for part in whole:
                        message = too_long(skipped, part) if skipped else self._parse(bytes(line) + part)
                        line, skipped = bytearray(), b""
                        if message is not None:
                            await inbound.send(message)
                        if self.broken:
                            return
                    line += rest
                    if skipped:
                        skipped = skipped[:256] + (skipped[256:] + rest)[-256:]
                        line.clear()
                    elif len(line) > MOST_MESSAGE:
                        skipped = bytes(line[:256] + line[-256:])
                        line.clear()
                with anyio.move_on_after(WORD_S):  # so that those who wait for answers hear how it ended
                    await self._told.wait()
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass  # nobody listens any more
        finally:
            self._on_gone()

    def _parse(self, line: bytes) -> SessionMessage | None:
        if len(line) > MOST_MESSAGE:
            return too_long(line[:256], line[-256:])
        if not line.strip():
            return None
        try:
            return SessionMessage(jsonrpc_message_adapter.validate_json(line, by_name=False))
        except ValueError:
            self._nonsense += 1
            if self._nonsense >= MOST_NONSENSE:
                self.broken = f"it wrote {MOST_NONSENSE} lines that are no messages"
            return None

    async def _write(
        self,
        process: asyncio.subprocess.Process,
        outbound: MemoryObjectReceiveStream[SessionMessage],
        inbound: MemoryObjectSendStream[SessionMessage | Exception],
    ) -> None:
        assert process.stdin is not None
        try:
            async with outbound:
                async for message in outbound:
                    text = message.message.model_dump_json(by_alias=True, exclude_unset=True)
                    process.stdin.write(text.encode() + b"\n")
                    await process.stdin.drain()
        except OSError:  # it takes nothing any more: let those who wait for answers know
            inbound.close()

    async def _read_errors(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        rest = b""
        while piece := await process.stderr.read(PIECE):
            *whole, rest = (rest + piece).split(b"\n")
            rest = rest[-MOST_STDERR_LINE:]
            for part in whole:
                self._tell(part)
        if rest:
            self._tell(rest)

    def _tell(self, line: bytes) -> None:
        text = line[:MOST_STDERR_LINE].decode(errors="replace").rstrip()
        if text:
            self.last_lines.append(text)
            self._on_line(text)

    async def _hear_guard(
        self, line_of_life: socket.socket, inbound: MemoryObjectSendStream[SessionMessage | Exception]
    ) -> None:
        with suppress(OSError):
            told = await asyncio.get_running_loop().sock_recv(line_of_life, 512)
            self.ended = told.decode(errors="replace").strip()
            self._told.set()
            if not told and not self._stopping:
                self.ended = GUARD_LOST
                inbound.close()
                self._on_gone()

    async def _stop(self, process: asyncio.subprocess.Process, line_of_life: socket.socket) -> None:
        """Close its input, wait, let the guard end it, and kill the group if all else fails."""
        assert process.stdin is not None
        self._stopping = True
        process.stdin.close()
        if not await is_over(process, 0.0 if self.broken else STOP_S):
            line_of_life.shutdown(socket.SHUT_WR)
            await is_over(process, GUARD_S)
        if process.returncode is None or self.ended == GUARD_LOST:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        await is_over(process, STOP_S)
        transport = getattr(
            process, "_transport", None
        )  # a grandchild may hold its pipes open; nothing public closes them
        if transport is not None:
            transport.close()


def too_long(head: bytes, tail: bytes) -> SessionMessage | None:
    """The error in the place of a message that is too long, for the call that it answers, where that can be told."""
    found = _ID_AT_END.search(head[256:] + tail) or _ID_AT_BEGIN.search(head)
    if found is None:
        return None
    raw = found[1].decode()
    told = f"the answer has more than {MOST_MESSAGE >> 20} MiB. Ask for less at once."
    identity = raw.strip('"') if raw.startswith('"') else int(raw)
    return SessionMessage(JSONRPCError(jsonrpc="2.0", id=identity, error=ErrorData(code=INTERNAL_ERROR, message=told)))


async def is_over(process: asyncio.subprocess.Process, within_s: float) -> bool:
    """Whether the process ends in time. Looks at it: `wait` would also wait for whoever has inherited its pipes."""
    with anyio.move_on_after(within_s):
        while process.returncode is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return process.returncode is not None
