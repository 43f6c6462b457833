"""Providers that are known by name: where they are, where their key is looked for, and how they differ from their dialect.

Sources: each provider's own documentation of its OpenAI-compatible endpoint. A preset is only a start; `stretto.yaml`
may change every field of the provider made from it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from stretto.errors import Invalid
from stretto.gateway.config import Provider, Timeouts

# A server on one's own machine may first have to load the model from disk.
LOAD_FIRST = Timeouts(first_token_s=300.0, between_tokens_s=60.0)


@dataclass(frozen=True, slots=True)
class Preset:
    """A provider known by name.

    `provider` is the template; its `key` is the first of `key_names`. `key_names` are environment variables in the order in
    which they are looked at. `needs_key` is false for servers that usually run without one. `local`: on this machine, unless
    `url` says otherwise. `needs_url`: the template has none, so that stretto.yaml must give one.
    """

    name: str
    title: str
    provider: Provider
    key_names: tuple[str, ...] = ()
    needs_key: bool = True
    local: bool = False
    needs_url: bool = False

    def key(self, environment: Mapping[str, str] | None = None) -> str:
        """Where the key is, as `Provider.key` says it: the first of `key_names` that is set, else the first of them if a key
        is needed, else nothing."""
        values = os.environ if environment is None else environment
        for name in self.key_names:
            if values.get(name):
                return f"env:{name}"
        return f"env:{self.key_names[0]}" if self.needs_key and self.key_names else ""

    def make(self, name: str = "", environment: Mapping[str, str] | None = None) -> Provider:
        """The template as a provider called `name` (else as the preset), with the key that is set in the environment."""
        return replace(self.provider, name=name or self.name, key=self.key(environment))


def _listed(*presets: Preset) -> Mapping[str, Preset]:
    return MappingProxyType({each.name: each for each in presets})


PRESETS: Mapping[str, Preset] = _listed(
    Preset(
        name="openai",
        title="OpenAI",
        provider=Provider(
            name="openai",
            dialect="openai",
            url="https://api.openai.com/v1",
            key="env:OPENAI_API_KEY",
            preset="openai",
            # Its reasoning models refuse `max_tokens`; all of its models take the newer name.
            max_tokens_field="max_completion_tokens",
        ),
        key_names=("OPENAI_API_KEY",),
    ),
    Preset(
        name="anthropic",
        title="Anthropic",
        provider=Provider(
            name="anthropic",
            dialect="anthropic",
            url="https://api.anthropic.com/v1",
            key="env:ANTHROPIC_API_KEY",
            preset="anthropic",
        ),
        key_names=("ANTHROPIC_API_KEY",),
    ),
    Preset(
        name="gemini",
        title="Google Gemini",
        provider=Provider(
            name="gemini",
            dialect="openai",
            url="https://generativelanguage.googleapis.com/v1beta/openai",
            key="env:GEMINI_API_KEY",
            preset="gemini",
        ),
        key_names=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    ),
    Preset(
        name="openrouter",
        title="OpenRouter",
        provider=Provider(
            name="openrouter",
            dialect="openai",
            url="https://openrouter.ai/api/v1",
            key="env:OPENROUTER_API_KEY",
            preset="openrouter",
        ),
        key_names=("OPENROUTER_API_KEY",),
    ),
    Preset(
        name="deepseek",
        title="DeepSeek",
        provider=Provider(
            name="deepseek",
            dialect="openai",
            url="https://api.deepseek.com/v1",
            key="env:DEEPSEEK_API_KEY",
            preset="deepseek",
            schema_mode="json_object",  # it knows no schemas
        ),
        key_names=("DEEPSEEK_API_KEY",),
    ),
    Preset(
        name="ollama",
        title="Ollama",
        provider=Provider(
            name="ollama",
            dialect="openai",
            url="http://127.0.0.1:11434/v1",
            preset="ollama",
            timeouts=LOAD_FIRST,
        ),
        key_names=("OLLAMA_API_KEY",),
        needs_key=False,
        local=True,
    ),
    Preset(
        name="vllm",
        title="vLLM",
        provider=Provider(
            name="vllm",
            dialect="openai",
            url="http://127.0.0.1:8000/v1",
            preset="vllm",
            timeouts=LOAD_FIRST,
        ),
        key_names=("VLLM_API_KEY",),
        needs_key=False,
        local=True,
    ),
    Preset(
        name="litellm",
        title="LiteLLM proxy",
        provider=Provider(
            name="litellm",
            dialect="openai",
            url="http://127.0.0.1:4000/v1",
            preset="litellm",
        ),
        key_names=("LITELLM_API_KEY", "LITELLM_MASTER_KEY"),
        needs_key=False,
        local=True,
    ),
    Preset(
        name="openai-compatible",
        title="Any server that speaks OpenAI's dialect",
        provider=Provider(name="openai-compatible", dialect="openai", preset="openai-compatible"),
        needs_key=False,
        needs_url=True,
    ),
    Preset(
        name="anthropic-compatible",
        title="Any server that speaks Anthropic's dialect",
        provider=Provider(name="anthropic-compatible", dialect="anthropic", preset="anthropic-compatible"),
        needs_key=False,
        needs_url=True,
    ),
)
"""All presets by name."""


def preset(name: str) -> Preset:
    """The preset of this name. Raises `Invalid`, naming those that there are."""
    found = PRESETS.get(name)
    if found is None:
        raise Invalid(f"There is no preset {name!r}. Use one of: {', '.join(PRESETS)}.")
    return found
