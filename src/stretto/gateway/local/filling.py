"""Text from data by a template: each `{name}` is replaced by what the data hold under it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PLACE = re.compile(r"\{\s*([A-Za-z_][\w.-]*)\s*\}")


def can_fill(template: str, data: Mapping[str, Any]) -> bool:
    """Whether the template has places, and the data have a plain value for each."""
    places = _PLACE.findall(template)
    return bool(places) and all(_shown(data, place) is not None for place in places)


def fill(template: str, data: Mapping[str, Any]) -> str:
    """The template with its places filled; a dot leads into an object, as in `{address.city}`."""
    return _PLACE.sub(lambda match: _shown(data, match[1]) or "", template)


def _shown(data: Mapping[str, Any], place: str) -> str | None:
    value: Any = data
    for key in place.split("."):
        if not isinstance(value, Mapping) or key not in value:
            return None
        value = value[key]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list) and value and all(isinstance(each, str | int | float) for each in value):  # pyright: ignore[reportUnknownVariableType]
        words = [str(each) for each in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
    return None
