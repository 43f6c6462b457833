"""`deployments:`: models at providers, with what they bear, can do and cost."""

from __future__ import annotations

from stretto.documents.plain import Json, kind_of
from stretto.documents.problems import Path, suggest
from stretto.gateway.config import Deployment, Limits, Provider
from stretto.gateway.prices import capabilities
from stretto.gateway.reading.providers import ProviderReader
from stretto.gateway.reading.reader import ConfigReader, given
from stretto.gateway.reading.words import DEPLOYMENT_KEYS, LIMIT_KEYS

EXAMPLE = "deployments: {small: {provider: openai, model: gpt-4o-mini}}"
MOST_TOKENS = 1_000_000_000


class DeploymentReader:
    """Reads the deployments, declared or written in a route as `provider/model`."""

    def __init__(self, reader: ConfigReader, providers: ProviderReader) -> None:
        self.reader = reader
        self.providers = providers
        self.found: dict[str, Deployment] = {}
        self.declared: set[str] = set()

    def read(self, value: Json) -> None:
        data = self.reader.named(("deployments",), value, "deployment", EXAMPLE)
        self.declared = set(data)
        for name, each in data.items():
            deployment = self._deployment(("deployments", name), name, each)
            if deployment is not None:
                self.found[name] = deployment

    def refer(self, path: Path, name: str) -> Deployment | None:
        """The deployment that a route names; None when there is none, or when its own lines have mistakes."""
        if name in self.found:
            return self.found[name]
        if name in self.declared:
            return None
        provider_name, slash, model = name.partition("/")
        if slash and model and provider_name in self.providers.broken:
            return None
        provider = self.providers.find(provider_name) if slash and model else None
        if provider is not None:
            return self.found.setdefault(name, described(name, provider, model))
        if slash and model:
            self.reader.at_value(
                path,
                f"there is no deployment `{name[:120]}`, and no provider `{provider_name[:80]}`.",
                suggest(provider_name, self.providers.names()),
            )
        else:
            known = sorted(self.declared)
            otherwise = "Declare it under `deployments`, or write `provider/model`." if not known else ""
            self.reader.at_value(path, f"there is no deployment `{name[:120]}`.", suggest(name, known, otherwise))
        return None

    def _deployment(self, path: Path, name: str, value: Json) -> Deployment | None:
        reader, what = self.reader, f"deployment `{name}`"
        if isinstance(value, str):
            return self._short(path, name, value)
        data = reader.section(path, value, DEPLOYMENT_KEYS, what, f"{name}: {{provider: openai, model: gpt-4o-mini}}")
        if data is None:
            return None
        for key, example in (("provider", "openai"), ("model", "gpt-4o-mini")):
            if key not in data:
                reader.at_key(path, f"{what} has no `{key}`.", f"Write it like `{key}: {example}`.")
        provider = self._provider((*path, "provider"), data["provider"]) if "provider" in data else None
        model = reader.text((*path, "model"), data["model"], "`model`") if "model" in data else None
        limits = self._limits((*path, "limits"), data.get("limits"))
        sizes = {
            key: reader.whole((*path, key), data[key], f"`{key}`", 1, MOST_TOKENS)
            for key in ("context", "output")
            if given(data, key)
        }
        flags = {
            key: reader.flag((*path, key), data[key], f"`{key}`")
            for key in ("tools", "vision", "logprobs")
            if key in data
        }
        price = reader.price((*path, "price"), data["price"], "`price`") if given(data, "price") else None
        if provider is None or model is None:
            return None
        known = described(name, provider, model)
        context, output = sizes.get("context") or known.context_tokens, sizes.get("output") or known.output_tokens
        if context is not None and output is not None and output > context and "output" in sizes:
            reader.at_value(
                (*path, "output"),
                f"an answer of {output} tokens does not fit into a context of {context}.",
                "Lower `output`, or raise `context`.",
            )
        return Deployment(
            name=name,
            provider=provider,
            model=model,
            limits=limits,
            context_tokens=context,
            output_tokens=output,
            tools=flags.get("tools", known.tools),
            vision=flags.get("vision", known.vision),
            logprobs=flags.get("logprobs", known.logprobs),
            price=price,
        )

    def _short(self, path: Path, name: str, value: str) -> Deployment | None:
        """`small: openai/gpt-4o-mini`."""
        provider_name, slash, model = value.partition("/")
        if not slash or not model or not provider_name:
            self.reader.at_value(
                path, f"deployment `{name}` names no provider and model.", "Write it like `openai/gpt-4o-mini`."
            )
            return None
        provider = self._provider(path, provider_name)
        return None if provider is None else described(name, provider, model)

    def _provider(self, path: Path, value: Json) -> Provider | None:
        name = self.reader.text(path, value, "`provider`")
        if name is None or name in self.providers.broken:
            return None
        provider = self.providers.find(name)
        if provider is None:
            self.reader.at_value(path, f"there is no provider `{name[:80]}`.", suggest(name, self.providers.names()))
        return provider

    def _limits(self, path: Path, value: Json) -> Limits:
        data = self.reader.section(path, value, LIMIT_KEYS, "`limits`", "limits: {requests_per_minute: 60}") or {}
        for key, number in data.items():
            if number is None:
                self.reader.at_value(
                    (*path, key), f"`{key}` is {kind_of(number)}.", "Give a number, or delete the key."
                )
        requests, tokens = (
            self.reader.positive((*path, key), data[key], f"`{key}`") if given(data, key) else None
            for key in ("requests_per_minute", "tokens_per_minute")
        )
        places = (
            self.reader.whole((*path, "concurrency"), data["concurrency"], "`concurrency`", 1, 1_000_000)
            if given(data, "concurrency")
            else None
        )
        return Limits(requests, tokens, places)


def described(name: str, provider: Provider, model: str) -> Deployment:
    """A deployment with what the price table knows of its model."""
    if provider.dialect == "simulated":
        return Deployment(name, provider, model, vision=True, logprobs=True)
    known = capabilities(provider.preset, model)
    if known is None:
        return Deployment(name, provider, model, tools=provider.dialect != "classical")
    return Deployment(
        name,
        provider,
        model,
        context_tokens=known.context_tokens,
        output_tokens=known.output_tokens,
        tools=known.tools,
        vision=known.vision,
    )
