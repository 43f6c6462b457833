"""What a document is: its key, its value as plain JSON, and its version."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final, cast
from uuid import UUID

import orjson

from stretto.errors import Invalid

MAX_KEY_CHARS = 200
MAX_BYTES = 262_144
"""Size of a value, written as JSON. What is larger belongs elsewhere, and its address into the document."""
MAX_DEPTH = 100
KEY_PATTERN = r"[A-Za-z0-9_][A-Za-z0-9_.:@-]*(/[A-Za-z0-9_][A-Za-z0-9_.:@-]*)*"
"""Words joined by `/`. Every character sorts before `~`, which the listing of a prefix relies on."""
HISTORY = "history"
"""No key ends with this word: it is the address of a document's history."""

_KEY = re.compile(KEY_PATTERN)
_PREFIX = re.compile(r"[A-Za-z0-9_.:@/-]*")
# Nothing but what JSON has: no dates or data classes that would come back as something else.
_PLAIN = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_SUBCLASS


class Seen(Enum):
    """What a writer has seen, where it is no version."""

    ANY = "any"


ANY: Final = Seen.ANY
"""For `expected`: write whatever is there now."""
Expected = int | Seen | None
"""The version that the writer has read; None: there is no such document; `ANY`: whatever is there."""


@dataclass(frozen=True, slots=True)
class Document:
    """A version of a document: by whom, when, and in which step of which run it was written."""

    key: str
    value: Any
    version: int
    by: str
    at: datetime
    run_id: UUID | None = None
    step: str | None = None
    deleted: bool = False
    """Whether this version removed the document."""
    merged_from: int | None = None
    """The version that its writer had seen (0: none), where others had written since and both were merged."""
    kept: bool = True
    """Whether `value` is known; False where a write is answered a second time whose version is forgotten by now."""


def check_key(key: str) -> str:
    """The key, if it can be one. Raises `Invalid`."""
    if len(key) > MAX_KEY_CHARS or not _KEY.fullmatch(key):
        raise Invalid(
            f"{key[:MAX_KEY_CHARS]!r} cannot be the key of a document. Use words of letters, digits and _ . : @ - joined by "
            f"'/', at most {MAX_KEY_CHARS} characters, as in 'campaigns/spring'."
        )
    if key.rpartition("/")[2] == HISTORY:
        raise Invalid(f"The key {key!r} ends with {HISTORY!r}, which stands for a document's history. Choose another.")
    return key


def check_prefix(prefix: str) -> str:
    """The beginning of keys, if there can be one. Raises `Invalid`."""
    if len(prefix) > MAX_KEY_CHARS or not _PREFIX.fullmatch(prefix):
        raise Invalid(f"{prefix[:MAX_KEY_CHARS]!r} cannot begin a key. Keys are letters, digits and _ . : @ - and '/'.")
    return prefix


def encode(key: str, value: object) -> bytes:
    """The value as JSON. Raises `Invalid` for what JSON cannot hold, or what is too large."""
    try:
        written = orjson.dumps(value, option=_PLAIN)
    except (orjson.JSONEncodeError, RecursionError) as error:
        raise Invalid(f"The value of {key!r} is no plain JSON: {error}.") from None
    if len(written) > MAX_BYTES:
        raise Invalid(
            f"The value of {key!r} has {len(written):,} bytes as JSON; a document has at most {MAX_BYTES:,}. "
            "Divide it into several, or keep what is large elsewhere and its address here."
        )
    _check_inside(key, value)
    return written


def decode(text: str | bytes) -> Any:
    """The value of its JSON."""
    return orjson.loads(text)


def _check_inside(key: str, value: object) -> None:
    """What the encoder lets through: NaN, which it writes as null, U+0000, which PostgreSQL has not, and deep nesting."""
    todo: list[tuple[int, object]] = [(0, value)]
    while todo:
        depth, part = todo.pop()
        if depth > MAX_DEPTH:
            raise Invalid(f"The value of {key!r} is nested more than {MAX_DEPTH} levels deep. Make it flatter.")
        if isinstance(part, float) and not math.isfinite(part):
            raise Invalid(f"The value of {key!r} holds {part}, which JSON has not. Use null or a text.")
        if isinstance(part, str):
            if "\0" in part:
                raise Invalid(f"A text in {key!r} holds the character U+0000. Remove it.")
        elif isinstance(part, Mapping):
            named = cast("Mapping[str, object]", part)
            todo += [(depth + 1, each) for each in named]
            todo += [(depth + 1, each) for each in named.values()]
        elif isinstance(part, Sequence):
            todo += [(depth + 1, each) for each in cast("Sequence[object]", part)]
