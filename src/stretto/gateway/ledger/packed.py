"""Calls as the JSON that `record_calls` reads."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from uuid import UUID

import msgspec

from stretto.gateway.calls import Call

MAX_NAME = 300
MAX_TEXT = 2_000
"""Longest name, and longest reason or error, that the ledger keeps; the rest is cut off."""

_encode = msgspec.json.Encoder().encode
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")


class _Packed(msgspec.Struct):
    """A call under the names of the query. Floats that are no number become null."""

    id: UUID
    at: datetime
    k: str
    key: str
    run: UUID | None
    flow: str
    path: str
    step: str
    n: int
    agent: str
    prio: int
    route: str
    dep: str
    prov: str
    model: str
    i: int
    ci: int
    cw: int
    o: int
    r: int
    est: bool
    pv: str
    cost: str
    ttft: float | None
    dur: float
    wait: float
    ended: str
    outcome: str
    reason: str
    error: str
    cached: str
    sim: bool


def calls_json(calls: Iterable[Call]) -> str:
    """Calls as one JSON array that PostgreSQL can hold: NUL and half characters become U+FFFD."""
    packed = [_pack(call) for call in calls]
    try:
        encoded = _encode(packed)
    except UnicodeEncodeError:
        encoded = _encode([_whole(row) for row in packed])
    if b"\\u0000" in encoded:
        encoded = _NUL.sub(rb"\1\\ufffd", encoded)
    return encoded.decode()


def _pack(call: Call) -> _Packed:
    caller, tokens = call.caller, call.tokens
    path, model = caller.path, call.model[:MAX_NAME]
    step = caller.step_id if path else ""
    sums = (
        call.kind,
        caller.flow,
        step,
        caller.agent,
        call.route,
        call.deployment,
        call.provider,
        model,
        caller.priority,
        call.outcome,
        call.simulated,
    )
    return _Packed(
        call.id,
        call.at,
        call.kind,
        _key(sums),
        caller.run_id,
        caller.flow,
        path,
        step,
        caller.attempt,
        caller.agent,
        caller.priority,
        call.route,
        call.deployment,
        call.provider,
        model,
        tokens.input,
        tokens.cached_input,
        tokens.cache_write,
        tokens.output,
        tokens.reasoning,
        tokens.estimated,
        call.price_version,
        str(call.cost_usd),
        call.ttft_s,
        call.duration_s,
        call.waited_s,
        call.end,
        call.outcome,
        call.reason[:MAX_TEXT],
        call.error[:MAX_TEXT],
        call.cached,
        call.simulated,
    )


@lru_cache(maxsize=4096)
def _key(sums: tuple[str | int, ...]) -> str:
    """A digest of what calls are summed up by, as the hexadecimal digits of a UUID."""
    return blake2b(repr(sums).encode("utf-8", "replace"), digest_size=16).hexdigest()


def _whole(row: _Packed) -> _Packed:
    texts = {name: value for name in row.__struct_fields__ if isinstance(value := getattr(row, name), str)}
    mended = {name: value.encode("utf-8", "replace").decode() for name, value in texts.items()}
    return msgspec.structs.replace(row, **mended)
