"""What differs between two values: so that a list that grows by one message costs one message, not the whole list again."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

_HEADER = struct.Struct("<III")
_LONGEST_HEAD = 5
"""The count that MessagePack puts before a list or a map has 1, 3 or 5 bytes, and changes when it grows."""

Document = dict[str, Any]
"""All of a checkpoint but the values of channels that are stored for themselves."""
_NESTED = ("channel_values", "channel_versions", "versions_seen")


def cut_change(old: bytes, new: bytes) -> bytes | None:
    """What makes `new` of `old`: some bytes, a piece of `old`, some bytes. None where that saves less than half."""
    best: tuple[int, int, int] | None = None
    for new_head in _heads(new):
        for old_head in _heads(old):
            length = _alike(old, old_head, new, new_head)
            if best is None or length > best[2]:
                best = new_head, old_head, length
    if best is None or best[2] * 2 < len(new):
        return None
    head, start, length = best
    return _HEADER.pack(head, start, start + length) + new[:head] + new[head + length :]


def apply_change(old: bytes, change: bytes) -> bytes:
    """The value that `change` makes of `old`."""
    head, start, end = _HEADER.unpack_from(change)
    at = _HEADER.size
    return change[at : at + head] + old[start:end] + change[at + head :]


def _heads(value: bytes) -> tuple[int, ...]:
    """After how many bytes the first element of a list or a map may begin."""
    if not value:
        return (0,)
    first = value[0]
    if first in (0xDC, 0xDE):
        return (3,)
    if first in (0xDD, 0xDF):
        return (_LONGEST_HEAD,)
    return (1,) if 0x80 <= first <= 0x9F else (0,)


def _alike(old: bytes, at_old: int, new: bytes, at_new: int) -> int:
    """How many bytes are the same from these places on. By halving, so that the comparison is the C library's."""
    low, high = 0, min(len(old) - at_old, len(new) - at_new)
    if old[at_old : at_old + high] == new[at_new : at_new + high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        if old[at_old + low : at_old + middle] == new[at_new + low : at_new + middle]:
            low = middle
        else:
            high = middle
    return low


def diff_document(old: Document, new: Document) -> Document:
    """What to set and to remove in `old` to have `new`."""
    change: Document = {name: value for name, value in new.items() if name not in _NESTED}
    for name in _NESTED:
        before: Mapping[str, Any] = old.get(name) or {}
        after: Mapping[str, Any] = new.get(name) or {}
        if put := {key: value for key, value in after.items() if key not in before or not _same(before[key], value)}:
            change[name] = put
        if gone := [key for key in before if key not in after]:
            change[f"-{name}"] = gone
    return change


def patch_document(old: Document, change: Document) -> Document:
    """The document that `change` makes of `old`, which stays as it is."""
    new: Document = {name: value for name, value in change.items() if name not in _NESTED and not name.startswith("-")}
    for name in _NESTED:
        kept: dict[str, Any] = {**(old.get(name) or {}), **(change.get(name) or {})}
        for key in change.get(f"-{name}", ()):
            del kept[key]
        new[name] = kept
    return new


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other  # True is not 1, and 1 is not 1.0
