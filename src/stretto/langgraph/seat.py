"""Where a graph sits while it works: the step that it is, and the models that the step may ask."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count

from stretto.engine.step import StepContext
from stretto.errors import Invalid
from stretto.gateway.provider import ModelProvider


@dataclass(frozen=True, slots=True)
class Seat:
    """A graph at work in a step. `key` is what its model calls' idempotency keys begin with."""

    ctx: StepContext
    name: str
    models: ModelProvider
    key: str
    loop: asyncio.AbstractEventLoop
    numbers: count[int] = field(default_factory=lambda: count(1))


_SEAT: ContextVar[Seat | None] = ContextVar("stretto.langgraph.seat", default=None)


@contextmanager
def seated(seat: Seat) -> Generator[None]:
    """Let models inside find their step."""
    token = _SEAT.set(seat)
    try:
        yield
    finally:
        _SEAT.reset(token)


def seat_now() -> Seat | None:
    """Where the graph sits whose node is at work; None outside of a hosted graph."""
    return _SEAT.get()


def current_step() -> StepContext:
    """The step whose graph's node is at work: whose it is (`tenant_id`), of which run. Raises `Invalid` outside of hosted graphs."""
    seat = seat_now()
    if seat is None:
        raise Invalid("No hosted graph is at work here. Call this in a node of a graph that was given to `host`.")
    return seat.ctx
