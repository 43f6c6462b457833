"""Streams and WebSockets that stay open while their key is revoked, their session ends, or their requests are used up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from stretto.api import serving, standing
from stretto.platform import Platform
from stretto.settings import Settings
from stretto.testing import ScriptedModel
from stretto.testing.identity import IdentityProvider
from tests.e2e import test_login
from tests.e2e.test_access import key_for
from tests.e2e.wire import Client, Sse

RESTS: dict[str, Any] = {"flow": "rests", "steps": {"hold": {"wait": {"event": "never"}}}}


@pytest.fixture(autouse=True)
def _asked_often(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.setattr(standing, "CHECK_S", 0.1)


@pytest.fixture
async def provider() -> AsyncGenerator[IdentityProvider]:
    async with IdentityProvider(client_secret="a client:secret+%") as found:
        found.add_user("ada", email="ada@example.org", name="Ada")
        yield found


@asynccontextmanager
async def server(settings: Settings, **changes: Any) -> AsyncGenerator[tuple[Client, Platform]]:
    settings = settings.model_copy(update={"port": 0, "host": "127.0.0.1", **changes})
    async with Platform.open(settings, provider=ScriptedModel({}), worker=False) as platform, serving(platform) as url:
        yield Client(url), platform


@asynccontextmanager
async def opened(client: Client, run: str, headers: dict[str, str]) -> AsyncGenerator[ClientConnection]:
    async with connect(f"ws://{client.host}{run}/control", additional_headers=headers) as wire:
        yield wire


async def ask(wire: ClientConnection, text: str) -> dict[str, Any]:
    """Send a message and give what is said of it; events that come between are passed over."""
    await wire.send(text)
    async with asyncio.timeout(30):
        while (reply := json.loads(await wire.recv()))["event"] not in ("done", "problem"):
            pass
    return reply


async def closed(wire: ClientConnection) -> tuple[dict[str, Any], int, str]:
    """The last message before the server closes, and the code and the reason with which it does."""
    last: dict[str, Any] = {}
    async with asyncio.timeout(30):
        with suppress(ConnectionClosed):
            async for message in wire:
                last = json.loads(message)
    assert wire.close_code is not None
    return last, wire.close_code, wire.close_reason or ""


async def read(client: Client, run: str, headers: dict[str, str]) -> list[Sse]:
    async with asyncio.timeout(30), aclosing(client.events(f"{run}/stream", **headers)) as events:
        return [event async for event in events]


async def test_what_a_revoked_key_holds_open_ends_and_what_another_holds_goes_on(settings: Settings):
    async with server(settings) as (client, platform):
        owner, operator = await key_for(platform, "owner"), await key_for(platform, "operator")
        run = (await client.post("/v1/runs", {"flow": RESTS}, **owner)).headers["location"]
        async with (
            asyncio.TaskGroup() as tasks,
            opened(client, run, operator) as wire,
            opened(client, run, owner) as other,
        ):
            reading = [tasks.create_task(read(client, run, operator)) for _ in range(5)]
            assert (await ask(wire, '{"command": "watch"}'))["event"] == "done"
            prefix = operator["authorization"].split("_")[1]
            assert (await client.request("DELETE", f"/v1/keys/{prefix}", owner)).status == 204
            last, code, reason = await closed(wire)
            assert (code, reason) == (3000, "Key refused")
            assert (last["event"], last["problem"]["type"]) == ("problem", "urn:stretto:error:KeyRefused")
            for found in await asyncio.gather(*reading):
                assert [event.event for event in found] == ["fact", "error"]
                assert (found[-1].id, found[-1].data["type"]) == ("", "urn:stretto:error:KeyRefused")
            assert (await ask(other, '{"command": "pause"}'))["event"] == "done"
        assert platform.database.pool.in_use == 0


async def test_every_message_counts_as_a_request(settings: Settings):
    async with server(settings, key_request_limit="6/hour") as (client, platform):
        key, owner = await key_for(platform, "operator"), await key_for(platform, "owner")
        run = (await client.post("/v1/runs", {"flow": RESTS}, **owner)).headers["location"]
        async with opened(client, run, key) as wire:
            for text in (
                '{"command": "pause"}',
                '{"command": "unwatch"}',
                '{"command": "dance"}',
                "{",
                '{"command": 1}',
            ):
                reply = await ask(wire, text)
                assert reply["event"] == "done" or reply["problem"]["status"] in (400, 422)
            for text in ('{"command": "cancel", "id": 7}', '{"id": 7}'):
                reply = await ask(wire, text)
                assert (reply["event"], reply["id"], reply["problem"]["status"]) == ("problem", 7, 429)
                assert 0 < reply["retry_after_s"] <= 3660
                assert str(reply["retry_after_s"]) in reply["problem"]["detail"]
            assert (await ask(wire, "{"))["problem"]["status"] == 429
        assert (await client.get(run, **owner)).json["status"] != "cancelled"
        assert (await client.get(run, **key)).status == 429


async def test_what_a_session_holds_open_follows_its_role_and_ends_with_it(
    settings: Settings, provider: IdentityProvider, owner: AsyncConnection[TupleRow]
):
    async with test_login.server(settings, provider) as (_, url), test_login.browser(url) as ada:
        client = Client(url)
        await ada.go("/auth/login?next=/v1/me")
        token = (await ada.get("/auth/session")).json["csrf_token"]
        cookie = {"cookie": f"stretto={ada.cookie('stretto')}", "origin": url}
        run = (await ada.ask("POST", "/v1/runs", {"flow": RESTS}, x_stretto_csrf=token)).headers["location"]
        async with asyncio.TaskGroup() as tasks, opened(client, run, cookie) as wire:
            reading = tasks.create_task(read(client, run, cookie))
            assert (await ask(wire, '{"command": "priority", "priority": 1}'))["event"] == "done"
            await owner.execute("UPDATE members SET role = 'viewer' WHERE role = 'owner'")
            reply: dict[str, Any] = {"event": "none"}
            for _ in range(60):
                if (reply := await ask(wire, '{"command": "priority", "priority": 2}'))["event"] != "done":
                    break
                await asyncio.sleep(0.1)
            assert (reply["problem"]["status"], reply["problem"]["type"]) == (403, "urn:stretto:error:NotAllowed")
            assert (await ask(wire, '{"command": "watch"}'))["event"] == "done"
            assert not reading.done()
            assert (await ada.ask("POST", "/auth/logout", x_stretto_csrf=token)).status == 204
            last, code, reason = await closed(wire)
            assert (last["problem"]["status"], code, reason) == (401, 3000, "Login needed")
            assert (await reading)[-1].event == "error"
