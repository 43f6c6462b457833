"""The filters and tests that templates have. Each works on plain data, takes null as empty, and builds nothing huge."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterable
from typing import Any, cast

from jinja2 import Undefined
from jinja2.tests import TESTS as JINJA_TESTS

from stretto.documents.plain import Json, is_list, is_mapping, is_sequence

MAX_OUTPUT = 4 << 20
"""Characters that one template may give: an answer of a million tokens."""
_MAX_DEPTH = 100


class TooMuch(Exception):
    """A template uses up more than it may."""


def is_null(value: object) -> bool:
    """Whether a value is null: empty, or a name without a value. Raises for a field that its data lack."""
    return value is None or (isinstance(value, Undefined) and not value)


def as_text(value: object) -> str:
    """A value as it stands in a text: null is empty, lists and mappings are JSON."""
    if isinstance(value, str):
        return value
    if is_null(value):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else to_json(value)


def to_json(value: object, indent: int | None = None) -> str:
    """A value as JSON text, at most `MAX_OUTPUT` characters of it."""
    if indent is not None and not 0 <= int(indent) <= 16:
        raise TooMuch("`tojson` indents by 0 to 16 spaces.")
    return _bounded(json.dumps(measure(value), ensure_ascii=False, indent=indent))


def measure(value: object) -> Json:
    """The value as plain JSON data. Raises `TooMuch` when writing it out would take more than `MAX_OUTPUT` characters."""
    return _Measure().plain(value, 0)


class _Measure:
    """Goes through a value once; what is plain JSON already is not copied."""

    def __init__(self) -> None:
        self.left = MAX_OUTPUT

    def plain(self, value: object, depth: int) -> Json:
        self.left -= len(value) + 2 if isinstance(value, str) else 2
        if self.left < 0:
            raise TooMuch(f"it gives more than {MAX_OUTPUT:,} characters.")
        if depth > _MAX_DEPTH:
            raise TooMuch(f"it gives data nested more than {_MAX_DEPTH} levels deep.")
        if isinstance(value, str | int | float):
            return value
        if is_mapping(value):
            entries = {as_text(key): self.plain(item, depth + 1) for key, item in value.items()}
            same = isinstance(value, dict) and all(map(operator.is_, entries.values(), value.values()))
            return cast("Json", value) if same else entries
        if is_null(value):
            return None
        if is_sequence(value):
            items = [self.plain(item, depth + 1) for item in value]
            same = is_list(value) and all(map(operator.is_, items, value))
            return value if same else items
        raise TypeError(f"a {type(value).__name__} is not data")


def as_list(value: object) -> list[Json]:
    """What a loop or filter goes through; null is empty, a mapping gives its keys."""
    if is_null(value):
        return []
    if isinstance(value, str | int | float) or not isinstance(value, Iterable):
        raise TypeError(f"`{as_text(value)[:40]}` is no list")
    return list(cast("Iterable[Json]", value))


def _bounded(text: str) -> str:
    return text if _fits(len(text)) else ""


def _fits(length: int) -> bool:
    if length > MAX_OUTPUT:
        raise TooMuch(f"it builds a text of more than {MAX_OUTPUT:,} characters.")
    return True


def _field(item: Json, name: str | int | None) -> Json:
    """A field of a mapping (`a.b` of fields in fields); null when there is none."""
    if name is None:
        return item
    for part in str(name).split("."):
        if is_mapping(item):
            item = item.get(part)
        elif is_list(item) and part.isdigit():
            item = item[int(part)] if int(part) < len(item) else None
        else:
            return None
    return item


def _default(value: Json, other: Json = "", boolean: bool = False) -> Json:
    if value is None or isinstance(value, Undefined) or (boolean and not value):
        return other
    return value


def _join(values: Json, separator: Json = "", attribute: str | None = None) -> str:
    texts = [as_text(_field(item, attribute)) for item in as_list(values)]
    between = as_text(separator)
    return between.join(texts) if _fits(sum(map(len, texts)) + len(between) * len(texts)) else ""


def _replace(value: Json, old: Json, new: Json) -> str:
    text, old, new = as_text(value), as_text(old), as_text(new)
    if not old:
        raise TypeError("`replace` needs a text to look for")
    return text.replace(old, new) if _fits(len(text) + text.count(old) * max(len(new) - len(old), 0)) else ""


def _indent(value: Json, width: int = 4, first: bool = False) -> str:
    if not 0 <= int(width) <= 100:
        raise TooMuch("`indent` takes 0 to 100 spaces.")
    text, pad = as_text(value), " " * int(width)
    lines = text.split("\n")
    _fits(len(text) + len(lines) * len(pad))
    return "\n".join(pad + line if line.strip() and (first or at) else line for at, line in enumerate(lines))


def _truncate(value: Json, length: int = 255, end: str = "…") -> str:
    text = as_text(value)
    return text if len(text) <= length else text[: max(length - len(end), 0)] + end


def _length(value: Json) -> int:
    return len(value) if isinstance(value, str) or is_mapping(value) else len(as_list(value))


def _characters(value: Json) -> list[Json]:
    return list(value) if isinstance(value, str) else as_list(value)


def _first(value: Json) -> Json:
    items = _characters(value)
    return items[0] if items else None


def _last(value: Json) -> Json:
    items = _characters(value)
    return items[-1] if items else None


def _reverse(value: Json) -> Json:
    return value[::-1] if isinstance(value, str) else as_list(value)[::-1]


def _pairs(value: Json) -> list[tuple[str, Json]]:
    if is_null(value):
        return []
    if not is_mapping(value):
        raise TypeError(f"`{as_text(value)[:40]}` is no mapping")
    return list(value.items())


def _items(value: Json) -> list[Json]:
    return [[key, item] for key, item in _pairs(value)]


def _keys(value: Json) -> list[Json]:
    return [key for key, _ in _pairs(value)]


def _values(value: Json) -> list[Json]:
    return [item for _, item in _pairs(value)]


def _map(values: Json, filter: str | None = None, *args: Json, attribute: str | int | None = None) -> list[Json]:
    items = [_field(item, attribute) for item in as_list(values)]
    if filter is None:
        return items
    if filter not in FILTERS:
        raise TypeError(f"there is no filter `{filter}`")
    return [FILTERS[filter](item, *args) for item in items]


def _chooser(keep: bool, by_field: bool) -> Callable[..., list[Json]]:
    def choose(values: Json, *args: Json) -> list[Json]:
        field, rest = (args[0], args[1:]) if by_field else (None, args)
        test = TESTS.get(rest[0]) if rest else bool
        if test is None:
            raise TypeError(f"there is no test `{rest[0]}`")
        return [item for item in as_list(values) if bool(test(_field(item, field), *rest[1:])) is keep]

    return choose


def _sort(values: Json, reverse: bool = False, attribute: str | int | None = None) -> list[Json]:
    return sorted(as_list(values), key=lambda item: _field(item, attribute), reverse=reverse)


def _unique(values: Json, attribute: str | int | None = None) -> list[Json]:
    seen: set[str] = set()
    kept: list[Json] = []
    for item in as_list(values):
        key = to_json(_field(item, attribute))
        if key not in seen:
            seen.add(key)
            kept.append(item)
    return kept


def _sum(values: Json, attribute: str | int | None = None) -> Json:
    return sum(_field(item, attribute) or 0 for item in as_list(values))


def _extreme(choose: Callable[..., Json]) -> Callable[..., Json]:
    def find(values: Json, attribute: str | int | None = None) -> Json:
        def key(item: Json) -> Json:
            return _field(item, attribute)

        return choose(as_list(values), key=key, default=None)

    return find


def _text(change: Callable[[str], Json]) -> Callable[[Json], Json]:
    return lambda value: change(as_text(value))


def _int(value: Json, default: int = 0) -> int:
    try:
        number = (
            int(float(value)) if isinstance(value, str) and not value.strip().lstrip("+-").isdigit() else int(value)
        )
    except (TypeError, ValueError, OverflowError):
        return default
    return number if abs(number) < 2**63 else default


def _float(value: Json, default: float = 0.0) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return default


def _round(value: Json, precision: int = 0) -> float | int:
    rounded = round(float(value), max(min(int(precision), 15), 0))
    return int(rounded) if precision == 0 else rounded


FILTERS: dict[str, Callable[..., Json]] = {
    "abs": abs,
    "capitalize": _text(str.capitalize),
    "count": _length,
    "d": _default,
    "default": _default,
    "first": _first,
    "float": _float,
    "indent": _indent,
    "int": _int,
    "items": _items,
    "join": _join,
    "keys": _keys,
    "last": _last,
    "length": _length,
    "lines": _text(str.splitlines),
    "list": _characters,
    "lower": _text(str.lower),
    "map": _map,
    "max": _extreme(max),
    "min": _extreme(min),
    "reject": _chooser(keep=False, by_field=False),
    "rejectattr": _chooser(keep=False, by_field=True),
    "replace": _replace,
    "reverse": _reverse,
    "round": _round,
    "select": _chooser(keep=True, by_field=False),
    "selectattr": _chooser(keep=True, by_field=True),
    "sort": _sort,
    "string": as_text,
    "sum": _sum,
    "title": _text(str.title),
    "tojson": to_json,
    "trim": _text(str.strip),
    "truncate": _truncate,
    "unique": _unique,
    "upper": _text(str.upper),
    "values": _values,
    "wordcount": _text(lambda text: len(text.split())),
}
"""Every filter by its name."""


def _is_defined(value: object) -> bool:
    return value is not None and not isinstance(value, Undefined)


def _is_undefined(value: object) -> bool:
    return not _is_defined(value)


_FROM_JINJA = (
    "string", "number", "integer", "float", "boolean", "mapping", "sequence", "true", "false", "odd", "even", "divisibleby", "in",
    "eq", "ne", "lt", "le", "gt", "ge", "==", "!=", "<", "<=", ">", ">=",
)  # fmt: skip

TESTS: dict[str, Callable[..., Any]] = {
    **{name: JINJA_TESTS[name] for name in _FROM_JINJA},
    "defined": _is_defined,
    "undefined": _is_undefined,
    "none": _is_undefined,
}
"""Every test (`x is …`) by its name."""
