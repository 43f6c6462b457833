"""Text of models, people and files, made harmless for a terminal."""

from __future__ import annotations

import re

_HARMFUL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def safe(text: str) -> str:
    """The text without what could steer a terminal: control and bidi characters other than newline and tab.

    `\\r\\n` becomes a newline; whatever else is left out shows as U+FFFD, so that nobody is deceived.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    return _HARMFUL.sub("\ufffd", text)


def one_line(text: str, most: int = 200) -> str:
    """The text on one line of at most `most` characters, safe to show."""
    line = " ".join(safe(text[: most * 4]).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"
