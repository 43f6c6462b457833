"""The gateway put together: its parts opened in the order in which they need one another, and closed in reverse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from stretto.errors import StoreError
from stretto.gateway.admission import BudgetNow, LimitNow, Limits
from stretto.gateway.cache import Hits, PostgresAnswers
from stretto.gateway.calls import Call
from stretto.gateway.config import GatewayConfig, Provider, with_classical
from stretto.gateway.connections import Connections
from stretto.gateway.estimate import estimate
from stretto.gateway.gateway import Gateway, Live
from stretto.gateway.grants import ProviderLimits
from stretto.gateway.keys import Key, key_source
from stretto.gateway.ledger import LedgerWriter
from stretto.gateway.local.classical import Classical
from stretto.gateway.local.minilm import INSTALL, LocalEmbedder, is_installed
from stretto.gateway.local.sentiment import lexicon
from stretto.gateway.prices import PriceTable
from stretto.gateway.provider import Embedder, ModelProvider
from stretto.gateway.router import Condition, WeighingRouter
from stretto.gateway.routing import Estimate
from stretto.gateway.simulated.vectors import SimulatedEmbedder
from stretto.store import Database

if TYPE_CHECKING:
    from stretto.gateway.keys.store import ProviderKeys

KEYS_EVERY_S = 10.0
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LimitsNow:
    """Every limit, bucket and budget of a tenant, and how the deployments are doing."""

    limits: tuple[LimitNow, ...]
    budgets: tuple[BudgetNow, ...]
    deployments: tuple[Condition, ...]
    caches: tuple[Hits, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a gateway over PostgreSQL is made of."""

    router: WeighingRouter
    connections: Connections
    limits: Limits
    ledger: LedgerWriter
    cache: PostgresAnswers
    keyring: Keyring
    embedder: LocalEmbedder | None = None


class OpenGateway(Gateway):
    """A gateway over PostgreSQL. Make one with `open_gateway`."""

    def __init__(self, config: GatewayConfig, prices: PriceTable, parts: Parts, estimate: Estimate) -> None:
        live = Live(config, parts.router, prices)
        super().__init__(live, parts.connections, parts.limits, parts.ledger, parts.cache, estimate)
        self._parts = parts
        self._say_what_is_missing()

    @property
    def config(self) -> GatewayConfig:
        """The configuration that new calls go by."""
        return self.live.config

    @property
    def embedder(self) -> Embedder | None:
        """What makes vectors on this machine; None where it is not installed."""
        return self._parts.embedder

    def _say_what_is_missing(self) -> None:
        """A route may ask for what is not installed here; then it goes on without, and says so once."""
        similar = [route.name for route in self.config.routes.values() if route.cache.semantic_threshold is not None]
        if similar and not is_installed():
            log.warning("similar questions are not found in the cache", routes=similar, remedy=INSTALL)

    async def reconfigure(self, config: GatewayConfig) -> None:
        """Go by another configuration from the next call on; calls under way end as they began."""
        config = with_classical(config)
        prices = PriceTable(config)
        parts = self._parts
        await parts.keyring.follow(config)
        await parts.limits.reconfigure(config)
        parts.ledger.use_prices(prices)
        parts.router.reconfigure(config, prices)
        self.live = Live(config, parts.router, prices)
        self._say_what_is_missing()
        log.info("the gateway goes by a new configuration", file=config.file, digest=config.digest)

    async def limits_overview(self, tenant_id: UUID) -> LimitsNow:
        """What `GET /v1/limits` shows."""
        shown = await self._parts.limits.overview(tenant_id)
        return LimitsNow(
            limits=tuple(each for each in shown if isinstance(each, LimitNow)),
            budgets=tuple(each for each in shown if isinstance(each, BudgetNow)),
            deployments=tuple(self._parts.router.overview()),
            caches=tuple(self._parts.cache.hits.values()),
        )

    def conditions(self) -> list[Condition]:
        """How the deployments are doing, as this process sees it."""
        return self._parts.router.overview()

    @property
    def ledger_backlog(self) -> int:
        """Calls that are not written down yet."""
        return self._parts.ledger.backlog

    async def flush(self) -> None:
        """Wait until all calls so far are written down."""
        await self._parts.ledger.flush()


@dataclass(frozen=True, slots=True)
class Makers:
    """Makes whoever answers in this process, and opens sealed keys."""

    simulated: Callable[[], ModelProvider]
    sealed_keys: Callable[[Database], ProviderKeys] | None = None
    """None: there are none."""


