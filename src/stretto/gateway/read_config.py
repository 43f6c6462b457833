"""`stretto.yaml` read: from a text to a `GatewayConfig`, or all of its mistakes at once, each with its place and remedy."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace

from stretto.documents.parse import parse
from stretto.documents.plain import Json
from stretto.documents.problems import Enough, Problems, suggest
from stretto.documents.yaml_tree import Manner
from stretto.errors import ConfigInvalid
from stretto.gateway.config import GatewayConfig, Route
from stretto.gateway.reading.bounds import read_breaker, read_buckets, read_budgets, read_prices
from stretto.gateway.reading.deployments import DeploymentReader
from stretto.gateway.reading.providers import ProviderReader
from stretto.gateway.reading.reader import ConfigReader, given
from stretto.gateway.reading.routes import RouteReader
from stretto.gateway.reading.tool_servers import ServerReader
from stretto.gateway.reading.words import TOP_KEYS

CONFIGURATION = Manner(
    noun="configuration",
    begin="Begin with `routes:`, such as `routes: {fast: [openai/gpt-4o-mini]}`.",
    too_deep="A configuration needs five levels at most.",
    too_large="Delete what is not needed.",
    too_many="Use fewer aliases.",
)


def read_config(text: str | bytes, file: str, environment: Mapping[str, str] | None = None) -> GatewayConfig:
    """What a configuration says. `environment` (default: this process's) tells under which of its names a preset's key is.

    Raises `ConfigInvalid` with every mistake.
    """
    source = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    problems = Problems()
    config = GatewayConfig({}, {})
    try:
        read = parse(source, file, problems, CONFIGURATION)
        if read is not None:
            reader = ConfigReader(read[1], problems)
            config = _read(reader, read[0], os.environ if environment is None else environment)
    except Enough:
        pass
    problems.raise_if_any(file, ConfigInvalid)
    return replace(config, digest=digest_of(source), file=file)


def digest_of(source: bytes) -> str:
    """Tells the texts of two configurations apart."""
    return hashlib.sha256(source).hexdigest()[:16]


def _read(reader: ConfigReader, document: Mapping[str, Json], environment: Mapping[str, str]) -> GatewayConfig:
    written = {key: value for key, value in document.items() if not key.startswith("x-")}
    data = reader.known_keys((), written, TOP_KEYS, "a configuration")
    providers = ProviderReader(reader, environment)
    providers.read(data.get("providers"))
    deployments = DeploymentReader(reader, providers)
    deployments.read(data.get("deployments"))
    buckets = read_buckets(reader, data.get("buckets"))
    routes = RouteReader(reader, deployments, list(buckets)).read(data.get("routes"))
    wait_s = reader.duration(("wait",), data["wait"], "`wait`") if given(data, "wait") else None
    used = {each.provider.name: each.provider for each in deployments.found.values()}
    return GatewayConfig(
        routes=routes,
        deployments=deployments.found,
        providers={**used, **providers.declared},
        buckets=buckets,
        budgets=read_budgets(reader, data.get("budgets")),
        breaker=read_breaker(reader, data.get("breaker")),
        prices=read_prices(reader, data.get("prices")),
        wait_s=wait_s or GatewayConfig({}, {}).wait_s,
        default_route=_default_route(reader, data, routes),
        mcp=ServerReader(reader, routes).read(data.get("mcp")),
    )


def _default_route(reader: ConfigReader, data: Mapping[str, Json], routes: Mapping[str, Route]) -> str | None:
    if not given(data, "default_route"):
        return None
    name = reader.text(("default_route",), data["default_route"], "`default_route`")
    if name is not None and name not in routes:
        reader.at_value(("default_route",), f"there is no route `{name[:80]}`.", suggest(name, list(routes)))
    return name
