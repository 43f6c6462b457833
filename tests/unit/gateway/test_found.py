"""What could answer model calls is looked for, becomes a configuration, and is honestly told."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from stretto.errors import ConfigInvalid
from stretto.gateway.config import with_classical
from stretto.gateway.config_file import config_path, load_config, who_answers
from stretto.gateway.found import (
    MODELS,
    ROUTES,
    found_config,
    keys_found,
    ollama_found,
    ollama_routes,
)
from stretto.gateway.presets import PRESETS
from stretto.gateway.prices import PriceTable, capabilities
from stretto.gateway.read_config import read_config
from stretto.settings import Settings


def test_keys_are_found_by_name_and_never_shown() -> None:
    values = {"OPENAI_API_KEY": "sk-secret", "GROQ_API_KEY": " ", "ANTHROPIC_API_KEY": "x", "HOME": "/"}
    found = keys_found(values)
    assert found == ["ANTHROPIC_API_KEY", "OPENAI_API_KEY"]
    config = found_config(found, None, values)
    assert "sk-secret" not in who_answers(config, values)
    assert "sk-secret" not in repr(config)


def test_where_nothing_is_found_the_simulated_provider_answers_any_name() -> None:
    config = found_config([], None, {})
    assert who_answers(config, {}) == "answers: simulated provider (no model keys, no Ollama found)"
    assert config.default_route in config.routes
    assert [each.provider.dialect for each in config.deployments.values()] == ["simulated"]


def test_what_cannot_be_used_is_told() -> None:
    assert (
        who_answers(found_config([], [], {}), {}) == "answers: simulated provider (no model keys, Ollama has no model)"
    )
    assert who_answers(found_config(["GROQ_API_KEY"], None, {}), {}) == (
        "answers: simulated provider (no Ollama found; GROQ_API_KEY found too: declare its provider in stretto.yaml)"
    )


def test_a_key_and_ollama_give_three_routes() -> None:
    values = {"OPENAI_API_KEY": "x", "ANTHROPIC_API_KEY": "y"}
    config = found_config(keys_found(values), ["qwen2.5-coder:7b", "llama3.2:3b", "llama3.3:70b"], values)
    assert tuple(config.routes) == ROUTES
    asked = {
        name: [held.deployment.name for tier in route.tiers for held in tier.deployments]
        for name, route in config.routes.items()
    }
    assert asked == {
        "fast": [
            f"anthropic/{MODELS['anthropic']['fast']}",
            f"openai/{MODELS['openai']['fast']}",
            "ollama/llama3.2:3b",
        ],
        "code": [
            f"anthropic/{MODELS['anthropic']['code']}",
            f"openai/{MODELS['openai']['code']}",
            "ollama/qwen2.5-coder:7b",
        ],
        "strong": [
            f"anthropic/{MODELS['anthropic']['strong']}",
            f"openai/{MODELS['openai']['strong']}",
            "ollama/llama3.3:70b",
        ],
    }
    assert config.default_route == "fast"
    assert config.providers["openai"].key == "env:OPENAI_API_KEY"
    told = who_answers(config, values)
    assert told.startswith(f"answers: fast: anthropic/{MODELS['anthropic']['fast']}, openai/")
    assert told.endswith("(ANTHROPIC_API_KEY, OPENAI_API_KEY, Ollama found)")


def test_the_second_name_of_a_key_counts() -> None:
    values = {"GOOGLE_API_KEY": "x"}
    config = found_config(keys_found(values), None, values)
    assert config.providers["gemini"].key == "env:GOOGLE_API_KEY"


@pytest.mark.parametrize("name", [name for name in MODELS if name != "openrouter"])
def test_the_models_are_known_and_have_a_price(name: str) -> None:
    key = PRESETS[name].key_names[0]
    config = found_config([key], None, {key: "x"})
    prices = PriceTable(config)
    for deployment in config.deployments.values():
        known = capabilities(name, deployment.model)
        assert known is not None, deployment.model
        assert known.tools
        assert prices.knows(deployment)


def test_ollama_alone() -> None:
    assert ollama_routes(["llama3.2:3b"]) == dict.fromkeys(ROUTES, "llama3.2:3b")
    assert ollama_routes(["codellama:7b"]) == dict.fromkeys(ROUTES, "codellama:7b")
    config = found_config([], ["llama3.2:3b"], {})
    assert who_answers(config, {}) == (
        "answers: fast: ollama/llama3.2:3b; code: ollama/llama3.2:3b; strong: ollama/llama3.2:3b (Ollama found)"
    )


def test_the_classical_methods_come_first_where_there_are_some() -> None:
    config = with_classical(found_config([], None, {}))
    route = config.routes["default"]
    assert route.local
    assert [held.deployment.provider.dialect for tier in route.tiers for held in tier.deployments] == [
        "classical",
        "simulated",
    ]


def test_who_answers_tells_of_simulated_text_and_missing_keys() -> None:
    text = "routes: {fast: [openai/gpt-5-mini, simulated/any], local: [ollama/llama3.2]}"
    config = read_config(text, "stretto.yaml", {})
    assert who_answers(config, {}) == (
        "answers: fast: openai/gpt-5-mini, simulated/any (simulated); local: ollama/llama3.2 "
        "(stretto.yaml; OPENAI_API_KEY is not set)"
    )
    assert "not set" not in who_answers(config, {"OPENAI_API_KEY": "x"})
    many = read_config("routes: {" + ", ".join(f"r{n}: [openai/gpt-5]" for n in range(20)) + "}", "many.yaml", {})
    assert "12 more routes" in who_answers(many, {"OPENAI_API_KEY": "x"})


async def answer_with(reply: bytes | None) -> list[str] | None:
    """What is found where a server gives this reply (None: never any)."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if reply is None:
            await reader.read()
        else:
            writer.write(reply)
            await writer.drain()
        writer.close()
        await writer.wait_closed()
        served.set()

    served = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        found = await ollama_found(port=server.sockets[0].getsockname()[1], within_s=0.5)
        await served.wait()
        return found


