"""Ids of runs: UUID version 7 (RFC 9562), so that a run's id tells when it was accepted."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from uuid import UUID


def new_run_id(at_ms: int | None = None) -> UUID:
    """A fresh id; `at_ms` is Unix time in milliseconds (default: now)."""
    milliseconds = time.time_ns() // 1_000_000 if at_ms is None else at_ms
    random = int.from_bytes(os.urandom(10), "big")
    value = milliseconds << 80 | random
    value = value & ~(0xF << 76) | 7 << 76
    return UUID(int=value & ~(0b11 << 62) | 0b10 << 62)


def accepted_at(run_id: UUID) -> datetime:
    """When the run with this id was accepted, to the millisecond."""
    return datetime.fromtimestamp((run_id.int >> 80) / 1000, UTC)
