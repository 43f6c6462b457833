"""The segmenter of every so many tokens."""

from __future__ import annotations

import re

from stretto.errors import Invalid
from stretto.stream.cutter import MAX_SEGMENT_CHARS, Segmenter

WORD_CHARS = 6
"""Code points of a word that count as one token."""

_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\u3099\u309a\ufe00-\ufe0f\ufe20-\ufe2f"
    "\u200d\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f\U000e0100-\U000e01ef"
)
_WIDE = "\u3040-\u3098\u309b-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_RUN = re.compile(rf"(\s+)|([{_MARKS}]+)|([^\W{_MARKS}{_WIDE}]+)|.", re.DOTALL)
_JOINER = "\u200d"


class TokenSegmenter(Segmenter):
    """Every `n` tokens are a segment; the segments together are the whole text.

    A token here is an approximation on the text itself, not the provider's token, which depends on how the
    text came: each beginning six letters or digits of a word are one, each other character (such as a
    punctuation mark, a CJK character or an emoji) is one, and white space belongs to the token after it. Combining
    marks, variation selectors, skin tones and what a zero-width joiner joins belong to the token before.
    A segment is given when the token after it begins.
    """

    def __init__(self, n: int, limit: int = MAX_SEGMENT_CHARS) -> None:
        if n < 1:
            raise Invalid(f"tokens: {n} is not possible. Give a number of tokens from 1 up.")
        self._n = n
        super().__init__(limit)

    def _begin(self) -> None:
        self._count = 0  # tokens in the segment
        self._word = 0  # code points of the word that is being looked at
        self._end = 0  # offset after the last token
        self._joining = False

    def _scan(self, piece: str) -> None:
        if not self._open:
            self._hold(0)
            self._end = self._base
        for match in _RUN.finditer(piece):
            start, end = match.span()
            kind = match.lastindex
            if kind == 1:
                self._word = 0
                self._joining = False
                continue
            if kind == 2:
                self._joining = match[0][-1] == _JOINER
            elif kind == 3:
                self._word_goes_on(start, end)
            else:
                if not self._joining:
                    self._token(start)
                self._word = 0
                self._joining = False
            self._end = self._base + end

    def _word_goes_on(self, start: int, end: int) -> None:
        first = start + -self._word % WORD_CHARS
        if self._joining and first == start:
            first += WORD_CHARS
        self._joining = False
        for index in range(first, end, WORD_CHARS):
            if index > start or self._word:
                self._end = self._base + index
            self._token(index)
        self._word += end - start

    def _token(self, index: int) -> None:
        """A token begins at `index` of the piece; the one before it ended at `_end`."""
        if self._count == self._n:
            start = self._start
            held = self._take(index)
            text, rest = held[: self._end - start], held[self._end - start :]
            self._add(start, text)
            self._hold(index)
            self._start = self._end
            self._parts = [rest] if rest else []
            self._count = 0
        self._count += 1

    def _last(self) -> None:
        if self._open:
            start = self._start
            self._add(start, self._take(0))

    def _settle(self) -> None:
        self._drop()
        self._count = self._word = 0
        self._joining = False

    def _overflow(self) -> None:
        self._piece, self._from = "", 0
        self._last()
        self._count = self._word = 0
