"""One step in full: what it says that a model was asked is what the model was asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from stretto.api import serving
from stretto.api.step import MOST_CHARS, MOST_CHARS_TOGETHER
from stretto.errors import ModelOverloaded
from stretto.gateway.provider import ModelRequest
from stretto.platform import Platform
from stretto.settings import Settings
from stretto.testing import Asks, ScriptedModel
from stretto.tools import Tools
from tests.e2e.test_access import key_for
from tests.e2e.test_api import start, until_status
from tests.e2e.wire import Client

VERDICT = {"verdict": "approve", "confidence": 0.95, "reasons": "fine"}
DESK: dict[str, Any] = {
    "flow": "desk",
    "input": {"topic": {"type": "string"}},
    "agents": {
        "clerk": {"model": "strong", "system": "You count.\n", "prompt": "Count {{ topic }}.", "tools": ["count"]},
        "idler": {"model": "fast", "prompt": "Do nothing.\n"},
        "reader": {"model": "fast", "prompt": "Read {{ index }}: {{ segment }}"},
        "writer": {"model": "fast", "prompt": "Write on {{ draft or 'nothing' }} in turn {{ turn }}."},
        "critic": {
            "model": "fast",
            "system": "Be fair.\n",
            "prompt": "Is this good? {{ text }}",
            "returns": "Judgement",
        },
    },
    "policies": {"taste": {"criteria": ["clear"], "rules": ["No shouting."], "confidence": {"samples": 2}}},
    "steps": {
        "count": {
            "agent": "clerk",
            "input": {"topic": "{{ input.topic }}"},
            "retry": {"attempts": 3, "backoff": "10ms"},
        },
        "notes": {"agent": "reader", "each": {"of": "count", "by": "line"}},
        "rounds": {
            "loop": {"until": "turn == 2", "max": 2},
            "steps": {"draft": {"agent": "writer", "input": {"draft": "{{ draft }}", "turn": "{{ turn }}"}}},
        },
        "verdict": {"judge": {"agent": "critic", "policy": "taste"}, "input": {"text": "{{ draft }}"}},
        "long": {"agent": "idler", "when": "input.topic == 'long'"},
    },
    "output": "{{ count }}",
}


def count(text: str) -> int:
    """Count the characters."""
    return len(text)


@asynccontextmanager
async def desk(settings: Settings, model: ScriptedModel) -> AsyncGenerator[tuple[Client, Platform]]:
    settings = settings.model_copy(update={"port": 0, "host": "127.0.0.1"})
    tools = Tools({"count": count})
    async with Platform.open(settings, provider=model, tools=tools) as platform, serving(platform) as url:
        yield Client(url), platform


def scripted() -> ScriptedModel:
    asks = Asks(("count", {"text": "tides"}), text="Let me see.")
    return ScriptedModel(
        {
            "count": [ModelOverloaded("busy"), asks, "Five.\nNot six.\n"],
            "notes": "noted",
            "draft": ["first", "second"],
            "verdict": VERDICT,
        }
    )


def said(request: ModelRequest) -> list[tuple[str, str]]:
    return [(message.role, message.text) for message in request.messages]


async def step(client: Client, run: str, path: str, **headers: str) -> dict[str, Any]:
    answer = await client.get(f"{run}/steps/{path}", **headers)
    assert answer.status == 200, answer.body
    return answer.json


async def test_what_the_model_was_asked_is_told_again_from_the_facts(settings: Settings):
    model = scripted()
    async with desk(settings, model) as (client, _):
        run = await start(client, DESK, input={"topic": "tides"})
        await until_status(client, run, "completed")
        asked: dict[str, list[list[tuple[str, str]]]] = {}
        for request in model.requests:
            asked.setdefault(request.caller.path, []).append(said(request))
        assert {
            "count",
            "notes[0]",
            "notes[1]",
            "notes[2]",
            "rounds[1].draft",
            "rounds[2].draft",
            "verdict",
        } == asked.keys()
        for path, requests in asked.items():
            shown = await step(client, run, path)
            assert [(each["role"], each["content"]) for each in shown["prompt"]] == requests[-1], path
        assert "first" in asked["rounds[2].draft"][0][0][1]


async def test_a_step_tells_its_calls_tools_and_failures(settings: Settings):
    async with desk(settings, scripted()) as (client, _):
        run = await start(client, DESK, input={"topic": "tides"})
        await until_status(client, run, "completed")
        shown = await step(client, run, "count")
        assert (shown["agent"], shown["input"], shown["status"]) == ("clerk", {"topic": "tides"}, "completed")
        assert shown["output"] == "Five.\nNot six.\n"
        assert not shown["is_text"]
        assert [(each["attempt"], bool(each["error"])) for each in shown["calls"]][-2:] == [(2, False)] * 2
        (tool,) = shown["tools"]
        assert (tool["tool"], tool["output"], tool["arguments"]) == ("count", 5, '{"text":"tides"}')
        (failure,) = shown["failures"]
        assert failure["retry_in_s"] is not None
        assert "busy" in failure["error"]
        note = await step(client, run, "notes[2]")
        assert (note["is_text"], note["output"], note["input"]["segment"]) == (True, None, "Not six.")
        assert (await step(client, run, "verdict"))["output"]["verdict"] == "approve"
        skipped = await step(client, run, "long")
        assert (skipped["status"], skipped["prompt"], skipped["note"]) == (
            "skipped",
            None,
            "`when: input.topic == 'long'` does not hold",
        )
        whole = await step(client, run, "notes")
        assert (whole["prompt"], whole["output"]) == (None, ["noted"] * 3)
        listed = (await client.get(f"{run}/steps")).json["steps"]
        for each in listed:
            detail = await step(client, run, each["path"])
            assert {name: detail[name] for name in each} == each


async def test_long_values_are_cut_and_named(settings: Settings):
    names = [f"a_{n}" for n in range(20)]
    flow = {
        "flow": "long",
        "input": {"text": {"type": "string"}},
        "steps": {"say": {"tool": "text.count", "input": {"text": "{{ input.text }}"}}},
    }
    wide = {
        "flow": "wide",
        "agents": {"a": {"model": "fast", "prompt": "Go.\n"}},
        "input": {"text": {"type": "string"}},
        "steps": {"say": {"agent": "a", "input": dict.fromkeys(names, "{{ input.text }}")}},
    }
    async with desk(settings, ScriptedModel({"say": "ok"})) as (client, _):
        text = "x" * (MOST_CHARS + 1)
        run = await start(client, flow, input={"text": text})
        shown = await step(client, run, "say")
        assert shown["input"] == {"text": text[:-1]}
        assert shown["cut"] == ["/input/text"]
        run = await start(client, wide, input={"text": text})
        await until_status(client, run, "completed")
        shown = await step(client, run, "say")
        assert shown["cut"] == [*(f"/input/{name}" for name in names), "/prompt/0/content"]
        assert sum(map(len, shown["input"].values())) == MOST_CHARS_TOGETHER


async def test_steps_that_are_not_there_and_runs_of_others_are_not_found(settings: Settings):
    async with desk(settings, scripted()) as (client, platform):
        run = await start(client, DESK, input={"topic": "tides"})
        await until_status(client, run, "completed")
        answer = await client.get(f"{run}/steps/rounds[3].draft")
        assert (answer.status, answer.json["type"]) == (404, "urn:stretto:error:StepNotFound")
        stranger = await key_for(platform, "owner", "grace")
        answer = await client.get(f"{run}/steps/count", **stranger)
        assert (answer.status, answer.json["type"]) == (404, "urn:stretto:error:RunNotFound")


async def test_flows_and_runs_are_drawn(settings: Settings):
    async with desk(settings, scripted()) as (client, platform):
        run = await start(client, DESK, input={"topic": "tides"})
        drawn = (await client.get(f"{run}/graph")).json
        assert drawn == (await client.get("/v1/flows/desk/graph")).json
        assert [node["id"] for node in drawn["nodes"]] == [
            "count",
            "notes",
            "rounds",
            "rounds.draft",
            "verdict",
            "long",
        ]
        assert {"from": "rounds.draft", "to": "verdict", "kind": "data"} in drawn["edges"]
        assert (await client.post("/v1/flows/validate", DESK)).json["graph"] == drawn
        smaller = {**DESK, "steps": {"count": DESK["steps"]["count"]}}
        assert (await client.post("/v1/flows", smaller)).json["version"] == 2
        assert len((await client.get("/v1/flows/desk/graph")).json["nodes"]) == 1
        assert (await client.get("/v1/flows/desk/graph?version=1")).json == drawn
        assert (await client.get(f"{run}/graph")).json == drawn
        stranger = await key_for(platform, "owner", "grace")
        assert (await client.get("/v1/flows/desk/graph", **stranger)).status == 404
        assert (await client.get(f"{run}/graph", **stranger)).status == 404
