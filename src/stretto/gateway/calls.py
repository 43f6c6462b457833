"""The port to the ledger: what is written down of each call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.gateway.config import Deployment
from stretto.gateway.provider import Caller, Outcome, TokenCounts

CallEnd = Literal["answered", "failed", "cancelled", "not_made"]
"""How a call ended: `not_made` is one that admission did not let through, or that the cache answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of one deployment (or one that was not made), as the ledger keeps it. `id` is a UUIDv7; times in seconds."""

    id: UUID
    at: datetime
    caller: Caller
    kind: Literal["chat", "embeddings"] = "chat"
    route: str
    deployment: str = ""
    provider: str = ""
    model: str = ""
    tokens: TokenCounts = field(default_factory=TokenCounts)
    price_version: str = ""
    cost_usd: Decimal = Decimal(0)
    ttft_s: float | None = None
    duration_s: float = 0.0
    waited_s: float = 0.0
    end: CallEnd = "answered"
    outcome: Outcome = "admitted"
    reason: str = ""
    error: str = ""
    error_kind: str = ""
    cached: Literal["", "exact", "semantic"] = ""
    simulated: bool = False


Settler = Callable[[AsyncConnection[TupleRow], UUID, Sequence[Call]], Awaitable[None]]
"""Counts a tenant's calls in the transaction that writes them down (admission: budgets)."""


class Ledger(Protocol):
    """The book of all calls.

    Contract: `record` never blocks; calls are on disk at most 0.2 s later, many in one transaction, together with the sums by
    day. While the database is away they wait, up to a bound; beyond it `drain` makes callers wait, so that none is lost.
    """

    def record(self, call: Call) -> None: ...
    async def drain(self) -> None: ...


class Prices(Protocol):
    """The price table. `version` names it; every cost says by which version it was reckoned."""

    @property
    def version(self) -> str: ...

    def cost(self, deployment: Deployment, tokens: TokenCounts) -> Decimal:
        """US dollars, exact. 0 for a model that has no price; `knows` tells which."""
        ...

    def knows(self, deployment: Deployment) -> bool: ...