def tags(*models: tuple[str, int, str]) -> bytes:
    listed = [{"name": name, "size": size, "details": {"family": family}} for name, size, family in models]
    return b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + json.dumps({"models": listed}).encode()


async def test_ollama_is_who_answers_as_it_does() -> None:
    many = [("llama3.3:70b", 40, "llama"), ("nomic-embed-text", 1, "nomic-bert"), ("gemma3:4b", 3, "gemma3")]
    assert await answer_with(tags(*many)) == ["gemma3:4b", "llama3.3:70b"]
    assert await answer_with(tags()) == []
    assert await answer_with(b"HTTP/1.0 200 OK\r\n\r\n<html>") is None
    assert await answer_with(b'HTTP/1.0 200 OK\r\n\r\n{"error":"not found"}') is None
    assert await answer_with(b'HTTP/1.0 200 OK\r\n\r\n{"models": [1, {"name": 2}]}') == []
    assert await answer_with(b"") is None
    assert await answer_with(None) is None


async def test_where_nobody_listens_there_is_no_ollama() -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    assert await ollama_found(port=port) is None


async def test_the_file_is_looked_for_where_it_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, home, other = (tmp_path / name for name in ("here", "home", "other"))
    for folder in (here, home, other):
        folder.mkdir()
    monkeypatch.chdir(here)
    settings = Settings(home=home)
    assert config_path(settings) is None
    assert config_path(Settings(home=home, config=Path())) is None
    (home / "stretto.yaml").write_text("routes: {home: [openai/gpt-5]}")
    assert list((await load_config(settings)).routes) == ["home"]
    (here / "stretto.yaml").write_text("routes: {here: [openai/gpt-5]}")
    loaded = await load_config(settings)
    assert (list(loaded.routes), loaded.file) == (["here"], "stretto.yaml")
    (other / "own.yaml").write_text("routes: {own: [openai/gpt-5]}")
    assert list((await load_config(Settings(home=home, config=other / "own.yaml"))).routes) == ["own"]


async def test_a_file_that_is_named_but_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=r"missing\.yaml: the configuration cannot be read: no such file"):
        await load_config(Settings(home=tmp_path, config=tmp_path / "missing.yaml"))
