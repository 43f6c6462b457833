"""`stretto sim` as the command line runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import urllib.request
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.e2e.command import Stretto


@pytest.fixture
def command(tmp_path: Path) -> Stretto:
    """The command without a database, which it does not need."""
    return Stretto(tmp_path, {name: value for name, value in os.environ.items() if not name.startswith("STRETTO_")})


def post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.load(response)


async def test_it_serves_both_dialects_until_ctrl_c(command: Stretto, tmp_path: Path):
    cassette = tmp_path / "replies.jsonl"
    cassette.write_text('{"match": "weather", "reply": "It rains."}\n')
    options = ["--port", "0", "--ttft", "0", "--speed", "100000", "--rpm", "3", "--tokens", "20-30", "--seed", "7"]
    with command.started("sim", *options, "--cassette", cassette) as running:
        running.wait_for("ready at ")
        found = re.search(r"OPENAI_BASE_URL=(\S+) ANTHROPIC_BASE_URL=(\S+) ", running.told)
        assert found is not None, running.told
        asked = {"model": "any", "max_tokens": 9, "messages": [{"role": "user", "content": "How is the weather?"}]}
        told = post(f"{found[2]}/v1/messages", asked)
        assert (told["model"], told["content"][0]["text"]) == ("simulated/any", "It rains.")
        example = re.search(r"curl (\S+) -d '(.*)'", running.told)
        assert example is not None
        async with openai.AsyncOpenAI(base_url=found[1], api_key="mine", max_retries=0) as client:
            body: dict[str, Any] = json.loads(example[2])
            whole: dict[str, Any] = {**body, "stream": False}
            stream: Any = await client.chat.completions.create(**body)
            assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
            for _ in range(2):
                await client.chat.completions.create(**whole)
            with pytest.raises(openai.RateLimitError):
                await client.chat.completions.create(**body)
        running.tell(signal.SIGINT)
        assert running.end().code == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tokens", "9-3"], "120-360"),
        (["--tokens", "many"], "120-360"),
        (["--fault", "explode=0.1"], "the kinds are status, cut"),
        (["--fault", "cut=2"], "cut=0.05"),
        (["--fault", "cut"], "cut=0.05"),
        (["--fault", "cut=nan"], "cut=0.05"),
        (["--fault", "cut=0.6", "--fault", "stall=0.6"], "more than 1"),
        (["--cassette", "nowhere.jsonl"], "nowhere.jsonl"),
        (["--cassette", "broken.jsonl"], "broken.jsonl:2"),
        (["--cassette", "empty.jsonl"], "holds no reply"),
        (["--host", "192.0.2.1", "--port", "0"], "192.0.2.1"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_served(command: Stretto, options: list[str], said: str):
    (command.folder / "broken.jsonl").write_text('{"reply": "a"}\n{"answer": "b"}\n')
    (command.folder / "empty.jsonl").write_text("\n")
    done = command.inside("sim", *options)
    assert done.code != 0
    assert said in re.sub(r"\s+", " ", done.err)
    assert "ready" not in done.out
