"""The cursor of a run's stream: what a client has seen, as a short string.

Form: `12` (everything up to row 12), or `12!1.80.build(2).code!1.7.design` (and, of text that had
no row yet: of step `build[2].code`, attempt 1, everything before offset 80; …). It holds only
characters that stand unescaped in a URL's query and in a header.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import msgspec

from stretto.errors import Invalid

MAX_CHARS = 2048
"""Longest string form. `Reading` takes no more live text than fits."""

MAX_SEQ = 2**31 - 1  # PostgreSQL's integer
_NO_LIVE: Mapping[str, tuple[int, int]] = MappingProxyType({})
_NUMBER = r"(0|[1-9][0-9]{0,9})"
_SEQ = re.compile(_NUMBER)
_ENTRY = re.compile(rf"{_NUMBER}\.{_NUMBER}\.((?:[A-Za-z0-9_.()-]|\*[0-9a-f]{{2}})+)")
_ODD = re.compile(r"[^A-Za-z0-9_.\[\]-]")
_ESCAPES = re.compile(r"(?:\*[0-9a-f]{2})+")


class Cursor(msgspec.Struct, frozen=True):
    """Everything of the journal up to row `seq` was seen, and of the steps in `live` some text more.

    `live` maps a step to (attempt, offset): all text before that offset was seen, although the
    journal up to `seq` does not hold it. A later retraction of the step makes its entry void.
    """

    seq: int = 0
    live: Mapping[str, tuple[int, int]] = _NO_LIVE

    def __str__(self) -> str:
        if not self.live:
            return str(self.seq)
        entries = [f"!{attempt}.{offset}.{encode_step(step)}" for step, (attempt, offset) in self.live.items()]
        entries.sort()
        return str(self.seq) + "".join(entries)

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Read a cursor's string form. Raises `Invalid` on anything that `str` would not have written."""
        if len(text) > MAX_CHARS:
            raise Invalid(f"The cursor is longer than {MAX_CHARS} characters. Send back the id of the last event.")
        head, *entries = text.split("!")
        seq = _SEQ.fullmatch(head)
        live: dict[str, tuple[int, int]] = {}
        good = seq is not None
        for entry in entries:
            match = _ENTRY.fullmatch(entry)
            if match is None:
                good = False
                break
            try:
                live[_decode_step(match[3])] = (int(match[1]), int(match[2]))
            except UnicodeDecodeError:
                good = False
                break
        if seq is not None and good and int(seq[1]) <= MAX_SEQ:
            cursor = cls(int(seq[1]), live)
            if str(cursor) == text:
                return cursor
        shown = text if len(text) <= 60 else text[:60] + "…"
        raise Invalid(
            f"{shown!r} is not a cursor. Send back the id of the last event as it came, or none to start over."
        )


START = Cursor()
"""The cursor of one who has seen nothing."""


def entry_chars(step: str) -> int:
    """Tell how many characters a live entry of `step` can take in a cursor, at most."""
    return len(encode_step(step)) + 23


@lru_cache(maxsize=4096)
def encode_step(step: str) -> str:
    """Write a step's path with characters that need no escape in a URL."""
    plain = _ODD.sub(lambda odd: "".join(f"*{byte:02x}" for byte in odd[0].encode()), step)
    return plain.replace("[", "(").replace("]", ")")


def _decode_step(encoded: str) -> str:
    plain = encoded.replace("(", "[").replace(")", "]")
    return _ESCAPES.sub(lambda run: bytes.fromhex(run[0].replace("*", "")).decode(), plain)
