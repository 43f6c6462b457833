"""Flows and schedules over HTTP: checked, stored in versions, compared, put away; edited by who has seen them last."""

from __future__ import annotations

import json
from typing import Any

from stretto.settings import Settings
from tests.e2e.test_access import audit, key_for, patch, server

FLOW: dict[str, Any] = {
    "flow": "song",
    "input": {"topic": {"type": "string"}},
    "steps": {"say": {"tool": "noop", "input": {"text": "{{ input.topic }}"}}},
}


async def test_flows_are_checked_and_stored_in_versions(settings: Settings):
    async with server(settings) as (client, _):
        checked = (await client.post("/v1/flows/validate", {"flow": "song", "steps": {"a": {"agent": "nobody"}}})).json
        assert not checked["valid"]
        assert "nobody" in checked["problems"][0]["message"]
        checked = (await client.post("/v1/flows/validate", FLOW)).json
        assert (checked["valid"], checked["name"], checked["problems"]) == (True, "song", [])
        assert (await client.get("/v1/flows")).json["flows"] == []
        first = await client.post("/v1/flows", FLOW)
        assert (first.status, first.json["version"]) == (201, 1)
        assert (await client.post("/v1/flows", FLOW)).json["version"] == 1
        longer = {**FLOW, "steps": {**FLOW["steps"], "more": {"tool": "noop", "input": {}}}}
        assert (await client.post("/v1/flows", longer)).json["version"] == 2
        assert (await client.get("/v1/flows/song?version=1")).json["document"]["flow"] == "song"
        versions = (await client.get("/v1/flows/song/versions?limit=1")).json
        assert [each["version"] for each in versions["versions"]] == [2]
        rest = (await client.get(f"/v1/flows/song/versions?limit=1&cursor={versions['next']}")).json
        assert ([each["version"] for each in rest["versions"]], rest["next"]) == ([1], None)
        diff = (await client.get("/v1/flows/song/diff?from=1")).json
        (change,) = diff["patch"]
        assert (change["op"], change["path"], change["value"]["id"]) == ("add", "/steps/-", "more")
        assert "+  more:" in diff["lines"]
        for path in (
            "/v1/flows/none",
            "/v1/flows/song?version=9",
            "/v1/flows/song/diff?from=9",
            "/v1/flows/none/versions",
        ):
            assert (await client.get(path)).status == 404


async def test_a_flow_is_taken_and_given_as_text(settings: Settings):
    async with server(settings) as (client, _):
        yaml = {"content_type": "application/yaml"}
        text = b"# what a singer says\nflow: song\nsteps:\n  say: {tool: noop, input: {text: '{{ input.topic }}'}}\n"

        async def post(path: str, body: bytes, **more: str) -> Any:
            return await client.request("POST", path, yaml | more, body)

        checked = (await post("/v1/flows/validate", text)).json
        (problem,) = checked["problems"]
        assert (checked["valid"], problem["line"], problem["column"]) == (False, 4, 39)
        assert problem["place"] == "flow.yaml"
        refused = await post("/v1/flows", text)
        assert (refused.status, refused.json["errors"][0]["place"]) == (422, "flow.yaml:4:39")
        assert not (await post("/v1/flows/validate", b"flow: [")).json["valid"]
        assert not (await post("/v1/flows/validate", b"\xff\x00")).json["valid"]
        good = text.replace(b"steps:", b"input: {topic: {type: string}}\nsteps:")
        assert (await post("/v1/flows/validate", good)).json["name"] == "song"
        saved = await post("/v1/flows", good, idempotency_key="once")
        assert (saved.status, saved.json["version"]) == (201, 1)
        assert (await post("/v1/flows", good, idempotency_key="once")).headers["idempotency-replayed"] == "true"
        assert (await post("/v1/flows", good + b"\n", idempotency_key="once")).status == 409
        assert (await client.post("/v1/flows", FLOW)).json["version"] == 1
        shown = await client.request("GET", "/v1/flows/song", {"accept": "application/yaml"})
        assert shown.headers["content-type"].startswith("application/yaml")
        assert (await post("/v1/flows", shown.body)).json["version"] == 1
        wrong = await client.post("/v1/runs", {"flow": "song", "input": {"topic": 7}})
        assert (wrong.status, wrong.json["errors"][0]["pointer"]) == (422, "#/input/topic")


async def test_a_flow_that_is_put_away_starts_no_run_and_comes_back(settings: Settings):
    async with server(settings) as (client, _):
        await client.post("/v1/flows", FLOW)
        assert (await client.post("/v1/flows/song/archive", b"")).json["archived_at"]
        assert (await client.get("/v1/flows")).json["flows"] == []
        assert len((await client.get("/v1/flows?archived=true")).json["flows"]) == 1
        assert (await client.get("/v1/flows/song")).json["archived_at"]
        refused = await client.post("/v1/runs", {"flow": "song", "input": {"topic": "a"}})
        assert (refused.status, "restore" in refused.json["detail"]) == (409, True)
        assert (await client.post("/v1/flows/song/restore", b"")).json["archived_at"] is None
        assert (await client.post("/v1/runs", {"flow": "song", "input": {"topic": "a"}})).status == 201


