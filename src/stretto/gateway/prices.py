"""What models cost and can do: the price table that ships with Stretto, and what a configuration says otherwise.

A cost is reckoned in exact decimals. Which prices it was reckoned by tells the version that stands beside it in the
ledger; `PriceTable.document` is what the ledger keeps of a version, so that any cost can be reckoned again.

Not in the table, since no request of ours asks for them: prices of batches and of faster or slower service. Nor are there
off-peak hours (DeepSeek) and caches kept for an hour (Anthropic): the first cost less than is reckoned, the second more.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from functools import cache
from importlib import resources
from typing import Any, Literal, cast

from stretto.gateway.config import Deployment, GatewayConfig, Price
from stretto.gateway.provider import TokenCounts

FREE_PRESETS = frozenset({"ollama", "vllm"})
"""Servers of one's own, which ask no money. A price in the configuration overrides this."""
FREE_DIALECTS = frozenset({"simulated", "classical"})
PASSED_ON = {"openai": "openai", "anthropic": "anthropic", "google": "gemini"}
"""Vendors whose models OpenRouter sells at the vendor's own price (https://openrouter.ai/docs/faq), and whose preset has it.

Models that several hosts offer there, such as DeepSeek's, have a price for each host and so none here.
"""
DATED = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2})$")
"""How a dated version of a model ends: `-2025-08-07`, `-20250929`."""
EXACT = Context(prec=60)
"""Holds any product of a price and a count, so that nothing is ever rounded; the default of 28 digits might not."""
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Rates:
    """US dollars for one token of each class, of requests whose whole input is longer than `above_tokens`."""

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    cache_write: Decimal | None = None
    reasoning: Decimal | None = None
    above_tokens: int = 0

    def cost(self, tokens: TokenCounts) -> Decimal:
        """US dollars for these tokens, exact. `reasoning` is a part of `output`, priced apart where it has a price."""
        reasoning = min(tokens.reasoning, tokens.output)
        cost = EXACT.multiply(self.input, Decimal(tokens.input))
        for rate, count in (
            (self.input if self.cached_input is None else self.cached_input, tokens.cached_input),
            (self.input if self.cache_write is None else self.cache_write, tokens.cache_write),
            (self.output, tokens.output - reasoning),
            (self.output if self.reasoning is None else self.reasoning, reasoning),
        ):
            if count:
                cost = EXACT.add(cost, EXACT.multiply(rate, Decimal(count)))
        return cost


Scale = tuple[Rates, ...]
"""The rates of a model: the base, then those above a length of input, shortest first.

The whole request is priced by the last one that its input reaches beyond, as OpenAI, Anthropic and Google do it.
"""
FREE: Scale = (Rates(ZERO, ZERO),)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a model can do. Sizes in tokens, None where they are not known.

    `context_tokens` is the longest input; that input and output together stay below it is always allowed.
    """

    kind: Literal["chat", "embeddings"] = "chat"
    context_tokens: int | None = None
    output_tokens: int | None = None
    tools: bool = False
    vision: bool = False
    structured: bool = False


def capabilities(preset: str, model: str) -> Capabilities | None:
    """What the table says of a provider's model; None for a model that it does not hold."""
    entry = _find(preset, model)
    if entry is None:
        return None
    return Capabilities(
        kind=entry["kind"],
        context_tokens=entry.get("context"),
        output_tokens=entry.get("output_tokens"),
        tools=entry.get("tools", False),
        vision=entry.get("vision", False),
        structured=entry.get("structured", False),
    )


def undated(model: str) -> str:
    """A model's name without the date of its version: `gpt-5` of `gpt-5-2025-08-07`."""
    return DATED.sub("", model)


