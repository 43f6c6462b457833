"""The port to admission: what a call wants, and what it is granted."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

from stretto.gateway.config import Bucket, Deployment
from stretto.gateway.provider import Caller, TokenCounts

Scarce = Literal["bucket", "requests", "tokens", "concurrency", "tenant_budget", "run_budget", "step_budget"]


@dataclass(frozen=True, slots=True)
class Want:
    """What one call needs: a place at a deployment, tokens of its limits, a token of a bucket, and money.

    The counts are estimates: what the request holds, and what its answer may need. `cost_usd` is their price.
    """

    caller: Caller
    deployment: Deployment
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal
    bucket: Bucket | None = None


@dataclass(frozen=True, slots=True)
class Short:
    """Why a call cannot be admitted now.

    `in_s`: when it may be possible, as far as is known (None: not by waiting). `rule` is what a bucket's table says for the
    call's priority: `wait`, `defer` (by `in_s`) or `skip`.
    """

    what: Scarce
    reason: str
    in_s: float | None = None
    rule: Literal["wait", "defer", "skip"] | None = None


class Grant(Protocol):
    """The right to make one call. Whoever was granted it calls `settle` exactly once, however the call ended."""

    @property
    def waited_s(self) -> float: ...

    def settle(self, tokens: TokenCounts, cost_usd: Decimal) -> None:
        """Replace the estimate by what was used; zero for a call that was never made. Never blocks, never raises."""
        ...


@dataclass(frozen=True, slots=True)
class ProviderLimits:
    """What a provider says in its headers about its own limits, for one deployment. None: not said; times in seconds."""

    requests_limit: float | None = None
    requests_left: float | None = None
    requests_reset_s: float | None = None
    tokens_limit: float | None = None
    tokens_left: float | None = None
    tokens_reset_s: float | None = None
    retry_after_s: float | None = None


class Admission(Protocol):
    """Who may call a model now.

    Contract: what is granted at one time, over all processes together, never exceeds a limit; all that a call needs is taken
    together or not at all. Among those who wait for the same thing the more urgent priority goes first, and tenants
    of one priority take turns, so that none waits for ever. Raises a `StoreError` when the database cannot be asked.
    """

    async def ask(self, want: Want) -> Grant | Short:
        """Take all that the call needs, or tell what is short. Overtakes nobody who waits for the same."""
        ...

    async def wait(self, want: Want, limit_s: float) -> Grant | Short:
        """As `ask`, but wait in turn for up to `limit_s`. May be cancelled; then nothing stays taken."""
        ...

    def observe(self, deployment: Deployment, limits: ProviderLimits) -> None:
        """Note what a provider said of its limits. Never blocks."""
        ...
