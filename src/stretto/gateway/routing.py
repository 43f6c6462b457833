"""The port to routing: which deployments may answer a request, the best first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from stretto.gateway.config import Deployment, Route
from stretto.gateway.provider import ModelRequest


@dataclass(frozen=True, slots=True)
class Need:
    """What a request takes. Tokens are estimates; `complexity` is 0-1."""

    input_tokens: int
    output_tokens: int
    complexity: float
    tools: bool = False
    vision: bool = False
    logprobs: bool = False
    method: str = ""
    """The classical method that can answer, if the route allows one and one can; the gateway finds out."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A deployment that may answer. `tier` counts from 0; `why` is for people."""

    deployment: Deployment
    tier: int
    cost_usd: Decimal
    why: str


Estimate = Callable[[ModelRequest], Need]
"""Reads a request; replaceable (`Platform.open(..., estimate=)`)."""


class Router(Protocol):
    """Orders the deployments of a route for a request, and learns from how calls end."""

    def choose(self, route: Route, need: Need) -> list[Choice]:
        """Deployments that can answer, the best first; those whose breaker is open are left out.

        First the tier that the complexity asks for and its equals, then the tiers above it, then those below. Raises
        `ContextTooLong` or `ModelRefused` when none is able to.
        """
        ...

    def begins(self, deployment: Deployment) -> bool:
        """Note that a call begins. False: the breaker is open, or its one probe is already under way."""
        ...

    def spoke(self, deployment: Deployment) -> None:
        """Note that an answer has begun: whoever speaks is not down, however long its answers take."""
        ...

    def succeeded(self, deployment: Deployment, ttft_s: float | None, duration_s: float) -> None: ...
    def failed(self, deployment: Deployment, error: BaseException) -> None: ...

    def gave_up(self, deployment: Deployment) -> None:
        """Note that a call that had begun was cancelled: neither a success nor a failure."""
        ...

    def resting(self, route: Route) -> str:
        """Which of a route's deployments rest, after what, and for how long, in words."""
        ...

    def hedge_after_s(self, route: Route, deployment: Deployment) -> float | None:
        """So long may a deployment say nothing before a second is asked; None: no second is asked."""
        ...
