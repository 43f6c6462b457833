"""The benchmarks, in the order in which they run. Each module has `NAME` and `measure(ground, quick)`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from bench.figures import Measurement
from bench.ground import Ground
from bench.measured import (
    accept,
    cache,
    checkpoints,
    dashboard,
    edges,
    events,
    fanout,
    fleet,
    idle,
    inbox,
    journal,
    memory,
    nodes,
    proxy,
    requests,
    reviews,
    sizes,
    soak,
    state,
    steps,
    streams,
    tokens,
    waiting,
    wire,
)


class Benchmark(Protocol):
    """A module that measures one thing. `quick` is one short round: to see that it works, not for numbers."""

    NAME: str
    measure: Callable[[Ground, bool], Awaitable[Measurement]]


BENCHMARKS: dict[str, Benchmark] = {
    module.NAME: module  # pyright: ignore[reportAssignmentType]
    for module in (
        steps,
        accept,
        requests,
        streams,
        fanout,
        fleet,
        tokens,
        wire,
        proxy,
        cache,
        edges,
        sizes,
        idle,
        waiting,
        inbox,
        journal,
        events,
        state,
        checkpoints,
        nodes,
        memory,
        reviews,
        dashboard,
        soak,
    )
}
