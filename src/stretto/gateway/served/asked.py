"""What a client asked for, whatever its dialect."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, TypeVar

import msgspec

from stretto.errors import RequestUnread
from stretto.gateway.provider import Image, ModelRequest

T = TypeVar("T")
_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `(?P<place>.*)`)?$", re.DOTALL)
_DATA_URL = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+);base64,(?P<data>[A-Za-z0-9+/=\s]*)")

__all__ = ["Asked", "RequestUnread", "image_of", "read", "refuse", "within"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request and how its answer is to be sent. `extra` holds what only Stretto understands."""

    request: ModelRequest
    stream: bool = False
    include_usage: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])


def read(body: bytes, kind: type[T]) -> T:
    """The body as a record of this kind. Raises `RequestUnread` naming the field that cannot be used."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        found = _PLACE.match(str(error))
        assert found is not None
        place = (found["place"] or "$").removeprefix("$").removeprefix(".")
        refuse(place, f"{found['what']}." if not found["what"].endswith(".") else found["what"])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        refuse("", f"The body is not JSON: {error}.")


def refuse(place: str, message: str) -> NoReturn:
    """Raise `RequestUnread` for the field at `place`."""
    where = f"`{place}`: " if place else ""
    raise RequestUnread(f"{where}{message}", param=place)


def within(place: str, value: float | None, least: float, most: float) -> None:
    """Refuse a number that is out of bounds."""
    if value is not None and not least <= value <= most:
        refuse(place, f"{value:g} is not from {least:g} to {most:g}.")


def image_of(place: str, url: str, detail: str = "auto") -> Image:
    """An image given by address: on the web, or the data itself."""
    shown = detail if detail in ("low", "high") else "auto"
    if url.startswith("data:"):
        found = _DATA_URL.fullmatch(url)
        if found is None or not found["type"].startswith("image/"):
            refuse(place, "This data URL holds no image in base64. Write it like `data:image/png;base64,…`.")
        return Image(media_type=found["type"], data=found["data"], detail=shown)
    if not url.startswith(("http://", "https://")):
        refuse(place, "An image is given as an http(s) address or as a data URL.")
    return Image(url=url, detail=shown)
