"""Every example in docs/gateway.md works, and its tables name what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stretto.gateway.config import LADDERS, Breaker, Bucket, GatewayConfig, Hedge, Timeouts
from stretto.gateway.presets import PRESETS
from stretto.gateway.prices import PriceTable
from stretto.gateway.read_config import read_config
from stretto.gateway.reading import words

TEXT = (Path(__file__).parents[3] / "docs/gateway.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


def read(example: str) -> GatewayConfig:
    return read_config(example, "docs/gateway.md", {})


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_yaml_examples(example: str) -> None:
    config = read(example)
    assert config.routes
    prices = PriceTable(config)
    own = {"lab/qwen3-8b", "other/small"}  # servers of one's own, whose models no table knows
    assert {each.name for each in config.deployments.values() if not prices.knows(each)} <= own


def test_the_first_example_is_all_that_is_needed() -> None:
    assert read(EXAMPLES[0]).default_route == "fast"


def test_every_word_is_named() -> None:
    vocabulary = {word for name, held in vars(words).items() if name.isupper() for word in held}
    for word in sorted(vocabulary | set(PRESETS)):
        told = re.search(rf"`[^`\n]*\b{re.escape(word)}\b[^`\n]*`", TEXT)
        assert told or any(re.search(rf"\b{word}:", example) for example in EXAMPLES), word


def test_the_usual_values_are_those_that_are_shown() -> None:
    shown = next(read(example) for example in EXAMPLES if example.startswith("buckets:"))
    assert shown.buckets == {"models": Bucket("models")}
    assert next(read(example) for example in EXAMPLES if example.startswith("breaker:")).breaker == Breaker()
    assert Timeouts() == Timeouts(5.0, 60.0, 30.0)
    assert Hedge() == Hedge(95.0, 0.5)
    assert GatewayConfig({}, {}).wait_s == 30.0


@pytest.mark.parametrize("priority", LADDERS)
def test_the_ladders_are_those_that_there_are(priority: int) -> None:
    row = re.search(rf"\| P{priority} \| ((?:`\w+`(?:, )?)+) \|", TEXT)
    assert row is not None
    assert tuple(re.findall(r"`(\w+)`", row[1])) == LADDERS[priority]
