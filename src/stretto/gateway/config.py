"""The gateway's configuration as frozen records: what `stretto.yaml` says once it is read (`gateway/read_config.py`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

from stretto.gateway.tool_servers import ToolServer

Dialect = Literal["openai", "anthropic", "simulated", "classical"]
"""How a provider is spoken to; `simulated` and `classical` answer in this process."""

Rung = Literal["cheaper", "cache", "wait", "defer", "skip", "reject"]
"""What is done with a call when something is short: the next rung is tried when one cannot be had."""

LADDERS: Mapping[int, tuple[Rung, ...]] = {
    0: ("cheaper", "wait", "reject"),
    1: ("cheaper", "cache", "wait", "defer"),
    2: ("cheaper", "cache", "wait", "defer"),
    3: ("cheaper", "cache", "wait", "skip"),
}
"""The ladder of each priority where a route declares none. A bucket whose rule for the priority is to put off or to skip is
not waited for; money is neither waited for nor put off until there is more, unless the route says so."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """In seconds: to connect, to the first token, and between two tokens."""

    connect_s: float = 5.0
    first_token_s: float = 60.0
    between_tokens_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Provider:
    """An account with a provider, or a server of one's own.

    `key` tells where its key is: `env:NAME`, `sealed:NAME` (in the database), or nothing. `url` ends before
    `/chat/completions` (`https://api.openai.com/v1`) or `/messages` (`https://api.anthropic.com/v1`).
    """

    name: str
    dialect: Dialect
    url: str = ""
    key: str = ""
    preset: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    timeouts: Timeouts = Timeouts()
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    schema_mode: Literal["json_schema", "json_object", "none"] = "json_schema"
    """How a structured answer is asked for: by schema, as any JSON object with the schema in the prompt, by the prompt alone."""
    stream_usage: bool = True
    """Whether `stream_options: {include_usage: true}` is understood."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for one token of each class. A class without a price of its own costs what `input` or `output` costs."""

    input_usd: Decimal
    output_usd: Decimal
    cached_input_usd: Decimal | None = None
    cache_write_usd: Decimal | None = None
    reasoning_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """What a deployment bears, over all processes together; None: no limit of ours."""

    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """A model at a provider; `model` empty: the name that is asked for is passed on. `context_tokens` bounds input and output together; None: not known."""

    name: str
    provider: Provider
    model: str
    limits: Limits = Limits()
    context_tokens: int | None = None
    output_tokens: int | None = None
    tools: bool = True
    vision: bool = False
    logprobs: bool = False
    price: Price | None = None
    """Overrides the price table."""

    @property
    def is_classical(self) -> bool:
        """Whether no model answers, but the classical methods of this process."""
        return self.provider.dialect == "classical"


@dataclass(frozen=True, slots=True)
class Weighted:
    """A deployment of a tier and its share of the tier's calls."""

    deployment: Deployment
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Tier:
    """Deployments that do equally well for requests up to this complexity (0-1)."""

    deployments: tuple[Weighted, ...]
    max_complexity: float = 1.0

    @property
    def is_classical(self) -> bool:
        """Whether nothing but classical methods stands in it."""
        return all(held.deployment.is_classical for held in self.deployments)


@dataclass(frozen=True, slots=True)
class CacheRule:
    """What of a route's answers is kept: exactly equal requests, and (with a threshold) similar ones."""

    exact_ttl_s: float | None = None
    semantic_threshold: float | None = None
    """Least cosine similarity (0-1) of the last message to count as the same question."""
    semantic_ttl_s: float = 3600.0
    any_temperature: bool = False
    """Also where the request asks for variety (temperature above 0)."""


