"""Tenants by key: made at the command line, kept apart by the API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from stretto.api import serving
from stretto.platform import Platform
from stretto.settings import Settings
from stretto.testing import ScriptedModel
from tests.e2e.command import Stretto
from tests.e2e.wire import Answer, Client

REVIEWED: dict[str, Any] = {
    "flow": "reviewed",
    "steps": {"look": {"review": {"show": "this", "question": "Good?"}}},
    "output": "{{ look.value }}",
}


def new_key(stretto: Stretto, tenant: str) -> str:
    """A key of a new tenant."""
    assert stretto.inside("tenant", "add", tenant).code == 0
    made = stretto.inside("key", "add", "--tenant", tenant, "--name", f"for {tenant}", "--role", "admin")
    assert made.code == 0
    assert "only time" in made.err
    return made.out.strip()


async def until(met: Callable[[Answer], bool], ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Ask until the answer is as it should be; 5 s is also the time by which a revoked key must be refused."""
    async with asyncio.timeout(5):
        for _ in range(1000):
            answer = await ask()
            if met(answer):
                return answer
            await asyncio.sleep(0.05)
    raise AssertionError("it never was")


async def test_a_key_opens_one_tenants_door_only(settings: Settings, stretto: Stretto):
    ada, bob = [await asyncio.to_thread(new_key, stretto, name) for name in ("ada", "bob")]
    local = settings.model_copy(update={"port": 0, "host": "127.0.0.1"})
    async with Platform.open(local, provider=ScriptedModel({})) as platform, serving(platform) as url:
        client = Client(url)
        started = await client.post("/v1/runs", {"flow": REVIEWED}, authorization=f"Bearer {ada}")
        assert started.status == 201
        run = started.headers["location"]

        for headers in ({"authorization": f"Bearer {ada}"}, {"authorization": f"bearer  {ada}"}, {"x_api_key": ada}):
            assert (await client.get(run, **headers)).status == 200
        for headers in ({"authorization": f"Bearer {bob}"}, {}, {"authorization": "Bearer sk-of-another-service"}):
            assert (await client.get(run, **headers)).status == 404
            assert (await client.get("/v1/runs", **headers)).json["runs"] == []
            assert (await client.get("/v1/flows", **headers)).json["flows"] == []
        for wrong in ("st_", ada[:-1], f"{ada[:16]}{bob[16:]}"):
            refused = await client.get(run, authorization=f"Bearer {wrong}")
            assert refused.status == 401
            assert refused.headers["www-authenticate"] == "Bearer"
            assert refused.headers["content-type"] == "application/problem+json"

        await until(lambda it: len(it.json["reviews"]) == 1, lambda: client.get("/v1/reviews", x_api_key=ada))
        (review,) = (await client.get("/v1/reviews", x_api_key=ada)).json["reviews"]
        door = f"/v1/reviews/{review['id']}/decision"
        assert (await client.post(door, {"verdict": "approve"}, x_api_key=bob)).status == 404
        decided = await client.post(door, {"verdict": "approve"}, x_api_key=ada)
        assert decided.status == 202
        await until(lambda it: it.json["status"] == "completed", lambda: client.get(run, x_api_key=ada))
        facts = (await client.get(f"{run}/facts", x_api_key=ada)).json["facts"]
        (by,) = [fact["data"]["by"] for fact in facts if fact["name"] == "ReviewDecided"]
        assert by == f"key {ada.split('_')[1]}"
        assert ada.split("_")[2] not in str(facts)

        assert (await asyncio.to_thread(stretto.inside, "key", "revoke", ada.split("_")[1])).code == 0
        await until(lambda it: it.status == 401, lambda: client.get(run, x_api_key=ada))


def test_keys_are_listed_without_their_secrets(stretto: Stretto):
    key = new_key(stretto, "ada")
    _, prefix, secret = key.split("_")
    listed = stretto.inside("key", "list")
    assert prefix in listed.out
    assert "for ada" in listed.out
    assert secret not in listed.out
    assert stretto.inside("key", "revoke", key).code == 0
    assert stretto.inside("key", "revoke", "000000000000").code == 2
    assert stretto.inside("key", "add", "--tenant", "nobody").code == 2
    assert stretto.inside("key", "list", "--tenant", "nobody").code == 2
    assert stretto.inside("tenant", "add", "ada").code == 2
    assert "local" in stretto.inside("tenant", "list").out
