"""A key that shows itself only when it is asked to."""

from __future__ import annotations

import hmac
from typing import NoReturn

HIDDEN = "•••"


class Key:
    """A secret. Printed, formatted or logged it is `•••`; it cannot be pickled or turned into JSON. `reveal` gives it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value.strip()

    def reveal(self) -> str:
        """The key itself: for the header that carries it, and nothing else."""
        return self._value

    def __repr__(self) -> str:
        return HIDDEN

    def __format__(self, spec: str) -> str:
        return HIDDEN

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key) and hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> NoReturn:
        raise TypeError("A key is not written down.")
