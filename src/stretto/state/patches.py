"""Changes to a JSON value: a merge patch (RFC 7396), or a list of operations (JSON Patch, RFC 6902, and `increment`). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, cast

import orjson

from stretto.errors import Invalid
from stretto.state.rules import same

MAX_OPERATIONS = 1_000
MAX_COPIED_BYTES = 262_144
"""All that the `copy`s of one patch copy: a few dozen could otherwise fill the memory, each copying what the last one made."""
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "add": ("value",),
    "remove": (),
    "replace": ("value",),
    "move": ("from",),
    "copy": ("from",),
    "test": ("value",),
    "increment": (),
}


class TestFailed(Exception):
    """What a `test` of a patch names is not so."""

    __test__ = False  # pytest takes it for a test


def merge_patch(value: Any, patch: Any) -> Any:
    """The value with the patch's fields put in; null removes a field (RFC 7396, section 2)."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else {}
    for name, part in cast("Mapping[str, Any]", patch).items():
        if part is None:
            result.pop(name, None)
        else:
            result[name] = merge_patch(result.get(name), part)
    return result


def operate(value: Any, operations: Sequence[Any]) -> Any:
    """The value after all operations; the one given stays as it is. Raises `Invalid` for an operation that cannot be done,
    `TestFailed` for a test."""
    if len(operations) > MAX_OPERATIONS:
        raise Invalid(f"A patch has at most {MAX_OPERATIONS:,} operations; this has {len(operations):,}. Divide it.")
    holder: dict[str, Any] = {"": deepcopy(value)}
    copied = 0
    for number, operation in enumerate(operations, start=1):
        try:
            copied += _apply(holder, operation)
            if copied > MAX_COPIED_BYTES:
                raise Invalid(f"the patch copies more than {MAX_COPIED_BYTES:,} bytes.")
        except (_Missing, Invalid, orjson.JSONEncodeError) as problem:
            raise Invalid(f"Operation {number} of the patch cannot be done: {problem}") from None
    return holder[""]


class _Missing(Exception):
    pass


def _apply(holder: dict[str, Any], operation: Any) -> int:
    """Do one operation; gives the bytes that it has copied."""
    if not isinstance(operation, Mapping):
        raise Invalid('it is no object like {"op": "add", "path": "/name", "value": 1}.')
    given = cast("Mapping[str, Any]", operation)
    name = given.get("op")
    if not isinstance(name, str) or name not in _NEEDS:
        raise Invalid(f"`op` is {name!r}, not one of {', '.join(_NEEDS)}.")
    if missing := [each for each in ("path", *_NEEDS[name]) if each not in given]:
        raise Invalid(f"`{name}` needs `{missing[0]}`.")
    path = _parts(given["path"])
    match name:
        case "add":
            _add(holder, path, deepcopy(given["value"]))
        case "remove":
            _remove(holder, path)
        case "replace":
            _get(holder, path)
            _set(holder, path, deepcopy(given["value"]))
        case "copy":
            written = orjson.dumps(_get(holder, _parts(given["from"])))
            _add(holder, path, orjson.loads(written))
            return len(written)
        case "move":
            source = _parts(given["from"])
            if path[: len(source)] == source and path != source:
                raise Invalid("a value cannot be moved into itself.")
            _add(holder, path, _remove(holder, source))
        case "test":
            if not same(_get(holder, path), given["value"]):
                raise TestFailed(f"{given['path'] or 'the whole'} is not what the patch's test says")
        case _:
            _increment(holder, path, given.get("by", 1))
    return 0


def _parts(pointer: Any) -> list[str]:
    """The parts of a JSON pointer (RFC 6901), after a first one that stands for the whole."""
    if not isinstance(pointer, str) or (pointer and not pointer.startswith("/")):
        raise Invalid(f"{pointer!r} is no JSON pointer; it begins with '/', or is empty for the whole.")
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")]


def _place(inside: Any, part: str, path: list[str], *, end: bool = False) -> str | int:
    """Where a part leads in an object or a list; `end` allows the place after the last."""
    if isinstance(inside, dict):
        return part
    if not isinstance(inside, list):
        raise _Missing(f"there is nothing inside of {'/'.join(path)!r}.")
    length = len(cast("list[Any]", inside))
    if end and part == "-":
        return length
    if not (part.isascii() and part.isdigit()) or (len(part) > 1 and part[0] == "0") or len(part) > 9:
        raise _Missing(f"{part!r} is no place in a list.")
    if int(part) > length - (not end):
        raise _Missing(f"the list has {length} entries, and none at {part}.")
    return int(part)


def _parent(holder: dict[str, Any], path: list[str]) -> Any:
    inside: Any = holder
    for index, part in enumerate(path[:-1]):
        inside = _step_into(inside, part, path[:index])
    return inside


def _step_into(inside: Any, part: str, path: list[str]) -> Any:
    place = _place(inside, part, path)
    if isinstance(inside, dict) and place not in inside:
        raise _Missing(f"there is no {'/'.join([*path, part])!r}.")
    return cast("Any", inside)[place]


def _get(holder: dict[str, Any], path: list[str]) -> Any:
    return _step_into(_parent(holder, path), path[-1], path[:-1])


def _set(holder: dict[str, Any], path: list[str], value: Any) -> None:
    parent = _parent(holder, path)
    parent[_place(parent, path[-1], path[:-1])] = value


def _add(holder: dict[str, Any], path: list[str], value: Any) -> None:
    parent = _parent(holder, path)
    place = _place(parent, path[-1], path[:-1], end=True)
    if isinstance(parent, list):
        cast("list[Any]", parent).insert(int(place), value)
    else:
        parent[place] = value


def _remove(holder: dict[str, Any], path: list[str]) -> Any:
    if len(path) == 1:
        raise Invalid("the whole cannot be removed by a patch; delete the document.")
    value = _get(holder, path)
    parent = _parent(holder, path)
    del parent[_place(parent, path[-1], path[:-1])]
    return value


def _increment(holder: dict[str, Any], path: list[str], by: Any) -> None:
    value = _get(holder, path)
    if not all(isinstance(each, int | float) and not isinstance(each, bool) for each in (value, by)):
        raise Invalid(f"`increment` needs numbers; {'/'.join(path)!r} is {value!r:.50} and `by` is {by!r:.50}.")
    _set(holder, path, value + by)
