"""The port to the cache of answers."""

from __future__ import annotations

from typing import Literal, Protocol
from uuid import UUID

import msgspec

from stretto.gateway.config import Route
from stretto.gateway.provider import ModelRequest, StopReason, TokenCounts


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer, kept. `match` tells how it was found."""

    text: str
    model: str
    provider: str
    deployment: str
    stop_reason: StopReason = "end"
    tokens: TokenCounts = TokenCounts()
    simulated: bool = False
    match: Literal["exact", "semantic"] = "exact"


class AnswerCache(Protocol):
    """Answers kept by tenant and route.

    Contract: an answer is only ever given to the tenant and route that it was kept for, and within its time to live.
    Requests with tools are neither kept nor answered. A cache that cannot be asked gives nothing and raises nothing.
    """

    async def find(
        self, tenant_id: UUID, route: Route, request: ModelRequest, *, loosely: bool = False
    ) -> Answer | None:
        """A kept answer: an equal request's first, then a similar one's where the route allows it.

        `loosely`: something is short, so also where the request asks for variety (temperature above 0).
        """
        ...

    def keep(self, tenant_id: UUID, route: Route, request: ModelRequest, answer: Answer) -> None:
        """Keep an answer as far as the route allows it. Never blocks."""
        ...


class NoAnswers:
    """An `AnswerCache` that keeps nothing."""

    async def find(
        self, tenant_id: UUID, route: Route, request: ModelRequest, *, loosely: bool = False
    ) -> Answer | None:
        """Nothing is ever found."""
        return None

    def keep(self, tenant_id: UUID, route: Route, request: ModelRequest, answer: Answer) -> None:
        """Let it go."""
