"""Lists in pages, all in one form: `limit` and `cursor` in, a list and `next` out."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from fastapi.exceptions import RequestValidationError
from pydantic import Field

MAX_INT8 = 2**63 - 1
_MAX_CURSOR_CHARS = 1_000
T = TypeVar("T")
Item = TypeVar("Item")

Limit = Annotated[int, Query(ge=1, le=200, description="How many at most.")]
"""How long a page may be; give it the default 50."""

Next = Annotated[
    str | None, Field(description="What `cursor` takes for the page after this one; null when there is none.")
]
"""The field `next` of a list."""


class CursorOf(Generic[T]):
    """A dependency: the place where the page before ended, as a value of one kind."""

    def __init__(self, read: Callable[[str], T]) -> None:
        self._read = read

    async def __call__(
        self,
        cursor: Annotated[
            str | None,
            Query(
                min_length=1,
                max_length=_MAX_CURSOR_CHARS,
                pattern="^[A-Za-z0-9_-]+$",
                description="`next` of the page before; none for the first page.",
            ),
        ] = None,
    ) -> T | None:
        """The place; None for the beginning."""
        if cursor is None:
            return None
        try:
            return self._read(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode())
        except ValueError:
            told = {
                "type": "cursor",
                "loc": ("query", "cursor"),
                "msg": "is no cursor of this list; send `next` of the page before",
            }
            raise RequestValidationError([told]) from None


def _text(text: str) -> str:
    if "\0" in text:
        raise ValueError
    return text


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= MAX_INT8):
        raise ValueError
    return int(text)


def _small(text: str) -> int:
    return min(_number(text), 2**31 - 1)


IdCursor = Annotated[UUID | None, Depends(CursorOf(UUID))]
"""Lists in the order of ids."""

NameCursor = Annotated[str | None, Depends(CursorOf(_text))]
"""Lists in the order of names."""

NumberCursor = Annotated[int | None, Depends(CursorOf(_number))]
"""Lists in the order of numbers up to those of `bigint`."""

VersionCursor = Annotated[int | None, Depends(CursorOf(_small))]
"""Lists in the order of numbers up to those of `integer`."""


def cursor_at(place: object) -> str:
    """The cursor of a place."""
    return urlsafe_b64encode(str(place).encode()).rstrip(b"=").decode()


def page_of(found: Sequence[Item], limit: int, place: Callable[[Item], object]) -> tuple[Sequence[Item], str | None]:
    """The page, and `next`: ask the store for one more than `limit`, so that the last page knows that it is the last."""
    page = found[:limit]
    return page, cursor_at(place(page[-1])) if len(found) > limit else None
