"""What is remembered, and what is found."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from stretto.errors import Invalid

MAX_TEXT_CHARS = 100_000
MAX_METADATA_BYTES = 16_384
MAX_KEY_CHARS = 512
MAX_NAME_CHARS = 128
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_UNSEEN = re.compile(r"[\x00\ud800-\udfff]")
"""What PostgreSQL's text cannot hold."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place on the earth, in degrees (WGS 84)."""

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.latitude) and -90 <= self.latitude <= 90):
            raise Invalid(f"The latitude {self.latitude!r} is not between -90 and 90.")
        if not (math.isfinite(self.longitude) and -180 <= self.longitude <= 180):
            raise Invalid(f"The longitude {self.longitude!r} is not between -180 and 180.")


@dataclass(frozen=True, slots=True)
class Item:
    """A text to be remembered. `key` is its name in the collection: an item that is there under it is replaced."""

    key: str
    text: str
    metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    place: Place | None = None

    def digest(self) -> bytes:
        """SHA-256 of the text: equal texts have equal vectors."""
        return hashlib.sha256(self.text.encode()).digest()


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection of items. `next_model`, if there is one, makes its vectors anew, while those of `model` are searched."""

    id: int
    name: str
    language: str
    model: str
    dimensions: int
    next_model: str | None
    next_dimensions: int | None
    items: int
    words: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    """That a list of results has a hit, and at which rank (1 is the best).

    `score` is the list's own: the cosine (`vector`), BM25 (`text`), or the distance in km (`place`).
    """

    list: str
    rank: int
    score: float


@dataclass(frozen=True, slots=True)
class Passage:
    """The piece of a long text that answers best, and where it stands in the text."""

    text: str
    begins: int
    ends: int


@dataclass(frozen=True, slots=True)
class Hit:
    """An item that was found, and why."""

    key: str
    text: str
    metadata: Mapping[str, Any]
    place: Place | None
    at: datetime
    score: float
    """What the hits are ordered by: `fused` and `reranked`, weighed; from 0 to 1."""
    fused: float
    """Reciprocal rank fusion of the lists, 1 for what is first in all that were asked."""
    reranked: float
    """What the re-ranker says, from 0 to 1."""
    lists: Sequence[Listed]
    """Which lists have it, and where."""
    passage: Passage | None = None
    """Of a text that is longer than a model reads at once, the piece that was found; None where the text is short."""

    @property
    def telling(self) -> str:
        """What was found: the passage, or all of a short text."""
        return self.text if self.passage is None else self.passage.text


@dataclass(frozen=True, slots=True)
class Found:
    """The hits of a search, best first, and which lists were asked."""

    hits: Sequence[Hit]
    asked: Mapping[str, int]
    """How many items each list that was asked gave."""
    notes: Sequence[str] = ()
    """What the search had to do without, and why."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """What became of items: how many are new or changed, and how many were there just so."""

    written: int
    unchanged: int
    embedded: int
    """Texts that the model had to read; the vectors of the others were known."""


def check_name(name: str) -> None:
    """Raise `Invalid` for what cannot name a collection."""
    if len(name) > MAX_NAME_CHARS or not _NAME.fullmatch(name):
        raise Invalid(
            f"{name[:64]!r} cannot name a collection. Use letters, digits, '.', '_' and '-', at most {MAX_NAME_CHARS}."
        )


def check_language(language: str) -> None:
    """Raise `Invalid` for what cannot name a text search configuration."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", language):
        raise Invalid(f"{language[:64]!r} names no text search configuration. Use one such as 'english' or 'simple'.")


def readable(text: str) -> str:
    """A text without what PostgreSQL cannot hold."""
    return _UNSEEN.sub(" ", text)


def check_item(item: Item) -> bytes:
    """The item's metadata as JSON. Raises `Invalid` for what cannot be kept."""
    if not item.key or len(item.key) > MAX_KEY_CHARS or _UNSEEN.search(item.key):
        raise Invalid(
            f"The key {item.key[:64]!r} cannot be used. It needs 1 to {MAX_KEY_CHARS} characters, none of them NUL."
        )
    if not item.text.strip():
        raise Invalid(f"The item {item.key[:64]!r} has no text. Leave it out, or give it one.")
    if len(item.text) > MAX_TEXT_CHARS:
        raise Invalid(
            f"The text of {item.key[:64]!r} is longer than {MAX_TEXT_CHARS:,} characters. Cut it into several items."
        )
    if _UNSEEN.search(item.text):
        raise Invalid(f"The text of {item.key[:64]!r} holds a NUL or half a character. Remove it.")
    try:
        metadata = orjson.dumps(dict(item.metadata))
    except (TypeError, ValueError) as error:
        raise Invalid(f"The metadata of {item.key[:64]!r} is no JSON: {error}. Mend it.") from None
    if len(metadata) > MAX_METADATA_BYTES:
        raise Invalid(
            f"The metadata of {item.key[:64]!r} is larger than {MAX_METADATA_BYTES:,} bytes. Keep less of it."
        )
    if b"\\u0000" in metadata:
        raise Invalid(f"The metadata of {item.key[:64]!r} holds a NUL. Remove it.")
    return metadata
