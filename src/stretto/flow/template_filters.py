"""The filters and tests that templates have. Each works on plain data, takes null as empty, and builds nothing huge."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jinja2 import Undefined, UndefinedError
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.tests import TESTS as JINJA_TESTS

MAX_OUTPUT = 4 << 20
"""Characters that one template may give: an answer of a million tokens."""


class TooMuch(Exception):
    """A template uses up more than it may."""


def as_text(value: Any) -> str:
    """A value as it stands in a text: null is empty, lists and mappings are JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Undefined):
        return str(value)
    return to_json(value)


def to_json(value: Any, indent: int | None = None) -> str:
    """A value as JSON text, at most `MAX_OUTPUT` characters of it."""
    if indent is not None and not 0 <= int(indent) <= 16:
        raise TooMuch("`tojson` indents by 0 to 16 spaces.")
    encoder = json.JSONEncoder(ensure_ascii=False, indent=indent, default=_plain)
    measure(value)
    return "".join(encoder.iterencode(value))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    if isinstance(value, Undefined):
        return None if not value else ""
    if isinstance(value, Iterable):
        return list(value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    raise TypeError(f"{type(value).__name__} is not data")


def measure(value: Any) -> Any:
    """The value as plain JSON data. Raises `TooMuch` when writing it out would take more than `MAX_OUTPUT` characters."""
    left = [MAX_OUTPUT]

    def plain(part: Any, depth: int) -> Any:
        left[0] -= len(part) + 2 if isinstance(part, str) else 2
        if left[0] < 0:
            raise TooMuch(f"it gives more than {MAX_OUTPUT:,} characters.")
        if depth > 200:
            raise TooMuch("it gives data nested more than 200 levels deep.")
        if part is None or isinstance(part, str | int | float):
            return part
        if isinstance(part, Mapping):
            return {as_text(key): plain(item, depth + 1) for key, item in part.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        if isinstance(part, Undefined):
            return None if not part else part
        if isinstance(part, Iterable):
            return [plain(item, depth + 1) for item in part]  # pyright: ignore[reportUnknownVariableType]
        raise TypeError(f"{type(part).__name__} is not data")

    return plain(value, 0)


def as_list(value: Any) -> list[Any]:
    """What a loop or filter goes through; null is empty, a mapping gives its keys."""
    if value is None or (isinstance(value, Undefined) and not value):
        return []
    if isinstance(value, str | int | float):
        raise TypeError(f"{as_text(value)[:40]!r} is no list")
    return list(value)


def _bounded_text(text: str) -> str:
    if len(text) > MAX_OUTPUT:
        raise TooMuch(f"it builds a text of more than {MAX_OUTPUT:,} characters.")
    return text


def _default(value: Any, other: Any = "", boolean: bool = False) -> Any:
    if value is None or isinstance(value, Undefined) or (boolean and not value):
        return other
    return value


def _join(values: Any, separator: Any = "", attribute: str | None = None) -> str:
    items = as_list(values)
    if attribute is not None:
        items = [item.get(attribute) if isinstance(item, Mapping) else None for item in items]  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    texts = [as_text(item) for item in items]
    between = as_text(separator)
    if sum(map(len, texts)) + len(between) * len(texts) > MAX_OUTPUT:
        raise TooMuch(f"it builds a text of more than {MAX_OUTPUT:,} characters.")
    return between.join(texts)


def _replace(value: Any, old: Any, new: Any) -> str:
    text, old, new = as_text(value), as_text(old), as_text(new)
    if not old:
        raise TypeError("`replace` needs a text to look for")
    if len(text) + text.count(old) * max(len(new) - len(old), 0) > MAX_OUTPUT:
        raise TooMuch(f"it builds a text of more than {MAX_OUTPUT:,} characters.")
    return text.replace(old, new)


def _indent(value: Any, width: int = 4, first: bool = False) -> str:
    if not 0 <= int(width) <= 100:
        raise TooMuch("`indent` takes 0 to 100 spaces.")
    text = as_text(value)
    pad = " " * int(width)
    if len(text) + text.count("\n") * len(pad) > MAX_OUTPUT:
        raise TooMuch(f"it builds a text of more than {MAX_OUTPUT:,} characters.")
    indented = "\n".join(pad + line if line.strip() else line for line in text.split("\n"))
    return indented if first else indented[len(pad) :] if text.split("\n", 1)[0].strip() else indented


def _truncate(value: Any, length: int = 255, end: str = "…") -> str:
    text = as_text(value)
    return text if len(text) <= length else text[: max(length - len(end), 0)] + end


def _length(value: Any) -> int:
    if value is None or (isinstance(value, Undefined) and not value):
        return 0
    return len(value) if isinstance(value, str | Mapping) else len(as_list(value))  # pyright: ignore[reportUnknownArgumentType]


def _first(value: Any) -> Any:
    items = list(value) if isinstance(value, str) else as_list(value)
    return items[0] if items else None


def _last(value: Any) -> Any:
    items = list(value) if isinstance(value, str) else as_list(value)
    return items[-1] if items else None


def _reverse(value: Any) -> Any:
    return value[::-1] if isinstance(value, str) else as_list(value)[::-1]


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, str) else as_list(value)


def _items(value: Any) -> list[list[Any]]:
    return [[key, item] for key, item in (value or {}).items()]


def _keys(value: Any) -> list[Any]:
    return list((value or {}).keys())


def _values(value: Any) -> list[Any]:
    return list((value or {}).values())


def _lines(value: Any) -> list[str]:
    return as_text(value).splitlines()


def _text(change: Callable[[str], Any]) -> Callable[[Any], Any]:
    return lambda value: change(as_text(value))


def _int(value: Any, default: int = 0) -> int:
    try:
        number = int(value) if not isinstance(value, str) else int(float(value)) if "." in value else int(value[:30])
    except (TypeError, ValueError, OverflowError, UndefinedError):
        return default
    return number


def _float(value: Any, default: float = 0.0) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError, UndefinedError):
        return default


