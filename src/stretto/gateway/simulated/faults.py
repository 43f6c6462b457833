"""Failures to order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal

from stretto.errors import ModelError, ModelOverloaded, ModelRefused, ModelStalled
from stretto.gateway.provider import ModelRequest


@dataclass(frozen=True, slots=True)
class Fault:
    """How one call fails.

    `overload` and `refuse` fail it before its first token; `break` after `after` tokens; `stall` falls
    silent after `after` tokens for `stall_s` seconds (None: the provider's) and fails then. `error` is
    raised in place of the kind's own.
    """

    kind: Literal["overload", "refuse", "break", "stall"]
    after: int = 0
    stall_s: float | None = None
    error: ModelError | None = None

    def to_error(self, written: int) -> ModelError:
        """What the call raises."""
        if self.error is not None:
            return self.error
        match self.kind:
            case "overload":
                return ModelOverloaded("The simulated provider is overloaded, as it was told to be; try again.")
            case "refuse":
                return ModelRefused("The simulated provider refused the call, as it was told to; change the request.")
            case "break":
                return ModelOverloaded(f"The simulated provider broke off after {written} tokens, as it was told to.")
            case "stall":
                return ModelStalled(f"The simulated provider sent nothing more after {written} tokens.")


FaultPlan = Mapping[int, Fault] | Callable[[int, ModelRequest], Fault | None]
"""Which calls fail: by the number of the call (the first is 1), or by asking for each call."""


def plan_fault(plan: FaultPlan | None, call: int, request: ModelRequest) -> Fault | None:
    """The fault that the plan holds for this call."""
    if plan is None:
        return None
    return plan(call, request) if callable(plan) else plan.get(call)


def draw_fault(rng: Random, error_rate: float, stall_rate: float, tokens: int) -> Fault | None:
    """A fault by chance: errors half at the start and half in mid-answer, stalls in mid-answer."""
    drawn = rng.random()
    after = rng.randrange(tokens) if tokens else 0
    if drawn < error_rate:
        return Fault("overload") if rng.random() < 0.5 else Fault("break", after=after)
    if drawn < error_rate + stall_rate:
        return Fault("stall", after=after)
    return None
