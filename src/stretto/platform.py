"""The composition root: the only module that sees every room and puts them together."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.agents import agent_handler, judge_handler, lend_models
from stretto.agents.judging import Judging
from stretto.agents.judging.store import ThresholdStore
from stretto.agents.judging.topics import TopicFinder
from stretto.agents.sampling import model_for_servers
from stretto.auth import Grantors, Keys, People
from stretto.engine import Flows, Handler, Runs, Schedules, Worker
from stretto.engine.schedules import start_due
from stretto.engine.store import deliver_in
from stretto.errors import NotFound
from stretto.events import Event, Events, Group, Transport
from stretto.events.service import Subscription, carrying, make_transport
from stretto.events.webhooks import HookReceiver, HookSources, Seal, Sender, Webhooks
from stretto.events.webhooks.places import Places
from stretto.gateway.assemble import Makers, OpenGateway, open_gateway
from stretto.gateway.config import GatewayConfig, stand_in
from stretto.gateway.config_file import load_config
from stretto.gateway.estimate import estimate
from stretto.gateway.keys import Key
from stretto.gateway.ledger import Usage
from stretto.gateway.provider import ModelProvider
from stretto.gateway.routing import Estimate
from stretto.gateway.simulated import SimulatedProvider
from stretto.gateway.watch_config import watch_config
from stretto.memory import Encoder, Memory, Model, carry_forward
from stretto.memory.encoder import Questions, RouteEmbedder
from stretto.memory.indexes import PostgresIndex, QdrantIndex, VectorIndex
from stretto.recall import Episodes, recall_tools
from stretto.review import Links, PastReviews, Reviews, tend_deadlines
from stretto.settings import Settings, load_settings
from stretto.state import State
from stretto.state.store import forget_removed
from stretto.store import DEFAULT_TENANT, Database
from stretto.stream import Hub
from stretto.tools import Tools, builtin_tools, tool_handler
from stretto.tools.lending import lend_database
from stretto.tools.mcp import Ports, SecretSource, ServerPool
from stretto.tools.mcp.people import ask_in_inbox
from stretto.tools.secret_store import ToolSecrets
from stretto.tools.spending import Purse

if TYPE_CHECKING:
    from fastapi import APIRouter

    from stretto.auth.login import Login
    from stretto.auth.quotas import RequestLimiter
    from stretto.auth.sessions import Sessions
    from stretto.auth.tokens import TokenVerifier
    from stretto.gateway.keys.store import ProviderKeys
    from stretto.telemetry.service import Telemetry

log = structlog.get_logger(__name__)

LOCAL_VECTORS = "all-MiniLM-L6-v2"
"""What makes vectors on this machine."""
TEND_EVERY_S = 3600.0
"""How often partitions are made and old ones dropped."""


class Platform:
    """Stretto in this process: the database, the streams, the doors to runs, and (if wanted) a worker.

    Use it as `async with Platform.open() as platform`.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        hub: Hub,
        gateway: OpenGateway,
        tools: Tools,
        transport: Transport,
    ) -> None:
        self.settings = settings
        self.database = database
        self.hub = hub
        self.gateway = gateway
        self.tools = tools
        self.purse = tools.purse = tools.purse or Purse(database, self._spending_limit)
        """The budget for what tools spend, of all tenants."""
        self.transport = transport
        self.subscriptions: list[Subscription] = []
        """What takes events where a worker runs."""
        self.beside: dict[str, Callable[[], Awaitable[None]]] = {}
        """What runs beside a worker, by name; begun anew when it meets a fault."""
        self.routers: list[Callable[[], Sequence[APIRouter]]] = []
        """What makes further routes of the HTTP door, of applications."""
        self.examples: list[Callable[[], Mapping[str, Any]]] = []
        """What gives the examples of these routes."""
        self.apps: dict[str, str] = {}
        """The applications that were opened: their titles, by name."""
        self._seal = Seal(lambda: own_key(settings, database, "*webhooks"))
        self._places = Places(local=settings.auth == "local", private=settings.webhook_allow_private)
        self.links = Links(lambda: own_key(settings, database, "*review-links"))
        """Signed links to reviews, for all tenants."""
        self.hooks = HookReceiver(database, self._seal, tell_waits)
        """What takes webhooks in, for all tenants."""
        self.keys = Keys(database)
        self.people = People(database)
        self.grantors = Grantors(database)
        """Whose right stands behind links."""
        self._requests: RequestLimiter | None = None
        self.tokens = token_verifier(settings)
        self.login, self.sessions = login_at(settings, self.tokens, database)
        self.thresholds = ThresholdStore(database)
        """What tenants have set in place of their flows' thresholds."""
        self.judging = Judging(PastReviews(database), self.thresholds, TopicFinder(gateway.embedder))
        """What judges share."""
        self._index = memory_index(settings, database)
        self._memories = memories(settings, database, gateway, self._index)
        self.handlers: dict[str, Handler] = {
            "agent": lend_models(gateway, lend_database(database, agent_handler(gateway, tools))),
            "judge": judge_handler(gateway, self.judging),
            "tool": lend_models(gateway, lend_database(database, tool_handler(tools))),
        }
        self.tool_secrets = ToolSecrets(database, lambda: own_key(settings, database, "*tool-secrets"))
        """What tenants give to servers of tools."""
        source = secret_source(settings, database, self.tool_secrets)
        ports = Ports(model_for_servers(gateway), ask_in_inbox)
        self.servers = ServerPool(gateway.config.mcp, source, ports, logins=self.tool_secrets)
        """The servers of tools, of all tenants."""
        self.worker: Worker | None = None
        self.telemetry: Telemetry | None = None
        """What this process tells of itself; None in a command that only looks."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings | None = None,
        *,
        config: GatewayConfig | None = None,
        provider: ModelProvider | None = None,
        estimate: Estimate = estimate,
        tools: Tools | None = None,
        handlers: Mapping[str, Handler] | None = None,
        worker: bool = True,
        extend: Callable[[Platform], AbstractAsyncContextManager[None]] | None = None,
    ) -> AsyncGenerator[Platform]:
        """Open the database and, with `worker`, begin to carry runs out; at the end, hand over and close.

        `config` is the gateway's (default, with `worker`: stretto.yaml, read anew whenever it changes), `provider` answers all its deployments,
        `estimate` guesses what a request takes, `handlers` replace those of single kinds of steps. What `extend` adds to the
        platform is there before the worker begins (`stretto.apps.opening` opens applications). Raises a `StoreError`
        when the database cannot be used, `ConfigInvalid` when stretto.yaml has problems.
        """
        settings = settings or load_settings()
        by_file = worker and config is None and provider is None
        chosen = config or (await load_config(settings) if by_file else config_for(provider))
        declares = worker or config is not None or provider is not None  # not a command that only looks
        makers = Makers(
            simulated=lambda: simulated_provider(settings), sealed_keys=lambda database: sealed_keys(settings, database)
        )
        telemetry = make_telemetry() if worker else None
        database = await Database.open(settings)
        try:
            transport = make_transport(settings, database)
            async with (
                told_of(telemetry, settings, database),
                Hub() as hub,
                transport.open(),
                open_gateway(
                    database,
                    chosen,
                    makers,
                    provider=provider,
                    estimates=estimate,
                    declares=declares,
                    watch=None if telemetry is None else telemetry.on_call,
                ) as gateway,
            ):
                platform = cls(
                    settings,
                    database,
                    hub,
                    gateway,
                    tools
                    or builtin_tools(
                        lambda tenant_id: State(database, tenant_id),
                        lambda tenant_id: platform.memory(tenant_id),  # noqa: PLW0108 - there is no platform yet
                    ).merge(recall_tools(lambda tenant_id: platform.episodes(tenant_id))),  # noqa: PLW0108 - as above
                    transport,
                )
                platform.telemetry = telemetry
                platform.handlers.update(handlers or {})
                async with (
                    platform.serving_tools(),
                    platform.watching(by_file),
                    platform.counting(),
                    platform.remembering(),
                    nullcontext() if extend is None else extend(platform),
                ):
                    if worker:
                        sender = Sender(database, platform._seal, platform._places)
                        platform.subscriptions.append(Subscription(Group("webhooks"), sender.plan))
                        platform.subscriptions.append(
                            Subscription(Group("episodes"), platform._remember, types=["stretto.run.completed"])
                        )
                        async with (
                            carrying(
                                database,
                                transport,
                                platform.subscriptions,
                                {
                                    "webhooks": sender.run,
                                    "vectors": partial(carry_forward, database, platform.memory),
                                    **platform.beside,
                                },
                            ),
                            platform.working(),
                        ):
                            yield platform
                    else:
                        yield platform
        finally:
            await database.close()

    @property
    def requests(self) -> RequestLimiter:
        """What counts requests. Made on first use: its library takes long to load, and most commands serve nobody."""
        if self._requests is None:
            from stretto.auth.quotas import RequestLimiter

            self._requests = RequestLimiter(self.database, self.settings)
        return self._requests

    @asynccontextmanager
    async def counting(self) -> AsyncGenerator[None]:
        """At the end, give back what the counting of requests holds."""
        try:
            yield
        finally:
            if self._requests is not None:
                await self._requests.close()

    @asynccontextmanager
    async def remembering(self) -> AsyncGenerator[None]:
        """At the end, close the connection to what searches memory's vectors."""
        try:
            yield
        finally:
            await self._index.close()

    @asynccontextmanager
    async def watching(self, wanted: bool = True) -> AsyncGenerator[None]:
        """Let the gateway follow its configuration's file, if wanted."""
        if not wanted:
            yield
            return
        watch = asyncio.create_task(
            watch_config(self.settings, self.gateway.config, self._reconfigure), name="configuration"
        )
        try:
            yield
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch

    async def _reconfigure(self, config: GatewayConfig) -> None:
        await self.gateway.reconfigure(config)
        self.servers.reconfigure(config.mcp)

    async def _spending_limit(self, tenant_id: UUID) -> Decimal | None:
        return self.gateway.config.budgets.spending_usd

    @asynccontextmanager
    async def serving_tools(self) -> AsyncGenerator[None]:
        """Let steps and agents call the tools of servers; at the end, stop these."""
        self.tools.add_source(self.servers)
        try:
            async with self.servers.open():
                yield
        finally:
            self.tools.remove_source(self.servers)

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[Worker]:
        """A worker at work; at the end it hands its runs over."""
        worker = self.worker = Worker(
            self.database,
            self.hub,
            self.handlers,
            self.settings,
            chores=[lambda: start_due(self.database, self.hub), lambda: tend_deadlines(self.database)],
            watch=None if self.telemetry is None else self.telemetry.on_committed,
        )
        task = asyncio.create_task(worker.run(), name="worker")
        task.add_done_callback(self._worker_ended)
        tending = asyncio.create_task(self._tend(), name="partitions")
        try:
            ready = asyncio.create_task(worker.ready())
            await asyncio.wait([ready, task], return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            yield worker
        finally:
            self.worker = None
            tending.cancel()
            worker.stop()
            with suppress(asyncio.CancelledError):
                await task

    def _worker_ended(self, task: asyncio.Task[None]) -> None:
        """A worker that ends by itself has met a fault; say so, and be ready no longer."""
        if self.worker is not None:
            self.worker = None
            error = None if task.cancelled() else task.exception()
            log.error("the worker has ended; start Stretto again", error=repr(error))

    async def _tend(self) -> None:
        """Make the partitions that come next, and drop those whose time is over."""
        while True:
            try:
                now = datetime.now(UTC)
                await self.database.ensure_partitions(now)
                old = now - timedelta(days=self.settings.retention_days)
                dropped = await self.database.drop_partitions(old)
                await forget_removed(self.database, old)
                forgotten = now - timedelta(days=self.settings.event_retention_days)
                dropped += await self.database.drop_event_days(forgotten)
                await self.transport.trim(forgotten)
                if dropped:
                    log.info("dropped old partitions", partitions=dropped)
            except Exception:
                log.exception("could not tend the partitions; trying again in an hour")
            await asyncio.sleep(TEND_EVERY_S)

    def runs(self, tenant_id: UUID = DEFAULT_TENANT) -> Runs:
        """The door to a tenant's runs."""
        return Runs(self.database, self.hub, tenant_id)

    def reviews(self, tenant_id: UUID = DEFAULT_TENANT) -> Reviews:
        """The door to what waits for a person, and to what people decided."""
        return Reviews(self.database, tenant_id, partial(self.judging.calibrations.of, tenant_id))

    def usage(self) -> Usage:
        """The door to what was used and what it cost."""
        return Usage(self.database)

    def schedules(self, tenant_id: UUID = DEFAULT_TENANT) -> Schedules:
        """The door to a tenant's schedules."""
        return Schedules(self.database, tenant_id)

    def flows(self, tenant_id: UUID = DEFAULT_TENANT) -> Flows:
        """The door to a tenant's stored flows."""
        return Flows(self.database, tenant_id)

    def state(self, tenant_id: UUID = DEFAULT_TENANT) -> State:
        """The door to a tenant's documents."""
        return State(self.database, tenant_id)

    def memory(self, tenant_id: UUID = DEFAULT_TENANT) -> Memory:
        """The door to a tenant's memory."""
        return self._memories(tenant_id)

    def episodes(self, tenant_id: UUID = DEFAULT_TENANT) -> Episodes:
        """The door to a tenant's past runs, by what they were about."""
        return Episodes(self.runs(tenant_id), self.flows(tenant_id), self.memory(tenant_id))

    async def _remember(self, event: Event) -> None:
        if event.data.get("memorable"):
            await self.episodes(event.tenant_id).remember(UUID(event.data["run_id"]))

    def events(self, tenant_id: UUID = DEFAULT_TENANT) -> Events:
        """The door to a tenant's events."""
        return Events(self.database, self.transport, tenant_id)

    def webhooks(self, tenant_id: UUID = DEFAULT_TENANT) -> Webhooks:
        """The door to a tenant's webhooks."""
        return Webhooks(self.database, self._seal, self._places, tenant_id)

    def hook_sources(self, tenant_id: UUID = DEFAULT_TENANT) -> HookSources:
        """The door to from where a tenant takes webhooks in."""
        return HookSources(self.database, self._seal, tenant_id)


def spare_collections() -> None:
    """Let Python's garbage collector pass over what stays; for a process that serves from now on.

    A full collection looks at every object there is, 80,000 after the start alone, which stalls all streams for
    0.1–0.3 s; what comes and goes here hardly ever forms cycles (docs/benchmarks.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 5, 200)


def memory_index(settings: Settings, database: Database) -> VectorIndex:
    """What searches the vectors of memory: Qdrant where a server is named, else PostgreSQL."""
    if settings.memory_qdrant_url is None:
        return PostgresIndex(database)
    key = settings.memory_qdrant_key
    return QdrantIndex(database, settings.memory_qdrant_url, None if key is None else key.get_secret_value())


def memories(
    settings: Settings, database: Database, gateway: OpenGateway, index: VectorIndex
) -> Callable[[UUID], Memory]:
    """The memory of each tenant: its vectors are made by the route that the settings name, else on this machine, if it can."""
    local, questions = gateway.embedder, Questions()
    name = settings.memory_model or ("" if local is None else LOCAL_VECTORS)
    model = Model(name, settings.memory_dimensions) if name else None

    def memory(tenant_id: UUID) -> Memory:
        if model is None:
            return Memory(database, tenant_id, index=index)
        embedder = RouteEmbedder(gateway, tenant_id, local, LOCAL_VECTORS)
        is_free = local is not None and name == LOCAL_VECTORS
        encoder = Encoder(embedder, ask_dimensions=True, questions=questions, is_free=is_free)
        return Memory(database, tenant_id, encoder, model, index=index)

    return memory


def config_for(provider: ModelProvider | None) -> GatewayConfig:
    """The configuration where one provider answers everything: this one, or the simulated one."""
    if provider is None:
        return stand_in("simulated", "simulated")
    return stand_in(provider.name, "simulated" if provider.simulated else "openai")


def sealed_keys(settings: Settings, database: Database) -> ProviderKeys:
    """The providers' keys in the database. Loads the cryptography, which nothing else needs."""
    from stretto.gateway.keys.sealing import load_master
    from stretto.gateway.keys.store import ProviderKeys

    return ProviderKeys(database, load_master(settings.home_path))


def secret_source(settings: Settings, database: Database, own: ToolSecrets) -> SecretSource:
    """Gives the secrets of servers of tools: the tenant's own, from the environment, or sealed beside providers' keys."""

    async def find(tenant_id: UUID | None, place: str) -> Key | None:
        kind, _, name = place.partition(":")
        if kind == "env":
            return Key(os.environ.get(name, "")) or None
        if kind in ("tenant", "secret") and tenant_id is not None and (found := await own.find(tenant_id, name)):
            return found
        if kind == "tenant":
            return None
        try:
            keys = await asyncio.to_thread(sealed_keys, settings, database)
            return await keys.open(name)
        except NotFound:
            return None

    return find


async def tell_waits(
    connection: AsyncConnection[TupleRow], tenant_id: UUID, type_: str, data: Mapping[str, Any]
) -> None:
    """Let the steps go on that wait for an incoming webhook: for its type, and its sender's name of what happened, if any."""
    await deliver_in(connection, tenant_id, type_, str(data.get("event", "")), data)


async def own_key(settings: Settings, database: Database, name: str) -> bytes:
    """A key of Stretto's own, which others are sealed or signed with. It is sealed itself, beside the providers' keys."""
    keys = await asyncio.to_thread(sealed_keys, settings, database)
    return bytes.fromhex((await keys.own(name)).reveal())


def make_telemetry() -> Telemetry:
    """What a process that serves tells of itself. Loads Prometheus' client, which a command that only looks spares."""
    from stretto.telemetry.service import Telemetry

    return Telemetry()


@asynccontextmanager
async def told_of(telemetry: Telemetry | None, settings: Settings, database: Database) -> AsyncGenerator[None]:
    """Let the process tell of itself, if it does."""
    if telemetry is None:
        yield
        return
    from stretto.telemetry.service import telling

    async with telling(telemetry, settings, database):
        yield


def token_verifier(settings: Settings) -> TokenVerifier | None:
    """What checks the tokens of an identity provider, where one is configured. Loads the cryptography only then."""
    if settings.oidc_issuer is None and settings.jwt_secret is None:
        return None
    from stretto.auth.tokens import TokenVerifier

    return TokenVerifier(settings)


def login_at(
    settings: Settings, verifier: TokenVerifier | None, database: Database
) -> tuple[Login, Sessions] | tuple[None, None]:
    """What logs browsers in and knows them again, where an identity provider and our client id there are configured."""
    if verifier is None or verifier.issuer is None or settings.oidc_client_id is None:
        return None, None
    from stretto.auth.login import Login
    from stretto.auth.sessions import Sessions

    secure = (settings.public_url or "").lower().startswith("https:")
    return Login(settings, verifier, database), Sessions(database, verifier.issuer.url, secure=secure)


def simulated_provider(settings: Settings) -> SimulatedProvider:
    """The provider that answers while no model is configured; it says in every answer that it is simulated."""
    return SimulatedProvider(seed=settings.sim_seed, ttft_s=settings.sim_ttft_s, tokens_per_s=settings.sim_tokens_per_s)
