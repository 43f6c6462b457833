"""Events over HTTP and at the command line."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from stretto.api.paging import cursor_at
from stretto.auth import Operator
from stretto.events import Attempts, Consumer, Event, Group
from stretto.events.event import schema_path
from stretto.platform import Platform
from stretto.settings import Settings
from tests.e2e.test_access import ECHO, key_for, server, until
from tests.e2e.wire import Client


async def told(client: Client, query: str = "", **headers: str) -> list[dict[str, Any]]:
    return (await client.get(f"/v1/events?{query}", **headers)).json["events"]


async def ran(client: Client, count: int, **headers: str) -> list[str]:
    """Start so many runs, and wait until their ends were told."""
    ids = [(await client.post("/v1/runs", {"flow": ECHO}, **headers)).json["id"] for _ in range(count)]
    await until(
        lambda answer: len(answer.json["events"]) >= count,
        lambda: client.get("/v1/events?type=stretto.run.completed", **headers),
    )
    return ids


async def test_a_tenant_reads_its_own_log(settings: Settings):
    async with server(settings) as (client, platform):
        ada, eve = await key_for(platform, "operator"), await key_for(platform, "owner", "eve")
        ids = await ran(client, 3, **ada)
        everything = await told(client, **ada)
        assert [each["position"] for each in everything] == sorted((e["position"] for e in everything), reverse=True)
        assert {each["event"]["type"] for each in everything} >= {"stretto.run.accepted", "stretto.flow.saved"}
        about = await told(client, f"subject=runs/{ids[0]}", **ada)
        assert [each["event"]["type"] for each in about] == ["stretto.run.completed", "stretto.run.accepted"]
        event = about[0]["event"]
        assert event["data"] == {"run_id": ids[0], "flow": "echo", "cost_usd": "0"}
        assert (await client.get(f"/v1/events/{event['id']}", **ada)).json == event
        # A page at a time, to the end.
        pages, cursor = list[int](), ""
        while True:
            page = (await client.get(f"/v1/events?limit=2{cursor}", **ada)).json
            pages += [each["position"] for each in page["events"]]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert pages == [each["position"] for each in everything]
        later = (datetime.now(UTC) + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
        assert await told(client, f"since={later}", **ada) == []
        # Of all this another tenant sees nothing.
        types = {each["event"]["type"] for each in await told(client, **eve)}
        assert not any(type_.startswith("stretto.run") for type_ in types)
        assert (await client.get(f"/v1/events/{event['id']}", **eve)).status == 404
        for odd in (
            "subject=%00",
            "type=%00",
            "since=yesterday",
            f"cursor={cursor_at(-1)}",
            f"cursor={cursor_at(2**63)}",
            f"cursor={cursor_at('here')}",
            "limit=0",
        ):
            assert (await client.get(f"/v1/events?{odd}", **ada)).status in (400, 422), odd


async def test_the_schemas_are_published(settings: Settings):
    async with server(settings) as (client, platform):
        key = await key_for(platform, "viewer")
        types = (await client.get("/v1/events/schemas", **key)).json["types"]
        for each in types:
            assert each["dataschema"] == schema_path(each["type"])
            schema = (await client.get(each["dataschema"], **key)).json
            assert (schema["$id"], schema["title"]) == (each["dataschema"], each["type"])
        assert (await client.get("/v1/events/schemas/stretto.nothing.happened", **key)).status == 404
        assert (await client.get("/v1/events/asyncapi.json", **key)).json["asyncapi"] == "3.0.0"


async def test_groups_are_replayed_and_dead_letters_sent_again(settings: Settings):
    async with server(settings) as (client, platform):
        ada, eve = await key_for(platform, "operator"), await key_for(platform, "owner", "eve")
        viewer = await key_for(platform, "viewer")
        tenant = (await client.get("/v1/me", **ada)).json["tenant"]["id"]
        taken: list[Event] = []
        broken = True

        async def take(event: Event) -> None:
            if broken:
                raise OSError("it is broken")
            taken.append(event)

        group = Group("mine", UUID(tenant))
        consumer = Consumer(
            platform.database,
            platform.transport,
            group,
            take,
            types=("stretto.run.completed",),
            attempts=Attempts(most=1),
        )
        task = asyncio.create_task(consumer.run())
        await until(lambda answer: len(answer.json["groups"]) == 1, lambda: client.get("/v1/events/groups", **ada))
        await ran(client, 1, **ada)
        letters = await until(
            lambda answer: len(answer.json["letters"]) == 1, lambda: client.get("/v1/events/dead-letters", **ada)
        )
        (letter,) = letters.json["letters"]
        assert (letter["group"], letter["attempts"], letter["error"]) == ("mine", 1, "OSError: it is broken")
        place = f"/v1/events/dead-letters/{letter['event']['id']}"
        assert (await client.get(place, **ada)).json["letters"] == [letter]
        assert (await client.get(f"/v1/events/dead-letters?cursor={cursor_at('3')}", **ada)).status == 200
        for odd in (-1, f"{2**63} mine", "here mine", "1 \0"):
            odd_page = await client.get(f"/v1/events/dead-letters?cursor={cursor_at(odd)}", **ada)
            assert odd_page.status in (400, 422), odd
        assert (await client.get(place, **eve)).status == 404
        assert (await client.post(f"{place}/send-again", {}, **eve)).status == 404
        assert (await client.request("DELETE", place, eve)).status == 404
        assert (await client.post(f"{place}/send-again", {}, **viewer)).status == 403
        broken = False
        assert (await client.post(f"{place}/send-again", {}, **ada)).json == {"sent": 1}
        async with asyncio.timeout(10):
            while not taken:  # noqa: ASYNC110 - what was taken is no event
                await asyncio.sleep(0.02)
        replay = "/v1/events/groups/mine/replay"
        assert (await client.post(replay, {"position": 0}, **eve)).status == 404
        assert (await client.post(replay, {"position": 10**9}, **ada)).status == 422
        assert (await client.post(replay, {}, **ada)).status == 422
        assert (await client.post(replay, {"position": 0}, **ada)).json == {"group": "mine", "position": 0}
        async with asyncio.timeout(10):
            while len(taken) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert taken[0].id == taken[1].id
        broken = True
        await ran(client, 2, **ada)
        letters = await until(
            lambda answer: len(answer.json["letters"]) >= 1, lambda: client.get("/v1/events/dead-letters", **ada)
        )
        place = f"/v1/events/dead-letters/{letters.json['letters'][0]['event']['id']}"
        assert (await client.request("DELETE", place, ada)).status == 204
        assert (await client.request("DELETE", place, ada)).status == 404
        since = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        assert (await client.post(replay, {"since": since}, **ada)).json["position"] >= 6
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_dead_letters_of_one_event_in_several_groups_come_in_pages(settings: Settings):
    async with server(settings) as (client, platform):
        ada = await key_for(platform, "operator")
        tenant = UUID((await client.get("/v1/me", **ada)).json["tenant"]["id"])

        async def refuse(event: Event) -> None:
            raise OSError("it is broken")

        tasks = [
            asyncio.create_task(
                Consumer(
                    platform.database,
                    platform.transport,
                    Group(name, tenant),
                    refuse,
                    types=("stretto.run.completed",),
                    attempts=Attempts(most=1),
                ).run()
            )
            for name in ("a", "b", "c")
        ]
        await until(lambda answer: len(answer.json["groups"]) == 3, lambda: client.get("/v1/events/groups", **ada))
        await ran(client, 2, **ada)
        letters = await until(
            lambda answer: len(answer.json["letters"]) == 6, lambda: client.get("/v1/events/dead-letters", **ada)
        )
        found, cursor = list[Any](), ""
        while True:
            page = (await client.get(f"/v1/events/dead-letters?limit=2{cursor}", **ada)).json
            found += page["letters"]
            if page["next"] is None:
                break
            cursor = f"&cursor={page['next']}"
        assert found == letters.json["letters"]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_no_tenant_sees_the_systems_groups(settings: Settings):
    async with server(settings) as (client, platform):
        key = await key_for(platform, "owner")
        await platform.transport.replay(Group("webhooks"), 0)
        assert (await client.get("/v1/events/groups", **key)).json == {"groups": [], "next": None}
        assert (await client.post("/v1/events/groups/webhooks/replay", {"position": 0}, **key)).status == 404


async def test_groups_come_in_pages_and_each_is_found_by_its_name(settings: Settings):
    async with server(settings) as (client, platform):
        key = await key_for(platform, "owner")
        (tenant,) = await Operator(platform.database).tenants("ada")
        names = [f"readers-{n}" for n in range(5)]
        for name in names:
            await platform.transport.replay(Group(name, tenant.id), 0)
        seen, path = list[list[str]](), "/v1/events/groups?limit=2"
        while path:
            page = (await client.get(path, **key)).json
            seen.append([each["group"] for each in page["groups"]])
            path = "" if page["next"] is None else f"/v1/events/groups?limit=2&cursor={page['next']}"
        assert seen == [names[:2], names[2:4], names[4:]]
        again = await client.post(f"/v1/events/groups/{names[4]}/replay", {"position": 0}, **key)
        assert (again.status, again.json["group"]) == (200, names[4])
        assert (await client.post("/v1/events/groups/readers/replay", {"position": 0}, **key)).status == 404


async def test_platform_without_a_worker_still_shows_events(settings: Settings):
    async with Platform.open(settings, worker=False) as platform:
        assert await platform.events().list() == []
        assert list(await platform.events().groups()) == []
