"""One step at work, as it is shown: the end of its text, and what was just taken back of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

TAIL_CHARS = 4000
"""So much of a voice's text is kept, and up to twice as much for a moment: no screen shows more."""
STRUCK_S = 1.6
"""So long retracted text stays to be seen, struck out."""
CHARS_PER_TOKEN = 4
"""Rough; used only while the provider has not told its count."""


@dataclass(slots=True)
class Voice:
    """A step at work (or between two attempts). Offsets count code points of the step's whole stream."""

    path: str
    kind: str
    since: datetime
    attempt: int = 1
    tail: str = ""
    start: int = 0
    """Offset of the tail's first character."""
    struck: str = ""
    struck_at: int = 0
    """Offset at which the struck-out text stood."""
    struck_until: datetime | None = None
    struck_why: str = ""
    resumes: datetime | None = None
    """When the next attempt begins, while it waits for one."""
    error: str = ""

    @property
    def end(self) -> int:
        """Offset of what it writes next."""
        return self.start + len(self.tail)

    @property
    def tokens(self) -> int:
        """About how many tokens it has written."""
        return (self.end + CHARS_PER_TOKEN - 1) // CHARS_PER_TOKEN

    def write(self, offset: int, text: str) -> None:
        """Add text that begins at `offset`; what stood there before is replaced."""
        if offset < self.end:
            self._cut(offset)
        elif offset > self.end:
            self.tail, self.start = "", offset
        self.tail += text
        if len(self.tail) > 2 * TAIL_CHARS:
            self.start = self.end - TAIL_CHARS
            self.tail = self.tail[-TAIL_CHARS:]

    def retract(self, offset: int, reason: str, now: datetime) -> None:
        """Take the text from `offset` on back; it stays to be seen for a moment."""
        gone = self.tail[max(0, offset - self.start) :]
        self._cut(offset)
        if gone.strip():
            self.struck, self.struck_at, self.struck_why = gone, self.end, reason
            self.struck_until = now + timedelta(seconds=STRUCK_S)

    @property
    def parts(self) -> tuple[str, str, str]:
        """What stands, what is struck out, and what was written in its place."""
        if not self.struck:
            return self.tail, "", ""
        place = max(0, self.struck_at - self.start)
        return self.tail[:place], self.struck, self.tail[place:]

    def settle(self, now: datetime) -> bool:
        """Let go of what was struck out when its moment is over; tells whether anything changed."""
        if self.struck_until is None or now < self.struck_until:
            return False
        self.struck, self.struck_why, self.struck_until = "", "", None
        return True

    def _cut(self, offset: int) -> None:
        if offset <= self.start:
            self.tail, self.start = "", offset
        else:
            self.tail = self.tail[: offset - self.start]
