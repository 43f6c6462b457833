"""The segmenter of JSON elements."""

from __future__ import annotations

import re
from collections.abc import Callable

from stretto.stream.cutter import Segmenter

_OPENING = re.compile(r"[\[{]")
_NO_SPACE = re.compile(r"\S")
_NO_GAP = re.compile(r"[^\s,]")
_SCALAR_END = re.compile(r"[\s,\]}\[{\"]")
_SCALAR = re.compile(r"true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)
_NESTING = re.compile(r"[\"\[\]{}]")
_IN_STRING = re.compile(r"[\"\\]")


class JsonItemSegmenter(Segmenter):
    """Each element of the first array, or each object of JSON Lines, is a segment: the element's JSON.

    Text around it, such as prose or a code fence, is passed over. What comes first decides: a `[` that an
    element follows begins the array (`[ ]` and `[link]` do not, nor does `[1]` in mid-line, which is a
    footnote), and a `{` that a `"` or `}` follows begins JSON Lines. An element is given as soon as it is complete; numbers and words when what follows shows it. Nothing
    more is checked than brackets and strings, so a segment may still be no JSON inside. An element that the end
    of the text leaves incomplete is no segment.
    """

    def _begin(self) -> None:
        self._look = self._seek
        self._lines = False
        self._depth = 0
        self._string = False
        self._escaped = False
        self._blank = True  # whether the line, as far as it was seen, is blank
        self._footnote = False  # whether a number after the [ means a footnote

    def _scan(self, piece: str) -> None:
        index = 0
        while index < len(piece):
            index = self._look(index)
        self._blank = self._line_is_blank(len(piece))

    def _line_is_blank(self, index: int) -> bool:
        line = self._piece[:index]
        start = max(line.rfind("\n"), line.rfind("\r")) + 1
        return (start > 0 or self._blank) and not line[start:].strip()

    def _seek(self, index: int) -> int:
        match = _OPENING.search(self._piece, index)
        if match is None:
            return len(self._piece)
        if match[0] == "{":
            self._hold(match.start())
            self._look = self._after_brace
        else:
            self._footnote = not self._line_is_blank(match.start())
            self._look = self._after_bracket
        return match.end()

    def _after_bracket(self, index: int) -> int:
        match = _NO_SPACE.search(self._piece, index)
        if match is None:
            return len(self._piece)
        mark = match[0]
        if mark in '[{"' or (mark in "-0123456789" and not self._footnote):
            self._look = self._between
        elif mark in "tfn":
            self._hold(match.start())
            self._look = self._first_word
        else:
            self._look = self._seek
        return match.start()

    def _after_brace(self, index: int) -> int:
        match = _NO_SPACE.search(self._piece, index)
        if match is None:
            return len(self._piece)
        if match[0] in '"}':
            self._lines = True
            self._depth = 1
            self._look = self._nested
        else:
            self._drop()
            self._look = self._between_lines if self._lines else self._seek
        return match.start()

    def _first_word(self, index: int) -> int:
        return self._in_word(index, otherwise=self._seek)

    def _in_scalar(self, index: int) -> int:
        return self._in_word(index, otherwise=self._between)

    def _in_word(self, index: int, otherwise: Callable[[int], int]) -> int:
        match = _SCALAR_END.search(self._piece, index)
        if match is None:
            return len(self._piece)
        self._emit(match.start())
        if _SCALAR.fullmatch(self._out[-1].text):
            self._look = self._between
        else:
            self._out.pop()
            self._look = otherwise
        return match.start()

    def _between(self, index: int) -> int:
        match = _NO_GAP.search(self._piece, index)
        if match is None:
            return len(self._piece)
        mark = match[0]
        if mark == "]":
            self._look = self._after_array
            return match.end()
        if mark == "}":
            return match.end()
        self._hold(match.start())
        self._look = self._nested if mark in '[{"' else self._in_scalar
        return match.start()

    def _between_lines(self, index: int) -> int:
        start = self._piece.find("{", index)
        if start < 0:
            return len(self._piece)
        self._hold(start)
        self._look = self._after_brace
        return start + 1

    def _nested(self, index: int) -> int:
        if self._escaped:
            self._escaped = False
            return index + 1
        match = (_IN_STRING if self._string else _NESTING).search(self._piece, index)
        if match is None:
            return len(self._piece)
        mark = match[0]
        if mark == "\\":
            self._escaped = True
        elif mark == '"':
            self._string = not self._string
        else:
            self._depth += 1 if mark in "[{" else -1
        if self._depth <= 0 and not self._string:
            self._depth = 0
            self._emit(match.end(), strip=False)
            self._look = self._between_lines if self._lines else self._between
        return match.end()

    def _after_array(self, index: int) -> int:
        return max(index, len(self._piece))

    def _last(self) -> None:
        self._drop()

    def _settle(self) -> None:
        self._drop()
        self._look = self._between

    def _overflow(self) -> None:
        if self._look == self._nested:
            super()._overflow()
            self._go_on()
        else:
            self._drop()
            if (self._look == self._after_brace and not self._lines) or self._look == self._first_word:
                self._look = self._seek
            else:
                self._look = self._between_lines if self._lines else self._between
