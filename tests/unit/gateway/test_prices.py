"""Prices: found for every way of naming a model, exact to the last digit, and reckoned again from what is kept of them."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.gateway.config import Deployment, GatewayConfig, Price, Provider
from stretto.gateway.prices import PriceTable, capabilities, cost_of, read_document, undated
from stretto.gateway.provider import TokenCounts
from tools import reduce_prices

MILLION = 1_000_000


def deployed(preset: str, model: str, price: Price | None = None, name: str = "d") -> Deployment:
    return Deployment(name, Provider(preset, "openai", preset=preset), model, price=price)


def configured(*deployments: Deployment, **prices: Price) -> GatewayConfig:
    return GatewayConfig({}, {found.name: found for found in deployments}, prices=prices)


@pytest.mark.parametrize(
    ("preset", "model", "input_usd", "output_usd"),
    [
        ("openai", "gpt-5", "1.25", "10"),
        ("openai", "gpt-5-2025-08-07", "1.25", "10"),
        ("openai", "gpt-5-2031-01-01", "1.25", "10"),  # a later version is looked for without its date
        ("openai", "text-embedding-3-small", "0.02", "0"),
        ("openai", "ft:gpt-4o-2024-08-06:ours::abc", "3.75", "15"),
        ("anthropic", "claude-sonnet-4-5", "3", "15"),
        ("anthropic", "claude-sonnet-4-5-20300101", "3", "15"),
        ("gemini", "gemini-2.5-flash", "0.3", "2.5"),
        ("gemini", "models/gemini-2.5-flash", "0.3", "2.5"),
        ("deepseek", "deepseek-chat", "0.28", "0.42"),
        ("openrouter", "openai/gpt-5", "1.25", "10"),
        ("openrouter", "anthropic/claude-sonnet-4.5", "3", "15"),
        ("openrouter", "google/gemini-2.5-flash:nitro", "0.3", "2.5"),
        ("ollama", "llama3.2", "0", "0"),
    ],
)
def test_a_model_is_found_by_each_of_its_names(preset: str, model: str, input_usd: str, output_usd: str) -> None:
    table, deployment = PriceTable(), deployed(preset, model)
    assert table.knows(deployment)
    assert table.cost(deployment, TokenCounts(input=100_000)) * 10 == Decimal(input_usd)
    assert table.cost(deployment, TokenCounts(output=MILLION)) == Decimal(output_usd)


@pytest.mark.parametrize(
    ("preset", "model"),
    [
        ("openai", "gpt-99"),
        ("openrouter", "deepseek/deepseek-chat"),
        ("", "gpt-5"),
        ("litellm", "gpt-5"),
        ("openai", ""),
    ],
)
def test_what_has_no_price_costs_nothing_and_is_not_known(preset: str, model: str) -> None:
    table, deployment = PriceTable(), deployed(preset, model)
    assert not table.knows(deployment)
    assert table.cost(deployment, TokenCounts(input=MILLION, output=MILLION)) == 0
    assert capabilities(preset, model) is None


def test_each_class_of_tokens_has_its_own_price() -> None:
    deployment = deployed("anthropic", "claude-sonnet-4-5")
    tokens = TokenCounts(input=10, cached_input=1000, cache_write=100, output=50, reasoning=20)
    expected = Decimal("0.00003") + Decimal("0.0003") + Decimal("0.000375") + Decimal("0.00075")
    assert PriceTable().cost(deployment, tokens) == expected


def test_reasoning_is_a_part_of_the_output_with_a_price_of_its_own_where_it_has_one() -> None:
    dear = Price(Decimal(1), Decimal(10), reasoning_usd=Decimal(100))
    tokens = TokenCounts(output=7, reasoning=3)
    assert PriceTable().cost(deployed("", "m", dear), tokens) == 4 * 10 + 3 * 100
    plain = Price(Decimal(1), Decimal(10))
    assert PriceTable().cost(deployed("", "m", plain), tokens) == 70
    # A provider that counts more thought than output is not paid for less than nothing.
    assert PriceTable().cost(deployed("", "m", dear), TokenCounts(output=2, reasoning=3)) == 200


def test_a_long_input_is_priced_as_a_whole_by_its_tier() -> None:
    deployment, table = deployed("gemini", "gemini-2.5-pro"), PriceTable()
    up_to = TokenCounts(input=150_000, cached_input=50_000, output=1000, reasoning=400)
    assert table.cost(deployment, up_to) == Decimal("0.1875") + Decimal("0.00625") + Decimal("0.01")
    beyond = TokenCounts(input=150_001, cached_input=50_000, output=1000, reasoning=400)
    assert table.cost(deployment, beyond) == Decimal("0.3750025") + Decimal("0.0125") + Decimal("0.015")


def test_the_deployment_overrides_the_configuration_which_overrides_the_table() -> None:
    own, general = Price(Decimal("0.5"), Decimal(1)), Price(Decimal("0.25"), Decimal(1))
    one = TokenCounts(input=1)
    mine, theirs = deployed("openai", "gpt-5", own, "mine"), deployed("openai", "gpt-5-2025-08-07", None, "theirs")
    table = PriceTable(configured(mine, theirs, **{"gpt-5": general}))
    assert table.cost(mine, one) == Decimal("0.5")
    assert table.cost(theirs, one) == Decimal("0.25")
    assert PriceTable(configured(mine, theirs)).cost(theirs, one) == Decimal("0.00000125")


def test_a_price_of_nothing_in_the_configuration_counts() -> None:
    free = deployed("openai", "gpt-5", Price(Decimal(0), Decimal(0)))
    assert PriceTable(configured(free)).knows(free)
    assert PriceTable(configured(free)).cost(free, TokenCounts(input=MILLION)) == 0


def test_the_version_changes_with_the_prices_and_only_with_them() -> None:
    five, mini = deployed("openai", "gpt-5", None, "a"), deployed("openai", "gpt-5-mini", None, "b")
    versions = [
        PriceTable(configured(five, mini)).version,
        PriceTable(configured(five, mini, **{"gpt-5": Price(Decimal(1), Decimal(1))})).version,
        PriceTable(configured(five, mini, **{"gpt-5": Price(Decimal(1), Decimal(2))})).version,
        PriceTable(configured(five)).version,
        PriceTable().version,
    ]
    assert len(set(versions)) == len(versions)
    assert all(version.startswith("litellm-1.109.1+") for version in versions)
    assert PriceTable(configured(mini, five)).version == versions[0]


counts = st.integers(0, 2_000_000)
prices = st.decimals(0, 1, allow_nan=False, allow_infinity=False, places=18)
classes = st.builds(TokenCounts, input=counts, cached_input=counts, cache_write=counts, output=counts)


@given(classes, counts, prices, prices, prices, prices, prices)
def test_a_cost_is_exactly_the_sum_of_its_parts_and_can_be_reckoned_again(
    tokens: TokenCounts, reasoning: int, a: Decimal, b: Decimal, c: Decimal, d: Decimal, e: Decimal
) -> None:
    thought = min(reasoning, tokens.output)
    tokens = TokenCounts(
        input=tokens.input,
        cached_input=tokens.cached_input,
        cache_write=tokens.cache_write,
        output=tokens.output,
        reasoning=thought,
    )
    deployment = deployed("", "m", Price(a, b, c, d, e))
    table = PriceTable(configured(deployment))
    parts = [(a, tokens.input), (c, tokens.cached_input), (d, tokens.cache_write), (b, tokens.output - thought)]
    exact = sum((Fraction(price) * count for price, count in [*parts, (e, thought)]), Fraction(0))
    assert Fraction(table.cost(deployment, tokens)) == exact
    assert cost_of(read_document(table.document)["d"], tokens) == table.cost(deployment, tokens)


@given(classes)
def test_a_kept_version_holds_the_tiers(tokens: TokenCounts) -> None:
    deployment = deployed("gemini", "gemini-2.5-pro")
    table = PriceTable(configured(deployment))
    assert cost_of(read_document(table.document)["d"], tokens) == table.cost(deployment, tokens)


def test_capabilities_of_a_model() -> None:
    found = capabilities("anthropic", "claude-sonnet-4-5-20250929")
    assert found is not None
    assert (found.kind, found.context_tokens, found.output_tokens) == ("chat", 200_000, 64_000)
    assert found.tools
    assert found.vision
    assert found.structured
    embedding = capabilities("openai", "text-embedding-3-small")
    assert embedding is not None
    assert embedding.kind == "embeddings"


def test_undated() -> None:
    assert undated("gpt-5-2025-08-07") == "gpt-5"
    assert undated("claude-opus-4-5-20251101") == "claude-opus-4-5"
    assert undated("gpt-4-0613") == "gpt-4-0613"
    assert undated("gpt-5") == "gpt-5"


def visit(value: Any, note: Callable[[Any], None]) -> None:
    note(value)
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        visit(inner, note)


def test_the_table_holds_no_floats_and_carries_its_licence() -> None:
    folder = resources.files("stretto.gateway")
    text = (folder / "prices.json").read_text()
    assert len(text) < 250_000
    found: list[Any] = []
    visit(json.loads(text), found.append)
    assert not [value for value in found if isinstance(value, float)]
    assert "MIT License" in (folder / "prices.LICENSE.txt").read_text()


def test_the_table_is_reduced_without_rounding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = """{
        "deepseek/new": {"litellm_provider": "deepseek", "mode": "chat", "max_input_tokens": 8000, "max_output_tokens": "some",
            "input_cost_per_token": 1.00000000000000000000001e-07, "output_cost_per_token": 5E-7,
            "input_cost_per_token_above_200k_tokens": 2e-7, "input_cost_per_token_above_200k_tokens_batches": 9,
            "cache_creation_input_token_cost": 0.0, "supports_vision": true},
        "music": {"litellm_provider": "gemini", "mode": "chat", "output_cost_per_image": 1},
        "other": {"litellm_provider": "mistral", "mode": "chat", "input_cost_per_token": 1},
        "heard": {"litellm_provider": "openai", "mode": "audio_transcription", "input_cost_per_token": 1}}"""
    source, target = tmp_path / "models.json.gz", tmp_path / "prices.json"
    source.write_bytes(gzip.compress(models.encode()))
    monkeypatch.setattr(sys, "argv", ["reduce_prices", str(source), "--to", str(target), "--version", "litellm 9"])
    assert reduce_prices.main() == 0
    made = json.loads(target.read_text())
    assert made["version"] == "litellm-9"
    assert made["models"] == {
        "openai": {},
        "anthropic": {},
        "gemini": {},
        "deepseek": {
            "new": {
                "kind": "chat",
                "input": "0.000000100000000000000000000001",
                "output": "0.0000005",
                "above": [{"tokens": 200_000, "input": "0.0000002"}],
                "context": 8000,
                "vision": True,
            }
        },
    }