@dataclass(frozen=True, slots=True)
class Hedge:
    """A second deployment is asked when the first has said nothing after this percentile of its latest first-token times."""

    percentile: float = 95.0
    least_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Route:
    """A model name that flows use. `prefer` orders the deployments of a tier."""

    name: str
    tiers: tuple[Tier, ...]
    prefer: Literal["weight", "cost", "latency"] = "weight"
    local: bool = False
    """The classical methods may answer what they do well."""
    cache: CacheRule = CacheRule()
    hedge: Hedge | None = None
    bucket: str | None = None
    when_short: tuple[Rung, ...] | None = None
    """None: `LADDERS` by the call's priority."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A token bucket with priorities; a call takes one token (Maestro's table: 30, 2.5 a minute, 5 for P0).

    P0 may take the last one. The others leave `reserve`; P1 waits for its turn, P2 is put off by `defer_s`, P3 is skipped
    below `skip_below` (share of the capacity).
    """

    name: str
    capacity: float = 30.0
    refill_per_minute: float = 2.5
    reserve: float = 5.0
    skip_below: float = 0.2
    defer_s: float = 1800.0


@dataclass(frozen=True, slots=True)
class Budgets:
    """US dollars per calendar month (UTC) and tenant, by the tenant's name; `month_usd` for those not named.

    `spending_usd` is what each tenant's tools may spend on other things than models; None: nothing.
    """

    month_usd: Decimal | None = None
    tenants: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    spending_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Breaker:
    """A deployment is left alone after `failures` in a row, or when over `error_rate` of its last `window` calls failed;
    one probe after `open_s`, doubled with each failed probe up to `max_open_s`."""

    failures: int = 5
    error_rate: float = 0.5
    window: int = 20
    open_s: float = 10.0
    max_open_s: float = 300.0


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """All of it. `digest` tells two apart; `file` is where it came from, or what stands in for a file."""

    routes: Mapping[str, Route]
    deployments: Mapping[str, Deployment]
    providers: Mapping[str, Provider] = field(default_factory=dict[str, Provider])
    buckets: Mapping[str, Bucket] = field(default_factory=dict[str, Bucket])
    budgets: Budgets = Budgets()
    breaker: Breaker = Breaker()
    prices: Mapping[str, Price] = field(default_factory=dict[str, Price])
    """Overrides of the price table by model name."""
    wait_s: float = 30.0
    """Longest that a call waits in a process; beyond that it is put off."""
    default_route: str | None = None
    """Answers for a model name that is no route and no deployment; None: such a name is refused."""
    mcp: Mapping[str, ToolServer] = field(default_factory=dict[str, ToolServer])
    """The servers of tools; `tools/mcp/` runs them."""
    digest: str = ""
    file: str = ""


def stand_in(name: str, dialect: Dialect) -> GatewayConfig:
    """The configuration where one provider answers whatever is asked: every name is a route to it.

    It never rests after failures, since nobody could answer in its place.
    """
    provider = Provider(name, dialect)
    deployment = Deployment(name, provider, "", vision=True, logprobs=True)
    route = Route("default", (Tier((Weighted(deployment),)),))
    return GatewayConfig(
        {route.name: route},
        {deployment.name: deployment},
        {provider.name: provider},
        breaker=Breaker(failures=1_000_000, error_rate=1.0),
        default_route=route.name,
        digest=f"stand-in {name}",
        file=f"the provider {name}",
    )


def with_classical(config: GatewayConfig) -> GatewayConfig:
    """What the gateway goes by: the classical methods are asked first, for what they do well, on routes that are `local`.

    A route that names them among its deployments is local, and keeps its tiers as they are.
    """
    classical = Deployment("classical/methods", Provider("classical", "classical"), "methods", tools=False)
    routes: dict[str, Route] = {}
    for name, route in config.routes.items():
        named = any(held.deployment.is_classical for tier in route.tiers for held in tier.deployments)
        if named:
            routes[name] = replace(route, local=True)
        elif route.local:
            routes[name] = replace(route, local=True, tiers=(Tier((Weighted(classical),)), *route.tiers))
        else:
            routes[name] = route
    added = any(
        held.deployment is classical for each in routes.values() for tier in each.tiers for held in tier.deployments
    )
    if not added:
        return replace(config, routes=routes)
    return replace(
        config,
        routes=routes,
        deployments={**config.deployments, classical.name: classical},
        providers={**config.providers, classical.provider.name: classical.provider},
    )