@asynccontextmanager
async def open_gateway(
    database: Database,
    config: GatewayConfig,
    makers: Makers,
    *,
    provider: ModelProvider | None = None,
    estimates: Estimate = estimate,
    declares: bool = True,
    watch: Callable[[Call], None] | None = None,
) -> AsyncGenerator[OpenGateway]:
    """Open a gateway on a database; at the end all calls are written down and all connections closed.

    With `provider`, that one answers for all models; with `declares` False, the limits that other processes have declared
    stay as they are; `watch` hears of each call that is written down. Raises a `StoreError` when the database cannot be used.
    """
    if provider is None and any(entry.dialect in ("openai", "anthropic") for entry in config.providers.values()):
        import_module("stretto.gateway.wire")  # now, and not in the first call
    config = with_classical(config)
    prices = PriceTable(config)
    router = WeighingRouter(config, prices)
    embedder = LocalEmbedder() if is_installed() else None
    keyring = Keyring(database, makers.sealed_keys)
    connections = Connections(
        lambda entry: (
            provider if provider and entry.dialect != "classical" else make_provider(entry, makers, keyring, observe)
        ),
        lambda entry: make_embedder(entry, embedder, keyring, observe),
    )

    def observe(entry: Provider, model: str, said: ProviderLimits) -> None:
        for deployment in gateway.config.deployments.values():
            if deployment.provider.name == entry.name and deployment.model == model:
                limits.observe(deployment, said)

    async with (
        Limits(database, config, declares=declares) as limits,
        LedgerWriter(database, [limits.settle_in], prices=prices, watch=watch) as ledger,
        PostgresAnswers(database, embedder) as cache,
    ):
        parts = Parts(router, connections, limits, ledger, cache, keyring, embedder)
        gateway = OpenGateway(config, prices, parts, estimates)
        await keyring.follow(config)
        if any(each.is_classical for each in config.deployments.values()):
            await asyncio.to_thread(lexicon)  # read once, so that no call waits for the disk
        try:
            yield gateway
        finally:
            await keyring.close()
            await connections.close(spare=provider)
            if embedder is not None:
                await embedder.close()


Observe = Callable[[Provider, str, ProviderLimits], None]


def make_provider(entry: Provider, makers: Makers, keyring: Keyring, observe: Observe) -> ModelProvider:
    """Who speaks to this provider."""
    if entry.dialect == "simulated":
        return makers.simulated()
    if entry.dialect == "classical":
        return Classical()
    from stretto.gateway.wire import WireProvider

    return WireProvider(entry, key_source(entry.key, keyring.get), partial(observe, entry))


def make_embedder(entry: Provider, local: LocalEmbedder | None, keyring: Keyring, observe: Observe) -> Embedder:
    """Who asks this provider for vectors; where no model is reached, the one on this machine if it is installed."""
    if entry.dialect in ("simulated", "classical"):
        return SimulatedEmbedder() if local is None else local
    from stretto.gateway.wire import WireEmbedder

    return WireEmbedder(entry, key_source(entry.key, keyring.get), on_limits=partial(observe, entry))


class Keyring:
    """The sealed keys that the configuration names, opened anew every `KEYS_EVERY_S`; none is read where it names none."""

    def __init__(self, database: Database, open_keys: Callable[[Database], ProviderKeys] | None) -> None:
        self._database = database
        self._open_keys = open_keys
        self._keys: ProviderKeys | None = None
        self._task: asyncio.Task[None] | None = None
        self._told: list[str] = []

    def get(self, name: str) -> Key | None:
        """The key of this name."""
        return None if self._keys is None else self._keys.get(name)

    async def follow(self, config: GatewayConfig) -> None:
        """Open the keys if this configuration names any."""
        if (
            self._keys is None
            and self._open_keys is not None
            and any(entry.key.startswith("sealed:") for entry in config.providers.values())
        ):
            self._keys = self._open_keys(self._database)
            await self._load(self._keys)
            self._task = asyncio.create_task(self._reload(self._keys), name="sealed keys")

    async def _reload(self, keys: ProviderKeys) -> None:
        while True:
            await asyncio.sleep(KEYS_EVERY_S)
            try:
                await self._load(keys)
            except StoreError as error:
                log.warning("sealed keys are not read anew; going on with those at hand", error=error.message)

    async def _load(self, keys: ProviderKeys) -> None:
        closed = await keys.load()
        if closed and closed != self._told:
            log.warning("these keys were sealed under another master key; set them again", keys=closed)
        self._told = closed

    async def close(self) -> None:
        """Read them no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
