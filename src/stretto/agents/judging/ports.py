"""What a judge asks of the rest of the house: what people decided before, and which thresholds the tenant has set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from stretto.flow.graph import Thresholds


@dataclass(frozen=True, slots=True)
class PastDecision:
    """What a person decided about something that `judge` had scored with `stated` (0-1, before calibration)."""

    judge: str
    content_type: str
    stated: float
    approved: bool
    at: datetime


class Decided(Protocol):
    """A past decision, as whoever keeps them gives it."""

    @property
    def stated(self) -> float: ...
    @property
    def approved(self) -> bool: ...


class PastDecisions(Protocol):
    """What people decided before; decisions by time-out or in bulk are none of theirs."""

    async def decisions(
        self, tenant_id: UUID, *, judge: str | None, flow: str | None, content_type: str | None, limit: int
    ) -> Sequence[Decided]:
        """The latest decisions, of any judge, flow or content type where None is given."""
        ...

    async def approved_before(self, tenant_id: UUID, flow: str, content_type: str) -> bool:
        """Whether a person has approved content of this type in this flow."""
        ...


class NoPastDecisions:
    """Nobody has decided anything yet."""

    async def decisions(
        self, tenant_id: UUID, *, judge: str | None, flow: str | None, content_type: str | None, limit: int
    ) -> Sequence[Decided]:
        """None."""
        return ()

    async def approved_before(self, tenant_id: UUID, flow: str, content_type: str) -> bool:
        """No."""
        return False


class ThresholdsInForce(Protocol):
    """The thresholds that a tenant has set in place of those of its flows."""

    async def in_force(self, tenant_id: UUID, flow: str, policy: str, content_type: str) -> Thresholds:
        """The most precise ones; None in them where the flow's own hold."""
        ...


class NoThresholds:
    """The flows' own hold."""

    async def in_force(self, tenant_id: UUID, flow: str, policy: str, content_type: str) -> Thresholds:
        """None."""
        return Thresholds()
