"""The segmenter of sentences."""

from __future__ import annotations

import re

from stretto.stream.cutter import Segmenter

_CJK = "。！？｡．"
_STOPS = ".!?…" + _CJK
_CLOSERS = "\"'”’»›)]}」』】》〉）］｝*_~"
_TAIL = 16  # longer than any abbreviation

_START = re.compile(r"\S")
_TURN = re.compile(rf"[{re.escape(_STOPS)}\r\n]")
_AFTER_RUN = re.compile(rf"[^{re.escape(_STOPS + _CLOSERS)}]")
_LAST_WORD = re.compile(r"[^\s(\[{\"'“”‘’«»<>—–/|*_~`]+$")
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")

_WORDS = re.compile(r"\S+")

# After these a full stop ends no sentence.
_ABBREVIATIONS = frozenset(
    _WORDS.findall("""
        Mr Mrs Ms Mx Dr Prof Rev Hon Gen Col Sgt Capt Lt Maj Cmdr Gov Sen Rep Pres St Mt Messrs vs cf viz approx
    """)
)
# After these it does, unless what follows starts with a small letter or a digit.
_MAYBE = frozenset(
    _WORDS.findall("""
        etc al inc ltd co corp jr sr bros dept univ est ca no nos p pp vol ch fig figs eq eqs sec art ref ver
        jan feb mar apr jun jul aug sep sept oct nov dec a.m p.m ph.d bzw usw
    """)
)


class SentenceSegmenter(Segmenter):
    """A sentence is a segment, without the white space around it.

    It ends after `.`, `!`, `?` or `…` (any number of them, and closing quotes, brackets and emphasis marks)
    when white space follows; after `。`, `！`, `？` (and closing marks) whatever follows; at a blank line; and
    at the end of the text. A single full stop does not end it after `Mr` and the like, after initials (`J.`),
    inside dotted abbreviations (`e.g.`, `U.S.`), and after the number of a list's item. After `etc.` and the
    like, after `...` and `…`, and after closing marks that follow `!` or `?`, the sentence goes on when a
    small letter or a digit follows (`"Really?" she asked.`).
    """

    def _begin(self) -> None:
        self._look = self._in_text
        self._tail = ""  # the last code points before the piece
        self._begin_run()
        self._soft = False  # in white space after what may be an end
        self._lines = 0  # line ends in the white space looked at
        self._after_cr = False

    def _begin_run(self) -> None:
        self._dots = 0
        self._hard = self._wide = self._ellipsis = self._closed = False
        self._word = ""  # before the run; "" when it is of no interest

    def _scan(self, piece: str) -> None:
        index = 0
        while index < len(piece):
            if not self._open:
                match = _START.search(piece, index)
                if match is None:
                    break
                index = match.start()
                self._hold(index)
                self._look = self._in_text
            index = self._look(index)
        self._tail = (self._tail + piece)[-_TAIL:]

    def _in_text(self, index: int) -> int:
        match = _TURN.search(self._piece, index)
        if match is None:
            return len(self._piece)
        if match[0] in "\r\n":
            return self._enter_space(match.start(), soft=False)
        self._begin_run()
        if match[0] == ".":
            self._word = self._word_before(match.start())
        self._look = self._in_run
        return match.start()

    def _in_run(self, index: int) -> int:
        piece = self._piece
        match = _AFTER_RUN.search(piece, index)
        end = match.start() if match else len(piece)
        for mark in piece[index:end]:
            if mark == ".":
                self._dots += 1
            elif mark == "…":
                self._ellipsis = True
            elif mark in "!?":
                self._hard = True
            elif mark in _CJK:
                self._wide = True
            else:
                self._closed = True
        if match is None:
            return end
        if self._wide:
            self._emit(end)
            return end
        if not match[0].isspace():
            self._look = self._in_text
            return end
        verdict = self._verdict()
        if verdict == "end":
            self._emit(end)
            return end
        return self._enter_space(end, soft=verdict == "maybe")

    def _verdict(self) -> str:
        if self._hard:
            return "maybe" if self._closed else "end"
        if self._ellipsis or self._dots > 1:
            return "maybe"
        word = self._word
        if word == "#" or word in _ABBREVIATIONS:
            return "on"
        if word.lower() in _MAYBE:
            return "maybe"
        if _DOTTED.fullmatch(word):
            return "on"
        if len(word) == 1 and word.isalpha() and word != "I":
            return "on" if word.isupper() else "maybe"
        return "end"

    def _enter_space(self, index: int, *, soft: bool) -> int:
        self._soft = soft
        self._lines = 0
        self._after_cr = False
        self._look = self._in_space
        return index

    def _in_space(self, index: int) -> int:
        piece = self._piece
        while index < len(piece):
            mark = piece[index]
            if not mark.isspace():
                if self._soft and not (mark.islower() or mark.isdigit()):
                    self._emit(index)
                else:
                    self._look = self._in_text
                return index
            if mark == "\r" or (mark == "\n" and not self._after_cr):
                self._lines += 1
                if self._lines == 2:
                    self._emit(index)
                    return index
            self._after_cr = mark == "\r"
            index += 1
        return index

    def _word_before(self, index: int) -> str:
        """Give the word before a full stop; `#` for the number of a list's item."""
        piece = self._piece
        length = min(_TAIL, self._base + index - self._start)
        before = piece[index - length : index] if index >= length else (self._tail + piece[:index])[-length:]
        match = _LAST_WORD.search(before) if length else None
        if match is None:
            return ""
        word = match[0]
        if len(word) <= 3 and word.isdigit():
            lead = before[: match.start()].rstrip(" \t")
            first = self._base + index - len(word) == self._start
            return "#" if first or lead.endswith(("\n", "\r")) else ""
        return word
