"""Segmenters that read line by line: lines, paragraphs, fenced blocks of code.

A line ends at LF, CR, or CRLF, also when the two come in different tokens.
"""

from __future__ import annotations

import re
from abc import abstractmethod

from stretto.stream.cutter import Segmenter

_LINE_END = re.compile(r"[\r\n]")
_NO_SPACE = re.compile(r"\S")


class _LineSegmenter(Segmenter):
    """Tells its subclass of the text inside lines and of the lines' ends."""

    def _begin(self) -> None:
        self._after_cr = False

    def _scan(self, piece: str) -> None:
        index = 1 if self._after_cr and piece[0] == "\n" else 0
        self._after_cr = False
        while index < len(piece):
            match = _LINE_END.search(piece, index)
            end = match.start() if match else len(piece)
            if end > index:
                self._in_line(index, end)
            if match is None:
                return
            index = end + 1
            if piece[end] == "\r":
                if index == len(piece):
                    self._after_cr = True
                elif piece[index] == "\n":
                    index += 1
            self._line_ends(end)

    @abstractmethod
    def _in_line(self, start: int, end: int) -> None:
        """The piece has text of the current line from `start` to `end`."""

    @abstractmethod
    def _line_ends(self, index: int) -> None:
        """The current line ends at `index` of the piece."""


class LineSegmenter(_LineSegmenter):
    """Each line that is not blank is a segment, without its line end, with its indentation."""

    def _in_line(self, start: int, end: int) -> None:
        if not self._open:
            self._hold(start)

    def _line_ends(self, index: int) -> None:
        if self._open:
            self._emit(index, strip=False)

    def _last(self) -> None:
        if self._open:
            self._emit(0, strip=False)


class _FenceLine:
    """What matters of one line to tell whether it opens or closes a fenced block, as CommonMark 4.5 has it.

    Unlike there, an opening fence may be indented at will, since this reads no list items, whose blocks are
    indented; a closing fence may be indented by up to three more than the opening one.
    """

    __slots__ = ("indent", "mark", "rest", "run", "run_over", "ticks")

    def __init__(self) -> None:
        self.indent = 0  # white space before the first other character
        self.mark = ""  # the first character that is not white space
        self.run = 0  # how often it stands there, if it is ` or ~
        self.run_over = False
        self.rest = False  # whether anything but white space follows the run
        self.ticks = False  # whether ` is among it

    def feed(self, text: str) -> None:
        if not self.mark:
            body = text.lstrip()
            self.indent += len(text) - len(body)
            if not body:
                return
            self.mark, text = body[0], body
        if self.mark not in "`~":
            return
        if not self.run_over:
            body = text.lstrip(self.mark)
            self.run += len(text) - len(body)
            text = body
        if text:
            self.run_over = True
            self.rest = self.rest or not text.isspace()
            self.ticks = self.ticks or "`" in text

    @property
    def may_open(self) -> bool:
        """Whether this is the start of an opening fence, as far as it is known."""
        return bool(self.mark) and self.mark in "`~" and not (self.run_over and self.run < 3) and not self.foreign

    @property
    def foreign(self) -> bool:
        """Whether the info string rules an opening fence out."""
        return self.mark == "`" and self.ticks

    @property
    def opens(self) -> bool:
        return self.may_open and self.run >= 3

    def closes(self, opening: _FenceLine) -> bool:
        return (
            self.mark == opening.mark
            and self.run >= opening.run
            and not self.rest
            and self.indent <= opening.indent + 3
        )


class ParagraphSegmenter(_LineSegmenter):
    """A paragraph is what stands between blank lines, without the white space around it.

    Inside a fenced block (``` or ~~~) a blank line does not end it.
    """

    def _begin(self) -> None:
        super()._begin()
        self._line = _FenceLine()
        self._fence: _FenceLine | None = None

    def _in_line(self, start: int, end: int) -> None:
        self._line.feed(self._piece[start:end])
        if not self._open and (match := _NO_SPACE.search(self._piece, start, end)):
            self._hold(match.start())

    def _line_ends(self, index: int) -> None:
        if not self._line.mark:
            if self._open and self._fence is None:
                self._emit(index)
        elif self._fence is None:
            self._fence = self._line if self._line.opens else None
        elif self._line.closes(self._fence):
            self._fence = None
        self._line = _FenceLine()


class CodeBlockSegmenter(_LineSegmenter):
    """A fenced block of code (``` or ~~~), with its fences, is a segment; text outside is none.

    It runs from the first character of the opening fence to the last of the closing one. A block that is
    still open at the end of the text is a segment, too.
    """

    def _begin(self) -> None:
        super()._begin()
        self._line = _FenceLine()
        self._fence: _FenceLine | None = None

    def _in_line(self, start: int, end: int) -> None:
        line = self._line
        seen = bool(line.mark)
        line.feed(self._piece[start:end])
        if self._fence is None:
            if not seen and line.mark and line.mark in "`~":
                self._hold(self._piece.index(line.mark, start, end))
            if self._open and not line.may_open:
                self._drop()

    def _line_ends(self, index: int) -> None:
        line, self._line = self._line, _FenceLine()
        if self._fence is None:
            if line.opens and self._open:
                self._fence = line
            else:
                self._drop()
        elif line.closes(self._fence):
            self._fence = None
            self._emit(index)

    def _last(self) -> None:
        if self._open and (self._fence is not None or self._line.opens):
            self._emit(0)

    def _overflow(self) -> None:
        if self._fence is not None:
            super()._overflow()
            self._go_on()
        else:
            self._line.mark = "x"  # an opening line of this length is none
            self._drop()

    def _settle(self) -> None:
        if self._fence is not None and self._line.closes(self._fence):
            self._fence = None
            self._line = _FenceLine()
            self._line.mark = "x"
            self._drop()
        elif self._fence is not None or self._line.opens:
            self._go_on()
        else:
            self._drop()
