"""The answers given lately, in this process: the least lately used go first."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from stretto.gateway.answers import Answer

Key = tuple[UUID, str, bytes]
"""Tenant, route, and the request's digest."""
OVERHEAD_BYTES = 600
"""What an answer takes besides its text, about."""


@dataclass(slots=True)
class Lately:
    """At most so many bytes of answers, each until its time is over."""

    most_bytes: int = 16 * 1024 * 1024
    clock: Callable[[], float] = time.monotonic
    size: int = 0
    _held: OrderedDict[Key, tuple[Answer, float, int]] = field(
        default_factory=OrderedDict[Key, tuple[Answer, float, int]]
    )

    def get(self, key: Key) -> Answer | None:
        """The answer, while it is good."""
        found = self._held.get(key)
        if found is None:
            return None
        if found[1] <= self.clock():
            self._drop(key)
            return None
        self._held.move_to_end(key)
        return found[0]

    def put(self, key: Key, answer: Answer, ttl_s: float) -> None:
        """Hold an answer for so long."""
        self._drop(key)
        size = 4 * len(answer.text) + OVERHEAD_BYTES
        if size > self.most_bytes:
            return
        self._held[key] = (answer, self.clock() + ttl_s, size)
        self.size += size
        while self.size > self.most_bytes:
            self._drop(next(iter(self._held)))

    def _drop(self, key: Key) -> None:
        found = self._held.pop(key, None)
        if found is not None:
            self.size -= found[2]
