"""Finding runs, and what they used, in the list."""

from __future__ import annotations

import asyncio
from typing import Any

from stretto.settings import Settings
from stretto.testing import ScriptedModel
from tests.e2e.test_access import key_for
from tests.e2e.test_api import server, start, until_status
from tests.e2e.wire import Client


def count(name: str) -> dict[str, Any]:
    return {"flow": name, "steps": {"say": {"tool": "text.count", "input": {"text": "a"}}}}


async def found(client: Client, query: str, **headers: str) -> list[str]:
    answer = await client.get(f"/v1/runs?{query}", **headers)
    assert answer.status == 200, answer.body
    return [run["flow_name"] for run in answer.json["runs"]]


async def test_runs_are_found_by_parts_of_their_flows_names_and_beginnings_of_their_ids(settings: Settings):
    async with server(settings) as (client, platform):
        first = await start(client, count("morning-news"))
        await start(client, count("evening-news"))
        last = await start(client, count("weather"))
        assert await found(client, "q=NEWS") == ["evening-news", "morning-news"]
        assert await found(client, "q=news&flow=evening-news") == ["evening-news"]
        assert await found(client, "q=e") == ["weather", "evening-news", "morning-news"]
        assert await found(client, "q=%25") == await found(client, "q=_") == []
        run_id = first.rpartition("/")[2]
        assert await found(client, f"q={run_id}") == ["morning-news"]
        assert await found(client, f"q={run_id.replace('-', '')[:-1].upper()}") == ["morning-news"]
        assert "weather" in await found(client, f"q={last.rpartition('/')[2][:8]}")
        assert await found(client, f"q={run_id}0") == []
        page = (await client.get("/v1/runs?q=news&limit=1")).json
        assert await found(client, f"q=news&limit=1&cursor={page['next']}") == ["morning-news"]
        assert await found(client, "order=oldest") == ["morning-news", "evening-news", "weather"]
        page = (await client.get("/v1/runs?order=oldest&limit=2")).json
        assert await found(client, f"order=oldest&cursor={page['next']}") == ["weather"]
        assert await found(client, "order=oldest&q=news&limit=1") == ["morning-news"]
        moment = (await client.get("/v1/runs?limit=1")).json["runs"][0]["accepted_at"].replace("+", "%2B")
        assert await found(client, f"order=oldest&until={moment}") == ["morning-news", "evening-news"]
        assert (await client.get("/v1/runs?order=any")).status == 422
        assert (await client.get("/v1/runs?q=")).status == 422
        stranger = await key_for(platform, "owner", "grace")
        assert await found(client, f"q={run_id}", **stranger) == await found(client, "q=news", **stranger) == []


async def test_runs_tell_what_their_calls_used(settings: Settings):
    flow = {
        "flow": "talk",
        "agents": {"singer": {"model": "strong", "prompt": "Sing.\n"}},
        "steps": {"one": {"agent": "singer"}, "two": {"agent": "singer", "after": ["one"]}},
    }
    async with server(settings, ScriptedModel({"one": "la la", "two": "lo"})) as (client, _):
        silent = await start(client, count("silent"))
        run = await start(client, flow)
        done = await until_status(client, run, "completed")
        async with asyncio.timeout(10):
            while done["output_tokens"] < 3:  # the ledger is written a moment later
                await asyncio.sleep(0.05)
                done = (await client.get(run)).json
        usage = (await client.get(f"/v1/usage?by=run&run={done['id']}")).json["total"]
        assert done["input_tokens"] == usage["tokens"]["input"] > 0
        assert done["output_tokens"] == usage["tokens"]["output"]
        assert done["simulated"] == usage["simulated"]
        listed = {each["id"]: each for each in (await client.get("/v1/runs")).json["runs"]}
        assert {name: done[name] for name in listed[done["id"]]} == listed[done["id"]]
        quiet = listed[silent.rpartition("/")[2]]
        assert (quiet["input_tokens"], quiet["output_tokens"], quiet["simulated"]) == (0, 0, "no")
