"""What differs between two JSON documents, as a JSON Patch (RFC 6902). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

MOST_CHANGES = 2_000


def patch_between(before: Any, after: Any) -> list[dict[str, Any]]:
    """The operations that make the second document of the first, at most 2,000; then one that replaces the whole.

    Lists are compared place by place, since flows refer to steps by name and hold few lists.
    """
    found = list(_changes("", before, after))
    return found if len(found) <= MOST_CHANGES else [{"op": "replace", "path": "", "value": after}]


def _changes(path: str, before: Any, after: Any) -> Iterator[dict[str, Any]]:
    if isinstance(before, dict) and isinstance(after, dict):
        old, new = cast("dict[str, Any]", before), cast("dict[str, Any]", after)
        for name in old:
            if name not in new:
                yield {"op": "remove", "path": f"{path}/{_escaped(name)}"}
        for name, value in new.items():
            inner = f"{path}/{_escaped(name)}"
            if name in old:
                yield from _changes(inner, old[name], value)
            else:
                yield {"op": "add", "path": inner, "value": value}
    elif isinstance(before, list) and isinstance(after, list):
        one, other = cast("list[Any]", before), cast("list[Any]", after)
        for index, (left, right) in enumerate(zip(one, other, strict=False)):
            yield from _changes(f"{path}/{index}", left, right)
        for index in range(len(one) - 1, len(other) - 1, -1):
            yield {"op": "remove", "path": f"{path}/{index}"}
        for value in other[len(one) :]:
            yield {"op": "add", "path": f"{path}/-", "value": value}
    elif before != after or isinstance(before, bool) is not isinstance(after, bool):
        yield {"op": "replace", "path": path, "value": after}


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
