"""The text of one step in memory: the hot path between the wire and everybody who reads."""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_right

import msgspec

from stretto.errors import Invalid, NotPossible

_TOP = 65535  # largest number in a cut
_UNSTORABLE = {0: "\ufffd"} | dict.fromkeys(range(0xD800, 0xE000), "\ufffd")


class TextChunk(msgspec.Struct, frozen=True):
    """Text for one row of the journal: `position` is the offset of its first character.

    `cuts` holds, for each token, two little-endian uint16: its length in code points, and the delay
    in ms since the token before (at most 65535). A length of 65535 says that the next pair belongs to
    the same token, so that tokens of any length come back as they were.
    """

    step: str
    attempt: int
    position: int
    text: str
    cuts: bytes


class StepText:
    """What one step has written so far, over all its attempts.

    Offsets count code points. `now_ms` is any clock in whole ms that does not go back. NUL and lone
    surrogates, which PostgreSQL cannot store, become U+FFFD one for one.
    """

    __slots__ = ("_delays", "_last_ms", "_length", "_lengths", "_parts", "_saved", "_starts", "attempt", "step")

    def __init__(self, step: str, *, attempt: int = 1, now_ms: int = 0, text: str = "") -> None:
        """Begin an attempt; `text` is what the journal already holds of this step's stream."""
        self.step = step
        self.attempt = attempt
        self._parts: list[str] = [text] if text else []
        self._starts: list[int] = [0] if text else []
        self._length = len(text)
        self._saved = len(text)  # everything before this offset was given to the journal
        self._lengths: list[int] = []  # of the tokens after it
        self._delays: list[int] = []
        self._last_ms = now_ms

    def __len__(self) -> int:
        return self._length

    @property
    def length(self) -> int:
        """Code points written so far; the offset of what comes next."""
        return self._length

    @property
    def saved(self) -> int:
        """Offset up to which the text was given to the journal."""
        return self._saved

    def append(self, tokens: list[str], now_ms: int) -> str:
        """Add tokens that came together at `now_ms`; gives them as one string."""
        text = tokens[0] if len(tokens) == 1 else "".join(tokens)
        if not text:
            return text
        if not text.isascii() or "\0" in text:
            text = _storable(text)
        self._parts.append(text)
        self._starts.append(self._length)
        self._length += len(text)
        delay = now_ms - self._last_ms
        self._last_ms = now_ms
        self._delays.append(delay if 0 <= delay < _TOP else _TOP if delay > 0 else 0)
        if len(tokens) == 1:
            self._lengths.append(len(text))
        else:
            self._lengths.extend(map(len, tokens))
            self._delays.extend([0] * (len(tokens) - 1))
        return text

    def slice(self, start: int, end: int | None = None) -> str:
        """Give the text from `start` up to `end` (default: all there is); costs as much as it gives."""
        end = self._length if end is None else min(end, self._length)
        if start >= end:
            return ""
        first = bisect_right(self._starts, start) - 1
        last = bisect_right(self._starts, end - 1)
        if first == 0 and last == len(self._parts) > 1:
            self._parts, self._starts = ["".join(self._parts)], [0]
            last = 1
        base = self._starts[first]
        text = self._parts[first] if last == first + 1 else "".join(self._parts[first:last])
        return text[start - base : end - base]

    def take_pending(self) -> TextChunk | None:
        """Give what came since the last call, for the journal; None when nothing did."""
        if self._saved == self._length:
            return None
        chunk = TextChunk(
            self.step, self.attempt, self._saved, self.slice(self._saved), _pack_cuts(self._lengths, self._delays)
        )
        self._saved = self._length
        self._lengths, self._delays = [], []
        return chunk

    def retract(self, from_offset: int) -> None:
        """Take back the text from `from_offset` on, whether or not the journal has it.

        Text that was shown but not yet taken is dropped too: take it first, so that a replay shows it.
        Raises `Invalid` when the text does not reach that far.
        """
        if not 0 <= from_offset <= self._length:
            raise Invalid(
                f"Step {self.step!r} has {self._length} characters of text; it cannot be cut back to {from_offset}.",
                step=self.step,
            )
        while self._starts and self._starts[-1] >= from_offset:
            self._starts.pop()
            self._parts.pop()
        if self._parts:
            self._parts[-1] = self._parts[-1][: from_offset - self._starts[-1]]
        surplus = self._length - max(from_offset, self._saved)
        while surplus > 0:
            if self._lengths[-1] > surplus:
                self._lengths[-1] -= surplus
                break
            surplus -= self._lengths.pop()
            self._delays.pop()
        self._length = from_offset
        self._saved = min(self._saved, from_offset)

    def start_attempt(self, attempt: int, now_ms: int) -> None:
        """Go on in a new attempt, at the end of the text; delays count from now on.

        Raises `NotPossible` while text of the attempt before is still pending.
        """
        if self._saved != self._length:
            raise NotPossible(
                f"Step {self.step!r} has text of attempt {self.attempt} that was not taken. Take it, then start.",
                step=self.step,
            )
        self.attempt = attempt
        self._last_ms = now_ms


def cuts_to_tokens(text: str, cuts: bytes) -> list[tuple[str, int]]:
    """Split a row's text into its tokens, each with its delay in ms since the one before."""
    numbers = array("H", cuts)
    if sys.byteorder == "big":
        numbers.byteswap()
    tokens: list[tuple[str, int]] = []
    start = end = 0
    delay: int | None = None
    for index in range(0, len(numbers), 2):
        if delay is None:
            delay = numbers[index + 1]
        end += numbers[index]
        if numbers[index] < _TOP:
            tokens.append((text[start:end], delay))
            start, delay = end, None
    return tokens


def _pack_cuts(lengths: list[int], delays: list[int]) -> bytes:
    if max(lengths) >= _TOP:
        lengths, delays = _split_long(lengths, delays)
    numbers = array("H", bytes(4 * len(lengths)))
    numbers[0::2] = array("H", lengths)
    numbers[1::2] = array("H", delays)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _split_long(lengths: list[int], delays: list[int]) -> tuple[list[int], list[int]]:
    short_lengths: list[int] = []
    short_delays: list[int] = []
    for length, delay in zip(lengths, delays, strict=True):
        pieces = [_TOP] * (length // _TOP) + [length % _TOP]
        short_lengths += pieces
        short_delays += [delay] + [0] * (len(pieces) - 1)
    return short_lengths, short_delays


def _storable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.translate(_UNSTORABLE)
    return text.replace("\0", "\ufffd")
