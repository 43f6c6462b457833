"""A ledger and prices in memory, to try a gateway without a database."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from stretto.gateway.calls import Call
from stretto.gateway.config import Deployment, Price
from stretto.gateway.provider import TokenCounts


class KeptCalls:
    """A `Ledger` that keeps all calls in `calls`."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def record(self, call: Call) -> None:
        """Keep it."""
        self.calls.append(call)

    async def drain(self) -> None:
        """Return at once: there is no disk."""


class FixedPrices:
    """`Prices` by the deployments' own prices; one without has none."""

    version = "fixed"

    def __init__(self, prices: Mapping[str, Price] | None = None) -> None:
        self._prices = prices or {}

    def _price(self, deployment: Deployment) -> Price | None:
        return deployment.price or self._prices.get(deployment.model)

    def knows(self, deployment: Deployment) -> bool:
        """Whether there is a price."""
        return self._price(deployment) is not None

    def cost(self, deployment: Deployment, tokens: TokenCounts) -> Decimal:
        """Input of all classes and output at the price of each."""
        price = self._price(deployment)
        return Decimal(0) if price is None else tokens.all_input * price.input_usd + tokens.output * price.output_usd
