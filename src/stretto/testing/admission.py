"""An admission that admits everything, and remembers it."""

from __future__ import annotations

from decimal import Decimal

from stretto.gateway.config import Deployment
from stretto.gateway.grants import Grant, ProviderLimits, Short, Want
from stretto.gateway.provider import TokenCounts


class OpenAdmission:
    """Grants every call at once. `short` (by the deployment's name) tells what to answer instead.

    `wants` are the calls that came, `settled` what they used, `observed` what providers said.
    """

    def __init__(self) -> None:
        self.short: dict[str, Short] = {}
        self.wants: list[Want] = []
        self.settled: list[tuple[Want, TokenCounts, Decimal]] = []
        self.observed: list[tuple[Deployment, ProviderLimits]] = []

    async def ask(self, want: Want) -> Grant | Short:
        self.wants.append(want)
        return self.short.get(want.deployment.name) or OpenGrant(self, want)

    async def wait(self, want: Want, limit_s: float) -> Grant | Short:
        return await self.ask(want)

    def observe(self, deployment: Deployment, limits: ProviderLimits) -> None:
        self.observed.append((deployment, limits))

    @property
    def unsettled(self) -> int:
        """Grants whose calls have not ended."""
        return sum(want.deployment.name not in self.short for want in self.wants) - len(self.settled)


class OpenGrant:
    """A grant that was free. Settling it twice is an error, so that tests find it."""

    def __init__(self, admission: OpenAdmission, want: Want) -> None:
        self.waited_s = 0.0
        self._admission = admission
        self._want: Want | None = want

    def settle(self, tokens: TokenCounts, cost_usd: Decimal) -> None:
        assert self._want is not None, "A grant is settled exactly once."
        self._admission.settled.append((self._want, tokens, cost_usd))
        self._want = None
