"""Memory at the HTTP door."""

from __future__ import annotations

import asyncio
from uuid import UUID

import aiohttp

from stretto.gateway.simulated.vectors import SimulatedEmbedder
from stretto.memory import Encoder, Memory, Model
from stretto.settings import Settings
from tests.e2e.doors import door
from tests.e2e.test_state import ask


async def test_memory_at_the_http_door(settings: Settings) -> None:
    async with door(settings, None) as (platform, base), aiohttp.ClientSession() as session:
        memory = platform.memory()
        memory.encoder = memory.model = None

        def without_vectors(tenant_id: UUID) -> Memory:
            return memory

        platform._memories = without_vectors
        url = f"{base}/v1/memory"
        items = [
            {"key": "a", "text": "The battery lasts two days.", "metadata": {"stars": 5}},
            {"key": "b", "text": "The pasta was cold. The waiter was slow.", "metadata": {"stars": 2}},
        ]
        status, body, _ = await ask(session, "POST", f"{url}/reviews/items", {"items": items})
        assert (status, body) == (200, {"written": 2, "unchanged": 0, "embedded": 0})
        status, body, _ = await ask(session, "GET", url)
        assert (status, [(each["name"], each["items"]) for each in body["collections"]]) == (200, [("reviews", 2)])
        status, body, _ = await ask(session, "POST", f"{url}/reviews/search", {"question": "battery"})
        assert status == 200
        assert [(hit["key"], hit["lists"][0]["list"], hit["lists"][0]["rank"]) for hit in body["hits"]] == [
            ("a", "text", 1)
        ]
        search = {"question": "battery pasta", "filter": {"stars": {"lt": 3}}}
        _, body, _ = await ask(session, "POST", f"{url}/reviews/search", search)
        assert [hit["key"] for hit in body["hits"]] == ["b"]
        _, body, _ = await ask(session, "POST", f"{url}/reviews/answer", {"question": "How was the waiter?"})
        assert (body["enough"], body["by"], body["text"]) == (True, "extract", "The waiter was slow. [1]")
        _, body, _ = await ask(session, "POST", f"{url}/reviews/answer", {"question": "Who won the election?"})
        assert (body["enough"], body["sentences"]) == (False, [])

        wrong = {"question": "x", "filter": {"stars": {"like": 3}}}
        status, body, _ = await ask(session, "POST", f"{url}/reviews/search", wrong)
        assert status == 422
        assert "'like'" in body["detail"]
        assert (await ask(session, "POST", f"{url}/unknown/search", {"question": "x"}))[0] == 404
        assert (await ask(session, "GET", f"{url}/-odd"))[0] == 422
        status, body, _ = await ask(session, "POST", f"{url}/reviews/forget", {"keys": ["a", "z"]})
        assert (status, body) == (200, {"forgotten": 1})
        assert (await ask(session, "DELETE", f"{url}/reviews"))[0] == 204
        assert (await ask(session, "GET", f"{url}/reviews"))[0] == 404


async def test_another_model_is_asked_for_and_its_progress_shown(settings: Settings) -> None:
    async with door(settings, None) as (platform, base), aiohttp.ClientSession() as session:
        model = Model("first", 64)

        def simulated(tenant_id: UUID) -> Memory:
            return Memory(platform.database, tenant_id, Encoder(SimulatedEmbedder(), ask_dimensions=True), model)

        platform._memories = simulated
        url = f"{base}/v1/memory/reviews"
        items = [{"key": f"r{n}", "text": f"The battery of phone {n} lasts."} for n in range(5)]
        assert (await ask(session, "POST", f"{url}/items", {"items": items}))[0] == 200
        _, body, _ = await ask(session, "GET", url)
        assert (body["model"], body["next_model"], body["remade"]) == ("first", None, None)
        wanted = {"model": "second", "dimensions": 128}
        assert (await ask(session, "PUT", f"{base}/v1/memory/unknown/model", wanted))[0] == 404
        assert (await ask(session, "PUT", f"{url}/model", {"model": "first", "dimensions": 32}))[0] == 422
        assert (await ask(session, "PUT", f"{url}/model", {"model": "second", "dimensions": 5_000}))[0] == 422
        status, body, _ = await ask(session, "PUT", f"{url}/model", wanted)
        assert (status, body["model"], body["next_model"], body["next_dimensions"]) == (200, "first", "second", 128)
        assert 0 <= body["remade"] <= 5
        async with asyncio.timeout(20):
            while (shown := (await ask(session, "GET", url))[1])["model"] != "second":  # noqa: ASYNC110 - the worker tells nobody
                await asyncio.sleep(0.05)
        assert (shown["dimensions"], shown["next_model"], shown["remade"]) == (128, None, None)
        _, body, _ = await ask(session, "POST", f"{url}/search", {"question": "battery"})
        assert body["asked"]["vector"] == 5
        assert body["hits"][0]["passage"] is None
