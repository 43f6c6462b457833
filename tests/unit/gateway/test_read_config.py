"""`stretto.yaml`: what it says becomes records, and every mistake is told at its place with its remedy.

`broken_configs/NN_name.yaml` is a configuration with mistakes, `NN_name.txt` beside it the whole message. After a message was
changed on purpose, `STRETTO_REWRITE=1 pytest tests/unit/gateway/test_read_config.py` writes the files anew: read each.
"""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from stretto.errors import ConfigInvalid
from stretto.gateway.config import (
    Breaker,
    Bucket,
    Budgets,
    CacheRule,
    Hedge,
    Limits,
    Price,
    Provider,
    Tier,
    Timeouts,
    Weighted,
)
from stretto.gateway.presets import LOAD_FIRST
from stretto.gateway.read_config import read_config

FOLDER = Path(__file__).parent / "broken_configs"
BROKEN = sorted(FOLDER.glob("[0-9][0-9]_*.yaml"))


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_the_message_is_what_a_person_gets(path: Path) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        read_config(path.read_bytes(), path.name, {})
    expected = path.with_suffix(".txt")
    if os.environ.get("STRETTO_REWRITE"):
        expected.write_text(f"{caught.value}\n", encoding="utf-8")
    assert f"{caught.value}\n" == expected.read_text(encoding="utf-8")
    for problem in caught.value.problems:
        assert problem.line >= 1
        assert problem.message.endswith(".")
        assert not problem.remedy or problem.remedy.endswith((".", "?"))


def test_there_are_enough_and_all_have_their_message() -> None:
    assert len(BROKEN) >= 15
    assert {path.stem for path in BROKEN} == {path.stem for path in FOLDER.glob("*.txt")}


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_no_message_shows_a_key(path: Path) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        read_config(path.read_bytes(), path.name, {})
    for secret in ("0123456789", "hush"):
        assert secret not in str(caught.value)


FULL = """
x-limits: &limits {requests_per_minute: 60, tokens_per_minute: 90_000.5e0, concurrency: 8}
providers:
  openai:
  mine:
    dialect: openai
    url: http://10.0.0.1:8000/v1/
    key: sealed:mine
    headers: {X-Team: research}
    timeouts: {connect: 2s, first_token: 5m}
    max_tokens_field: max_completion_tokens
    schema_mode: none
    stream_usage: false
deployments:
  small: openai/gpt-4o-mini
  mine:
    provider: mine
    model: qwen2.5-coder
    limits: *limits
    context: 32768
    output: 4096
    tools: false
    vision: true
    logprobs: true
    price: {input: 0.1, output: 0.3, cached_input: 0.01, cache_write: 0.125, reasoning: 0.4}
routes:
  fast: [small, mine]
  strong:
    tiers:
      - {up_to: 0.4, deployments: [{name: small, weight: 3}, mine]}
      - [anthropic/claude-opus-4-5]
    prefer: latency
    local: true
    cache: {exact: 1h, semantic: {similarity: 0.95, for: 2h}, any_temperature: true}
    hedge: {after: p90, least: 250ms}
    bucket: models
    when_short: [cheaper, cache, wait, defer]
  one: ollama/llama3.2:3b
buckets:
  models:
  slow: {capacity: 10, refill_per_minute: 1, reserve: 2, skip_below: 0.5, defer: 10m}
budgets:
  month: 100.10 usd
  tenants: {research: $20}
breaker: {failures: 3, error_rate: 0.25, window: 40, open: 5s, max_open: 1m}
prices:
  my-model: {input: 0, output: 15}
wait: 20s
default_route: fast
""".replace("90_000.5e0", "90000")


