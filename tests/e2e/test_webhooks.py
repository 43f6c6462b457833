"""Webhooks over HTTP: out, from a run to a receiver, and in, from a sender to an event."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook as Reference

from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT
from tests.e2e.test_access import ECHO, audit, key_for, server, until
from tests.e2e.wire import Answer, Client
from tests.postgres.events.receivers import receiving

SECRET = "It's a Secret to Everybody"


async def test_a_run_is_told_to_a_webhook(settings: Settings, tmp_path: Path) -> None:
    async with receiving() as receiver, server(settings.model_copy(update={"home": tmp_path})) as (client, _):
        new = {"url": f"{receiver.url}/works", "types": ["stretto.run.*"]}
        made = await client.post("/v1/webhooks", new)
        assert made.status == 201
        path, secret = made.headers["location"], made.json["secret"]
        run = (await client.post("/v1/runs", {"flow": ECHO})).json
        answer = await until(
            lambda got: len(done := got.json["deliveries"]) == 2 and all(d["status"] == "succeeded" for d in done),
            lambda: client.get(f"{path}/deliveries"),
        )
        assert [each["type"] for each in answer.json["deliveries"]] == ["stretto.run.completed", "stretto.run.accepted"]
        told = [Reference(secret).verify(body, headers) for _, headers, body in receiver.came]
        assert {each["subject"] for each in told} == {f"runs/{run['id']}"}
        event_id = answer.json["deliveries"][0]["event_id"]
        one = (await client.get(f"{path}/deliveries/{event_id}")).json
        assert one["event"] == next(each for each in told if each["id"] == event_id)
        seen = (await client.get(f"/v1/events/{event_id}")).json
        assert {name: value for name, value in seen.items() if value is not None} == one["event"]
        again = await client.post(f"{path}/deliveries/{event_id}/send-again", {})
        assert (again.status, again.json["attempts"]) == (202, 0)
        assert (await client.post(f"{path}/send-again", {"since": "2026-01-01T00:00:00Z"})).json == {"sent": 0}
        tested = await client.post(f"{path}/test", {})
        assert (tested.status, tested.json["type"]) == (202, "stretto.webhook.tested")


async def test_a_webhook_is_changed_by_who_may(settings: Settings, tmp_path: Path) -> None:
    async with server(settings.model_copy(update={"home": tmp_path, "auth": "required"})) as (client, platform):
        admin, viewer = await key_for(platform, "admin"), await key_for(platform, "viewer")
        other = await key_for(platform, "owner", "other")
        new = {"url": "https://example.org/in", "types": ["*"]}
        assert (await client.post("/v1/webhooks", new, **viewer)).status == 403
        refused = await client.post("/v1/webhooks", new | {"url": "http://127.0.0.1:9/"}, **admin)
        assert (refused.status, refused.json["type"]) == (422, "urn:stretto:error:Invalid")
        made = await client.post("/v1/webhooks", new, **admin)
        path, etag = made.headers["location"], made.headers["etag"]
        assert made.json["secret"].startswith("whsec_")
        key = {**admin, "idempotency_key": "k"}
        first = await client.post("/v1/webhooks", new, **key)
        again = await client.post("/v1/webhooks", new, **key)  # its secret cannot be said again
        assert (first.status, again.status, again.json["type"]) == (201, 409, "urn:stretto:error:IdempotencyConflict")
        listed = (await client.get("/v1/webhooks?limit=1", **admin)).json
        assert [each["id"] for each in listed["webhooks"]] == [first.json["id"]]
        rest = (await client.get(f"/v1/webhooks?limit=1&cursor={listed['next']}", **admin)).json
        assert ([each["id"] for each in rest["webhooks"]], rest["next"]) == ([made.json["id"]], None)
        assert (await client.request("DELETE", first.headers["location"], admin)).status == 204
        seen = await client.get(path, **viewer)
        assert (seen.status, seen.headers["etag"]) == (200, etag)
        assert "secret" not in seen.json
        for theirs in ("", "/deliveries"):
            assert (await client.get(path + theirs, **other)).status == 404

        async def change(body: Any, **headers: str) -> Answer:
            headers = {"content_type": "application/json", **admin, **headers}
            return await client.request("PATCH", path, headers, json.dumps(body).encode())

        changed = await change({"description": "ours"}, if_match=etag)
        assert (changed.status, changed.json["description"]) == (200, "ours")
        assert (await change({"active": False}, if_match=etag)).status == 412
        assert (await change({"url": "https://10.0.0.1/"})).status == 422
        rotated = (await client.post(f"{path}/rotate", {"overlap_s": 60}, **admin)).json
        assert rotated["secret"] != made.json["secret"]
        assert rotated["before_until"] is not None
        told = await audit(client, admin)
        assert [each["action"] for each in told[:2]] == ["webhook.changed", "webhook.changed"]
        assert made.json["secret"] not in json.dumps(told)
        assert (await client.request("DELETE", path, admin)).status == 204
        assert (await client.get("/v1/webhooks", **admin)).json == {"webhooks": [], "next": None}


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"x-hub-signature-256": f"sha256={digest}", "x-github-event": "push", "content-type": "application/json"}


async def came_in(client: Client, headers: dict[str, str]) -> list[Any]:
    answer = await client.get("/v1/events?type=hook.", **headers)
    return [each["event"] for each in answer.json["events"]]


async def test_what_comes_in_is_an_event_once(settings: Settings, tmp_path: Path) -> None:
    async with server(settings.model_copy(update={"home": tmp_path, "auth": "required"})) as (client, platform):
        admin, other = await key_for(platform, "admin"), await key_for(platform, "owner", "other")
        source = {"name": "hub", "scheme": "github", "secret": SECRET}
        once = {**admin, "idempotency_key": "k"}
        made = await client.post("/v1/hook-sources", source, **once)
        repeated = await client.post("/v1/hook-sources", source, **once)
        assert (repeated.json, repeated.headers["idempotency-replayed"]) == (made.json, "true")
        path = made.json["path"]
        assert made.status == 201
        listed = await client.get("/v1/hook-sources", **admin)
        assert SECRET not in listed.body.decode()
        assert {"github", "stripe", "standard-webhooks"} <= set(listed.json["schemes"])
        assert (await client.post("/v1/hook-sources", source, **admin)).status == 409
        assert (await client.post("/v1/hook-sources", source | {"scheme": "none"}, **admin)).status == 422

        async def send(body: bytes, headers: dict[str, str]) -> int:
            return (await client.request("POST", path, headers, body)).status

        body = b'{"ref": "refs/heads/main"}'
        at_once = await asyncio.gather(*(send(body, signed(body)) for _ in range(5)))
        assert sorted(at_once) == [200, 200, 200, 200, 202]
        assert await send(body, signed(body, "another secret")) == 401
        assert await send(body + b" ", signed(body)) == 401
        assert await send(body, {}) == 401
        for raw in (b"\xff\x00", b'{"a": "\\u0000"}', b"[" * 5000, b"", b"a=b"):
            assert await send(raw, signed(raw)) == 202
        big = b"x" * (256 * 1024 + 1)
        assert await send(big, signed(big)) == 413
        assert (await client.request("POST", "/v1/hooks/" + "x" * 32, signed(body), body)).status == 404
        await until(lambda got: len(got.json["events"]) == 6, lambda: client.get("/v1/events?type=hook.", **admin))
        events = await came_in(client, admin)
        assert await came_in(client, other) == []
        (push,) = (each["data"] for each in events if "body" in each["data"])
        assert (push["source"], push["event"], push["body"]) == ("hub", "push", {"ref": "refs/heads/main"})
        denied = await until(
            lambda got: sum(each["times"] for each in got.json["entries"]) == 3,
            lambda: client.get("/v1/audit?outcome=denied&limit=200", **admin),
        )
        assert {each["actor"] for each in denied.json["entries"]} == {"hook hub"}
        assert (await client.request("DELETE", "/v1/hook-sources/hub", admin)).status == 204
        assert await send(body, signed(body)) == 404


async def test_rotating_the_master_key_leaves_secrets_readable(settings: Settings, tmp_path: Path) -> None:
    from stretto.gateway.keys.sealing import MasterKey, load_master, replace_file  # noqa: PLC0415
    from stretto.gateway.keys.store import ProviderKeys  # noqa: PLC0415

    here = settings.model_copy(update={"home": tmp_path})
    async with receiving() as receiver:
        async with server(here) as (client, platform):
            made = (await client.post("/v1/webhooks", {"url": f"{receiver.url}/works", "types": ["*"]})).json
            keys = ProviderKeys(platform.database, load_master(tmp_path))
            assert await keys.names() == []
            assert await keys.rotate(MasterKey(bytes(range(32)))) == 1
            replace_file(tmp_path / "secret.key", bytes(range(32)))
        async with server(here) as (client, platform):
            delivery = await platform.webhooks(DEFAULT_TENANT).test(made["id"])
            path = f"/v1/webhooks/{made['id']}/deliveries/{delivery.event_id}"
            await until(lambda got: got.json["status"] == "succeeded", lambda: client.get(path))
        Reference(made["secret"]).verify(receiver.came[0][2], receiver.came[0][1])


async def test_a_step_that_waits_goes_on_by_what_comes_in(settings: Settings, tmp_path: Path) -> None:
    flow: dict[str, Any] = {
        "flow": "patient",
        "steps": {"push": {"wait": {"event": "hook.hub", "key": "push"}}},
        "output": "{{ push.data.body.ref }}",
    }
    async with server(settings.model_copy(update={"home": tmp_path})) as (client, _):
        source = {"name": "hub", "scheme": "github", "secret": SECRET}
        path = (await client.post("/v1/hook-sources", source)).json["path"]
        run = (await client.post("/v1/runs", {"flow": flow})).json["id"]

        async def seen() -> Answer:
            return await client.get(f"/v1/runs/{run}")

        await until(lambda got: got.json["status"] == "waiting", seen)
        for event, ref in (("ping", "no"), ("push", "main")):
            body = json.dumps({"ref": ref}).encode()
            assert (await client.request("POST", path, signed(body) | {"x-github-event": event}, body)).status == 202
        done = await until(lambda got: got.json["status"] == "completed", seen)
        assert done.json["output"] == "main"
