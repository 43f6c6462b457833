"""Server-sent events from bytes, however the network cuts them.

Only the data of each event is given: both dialects say in it what the event is. As the standard has it
(https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation), a line ends with LF, CR or
CRLF; an empty line ends an event; several `data` lines are joined by LF; a line that starts with a colon is a comment.
"""

from __future__ import annotations

MOST_BYTES = 16 * 1024 * 1024
"""Longest event. A whole tool call may come as one; nothing else is long."""

BOM = b"\xef\xbb\xbf"


def is_one(chunk: bytes) -> bool:
    """Whether a line whose first LF is its last but one byte is an event by itself."""
    return chunk.endswith(b"\n\n") and b"\r" not in chunk


class TooLong(Exception):
    """An event is longer than `MOST_BYTES`."""


class SseParser:
    """Takes bytes as they arrive and gives the data of the events that they complete."""

    __slots__ = ("_after_cr", "_at_start", "_data", "_data_bytes", "_fresh", "_most", "_open", "_open_bytes")

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._open: list[bytes] = []  # pieces of the line that has not ended yet
        self._open_bytes = 0
        self._data: list[bytes] = []  # data lines of the event that has not ended yet
        self._data_bytes = 0
        self._after_cr = False
        self._fresh = True
        self._at_start = False  # between two events, so that nothing that came before counts

    def feed(self, chunk: bytes) -> list[bytes]:
        """Give the data of each event that ends in this chunk. Raises `TooLong`."""
        # One event and nothing else, as most chunks of a slow stream are.
        if self._at_start and chunk.startswith(b"data: ") and chunk.find(b"\n") == len(chunk) - 2 and is_one(chunk):
            return [chunk[6:-2]]
        if self._fresh:
            chunk = self._without_mark(chunk)
        if self._after_cr or b"\r" in chunk:
            chunk = self._with_plain_ends(chunk)
        end = chunk.rfind(b"\n")
        if end < 0:
            self._at_start = False
            self._keep(chunk)
            return []
        whole = chunk[:end]
        if self._open:
            self._open.append(whole)
            whole = b"".join(self._open)
            self._open.clear()
            self._open_bytes = 0
        if end + 1 < len(chunk):
            self._keep(chunk[end + 1 :])
        events = self._take(whole.split(b"\n"))
        self._at_start = not (self._open or self._data or self._after_cr or self._fresh)
        return events

    def finish(self) -> list[bytes]:
        """Give what an event lacked only its last empty line for, since some servers leave that out."""
        lines = [b"".join(self._open), b""]
        self._open.clear()
        return self._take(lines)

    def _take(self, lines: list[bytes]) -> list[bytes]:
        events: list[bytes] = []
        data = self._data
        for line in lines:
            if line.startswith(b"data: "):
                data.append(line[6:])
            elif not line:
                if data:
                    events.append(data[0] if len(data) == 1 else b"\n".join(data))
                    data.clear()
            elif line.startswith(b"data:"):
                data.append(line[5:])
            elif line == b"data":
                data.append(b"")
            # Anything else is a comment, or a field (event, id, retry) that tells nothing which its data does not.
        if data:
            self._data_bytes = sum(map(len, data))
            if self._data_bytes > self._most:
                raise TooLong
        else:
            self._data_bytes = 0
        return events

    def _keep(self, piece: bytes) -> None:
        self._open.append(piece)
        self._open_bytes += len(piece)
        if self._open_bytes + self._data_bytes > self._most:
            raise TooLong

    def _without_mark(self, chunk: bytes) -> bytes:
        """The stream's first bytes without a byte order mark; nothing while there may still be one."""
        chunk = b"".join((*self._open, chunk))
        self._open.clear()
        self._open_bytes = 0
        if len(chunk) < len(BOM) and BOM.startswith(chunk):
            if chunk:
                self._keep(chunk)
            return b""
        self._fresh = False
        return chunk.removeprefix(BOM)

    def _with_plain_ends(self, chunk: bytes) -> bytes:
        """The chunk with LF for every end of a line. A CR counts at once; an LF right after it is then passed over."""
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if chunk.endswith(b"\r"):
            self._after_cr = True
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in chunk else chunk
