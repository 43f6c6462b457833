"""The gateway put together: its parts opened in the order in which they need one another, and closed in reverse."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import structlog

from stretto.errors import SettingsInvalid
from stretto.gateway.admission import BudgetNow, LimitNow, Limits
from stretto.gateway.answers import AnswerCache, NoAnswers
from stretto.gateway.config import GatewayConfig, Provider
from stretto.gateway.connections import Connections
from stretto.gateway.estimate import estimate
from stretto.gateway.gateway import Gateway, Live
from stretto.gateway.grants import ProviderLimits
from stretto.gateway.ledger import LedgerWriter
from stretto.gateway.prices import PriceTable
from stretto.gateway.provider import Embedder, ModelProvider
from stretto.gateway.router import Condition, WeighingRouter
from stretto.gateway.routing import Estimate
from stretto.gateway.wire import WireEmbedder, WireProvider
from stretto.store import Database

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LimitsNow:
    """Every limit, bucket and budget of a tenant, and how the deployments are doing."""

    limits: tuple[LimitNow, ...]
    budgets: tuple[BudgetNow, ...]
    deployments: tuple[Condition, ...]


class OpenGateway(Gateway):
    """A gateway over PostgreSQL. Make one with `open_gateway`."""

    def __init__(
        self,
        config: GatewayConfig,
        router: WeighingRouter,
        prices: PriceTable,
        connections: Connections,
        limits: Limits,
        ledger: LedgerWriter,
        cache: AnswerCache,
        estimate: Estimate,
    ) -> None:
        super().__init__(Live(config, router, prices), connections, limits, ledger, cache, estimate)
        self._router = router
        self._limits = limits
        self._ledger = ledger

    @property
    def config(self) -> GatewayConfig:
        """The configuration that new calls go by."""
        return self.live.config

    async def reconfigure(self, config: GatewayConfig) -> None:
        """Go by another configuration from the next call on; calls under way end as they began."""
        prices = PriceTable(config)
        await self._limits.reconfigure(config)
        self._ledger.use_prices(prices)
        self._router.reconfigure(config, prices)
        self.live = Live(config, self._router, prices)
        log.info("the gateway goes by a new configuration", file=config.file, digest=config.digest)

    async def limits_overview(self, tenant_id: UUID) -> LimitsNow:
        """What `GET /v1/limits` shows."""
        shown = await self._limits.overview(tenant_id)
        return LimitsNow(
            limits=tuple(each for each in shown if isinstance(each, LimitNow)),
            budgets=tuple(each for each in shown if isinstance(each, BudgetNow)),
            deployments=tuple(self._router.overview()),
        )

    async def flush(self) -> None:
        """Wait until all calls so far are written down."""
        await self._ledger.flush()


@dataclass(frozen=True, slots=True)
class Makers:
    """Makes whoever answers in this process, by dialect."""

    simulated: Callable[[], ModelProvider]


@asynccontextmanager
async def open_gateway(
    database: Database,
    config: GatewayConfig,
    makers: Makers,
    *,
    provider: ModelProvider | None = None,
    estimates: Estimate = estimate,
) -> AsyncGenerator[OpenGateway]:
    """Open a gateway on a database; at the end all calls are written down and all connections closed.

    With `provider`, that one answers for all deployments. Raises a `StoreError` when the database cannot be used.
    """
    prices = PriceTable(config)
    router = WeighingRouter(config, prices)
    async with Limits(database, config) as limits, LedgerWriter(database, [limits.settle_in], prices=prices) as ledger:

        def on_limits(entry: Provider, model: str, said: ProviderLimits) -> None:
            for deployment in gateway.config.deployments.values():
                if deployment.provider.name == entry.name and deployment.model == model:
                    limits.observe(deployment, said)

        def make(entry: Provider) -> ModelProvider:
            if provider is not None:
                return provider
            if entry.dialect == "simulated":
                return makers.simulated()
            return WireProvider(entry, partial(find_key, entry), partial(on_limits, entry))

        def make_embedder(entry: Provider) -> Embedder:
            return WireEmbedder(entry, partial(find_key, entry), on_limits=partial(on_limits, entry))

        connections = Connections(make, make_embedder)
        gateway = OpenGateway(config, router, prices, connections, limits, ledger, NoAnswers(), estimates)
        try:
            yield gateway
        finally:
            if provider is None:
                await connections.close()


def find_key(provider: Provider) -> str | None:
    """The key that a provider's entry names, or nothing. Raises `SettingsInvalid` when it names one that is not there."""
    kind, _, name = provider.key.partition(":")
    if kind == "env":
        key = os.environ.get(name)
        if not key:
            raise SettingsInvalid(f"The key of provider {provider.name!r} is looked for in {name}, which is not set.")
        return key
    return None
