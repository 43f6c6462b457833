"""Ids: UUID version 7 (RFC 9562), so that the id of a run or a call tells when it was made."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from uuid import UUID


def new_id(at_ms: int | None = None) -> UUID:
    """A fresh id; `at_ms` is Unix time in milliseconds (default: now)."""
    milliseconds = time.time_ns() // 1_000_000 if at_ms is None else at_ms
    random = int.from_bytes(os.urandom(10), "big")
    value = milliseconds << 80 | random
    value = value & ~(0xF << 76) | 7 << 76
    return UUID(int=value & ~(0b11 << 62) | 0b10 << 62)


def made_at(id_: UUID) -> datetime:
    """When this id was made, to the millisecond."""
    return datetime.fromtimestamp((id_.int >> 80) / 1000, UTC)
