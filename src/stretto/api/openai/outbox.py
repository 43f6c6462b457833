"""What an answer has given and its client has not taken yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from stretto.gateway.provider import Decision, ToolCallPiece

MOST_WAITING_CHARS = 262_144
"""So much may wait for a client that does not read, at most 1 MiB in UTF-8; then the answer ends."""

MOST_WHOLE_CHARS = 4_000_000
"""Longest answer in one piece: as long as the longest text of a step."""

PIECE_CHARS = 32_768
"""Longest text of one event."""

TOOL_PIECE_CHARS = 64
"""What a piece of a tool call counts for besides its text."""


def _nothing() -> None:
    """What is done about too much when nobody is there."""


class Outbox:
    """A `TokenSink` between a model that writes and a client that reads.

    Text that waits is joined, so that a client that was slow for a moment gets fewer and longer pieces. When more than
    `most_chars` wait, it calls `overflow` once and takes nothing more.
    """

    __slots__ = ("_chars", "_most_chars", "_overflow", "_room", "_waiting", "decision", "is_over", "is_taken", "woken")

    def __init__(self, overflow: Callable[[], object], most_chars: int = MOST_WAITING_CHARS) -> None:
        self._waiting: list[str | ToolCallPiece] = []
        self._chars = 0
        self._most_chars = most_chars
        self._overflow = overflow
        self._room: asyncio.Event | None = None
        self.woken = asyncio.Event()
        """Set when there is something to do for the client's side."""
        self.decision: Decision | None = None
        """The last that was decided."""
        self.is_taken = False
        """Whether the client was sent anything that cannot be taken back."""
        self.is_over = False
        """Whether it has overflowed."""

    def write(self, tokens: list[str]) -> None:
        """Take text."""
        self._take_in(tokens, sum(map(len, tokens)))

    def tool_call(self, piece: ToolCallPiece) -> None:
        """Take a piece of a tool call."""
        self._take_in((piece,), len(piece.arguments) + TOOL_PIECE_CHARS)

    def _take_in(self, parts: list[str] | tuple[ToolCallPiece], chars: int) -> None:
        if self.is_over:
            return
        self._waiting += parts
        self._chars += chars
        self.woken.set()
        if self._chars > self._most_chars:
            self.is_over = True
            self._overflow()

    def retract(self, reason: str) -> bool:
        """Forget what waits, if nothing was sent yet: these protocols have no word for taking back."""
        if self.is_taken:
            return False
        self._waiting.clear()
        self._chars = 0
        return True

    def decided(self, decision: Decision) -> None:
        """Note what was decided."""
        self.decision = decision

    def wake(self, _: object = None) -> None:
        """Let the client's side look again."""
        self.woken.set()

    def close(self) -> None:
        """Tell nobody of too much any more: whoever is told holds this, and a cycle stays until Python's collector comes by."""
        self._overflow = _nothing

    def next_parts(self) -> list[str | ToolCallPiece]:
        """What to send next, neighbouring texts joined; about `PIECE_CHARS` at most."""
        if not self._waiting:
            return []
        self.is_taken = True
        parts: list[str | ToolCallPiece] = []
        texts: list[str] = []
        chars = taken = 0
        for part in self._waiting:
            if chars > PIECE_CHARS:
                break
            taken += 1
            if isinstance(part, str):
                chars += len(part)
                texts.append(part)
                continue
            chars += len(part.arguments) + TOOL_PIECE_CHARS
            if texts:
                parts.append("".join(texts))
                texts = []
            parts.append(part)
        if texts:
            parts.append("".join(texts))
        del self._waiting[:taken]
        self._chars = self._chars - chars if self._waiting else 0
        if self._room is not None and not self._is_crowded:
            self._room.set()
        return parts

    @property
    def has_more(self) -> bool:
        """Whether anything waits."""
        return bool(self._waiting)

    @property
    def _is_crowded(self) -> bool:
        return self._chars > self._most_chars // 4

    async def drain(self) -> None:
        """Wait until there is room, for a source that can wait."""
        while self._is_crowded and not self.is_over:
            self._room = asyncio.Event()
            await self._room.wait()


class Whole:
    """A `TokenSink` for an answer in one piece. Calls `overflow` once when it grows longer than `most_chars`."""

    __slots__ = ("_chars", "_most_chars", "_overflow", "_texts", "decision", "is_over")

    def __init__(self, overflow: Callable[[], object], most_chars: int = MOST_WHOLE_CHARS) -> None:
        self._texts: list[str] = []
        self._chars = 0
        self._most_chars = most_chars
        self._overflow = overflow
        self.decision: Decision | None = None
        self.is_over = False

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self._texts)

    def write(self, tokens: list[str]) -> None:
        """Take text."""
        self._count(sum(map(len, tokens)))
        if not self.is_over:
            self._texts += tokens

    def tool_call(self, piece: ToolCallPiece) -> None:
        """Count it; the whole calls come with the completion."""
        self._count(len(piece.arguments) + TOOL_PIECE_CHARS)

    def _count(self, chars: int) -> None:
        self._chars += chars
        if self._chars > self._most_chars and not self.is_over:
            self.is_over = True
            self._overflow()

    def retract(self, reason: str) -> bool:
        """Forget all; nothing was sent."""
        self._texts.clear()
        self._chars = 0
        return True

    def decided(self, decision: Decision) -> None:
        """Note what was decided."""
        self.decision = decision

    async def drain(self) -> None:
        """There is room until there is none."""
