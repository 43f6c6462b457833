"""Who acts in this task, so that the database can write it beside each change, in the same transaction."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts (`key 3fa9…`), by which request, from which address."""

    by: str
    request_id: str = ""
    address: str = ""
    traceparent: str = ""


ACTING: ContextVar[Acting | None] = ContextVar("stretto_acting", default=None)
"""Who acts now; None inside the engine's own work, which its facts tell of."""


def traceparent_now() -> str:
    """The trace of the request that is served in this task (W3C Trace Context); empty without one."""
    acting = ACTING.get()
    return "" if acting is None else acting.traceparent


@contextmanager
def acting(by: str, request_id: str = "", address: str = "", traceparent: str = "") -> Generator[None]:
    """Let what is changed inside be written down as done by this one."""
    token = ACTING.set(Acting(by.replace("\0", ""), request_id, address, traceparent))
    try:
        yield
    finally:
        ACTING.reset(token)
