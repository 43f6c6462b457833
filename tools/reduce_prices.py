"""Reduce a list of model prices to what Stretto uses: `python tools/reduce_prices.py model_prices.json.gz`.

The list is the one that the package litellm carries (`model_prices_and_context_window.json`). Of it are kept the chat and
embedding models of the providers that have presets, and of these the prices of one token, sizes and abilities. Numbers are
read from their text as decimals, never through floats.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent.parent / "src" / "stretto" / "gateway" / "prices.json"
SOURCE = "litellm 1.109.1"
PRESETS = ("openai", "anthropic", "gemini", "deepseek")
"""OpenRouter is missing in the source: it passes on the prices of its vendors (`PriceTable`). Ollama and vLLM cost nothing."""
KINDS = {"chat": "chat", "embedding": "embeddings"}
CLASSES = {
    "input_cost_per_token": "input",
    "cache_read_input_token_cost": "cached_input",
    "cache_creation_input_token_cost": "cache_write",
    "output_cost_per_token": "output",
    "output_cost_per_reasoning_token": "reasoning",
}
ABOVE = re.compile(r"(.+)_above_(\d+)k_tokens")
FLAGS = {
    "supports_function_calling": "tools",
    "supports_vision": "vision",
    "supports_response_schema": "structured",
}


def main() -> int:
    """Write the table; gives the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", type=Path, help="model_prices.json.gz")
    parser.add_argument("--version", default=SOURCE, help=f"Name and version of the source; default: {SOURCE}.")
    parser.add_argument("--to", type=Path, default=TARGET)
    given = parser.parse_args()
    models = json.loads(gzip.decompress(given.source.read_bytes()), parse_float=Decimal, parse_int=Decimal)
    text = table_text(models, given.version)
    given.to.write_text(text)
    print(f"{given.to}: {sum(line.startswith('   ') for line in text.splitlines())} models, {len(text):,} characters")
    return 0


def table_text(models: Mapping[str, Mapping[str, Any]], version: str) -> str:
    """The whole file, a model a line."""
    head: dict[str, str] = {
        "version": version.replace(" ", "-"),
        "source": f"{version}, model_prices_and_context_window.json; reduced by tools/reduce_prices.py",
        "licence": "MIT; its notice stands in prices.LICENSE.txt",
        "unit": "US dollars per token",
    }
    lines = [f"  {json.dumps(name)}: {json.dumps(value)}," for name, value in head.items()]
    lines.append('  "models": {')
    reduced = reduce_models(models)
    for preset in PRESETS:
        found = sorted(reduced[preset].items())
        lines.append(f"  {json.dumps(preset)}: {{")
        rows = [f"    {json.dumps(name)}: {json.dumps(model)}" for name, model in found]
        lines.append(",\n".join(rows) + "}" + ("," if preset != PRESETS[-1] else ""))
    return "\n".join(["{", *lines, "  }", "}", ""])


def reduce_models(models: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, dict[str, Any]]]:
    """What is kept, by preset and model."""
    found: dict[str, dict[str, dict[str, Any]]] = {preset: {} for preset in PRESETS}
    for name, model in models.items():
        preset, kind = model.get("litellm_provider"), KINDS.get(str(model.get("mode")))
        # Models without a price of their tokens are paid by the piece, such as music.
        if preset in found and kind and (prices := prices_of(model)):
            own = name.removeprefix(f"{preset}/")
            # The same model may stand there with and without its provider's name; the shorter one is what providers say.
            if own == name or own not in found[preset]:
                found[preset][own] = {"kind": kind, **prices, **sizes_of(model)}
    return found


def prices_of(model: Mapping[str, Any]) -> dict[str, Any]:
    """Prices of a token by class; `above`: those of requests whose input is longer than so many tokens."""
    if "input_cost_per_token" not in model:
        return {}
    above: dict[int, dict[str, str]] = {}
    for name, value in model.items():
        if (match := ABOVE.fullmatch(name)) and match[1] in CLASSES:
            above.setdefault(int(match[2]) * 1000, {})[CLASSES[match[1]]] = plain(value)
    prices: dict[str, Any] = {
        to: plain(model[name]) for name, to in CLASSES.items() if name in model and worth_keeping(name, model)
    }
    if above:
        prices["above"] = [{"tokens": tokens, **above[tokens]} for tokens in sorted(above)]
    return prices


def worth_keeping(name: str, model: Mapping[str, Any]) -> bool:
    """A cache that is written for nothing (0 while input costs) is one that the provider does not count apart."""
    return not (CLASSES[name] == "cache_write" and not model[name] and model["input_cost_per_token"])


def sizes_of(model: Mapping[str, Any]) -> dict[str, Any]:
    """Context and output in tokens, and what the model can do."""
    sizes: dict[str, Any] = {}
    for name, to in (("max_input_tokens", "context"), ("max_output_tokens", "output_tokens")):
        if isinstance(value := model.get(name), Decimal):
            sizes[to] = int(value)
    sizes |= {to: True for name, to in FLAGS.items() if model.get(name)}
    return sizes


def plain(value: Decimal) -> str:
    """A price as a decimal without an exponent."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


if __name__ == "__main__":
    sys.exit(main())
