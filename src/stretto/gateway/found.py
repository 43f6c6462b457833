"""What stands in for a `stretto.yaml`: provider keys in the environment, and Ollama's models on this machine."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

from stretto.gateway.config import Deployment, GatewayConfig, Route, Tier, Weighted, stand_in
from stretto.gateway.presets import PRESETS
from stretto.gateway.reading.deployments import described

KEYS = (
    "ANTHROPIC_API_KEY",
    "AZURE_OPENAI_API_KEY",
    "COHERE_API_KEY",
    "DEEPSEEK_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
    "GROQ_API_KEY",
    "MISTRAL_API_KEY",
    "OPENAI_API_KEY",
    "OPENROUTER_API_KEY",
    "TOGETHER_API_KEY",
    "XAI_API_KEY",
)
OLLAMA = ("127.0.0.1", 11434)
OLLAMA_ANSWERS_S = 0.3
MOST_BYTES = 1 << 20
EMBEDDERS = ("embed", "minilm", "bge-", "bert")
"""Parts of the names and families of models that give vectors, not text."""

MODELS: Mapping[str, Mapping[str, str]] = {
    "anthropic": {"fast": "claude-haiku-5-5", "code": "claude-sonnet-5-5", "strong": "claude-opus-5-5"},
    "openai": {"fast": "gpt-6-luna", "code": "gpt-6.1-sol", "strong": "gpt-6.1-sol"},
    "gemini": {"fast": "gemini-flash-latest", "code": "gemini-pro-latest", "strong": "gemini-pro-latest"},
    "deepseek": {"fast": "deepseek-flash", "code": "deepseek-v4-pro", "strong": "deepseek-v4-pro"},
    "openrouter": {"fast": "openrouter/auto", "code": "openrouter/auto", "strong": "openrouter/auto"},
}
"""The models of each route by preset, in the order in which the presets are asked: the next one answers when one fails.

Chosen in November 2026 from the providers' own overviews of their models, none of them of the dearest class."""
ROUTES = ("fast", "code", "strong")
DEFAULT_ROUTE = "fast"


def keys_found(environment: Mapping[str, str] | None = None) -> list[str]:
    """The names of the provider keys that are set; never their values."""
    values = os.environ if environment is None else environment
    return [name for name in KEYS if values.get(name, "").strip()]


async def ollama_found(
    host: str = OLLAMA[0], port: int = OLLAMA[1], within_s: float = OLLAMA_ANSWERS_S
) -> list[str] | None:
    """Ollama's models on this machine that write text, the smallest first; None when nobody answers as Ollama does, in time.

    Source: https://docs.ollama.com/api/tags.
    """
    with suppress(OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
        async with asyncio.timeout(within_s):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET /api/tags HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
                await writer.drain()
                body = (await _all_of(reader)).partition(b"\r\n\r\n")[2]
                return _models(json.loads(body))
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
    return None


async def _all_of(reader: asyncio.StreamReader) -> bytes:
    """What comes until the end; HTTP/1.0 ends with the connection. Raises `ValueError` when it is no list of models."""
    read = bytearray()
    while piece := await reader.read(65536):
        read += piece
        if len(read) > MOST_BYTES:
            raise ValueError("longer than any list of models")
    return bytes(read)


def _models(said: object) -> list[str] | None:
    listed = cast("dict[str, Any]", said).get("models") if isinstance(said, dict) else None
    if not isinstance(listed, list):
        return None
    sizes: dict[str, int] = {}
    for each in cast("list[object]", listed):
        entry = cast("dict[str, Any]", each) if isinstance(each, dict) else {}
        name, size, details = entry.get("name"), entry.get("size"), entry.get("details")
        family = str(cast("dict[str, Any]", details).get("family", "")) if isinstance(details, dict) else ""
        if isinstance(name, str) and name and not any(part in f"{name} {family}".lower() for part in EMBEDDERS):
            sizes[name] = size if isinstance(size, int) else 0
    return sorted(sizes, key=lambda name: (sizes[name], name))


def found_config(
    keys: Sequence[str], ollama_models: Sequence[str] | None, environment: Mapping[str, str] | None = None
) -> GatewayConfig:
    """The configuration for what was found: routes `fast`, `code` and `strong`, or the simulated provider for every name.

    `keys` are names of environment variables; `ollama_models` begin with the smallest. Providers with a key are asked in the
    order of `MODELS`, Ollama last.
    """
    values: Mapping[str, str] = dict.fromkeys(keys, "set") if environment is None else environment
    by_route: dict[str, list[Deployment]] = {route: [] for route in ROUTES}
    used: list[str] = []
    for name, models in MODELS.items():
        preset = PRESETS[name]
        key = next((each for each in preset.key_names if each in keys), None)
        if key is None:
            continue
        used.append(key)
        provider = preset.make(environment=values)
        for route in ROUTES:
            by_route[route].append(described(f"{name}/{models[route]}", provider, models[route]))
    if ollama_models:
        used.append("Ollama")
        provider = PRESETS["ollama"].make(environment=values)
        for route, model in ollama_routes(ollama_models).items():
            by_route[route].append(described(f"ollama/{model}", provider, model))
    unused = [key for key in keys if not any(key in PRESETS[name].key_names for name in MODELS)]
    if not used:
        return _simulated(unused, ollama_models is not None)
    found = f"{', '.join(used)} found{_told(unused)}"
    deployments = {each.name: each for held in by_route.values() for each in held}
    config = GatewayConfig(
        # A tier for each provider: the next one answers only where the one before cannot.
        routes={name: Route(name, tuple(Tier((Weighted(each),)) for each in held)) for name, held in by_route.items()},
        deployments=deployments,
        providers={each.provider.name: each.provider for each in deployments.values()},
        default_route=DEFAULT_ROUTE,
        file=found,
    )
    return replace(config, digest=hashlib.sha256(repr((config.routes, found)).encode()).hexdigest()[:16])


def ollama_routes(models: Sequence[str]) -> dict[str, str]:
    """Which of Ollama's models, the smallest first, answers each route."""
    coders = [model for model in models if "cod" in model.lower() or "devstral" in model.lower()]
    others = [model for model in models if model not in coders] or list(models)
    return {"fast": others[0], "code": coders[-1] if coders else others[-1], "strong": others[-1]}


def _told(unused: Sequence[str]) -> str:
    return f"; {', '.join(unused)} found too: declare its provider in stretto.yaml" if unused else ""


def _simulated(unused: Sequence[str], ollama: bool) -> GatewayConfig:
    """Nothing that could answer was found."""
    why = "Ollama has no model" if ollama else "no Ollama found"
    told = f"no model keys, {why}" if not unused else f"{why}{_told(unused)}"
    config = replace(stand_in("simulated", "simulated"), file=told)
    return replace(config, routes={name: replace(route, local=True) for name, route in config.routes.items()})