def _round(value: Any, precision: int = 0) -> float | int:
    rounded = round(float(value), max(min(int(precision), 15), 0))
    return int(rounded) if precision == 0 else rounded


def _null_as_empty(name: str) -> Callable[..., Any]:
    """Jinja's own filter, given a list in place of null."""
    original = JINJA_FILTERS[name]

    def call(context_or_values: Any, *args: Any, **kwargs: Any) -> Any:
        if hasattr(original, "jinja_pass_arg"):
            values, *rest = args
            return _settled(original(context_or_values, as_list(values), *rest, **kwargs))
        return _settled(original(as_list(context_or_values), *args, **kwargs))

    if hasattr(original, "jinja_pass_arg"):
        call.jinja_pass_arg = original.jinja_pass_arg  # pyright: ignore[reportFunctionMemberAccess]
    return call


def _settled(value: Any) -> Any:
    return list(value) if hasattr(value, "__next__") else None if isinstance(value, Undefined) else value


FILTERS: dict[str, Callable[..., Any]] = {
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
    "lines": _lines,
    "list": _list,
    "lower": _text(str.lower),
    "map": _null_as_empty("map"),
    "max": _null_as_empty("max"),
    "min": _null_as_empty("min"),
    "reject": _null_as_empty("reject"),
    "rejectattr": _null_as_empty("rejectattr"),
    "replace": _replace,
    "reverse": _reverse,
    "round": _round,
    "select": _null_as_empty("select"),
    "selectattr": _null_as_empty("selectattr"),
    "sort": _null_as_empty("sort"),
    "string": as_text,
    "sum": _null_as_empty("sum"),
    "title": _text(str.title),
    "tojson": to_json,
    "trim": _text(str.strip),
    "truncate": _truncate,
    "unique": _null_as_empty("unique"),
    "upper": _text(str.upper),
    "values": _values,
    "wordcount": _text(lambda text: len(text.split())),
}
"""Every filter by its name."""


def _is_defined(value: Any) -> bool:
    return value is not None and not isinstance(value, Undefined)


TESTS: dict[str, Callable[..., Any]] = {
    **{
        name: JINJA_TESTS[name]
        for name in (
            "string", "number", "integer", "float", "boolean", "mapping", "sequence", "true", "false", "odd", "even", "divisibleby",
            "in", "eq", "ne", "lt", "le", "gt", "ge", "==", "!=", "<", "<=", ">", ">=",
        )
    },
    "defined": _is_defined,
    "undefined": lambda value: not _is_defined(value),
    "none": lambda value: not _is_defined(value),
}  # fmt: skip
"""Every test (`x is …`) by its name."""