def test_everything_that_can_be_said() -> None:
    config = read_config(FULL, "stretto.yaml", {"OPENAI_API_KEY": "sk-x"})
    assert config.providers["openai"].key == "env:OPENAI_API_KEY"
    assert config.providers["mine"] == Provider(
        "mine",
        "openai",
        url="http://10.0.0.1:8000/v1",
        key="sealed:mine",
        headers={"X-Team": "research"},
        timeouts=Timeouts(2.0, 300.0, 30.0),
        max_tokens_field="max_completion_tokens",
        schema_mode="none",
        stream_usage=False,
    )
    mine = config.deployments["mine"]
    assert mine.provider is config.providers["mine"]
    assert mine.model == "qwen2.5-coder"
    assert mine.limits == Limits(60.0, 90000.0, 8)
    assert (mine.context_tokens, mine.output_tokens) == (32768, 4096)
    assert (mine.tools, mine.vision, mine.logprobs) == (False, True, True)
    assert mine.price == Price(
        Decimal("0.0000001"), Decimal("0.0000003"), Decimal("0.00000001"), Decimal("0.000000125"), Decimal("0.0000004")
    )
    small, opus = config.deployments["small"], config.deployments["anthropic/claude-opus-4-5"]
    assert config.routes["fast"].tiers == (Tier((Weighted(small), Weighted(mine))),)
    strong = config.routes["strong"]
    assert strong.tiers == (Tier((Weighted(small, 3.0), Weighted(mine)), 0.4), Tier((Weighted(opus),)))
    assert (strong.prefer, strong.local, strong.bucket) == ("latency", True, "models")
    assert strong.cache == CacheRule(3600.0, 0.95, 7200.0, any_temperature=True)
    assert strong.hedge == Hedge(90.0, 0.25)
    assert strong.when_short == ("cheaper", "cache", "wait", "defer")
    assert config.routes["one"].tiers[0].deployments[0].deployment.model == "llama3.2:3b"
    assert config.buckets == {"models": Bucket("models"), "slow": Bucket("slow", 10.0, 1.0, 2.0, 0.5, 600.0)}
    assert config.budgets == Budgets(Decimal("100.10"), {"research": Decimal(20)})
    assert config.breaker == Breaker(3, 0.25, 40, 5.0, 60.0)
    assert config.prices == {"my-model": Price(Decimal(0), Decimal("0.000015"))}
    assert (config.wait_s, config.default_route, config.file) == (20.0, "fast", "stretto.yaml")


def test_what_is_not_said_is_known_of_the_model() -> None:
    config = read_config("routes: {fast: [openai/gpt-4o-mini, ollama/mystery]}", "stretto.yaml", {})
    known, unknown = config.deployments["openai/gpt-4o-mini"], config.deployments["ollama/mystery"]
    assert known.context_tokens == 128_000
    assert known.output_tokens == 16_384
    assert known.tools
    assert known.vision
    assert unknown.context_tokens is None
    assert unknown.provider.timeouts == LOAD_FIRST


def test_the_key_is_where_the_environment_has_it() -> None:
    text = "routes: {fast: [gemini/gemini-2.5-flash]}"
    assert read_config(text, "a", {}).providers["gemini"].key == "env:GEMINI_API_KEY"
    assert read_config(text, "a", {"GOOGLE_API_KEY": "x"}).providers["gemini"].key == "env:GOOGLE_API_KEY"


def test_a_declared_provider_stands_before_the_preset_of_its_name() -> None:
    text = "providers: {ollama: {url: 'http://10.0.0.2:11434/v1'}}\nroutes: {fast: [ollama/llama3.2]}"
    config = read_config(text, "a", {})
    assert config.deployments["ollama/llama3.2"].provider.url == "http://10.0.0.2:11434/v1"


def test_the_digest_tells_two_apart() -> None:
    one = read_config("routes: {fast: [openai/gpt-5]}", "a", {})
    other = read_config("routes: {fast: [openai/gpt-5-mini]}", "a", {})
    assert one.digest != other.digest
    assert one == read_config("routes: {fast: [openai/gpt-5]}", "a", {})


def test_a_simulated_provider_needs_no_declaration() -> None:
    config = read_config("routes: {fast: [simulated/any]}", "a", {})
    (deployment,) = config.deployments.values()
    assert deployment.provider.dialect == "simulated"
    assert (deployment.tools, deployment.vision, deployment.logprobs) == (True, True, True)


@pytest.mark.parametrize(
    "text", ["", "   ", "\x00", "routes: &a [*a]", "a: " + "[" * 200, "routes: {a: &x [*x]}", "\ud800"]
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ConfigInvalid):
        read_config(text, "stretto.yaml", {})
