"""The ids of a run's trace: digests, so that every process makes the same and an event can lead to a trace that is made later."""

from __future__ import annotations

import hashlib
from uuid import UUID


def trace_id_of(run_id: UUID) -> int:
    """The id of a run's trace."""
    return int.from_bytes(hashlib.sha256(b"trace" + run_id.bytes).digest()[:16], "big")


def span_id_of(run_id: UUID, *parts: object) -> int:
    """The id of a span of a run."""
    named = "\0".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.sha256(b"span" + run_id.bytes + named).digest()[:8], "big") or 1


def traceparent_of(run_id: UUID) -> str:
    """The run itself as the parent of what follows from it (W3C Trace Context)."""
    return f"00-{trace_id_of(run_id):032x}-{span_id_of(run_id, 'run'):016x}-01"