class PriceTable:
    """Prices by deployment: its own override, then the configuration's by model name, then the table that ships."""

    def __init__(self, config: GatewayConfig | None = None) -> None:
        config = config or GatewayConfig({}, {})
        self._by_model = dict(config.prices)
        scales = {name: self._look_up(deployment) for name, deployment in sorted(config.deployments.items())}
        self._by_name = {name: scale for name, scale in scales.items() if scale is not None}
        shipped = str(_table()["version"])
        self._document = _document(shipped, self._by_name)
        overridden = bool(config.prices) or any(deployment.price for deployment in config.deployments.values())
        # What a version stands for is the prices of all deployments, so that each of its costs can be reckoned again.
        digest = hashlib.sha256(self._document.encode()).hexdigest()[:12]
        self._version = f"{shipped}+{'own-' if overridden else ''}{digest}"

    @property
    def version(self) -> str:
        """Names the table and, by a digest, the prices that it and the overrides give the configured deployments."""
        return self._version

    @property
    def document(self) -> str:
        """The prices of all configured deployments, as the ledger keeps them under `version` (JSON)."""
        return self._document

    def cost(self, deployment: Deployment, tokens: TokenCounts) -> Decimal:
        return cost_of(self._scale(deployment) or FREE, tokens)

    def knows(self, deployment: Deployment) -> bool:
        return self._scale(deployment) is not None

    def _scale(self, deployment: Deployment) -> Scale | None:
        # A deployment with the name of a configured one costs what that one does: the ledger knows it by its name.
        if (scale := self._by_name.get(deployment.name)) is not None:
            return scale
        return self._look_up(deployment)

    def _look_up(self, deployment: Deployment) -> Scale | None:
        own = deployment.price or self._by_model.get(deployment.model) or self._by_model.get(undated(deployment.model))
        if own is not None:
            return (_rates(own),)
        provider = deployment.provider
        if provider.preset in FREE_PRESETS or provider.dialect in FREE_DIALECTS:
            return FREE
        entry = _find(provider.preset, deployment.model)
        return None if entry is None else _scale_of(entry)


def add_up(amounts: Iterable[Decimal]) -> Decimal:
    """The sum of amounts of money, exact: `sum` rounds to 28 digits."""
    found = ZERO
    for amount in amounts:
        found = EXACT.add(found, amount)
    return found


def cost_of(scale: Scale, tokens: TokenCounts) -> Decimal:
    """US dollars for one call's tokens, exact."""
    rates = scale[0]
    for longer in scale[1:]:
        if tokens.all_input > longer.above_tokens:
            rates = longer
    return rates.cost(tokens)


def read_document(document: str) -> dict[str, Scale]:
    """The prices by deployment that a version stands for, from what the ledger has kept of it."""
    found = cast("Mapping[str, Sequence[Mapping[str, Any]]]", json.loads(document)["deployments"])
    return {name: tuple(_read_rates(rates) for rates in scale) for name, scale in found.items()}


def _document(shipped: str, scales: Mapping[str, Scale]) -> str:
    deployments = {name: [_rates_document(rates) for rates in scale] for name, scale in scales.items()}
    return json.dumps({"table": shipped, "deployments": deployments}, sort_keys=True, separators=(",", ":"))


_CLASSES = ("input", "output", "cached_input", "cache_write", "reasoning")


def _rates_document(rates: Rates) -> dict[str, str | int]:
    prices = {name: f"{price:f}" for name in _CLASSES if (price := getattr(rates, name)) is not None}
    return prices | ({"tokens": rates.above_tokens} if rates.above_tokens else {})


def _read_rates(entry: Mapping[str, Any]) -> Rates:
    prices = {name: Decimal(entry[name]) for name in _CLASSES if name in entry}
    return Rates(**{"input": ZERO, "output": ZERO, **prices}, above_tokens=entry.get("tokens", 0))


def _rates(price: Price) -> Rates:
    return Rates(price.input_usd, price.output_usd, price.cached_input_usd, price.cache_write_usd, price.reasoning_usd)


def _scale_of(entry: Mapping[str, Any]) -> Scale:
    base = _read_rates({name: entry[name] for name in _CLASSES if name in entry})
    return (base, *(_above(base, tier) for tier in entry.get("above", ())))


def _above(base: Rates, tier: Mapping[str, Any]) -> Rates:
    """A tier's rates: a class that it does not name costs what it did, but reasoning follows a new price of output."""
    prices = {name: Decimal(tier[name]) for name in _CLASSES if name in tier}
    if "output" in prices:
        prices = {"reasoning": cast("Decimal", None), **prices}
    return replace(base, above_tokens=tier["tokens"], **prices)


@cache
def _table() -> Mapping[str, Any]:
    return json.loads((resources.files("stretto.gateway") / "prices.json").read_text(encoding="utf-8"))


def _find(preset: str, model: str) -> Mapping[str, Any] | None:
    """A model's entry; a dated name that is not there is looked for without its date."""
    if preset == "openrouter":
        vendor, _, model = model.partition("/")
        preset, model = PASSED_ON.get(vendor, ""), model.partition(":")[0]
        if vendor == "anthropic":  # which writes claude-sonnet-4-5 itself
            model = model.replace(".", "-")
    models: Mapping[str, Any] = _table()["models"].get(preset, {})
    model = model.removeprefix("models/")  # as Google lists its own
    if model.startswith("ft:"):  # a fine-tuned model is ft:<base>:<organisation>::<id>
        model = ":".join(model.split(":")[:2])
    return models.get(model) or models.get(undated(model))
