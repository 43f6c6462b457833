"""The words of `stretto.yaml`: the keys of each section, and what may be chosen from."""

from __future__ import annotations

from typing import Literal, get_args

from stretto.gateway.config import Dialect, Rung
from stretto.gateway.tool_servers import ClientAuth, EffectWord, Grant

TOP_KEYS = (
    "providers", "deployments", "routes", "buckets", "budgets", "breaker", "prices", "wait", "default_route", "mcp",
)  # fmt: skip
PROVIDER_KEYS = (
    "preset", "dialect", "url", "key", "headers", "timeouts", "max_tokens_field", "schema_mode", "stream_usage",
)  # fmt: skip
TIMEOUT_KEYS = ("connect", "first_token", "between_tokens")
DEPLOYMENT_KEYS = (
    "provider", "model", "limits", "context", "output", "tools", "vision", "logprobs", "price",
)  # fmt: skip
LIMIT_KEYS = ("requests_per_minute", "tokens_per_minute", "concurrency")
PRICE_KEYS = ("input", "output", "cached_input", "cache_write", "reasoning")
ROUTE_KEYS = (
    "deployments", "tiers", "prefer", "local", "cache", "hedge", "bucket", "when_short",
)  # fmt: skip
TIER_KEYS = ("up_to", "deployments")
WEIGHTED_KEYS = ("name", "weight")
CACHE_KEYS = ("exact", "semantic", "any_temperature")
SEMANTIC_KEYS = ("similarity", "for")
HEDGE_KEYS = ("after", "least")
BUCKET_KEYS = ("capacity", "refill_per_minute", "reserve", "skip_below", "defer")
BUDGET_KEYS = ("month", "tenants", "spending")
SERVER_KEYS = (
    "command", "env", "cwd", "url", "headers", "secrets", "allow", "effects", "timeout", "per_tenant", "sampling",
    "elicitation", "oauth",
)  # fmt: skip
OAUTH_KEYS = ("grant", "client_id", "client_secret", "client_auth", "issuer", "scope", "redirect")
BREAKER_KEYS = ("failures", "error_rate", "window", "open", "max_open")

DIALECTS: tuple[Dialect, ...] = get_args(Dialect)
IN_PROCESS: tuple[Dialect, ...] = ("simulated", "classical")
"""Dialects that answer in this process; each is also a provider of its own name."""
RUNGS: tuple[Rung, ...] = get_args(Rung)
PREFERENCES: tuple[Literal["weight", "cost", "latency"], ...] = ("weight", "cost", "latency")
MAX_TOKENS_FIELDS = ("max_tokens", "max_completion_tokens")
SCHEMA_MODES = ("json_schema", "json_object", "none")
EFFECTS: tuple[EffectWord, ...] = get_args(EffectWord)
GRANTS: tuple[Grant, ...] = get_args(Grant)
CLIENT_AUTHS: tuple[ClientAuth, ...] = get_args(ClientAuth)
