"""How two writers' changes to one document are brought together: by what both have changed since the version that both knew.

A rule is declared for a prefix of keys. Pure: no clock, no chance, no database.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, Literal, cast, get_args

import orjson

from stretto.errors import Invalid

Rule = Literal["replace", "merge", "append", "counter", "set_union", "max"]
RULES: tuple[Rule, ...] = get_args(Rule)

_KINDS: Mapping[Rule, str] = {
    "merge": "an object",
    "append": "a list",
    "counter": "a number",
    "set_union": "a list",
    "max": "a number or a text",
}
_EMPTY: Mapping[Rule, Any] = {"merge": {}, "append": [], "counter": 0, "set_union": []}
_GONE: Final = object()


class CannotMerge(Exception):
    """Both have changed the same thing; the message says which."""


def rule_for(rules: Mapping[str, Rule], key: str) -> Rule:
    """The rule of the longest prefix that fits; without one, `replace`."""
    fitting = [prefix for prefix in rules if key.startswith(prefix)]
    return rules[max(fitting, key=len)] if fitting else "replace"


def empty(rule: Rule) -> Any:
    """What two who both write a new document have both begun with; None where the rule knows no such value."""
    return _EMPTY.get(rule)


def normal(rule: Rule, key: str, value: Any) -> Any:
    """The value as the rule keeps it: a set holds each of its members once. Raises `Invalid` for another kind."""
    fits = {
        "merge": isinstance(value, dict),
        "append": isinstance(value, list),
        "set_union": isinstance(value, list),
        "counter": _is_number(value),
        "max": _is_number(value) or isinstance(value, str),
    }
    if not fits.get(rule, True):
        raise Invalid(
            f"The rule of {key!r} is {rule!r}, so its value is {_KINDS[rule]}. Write one, or change the rule."
        )
    return list(_members(value).values()) if rule == "set_union" else value


def merge(rule: Rule, ancestor: Any, theirs: Any, mine: Any) -> Any:
    """What becomes of two changes of one ancestor. Raises `CannotMerge`."""
    match rule:
        case "replace":
            raise CannotMerge("its rule is to replace the whole")
        case "merge":
            return _merge_objects("", ancestor, theirs, mine)
        case "append":
            return _append(ancestor, theirs, mine)
        case "counter":
            return _count(ancestor, theirs, mine)
        case "set_union":
            return _unite(ancestor, theirs, mine)
        case "max":
            return _greater(theirs, mine)


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same; for Python alone, true is 1 and 1.0 is 1."""
    return one is other or (one is not _GONE and other is not _GONE and _written(one) == _written(other))


def _written(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _merge_objects(path: str, ancestor: Any, theirs: Any, mine: Any) -> Any:
    if not (isinstance(theirs, dict) and isinstance(mine, dict)):
        raise CannotMerge(f"{path or 'the whole'} is no object any more")
    old = cast("dict[str, Any]", ancestor) if isinstance(ancestor, dict) else {}
    left, right = cast("dict[str, Any]", theirs), cast("dict[str, Any]", mine)
    merged: dict[str, Any] = {}
    for name in {**left, **right}:
        field = _merge_field(f"{path}/{name}", *(each.get(name, _GONE) for each in (old, left, right)))
        if field is not _GONE:
            merged[name] = field
    return merged


def _merge_field(path: str, ancestor: Any, theirs: Any, mine: Any) -> Any:
    if same(ancestor, mine) or (theirs is _GONE and mine is _GONE):
        return theirs
    if same(ancestor, theirs):
        return mine
    # Also where both have made the same of it: two who count from 1 to 2 have counted twice.
    if isinstance(theirs, dict) and isinstance(mine, dict):
        return _merge_objects(path, ancestor, theirs, mine)
    raise CannotMerge(f"both have changed {path}")


def _append(ancestor: Any, theirs: Any, mine: Any) -> Any:
    if not all(isinstance(each, list) for each in (ancestor, theirs, mine)):
        raise CannotMerge("it was no list")
    begun = len(ancestor)
    if not (same(theirs[:begun], ancestor) and same(mine[:begun], ancestor)):
        raise CannotMerge("more was changed than entries added at the end")
    return [*theirs, *mine[begun:]]


def _count(ancestor: Any, theirs: Any, mine: Any) -> Any:
    if not all(_is_number(each) for each in (ancestor, theirs, mine)):
        raise CannotMerge("it was no number")
    if all(isinstance(each, int) for each in (ancestor, theirs, mine)):
        return theirs + (mine - ancestor)
    # By decimals, so that cents add up to cents.
    return float(Decimal(str(theirs)) + Decimal(str(mine)) - Decimal(str(ancestor)))


def _members(values: Any) -> dict[bytes, Any]:
    """Each member once, in the order in which they came."""
    found: dict[bytes, Any] = {}
    for each in cast("list[Any]", values):
        found.setdefault(_written(each), each)
    return found


def _unite(ancestor: Any, theirs: Any, mine: Any) -> Any:
    if not all(isinstance(each, list) for each in (ancestor, theirs, mine)):
        raise CannotMerge("it was no list")
    old, left, right = _members(ancestor), _members(theirs), _members(mine)
    stays = {member: each for member, each in left.items() if member not in old or member in right}
    added = {member: each for member, each in right.items() if member not in old}
    return list({**stays, **added}.values())


def _greater(theirs: Any, mine: Any) -> Any:
    if not (_is_number(theirs) and _is_number(mine)) and not (isinstance(theirs, str) and isinstance(mine, str)):
        raise CannotMerge("one is a number and the other a text")
    return max(theirs, mine)
