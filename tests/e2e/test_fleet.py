"""The fleet as a tenant sees it."""

from __future__ import annotations

import asyncio
import os
import platform as platform_module
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from stretto.api import serving
from stretto.platform import Platform
from stretto.settings import Settings
from stretto.testing import ScriptedModel
from tests.e2e.test_access import key_for
from tests.e2e.test_api import server, start, until_status
from tests.e2e.wire import Client

TALK: dict[str, Any] = {
    "flow": "talk",
    "agents": {
        "singer": {"model": "strong", "prompt": "Sing.\n"},
        "echo": {"model": "fast", "prompt": "Answer {{ segment }}."},
    },
    "steps": {
        "lead": {"agent": "singer"},
        "second": {"agent": "echo", "each": {"of": "lead", "by": "line"}},
        "good": {"review": {"show": "{{ lead }}", "question": "Good?"}, "after": ["second"]},
    },
}


async def until(client: Client, met: Callable[[dict[str, Any]], bool], **headers: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for _ in range(500):
        found = (await client.get("/v1/fleet", **headers)).json
        if met(found):
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"it never was: {found}")


async def test_agents_runs_and_workers_are_counted_for_their_tenant_alone(settings: Settings):
    model = ScriptedModel({"lead": "one\ntwo\n", "second": "la"})
    model.gated = True
    async with server(settings, model) as (client, platform):
        run = await start(client, TALK)
        fleet = await until(client, lambda fleet: fleet["agents"] != [] and fleet["runs"] == {"running": 1})
        assert fleet["agents"] == [{"agent": "singer", "at_work": 1, "waiting": 0, "done": 0, "failed": 0}]
        assert fleet["complete"]
        (worker,) = fleet["workers"]
        assert (worker["alive"], worker["runs"]) == (True, 1)
        assert (worker["host"], worker["pid"]) == (platform_module.node(), os.getpid())
        assert worker["version"] == version("stretto")
        assert worker["started_at"] < worker["last_heartbeat"]
        stranger = await key_for(platform, "viewer", "grace")
        other = (await client.get("/v1/fleet", **stranger)).json
        assert (other["agents"], other["queue"], other["runs"]) == ([], [], {})
        assert [(each["id"], each["runs"]) for each in other["workers"]] == [(worker["id"], 0)]
        model.open()
        await until_status(client, run, "waiting")
        fleet = await until(client, lambda fleet: sum(each["done"] for each in fleet["agents"]) == 3)  # the ledger's
        assert {each["agent"]: (each["done"], each["at_work"]) for each in fleet["agents"]} == {
            "echo": (2, 0),
            "singer": (1, 0),
        }
        assert fleet["runs"] == {"waiting": 1}


async def test_what_waits_for_a_worker_is_counted_by_priority(settings: Settings):
    settings = settings.model_copy(update={"port": 0, "host": "127.0.0.1"})
    opened = Platform.open(settings, provider=ScriptedModel({}), worker=False)
    async with opened as platform, serving(platform) as url:
        client = Client(url)
        for priority in (0, 3, 3):
            await start(client, TALK, priority=priority)
        fleet = (await client.get("/v1/fleet")).json
        assert [(each["priority"], each["depth"]) for each in fleet["queue"]] == [(0, 1), (3, 2)]
        assert all(each["oldest_at"] for each in fleet["queue"])
        assert (fleet["workers"], fleet["runs"]) == ([], {"accepted": 3})
        stranger = await key_for(platform, "viewer", "grace")
        assert (await client.get("/v1/fleet", **stranger)).json["queue"] == []