async def test_the_list_tells_each_flows_latest_run_to_those_who_may_see_runs(settings: Settings):
    async with server(settings) as (client, _):
        for name in ("duet", "song"):
            await client.post("/v1/flows", FLOW | {"flow": name})
        (nothing, _) = (await client.get("/v1/flows")).json["flows"]
        assert nothing["last_run"] is None
        started = [
            (await client.post("/v1/runs", {"flow": "song", "input": {"topic": topic}})).json for topic in ("a", "b")
        ]
        duet, song = (await client.get("/v1/flows")).json["flows"]
        assert (duet["name"], duet["last_run"]) == ("duet", None)
        last = song["last_run"]
        assert (last["id"], last["accepted_at"]) == (started[1]["id"], started[1]["accepted_at"])
        assert last.keys() == {"id", "status", "accepted_at"}
        made = {"name": "flows alone", "role": "owner", "scopes": ["flows:read"]}
        key = (await client.post("/v1/keys", made)).json["key"]
        (_, unseen) = (await client.get("/v1/flows", authorization=f"Bearer {key}")).json["flows"]
        assert (unseen["name"], unseen["last_run"]) == ("song", None)


async def test_schedules_are_edited_by_who_has_seen_them_last(settings: Settings):
    async with server(settings) as (client, platform):
        owner = await key_for(platform, "owner")
        await client.post("/v1/flows", FLOW, **owner)
        new = {"flow": "song", "cron": "0 9 * * 1-5", "timezone": "Europe/Berlin", "input": {"topic": "tides"}}
        headers = {"content_type": "application/json", **owner}

        async def put(body: Any, **more: str) -> Any:
            return await client.request("PUT", "/v1/schedules/daily", headers | more, json.dumps(body).encode())

        made = await put(new, if_none_match="*")
        assert (made.status, made.headers["location"]) == (201, "/v1/schedules/daily")
        assert len(made.json["next_times"]) == 5
        assert (await put(new, if_none_match="*")).status == 412
        tag = made.headers["etag"]
        changed = await put({**new, "cron": "30 9 * * *"}, if_match=tag)
        assert (changed.status, changed.json["cron"]) == (200, "30 9 * * *")
        assert (await put(new, if_match=tag)).status == 412
        for wrong in ({"cron": "nonsense"}, {"timezone": "Mars/Olympus"}, {"input": {"topic": 7}}, {"priority": 9}):
            assert (await put({**new, **wrong})).status == 422
        assert (await put({**new, "flow": "none"})).status == 404
        assert (await client.post("/v1/schedules/daily/pause", b"", **owner)).json["paused"]
        assert not (await client.post("/v1/schedules/daily/resume", b"", **owner)).json["paused"]
        (listed,) = (await client.get("/v1/schedules", **owner)).json["schedules"]
        assert listed["cron"] == "30 9 * * *"
        assert (await client.request("DELETE", "/v1/schedules/daily", owner | {"if_match": tag})).status == 412
        assert (await client.request("DELETE", "/v1/schedules/daily", owner)).status == 204
        assert (await client.get("/v1/schedules/daily", **owner)).status == 404
        assert {"schedule.created", "schedule.changed", "schedule.removed"} <= {
            entry["action"] for entry in await audit(client, owner)
        }


async def test_a_repeat_under_the_same_key_makes_nothing_twice(settings: Settings):
    async with server(settings) as (client, platform):
        owner = await key_for(platform, "owner")
        first = await client.post("/v1/keys", {"name": "one"}, **owner, idempotency_key="k1")
        again = await client.post("/v1/keys", {"name": "one"}, **owner, idempotency_key="k1")
        assert (first.status, again.status) == (201, 409)
        assert "shown once" in again.json["detail"]
        member = {"email": "bo@b.example"}
        made = await client.post("/v1/members", member, **owner, idempotency_key="m1")
        same = await client.post("/v1/members", member, **owner, idempotency_key="m1")
        assert (made.json["id"], same.status) == (same.json["id"], 201)
        assert same.headers["idempotency-replayed"] == "true"
        assert (await client.post("/v1/members", {"email": "x@b.example"}, **owner, idempotency_key="m1")).status == 409
        assert (await patch(client, made.headers["location"], {"role": "admin"}, owner)).status == 200
        flow = await client.post("/v1/flows", FLOW, **owner, idempotency_key="f1")
        assert (flow.status, (await client.post("/v1/flows", FLOW, **owner, idempotency_key="f1")).status) == (201, 201)


async def test_large_answers_are_compressed_and_small_ones_are_not(settings: Settings):
    async with server(settings) as (client, _):
        for kind in ("gzip", "zstd", "br"):
            answer = await client.get("/openapi.json", accept_encoding=kind)
            assert answer.headers["content-encoding"] == kind
            assert len(answer.body) < 100_000
        assert "content-encoding" not in (await client.get("/healthz", accept_encoding="gzip")).headers
        assert "content-encoding" not in (await client.get("/openapi.json")).headers


async def test_a_tenant_that_asks_too_much_is_told_when_to_ask_again(settings: Settings):
    async with server(settings, auth="required", request_limit="5/minute") as (client, platform):
        ada, bob = await key_for(platform, "viewer"), await key_for(platform, "viewer", "bob")
        answers = [await client.get("/v1/runs", **ada) for _ in range(8)]
        assert [answer.status for answer in answers] == [200] * 5 + [429] * 3
        assert int(answers[-1].headers["retry-after"]) > 0
        assert "ratelimit" in answers[0].headers
        assert (await client.get("/v1/runs", **bob)).status == 200
        assert (await client.get("/v1/models", **ada)).json["error"]["type"] == "rate_limit_error"
        assert (await client.get("/healthz")).status == 200
