"""Collecting every mistake of a document with its place, so that a person mends them all in one go."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from stretto.errors import DocumentInvalid, Problem

MOST_PROBLEMS = 200
_COMPARED = 300  # words that are compared to find the nearest

Path = tuple[str | int, ...]
"""Where something stands in a document: the keys and list positions from its top."""


class Fault(Exception):
    """One mistake inside a text (a template, an expression, a duration), before its place in the file is known.

    `offset` counts characters from the start of the text; None means the text as a whole.
    """

    def __init__(self, message: str, remedy: str = "", offset: int | None = None) -> None:
        self.message = message
        self.remedy = remedy
        self.offset = offset
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in a file, counted from 1."""

    file: str
    line: int
    column: int
    path: Path | None = field(default=None, compare=False)


class Places:
    """Where in which file each part of a document stands. This one knows only the document's name."""

    def __init__(self, file: str) -> None:
        self.file = file

    def key(self, path: Path) -> Spot:
        """The place of the key that ends `path`."""
        return self.value(path)

    def value(self, path: Path, offset: int | None = None) -> Spot:
        """The place of the value at `path`, or of the character at `offset` inside it."""
        trail = path_text(path)
        return Spot(f"{self.file}, at {trail}" if trail else self.file, 0, 0, path)


class PlacesWithin(Places):
    """The places of a part of a document, by paths from the part's own top."""

    def __init__(self, places: Places, prefix: Path) -> None:
        super().__init__(places.file)
        self._places = places
        self._prefix = prefix

    def key(self, path: Path) -> Spot:
        """The place of the key that ends `path`."""
        return self._places.key((*self._prefix, *path))

    def value(self, path: Path, offset: int | None = None) -> Spot:
        """The place of the value at `path`, or of the character at `offset` inside it."""
        return self._places.value((*self._prefix, *path), offset)


def path_text(path: Path) -> str:
    """A path as a person writes it: `steps.build.branch[0].when`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


class Enough(Exception):
    """So many problems are found that looking for more helps nobody."""


@dataclass(slots=True)
class Problems:
    """The mistakes found so far in one document and those that belong to it."""

    found: list[Problem] = field(default_factory=list[Problem])
    _seen: set[tuple[Spot, str]] = field(default_factory=set[tuple[Spot, str]])

    def add(self, spot: Spot, message: str, remedy: str = "") -> None:
        """Notes one mistake; the same one at the same place counts once. Raises `Enough` after `MOST_PROBLEMS`."""
        if (spot, message) in self._seen:
            return
        if len(self.found) >= MOST_PROBLEMS:
            raise Enough
        self._seen.add((spot, message))
        self.found.append(Problem(spot.file, spot.line, spot.column, message, remedy, spot.path))

    def raise_if_any(self, main_file: str, error: type[DocumentInvalid]) -> None:
        """Raises `error` with all of them in order of place, those of `main_file` first."""
        if not self.found:
            return
        in_order = sorted(
            self.found,
            key=lambda found: (found.file != main_file, found.file if found.line else "", found.line, found.column),
        )
        if len(in_order) >= MOST_PROBLEMS:
            more = "there are more problems than these."
            in_order.append(Problem(main_file, 0, 0, more, f"Mend these {MOST_PROBLEMS} first."))
        raise error(in_order)


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word that `word` was probably meant to be."""
    lower = word.lower()
    words = [other for other in known if abs(len(other) - len(word)) <= max(2, len(word) // 2)]
    if len(words) > _COMPARED:
        words = [other for other in words if other[:1].lower() == lower[:1]][:_COMPARED]
    folded = {other.lower(): other for other in words}
    close = difflib.get_close_matches(word, words, n=1) or difflib.get_close_matches(lower, list(folded), n=1)
    return folded.get(close[0].lower()) if close else None


def suggest(word: str, known: Iterable[str], otherwise: str = "") -> str:
    """`Did you mean …?` for a word that is near a known one, else `otherwise`, else what there is."""
    words = list(known)
    close = nearest(word, words)
    if close:
        return f"Did you mean `{close}`?"
    if otherwise:
        return otherwise
    return f"There {'is' if len(words) == 1 else 'are'} {listing(words)}." if words else ""


def listing(words: Sequence[str], most: int = 12, joint: str = "and") -> str:
    """Words in a row, as in a sentence: `a`, `b` and `c`."""
    shown = [f"`{word}`" for word in words[:most]]
    if len(words) > most:
        return ", ".join(shown) + f" and {len(words) - most} more"
    if len(shown) < 2:
        return "".join(shown)
    return ", ".join(shown[:-1]) + f" {joint} {shown[-1]}"
