"""What a write asks for, and what becomes of it when it meets the document as it is now."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stretto.errors import Invalid, StateConflict, StateNotFound
from stretto.state.document import Document, Expected, Seen, decode
from stretto.state.patches import TestFailed, merge_patch, operate
from stretto.state.rules import CannotMerge, Rule, empty, merge, normal

NOTHING: Any = object()
"""The value of a document that is not there."""


@dataclass(frozen=True, slots=True)
class Put:
    """Write this value."""

    value: Any

    def apply(self, value: Any) -> Any:
        return self.value


@dataclass(frozen=True, slots=True)
class Patch:
    """Change the value: a merge patch (an object), or operations (a list)."""

    patch: Any

    @property
    def is_list(self) -> bool:
        return isinstance(self.patch, list | tuple)

    def apply(self, value: Any) -> Any:
        if self.is_list:
            return operate(value, self.patch)
        return merge_patch(None if value is NOTHING else value, self.patch)


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove the document."""

    def apply(self, value: Any) -> Any:
        return NOTHING


@dataclass(frozen=True, slots=True)
class Compute:
    """Write what this function makes of the value (None: there is none)."""

    change: Callable[[Any], Any]

    def apply(self, value: Any) -> Any:
        return self.change(None if value is NOTHING else value)


@dataclass(frozen=True, slots=True)
class Write:
    """One document to be written: what is to become of it, and what its writer has seen of it.

    With `merging`, a write that meets a newer version is brought together with it, where the document's rule can do so.
    """

    key: str
    change: Put | Patch | Delete | Compute
    expected: Expected
    merging: bool = True

    @classmethod
    def put(cls, key: str, value: Any, *, expected: Expected) -> Write:
        """Write a value."""
        return cls(key, Put(value), expected)

    @classmethod
    def patch(
        cls, key: str, patch: Mapping[str, Any] | Sequence[Mapping[str, Any]], *, expected: Expected = Seen.ANY
    ) -> Write:
        """Change what is there, by a merge patch or a list of operations."""
        return cls(key, Patch(patch), expected)

    @classmethod
    def delete(cls, key: str, *, expected: Expected = Seen.ANY) -> Write:
        """Remove the document."""
        return cls(key, Delete(), expected)

    @property
    def seen(self) -> int | None:
        """The version that the writer has read, if any."""
        return self.expected if isinstance(self.expected, int) else None


@dataclass(frozen=True, slots=True)
class Found:
    """A document as it is now, locked; `ancestor` is the JSON of the version that the writer has seen, if it is another one."""

    document: Document
    ancestor: str | None


@dataclass(frozen=True, slots=True)
class Made:
    """What is to be written: `NOTHING` removes the document. `merged_from` as in `Document`."""

    value: Any
    merged_from: int | None = None


def resolve(write: Write, rule: Rule, found: Found | None) -> Made:
    """What this write makes of the document. Raises `StateConflict`, `StateNotFound` or `Invalid`."""
    here = None if found is None or found.document.deleted else found.document
    if is_as_expected(write.expected, found, here):
        return _unopposed(write, rule, here)
    if isinstance(write.change, Delete) or not write.merging or here is None:
        raise conflict(write, here)
    if write.expected is None:
        ancestor = empty(rule)
        if ancestor is None:
            raise conflict(write, here)
    elif found is None or found.ancestor is None:
        raise conflict(write, here)  # it was removed meanwhile, or its version is forgotten
    else:
        ancestor = decode(found.ancestor)
    try:
        mine = normal(rule, write.key, _changed(write, here, NOTHING if write.expected is None else ancestor, rule))
        return Made(normal(rule, write.key, merge(rule, ancestor, here.value, mine)), write.seen or 0)
    except CannotMerge as cannot:
        raise conflict(write, here, str(cannot)) from None


def is_as_expected(expected: Expected, found: Found | None, here: Document | None) -> bool:
    """Whether the document is as its writer has seen it."""
    if isinstance(expected, Seen):
        return True
    if expected is None:
        return here is None
    return found is not None and found.document.version == expected


def _unopposed(write: Write, rule: Rule, here: Document | None) -> Made:
    if here is None and isinstance(write.change, Delete):
        raise no_document(write.key)
    value = _changed(write, here, NOTHING if here is None else here.value, rule)
    return Made(value if value is NOTHING else normal(rule, write.key, value))


def _changed(write: Write, here: Document | None, value: Any, rule: Rule) -> Any:
    change = write.change
    if value is NOTHING and isinstance(change, Patch) and change.is_list:
        value = empty(rule)  # a list to append to, a number to count on
        if value is None:
            raise no_document(write.key)
    try:
        return change.apply(value)
    except TestFailed as failed:
        raise conflict(write, here, str(failed)) from None
    except Invalid as error:
        raise Invalid(f"{write.key!r}: {error.message}", key=write.key) from None


def no_document(key: str) -> StateNotFound:
    """The error that there is no such document."""
    return StateNotFound(f"There is no document {key!r}. `stretto state list` lists them.", key=key)


def conflict(write: Write, here: Document | None, why: str = "") -> StateConflict:
    """The error that the document is not as its writer has seen it; its `document` is the one that is there."""
    expected = write.expected
    if here is None:
        told = f"There is no document {write.key!r} any more" if expected else f"There is no document {write.key!r}"
    elif isinstance(expected, int) and expected != here.version:
        told = f"The document {write.key!r} is at version {here.version}, written by {here.by}, not at {expected} as expected"
    elif expected is None:
        told = f"There is a document {write.key!r} already, at version {here.version}, written by {here.by}"
    else:
        told = f"The document {write.key!r} (version {here.version}) is not as expected"
    return StateConflict(
        f"{told}{f': {why}' if why else ''}. Nothing was changed; read it again, and decide anew.",
        key=write.key,
        document=here,
    )
