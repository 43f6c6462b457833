"""What all segmenters share: holding the unfinished segment, offsets, the bound, retraction.

A segmenter is a state machine over code points. It looks at each one once, and what it decides
depends on the code points alone; so the segments are the same however the text was cut into tokens,
and the time is linear in the text.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from collections.abc import Callable

import msgspec

from stretto.errors import NotPossible

MAX_SEGMENT_CHARS = 1_000_000
"""A segment that gets longer is cut here."""


class Segment(msgspec.Struct, frozen=True):
    """A piece of a step's stream; `start` and `end` are offsets in code points in the whole stream."""

    start: int
    end: int
    text: str


class Segmenter(ABC):
    """Cuts a stream of text into segments while it is being written.

    Memory: the text of the unfinished segment, at most `limit` code points (a longer segment is cut
    there), and eight bytes for each segment given. A segment of white space alone is not given.
    """

    def __init__(self, limit: int = MAX_SEGMENT_CHARS) -> None:
        self._limit = limit
        self._ends = array("Q")  # of the segments given, in order
        self._out: list[Segment] = []
        self._finished = False
        self._at = 0  # offset after the last code point seen
        self._piece = ""  # what is being looked at, and
        self._base = 0  # the offset of its start
        self._open = False  # whether text is held: from _start on, in _parts and in _piece from index _from on
        self._start = 0
        self._parts: list[str] = []
        self._from = 0
        self._begin()

    def feed(self, text: str) -> list[Segment]:
        """Take the text that comes next; gives the segments that are complete now.

        Raises `NotPossible` after `finish`, unless the text was retracted since.
        """
        if self._finished:
            raise NotPossible("The text was finished, so nothing can be added. Retract, or make a new segmenter.")
        index = 0
        while index < len(text):
            room = self._limit - (self._at - self._start if self._open else 0)
            self._piece = text[index : index + room] if index or len(text) > room else text
            self._base = self._at
            self._from = 0
            self._scan(self._piece)
            index += len(self._piece)
            self._at = self._base + len(self._piece)
            if self._open:
                if self._from < len(self._piece):
                    self._parts.append(self._piece[self._from :])
                if self._at - self._start >= self._limit:
                    self._overflow()
        return self._give()

    def finish(self) -> list[Segment]:
        """Say that the text ends here; gives what is left."""
        if self._finished:
            return []
        self._finished = True
        self._piece, self._base, self._from = "", self._at, 0
        self._last()
        return self._give()

    def retract(self, from_offset: int, text: Callable[[int, int], str]) -> list[Segment]:
        """Go back to `from_offset`, as if nothing had followed; `text(start, end)` reads the text before it.

        Segments given that end at or before `from_offset` stand, and what comes is cut from the end of
        the last of them on; the caller drops the others. Gives segments only when the kept text
        completes one. Costs as much as feeding the kept text again. An offset that was not reached yet is fine.
        """
        from_offset = min(from_offset, self._at)
        kept = array("Q", [end for end in self._ends if end <= from_offset])
        self._ends = array("Q")
        self._finished = self._open = False
        self._parts = []
        self._at = 0
        self._begin()
        for end in kept:
            self.feed(text(self._at, end))
            if self._open and self._at > self._start:
                self._settle()
        self._ends = kept
        return self.feed(text(self._at, from_offset)) if from_offset > self._at else []

    @abstractmethod
    def _begin(self) -> None:
        """Set the state for the start of a text."""

    @abstractmethod
    def _scan(self, piece: str) -> None:
        """Look at the code points of `piece`."""

    def _last(self) -> None:
        """Emit what is left at the end of the text."""
        if self._open:
            self._emit(0)

    def _settle(self) -> None:
        """Set the state for what follows a segment that ends right here, though the text did not show that yet."""
        self._drop()

    def _overflow(self) -> None:
        """Cut the segment that has reached the limit."""
        self._base, self._piece, self._from = self._at, "", 0
        self._emit(0, strip=False)

    def _hold(self, index: int) -> None:
        """Begin a segment at `index` of the piece."""
        self._open = True
        self._start = self._base + index
        self._from = index
        self._parts = []

    def _go_on(self) -> None:
        """Hold what follows as a further segment."""
        self._open = True
        self._start = self._at
        self._parts = []

    def _drop(self) -> None:
        """Let go of the text held."""
        self._open = False
        self._parts = []

    def _take(self, index: int) -> str:
        """Let go of the text held, up to `index` of the piece, and give it."""
        self._parts.append(self._piece[self._from : index])
        text = "".join(self._parts)
        self._drop()
        return text

    def _emit(self, index: int, *, strip: bool = True) -> None:
        """Make a segment of the text held up to `index` of the piece."""
        text = self._take(index)
        if strip:
            text = text.rstrip()
        if not text.isspace():
            self._add(self._start, text)

    def _add(self, start: int, text: str) -> None:
        if text:
            self._out.append(Segment(start, start + len(text), text))

    def _give(self) -> list[Segment]:
        out, self._out = self._out, []
        self._ends.extend([segment.end for segment in out])
        return out
