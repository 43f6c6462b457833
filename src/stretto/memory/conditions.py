"""Structured filters: `{"product": "x1", "stars": {"gte": 4}}` becomes a condition that both indexes understand.

A plain value must be equal; an object holds comparisons: `eq`, `ne`, `gt`, `gte`, `lt`, `lte`, and `in` with a list. A field of a
list in the metadata fulfils a comparison when one of its members does; a name with dots leads into objects.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson

from stretto.errors import Invalid
from stretto.memory.item import readable

Scalar = str | int | float | bool | None
_SIGNS = {"eq": "==", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
MAX_COMPARISONS = 32
MOST = 2**63
"""Numbers are smaller than this."""
MAX_LABEL_BYTES = 512
"""Longer values get no label; a filter on them compares all items."""
MAX_LABELS = 64
_MARK = "\x01"
"""No word of a text begins with it."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """That a field has one of these values (`eq`, `in`), or that it stands so to one (`ne`, `gt`, `gte`, `lt`, `lte`)."""

    field: str
    sign: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """Comparisons, all of which must hold."""

    comparisons: tuple[Comparison, ...]

    @property
    def labels(self) -> list[str]:
        """Labels that every item has that fulfils it: those of the fields that must be equal to one value."""
        equal = [each for each in self.comparisons if each.sign == "eq" and "." not in each.field]
        return [label for each in equal if (label := label_of(each.field, each.values[0])) is not None]

    @property
    def jsonpath(self) -> str:
        """The same as a predicate of SQL/JSON paths."""
        return " && ".join(_predicate(each) for each in self.comparisons)


def read_condition(filter: Mapping[str, Any] | None) -> Condition | None:
    """A filter as a condition; None for no filter. Raises `Invalid` for one that cannot be understood."""
    if not filter:
        return None
    found: list[Comparison] = []
    for field, wanted in filter.items():
        if not field or readable(field) != field or not all(field.split(".")):
            raise Invalid(f"{field!r} is no field that a filter can name. Use the metadata's names, joined by dots.")
        signs = cast("Mapping[str, Any]", wanted) if isinstance(wanted, Mapping) else {"eq": wanted}
        if not signs:
            raise Invalid(f"The filter on {field!r} compares with nothing. Give a value, or {{'gte': …}} and the like.")
        for sign, value in signs.items():
            found.append(Comparison(field, sign, _values(field, sign, value)))
    if len(found) > MAX_COMPARISONS:
        raise Invalid(f"The filter has {len(found)} comparisons; {MAX_COMPARISONS} is the most. Ask for less.")
    return Condition(tuple(found))


def _values(field: str, sign: str, value: Any) -> tuple[Scalar, ...]:
    if sign != "in" and sign not in _SIGNS:
        raise Invalid(f"The filter on {field!r} compares by {sign!r}. Known are {', '.join([*_SIGNS, 'in'])}.")
    values = list(cast("Sequence[Any]", value)) if sign == "in" and isinstance(value, list) else [value]
    if sign == "in" and not isinstance(value, list):
        raise Invalid(f"The filter on {field!r} needs a list after 'in'.")
    for each in values:
        if not (each is None or isinstance(each, str | int | float | bool)) or (
            isinstance(each, str) and readable(each) != each
        ):
            raise Invalid(f"The filter on {field!r} compares with {each!r}. Use text, a number, true, false or null.")
        if isinstance(each, int | float) and not (math.isfinite(each) and abs(each) < MOST):
            raise Invalid(f"The filter on {field!r} compares with a number that is too large, or none.")
    if not values or len(values) > 1_000:
        raise Invalid(f"The filter on {field!r} needs 1 to 1,000 values after 'in'.")
    return tuple(values)


def _predicate(comparison: Comparison) -> str:
    path = "$" + "".join(f".{_json(part)}" for part in comparison.field.split("."))
    sign = _SIGNS.get(comparison.sign, "==")
    each = " || ".join(f"{path} {sign} {_json(value)}" for value in comparison.values)
    return f"({each})"


def _json(value: Scalar) -> str:
    return orjson.dumps(value).decode()


def label_of(field: str, value: Any) -> str | None:
    """The label of a field that has this value, if it gets one."""
    if not (value is None or isinstance(value, str | int | float | bool)):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # 4 and 4.0 are one number
    label = f"{_MARK}{field}={_json(value)}"
    return label if len(label.encode()) <= MAX_LABEL_BYTES else None


def labels_of(metadata: Mapping[str, Any]) -> list[str]:
    """The labels of an item: one for each value at the top of its metadata, and for each member of a list there."""
    labels: dict[str, None] = {}
    for field, held in metadata.items():
        for value in cast("list[Any]", held) if isinstance(held, list) else [held]:
            if (label := label_of(field, value)) is not None:
                labels[label] = None
    return list(labels)
