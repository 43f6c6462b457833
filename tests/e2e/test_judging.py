"""A flow whose judge checks, rejects, escalates and passes; thresholds of the tenant over HTTP; who changed them is written down."""

from __future__ import annotations

import json
from typing import Any

from stretto.settings import Settings
from stretto.testing import ScriptedModel
from tests.e2e.doors import door
from tests.e2e.test_access import audit, key_for
from tests.e2e.wire import Answer, Client

FLOW: dict[str, Any] = {
    "flow": "campaign",
    "input": {"title": {"type": "string"}},
    "agents": {
        "writer": {"model": "fast", "prompt": "Write on {{ title }}. {% if advice %}{{ advice }}{% endif %}"},
        "critic": {"model": "strong", "prompt": "Is this good? {{ post }}", "returns": "Judgement"},
    },
    "policies": {
        "publish": {
            "criteria": "It is cheerful.",
            "topics": ["politics"],
            "first_time": "pass",
            "checks": {"max_chars": 60, "must_not_match": "https?://"},
        }
    },
    "steps": {
        "write": {
            "loop": {"until": "score.verdict != 'reject'", "max": 4},
            "steps": {
                "draft": {
                    "agent": "writer",
                    "input": {"title": "{{ input.title }}", "advice": "{{ score.comments }}"},
                },
                "score": {
                    "judge": {"agent": "critic", "policy": "publish", "content_type": "post"},
                    "input": {"post": "{{ draft }}"},
                },
            },
            "output": "{{ score }}",
        },
        "publish": {"emit": {"event": "published"}, "when": "write.approved"},
    },
    "output": {"score": "{{ write }}", "published": "{{ publish }}"},
}


async def run(client: Client, headers: dict[str, str], flow: dict[str, Any]) -> Any:
    """The output of a run."""
    started = await client.post("/v1/runs", {"flow": flow, "input": {"title": "kites"}}, **headers)
    assert started.status == 201, started.body
    path = f"/v1/runs/{started.json['id']}"
    async for event in client.events(f"{path}/stream", **headers):
        if event.event == "end":
            break
    ended = (await client.get(path, **headers)).json
    assert ended["status"] == "completed", ended["error"]
    return ended["output"]


async def put(client: Client, headers: dict[str, str], body: Any) -> Answer:
    raw = json.dumps(body).encode()
    return await client.request("PUT", "/v1/thresholds", {"content_type": "application/json", **headers}, raw)


async def test_what_is_rejected_is_written_anew_with_its_reasons(settings: Settings):
    model = ScriptedModel(
        {
            "writer": ["See https://kites.example", "Kites are dull.", "Kites make every child laugh."],
            "critic": [{"confidence": 0.3, "reasons": "Not cheerful."}, {"confidence": 0.96, "reasons": "Lovely."}],
        }
    )
    async with door(settings, model) as (platform, url):
        client = Client(url)
        output = await run(client, await key_for(platform, "owner"), FLOW)
    score = output["score"]
    assert (score["verdict"], score["confidence"], score["method"]) == ("approve", 0.96, "stated")
    assert output["published"] is not None
    asked = [request.messages[-1].text for request in model.requests if request.caller.agent == "writer"]
    assert "something that must not be in it: https?://" in asked[1]
    assert "Not cheerful." in asked[2]
    assert sum(request.caller.agent == "critic" for request in model.requests) == 2  # the link was found without it


async def test_a_sensitive_text_is_never_published_by_the_judge(settings: Settings):
    model = ScriptedModel(
        {"writer": ["Our senator flies kites."], "critic": {"confidence": 1.0, "reasons": "Perfect."}}
    )
    async with door(settings, model) as (platform, url):
        output = await run(Client(url), await key_for(platform, "owner"), FLOW)
    assert (output["score"]["verdict"], output["score"]["mandatory"], output["published"]) == ("escalate", True, None)
    assert output["score"]["flags"] == [{"topic": "politics", "how": "keyword", "found": "senator", "score": None}]


async def test_thresholds_of_the_tenant(settings: Settings):
    model = ScriptedModel({"writer": "Kites make every child laugh.", "critic": {"confidence": 0.8, "reasons": ""}})
    async with door(settings, model) as (platform, url):
        client = Client(url)
        owner, viewer = await key_for(platform, "owner"), await key_for(platform, "viewer")
        other = await key_for(platform, "owner", "bob")
        assert (await run(client, owner, FLOW))["score"]["verdict"] == "escalate"
        made = await put(client, owner, {"flow": "campaign", "content_type": "post", "approve": 0.8})
        assert (made.status, made.json["approve"], made.json["reject"]) == (200, 0.8, None)
        assert (await put(client, owner, {"approve": 0.99, "reject": 0.5})).status == 200
        # The more precise ones count, each number by itself.
        assert (await run(client, owner, FLOW))["score"]["verdict"] == "approve"
        assert (await run(client, other, FLOW))["score"]["verdict"] == "escalate"

        assert (await put(client, viewer, {"approve": 0.1})).status == 403
        for wrong in ({}, {"approve": 0.5, "reject": 0.6}, {"approve": 2}, {"flow": "\0", "approve": 1}, {"x": 1}):
            assert (await put(client, owner, wrong)).status == 422
        first = (await client.get("/v1/thresholds?limit=1", **viewer)).json
        rest = (await client.get(f"/v1/thresholds?cursor={first['next']}", **viewer)).json
        found = [(each["flow"], each["approve"]) for each in first["thresholds"] + rest["thresholds"]]
        assert (found, rest["next"]) == ([("", 0.99), ("campaign", 0.8)], None)
        assert (await client.get("/v1/thresholds", **other)).json["thresholds"] == []
        assert (await client.get("/v1/thresholds?cursor=e30", **viewer)).status == 422

        gone = "/v1/thresholds?flow=campaign&content_type=post"
        assert (await client.request("DELETE", gone, owner)).status == 204
        assert (await client.request("DELETE", gone, owner)).status == 404
        assert (await run(client, owner, FLOW))["score"]["verdict"] == "escalate"
        done = [entry for entry in await audit(client, owner) if entry["action"].startswith("threshold.")]
        assert {(entry["action"], entry["target"]) for entry in done} == {
            ("threshold.created", "thresholds///"),
            ("threshold.created", "thresholds/campaign//post"),
            ("threshold.removed", "thresholds/campaign//post"),
        }


async def test_how_far_a_judge_can_be_believed(settings: Settings):
    async with door(settings, ScriptedModel({})) as (platform, url):
        client, viewer = Client(url), await key_for(platform, "viewer")
        told = await client.get("/v1/calibration?judge=critic&flow=campaign", **viewer)
        assert told.status == 200
        assert told.json["calibrated"] is False
        assert (told.json["decisions"], told.json["error"], told.json["bins"]) == (0, None, [])
