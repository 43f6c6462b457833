"""What a client asked for, whatever its dialect."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn, TypeVar

import msgspec
import orjson

from stretto.errors import RequestUnread
from stretto.gateway.provider import Image, ModelRequest

T = TypeVar("T")
_MISSING = re.compile(r"Object missing required field `(?P<name>[^`]*)`")
_DATA_URL = re.compile(r"data:(?P<type>[\w.+-]+/[\w.+-]+);base64,(?P<data>.*)", re.DOTALL)
_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")
MOST_CHARS = 300
"""Longest that is said of one mistake, since it may quote the client."""
LEAST_INT, MOST_INT = -(2**63), 2**63 - 1
"""What an integer may be so that every provider can be sent it."""

__all__ = ["Asked", "RequestUnread", "image_of", "inline_image", "passable", "read", "refuse", "within"]


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
        what, at, place = str(error).rpartition(" - at `$")
        if not at:  # it is the body itself
            what, place = place, ""
        place = place.removesuffix("`").removeprefix(".")
        if missing := _MISSING.fullmatch(what):
            refuse(f"{place}.{missing['name']}" if place else missing["name"], "This is required, and is missing.")
        refuse(place, what[:MOST_CHARS].removesuffix(".") + ".")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        refuse("", f"The body is not JSON: {error}.")
    except RecursionError:
        refuse("", "The body is nested too deeply to be read. Make it flatter.")


def passable(place: str, value: object) -> None:
    """Refuse JSON of the client's own making (a schema, arguments) that could not be sent on to a provider."""
    try:
        orjson.dumps(value)
    except TypeError as error:  # an integer of more than 64 bits, or more than 254 levels
        refuse(place, f"This cannot be sent on to a model: {error}.")


def refuse(place: str, message: str) -> NoReturn:
    """Raise `RequestUnread` for the field at `place`."""
    where = f"`{place}`: " if place else ""
    raise RequestUnread(f"{where}{message}", param=place)


def within(place: str, value: float | None, least: float, most: float) -> None:
    """Refuse a number that is out of bounds."""
    if value is not None and not least <= value <= most:
        shown = (
            f"{value:g}" if abs(value) < MOST_INT else "This"
        )  # an integer of the client's may be longer than any float
        refuse(place, f"{shown} is not from {least:g} to {most:g}.")


def image_of(place: str, url: str, detail: str = "auto") -> Image:
    """An image given by address: on the web, or the data itself."""
    shown = detail if detail in ("low", "high") else "auto"
    if url.startswith("data:"):
        found = _DATA_URL.fullmatch(url)
        if found is None:
            refuse(place, "This data URL holds no image in base64. Write it like `data:image/png;base64,…`.")
        return inline_image(place, found["type"], found["data"], shown)
    if not url.startswith(("http://", "https://")):
        refuse(place, "An image is given as an http(s) address or as a data URL.")
    return Image(url=url, detail=shown)


def inline_image(place: str, media_type: str, data: str, detail: Literal["auto", "low", "high"] = "auto") -> Image:
    """An image given as base64."""
    if not media_type.startswith("image/"):
        refuse(place, f"{media_type!r} is no type of image. Write it like `image/png`.")
    if not _BASE64.fullmatch(data):
        refuse(place, "What should be the image's base64 is none, or is empty.")
    return Image(media_type=media_type, data=data, detail=detail)
