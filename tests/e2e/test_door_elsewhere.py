"""The door beyond the Python SDKs: OpenAI's JavaScript client, embeddings, limits, and what OpenAPI says."""

from __future__ import annotations

import asyncio
import base64
import fcntl
import hashlib
import json
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import openai
import pytest
from aiohttp import web

from stretto.api.guard import MAX_PROMPT_BYTES
from stretto.api.openai.answering import GRACE_S, HEARTBEAT_S
from stretto.api.openai.outbox import MOST_WAITING_CHARS
from stretto.gateway.config import Budgets, Deployment, GatewayConfig, Limits, Price, Provider, Route, Tier, Weighted
from stretto.platform import Platform
from stretto.settings import Settings
from stretto.testing import ScriptedModel
from tests.e2e.command import Stretto
from tests.e2e.doors import SAY, SONG, SONGS, Steady, call_two_tools, door, openai_client, routes
from tests.e2e.wire import Client

JS = Path(__file__).parent / "js"
INSTALL_S = 100


@pytest.fixture(scope="session")
def node() -> str:
    """Node, with the client beside it as the lock has it. Installed once; git does not see it."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found is None or npm is None:
        pytest.skip("node and npm are not on PATH, so OpenAI's JavaScript client cannot be tried")
    lock = hashlib.sha256((JS / "package-lock.json").read_bytes()).hexdigest()
    stamp = JS / "node_modules" / ".stretto-lock"
    with (JS / "package.json").open() as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != lock:
            done = subprocess.run([npm, "ci"], cwd=JS, capture_output=True, text=True, timeout=INSTALL_S, check=False)
            assert done.returncode == 0, done.stderr
            stamp.write_text(lock)
    return found


async def test_openais_javascript_client_hears_the_same(settings: Settings, node: str):
    model = ScriptedModel({"verse": SONG, "chorus": "La.", "fast": SONG})
    async with door(settings, model, routes("fast")) as (_, url):
        await Client(url).post("/v1/flows", SONGS)
        process = await asyncio.create_subprocess_exec(
            node, str(JS / "check.mjs"), f"{url}/v1", "fast", "flow:songs", stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )  # fmt: skip
        async with asyncio.timeout(60):
            out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        seen = json.loads(out)
        assert seen["whole"] == seen["streamed"] == SONG
        assert seen["wholeUsage"] == seen["streamUsage"]
        assert seen["streamUsage"]["completion_tokens"] > 10
        assert seen["flow"] == f"{SONG}\n\nLa."
        assert seen["error"] == {"name": "NotFoundError", "status": 404, "code": "model_not_found"}
        assert seen["models"] == ["fast", "fast-1", "flow:songs"]


@asynccontextmanager
async def vectors_by_length() -> AsyncGenerator[str]:
    """A server whose vector of a text is its length and a third; as OpenAI's, it sends them as it is asked to."""

    async def embed(request: web.Request) -> web.Response:
        body = await request.json()
        vectors = [[float(len(text)), 1 / 3, *([0.0] * ((body.get("dimensions") or 2) - 2))] for text in body["input"]]
        is_base64 = body.get("encoding_format") == "base64"
        data = [
            {
                "object": "embedding",
                "index": n,
                "embedding": base64.b64encode(struct.pack(f"<{len(each)}f", *each)).decode() if is_base64 else each,
            }
            for n, each in enumerate(vectors)
        ]
        return web.json_response({"data": data, "model": "lengths", "usage": {"prompt_tokens": 7, "total_tokens": 7}})

    app = web.Application()
    app.router.add_post("/v1/embeddings", embed)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


def embedding_route(url: str) -> GatewayConfig:
    provider = Provider("there", "openai", url=url)
    deployment = Deployment("there", provider, "lengths")
    route = Route("vectors", (Tier((Weighted(deployment),)),))
    return GatewayConfig({"vectors": route}, {"there": deployment}, {"there": provider}, digest="vectors")


async def test_vectors_come_as_numbers_and_as_base64(settings: Settings):
    async with vectors_by_length() as there, door(settings, None, embedding_route(there)) as (_, url):
        third = struct.unpack("<f", struct.pack("<f", 1 / 3))[0]
        async with openai_client(url) as client:
            # Without a form named, the SDK asks for base64 and decodes it.
            packed = await client.embeddings.create(model="vectors", input=["a", "abc"])
            assert [each.embedding for each in packed.data] == [[1.0, third], [3.0, third]]
            plain = await client.embeddings.create(model="vectors", input="ab", encoding_format="float", dimensions=3)
            assert plain.data[0].embedding == pytest.approx([2.0, third, 0.0])
            assert plain.usage.total_tokens == 7
            with pytest.raises(openai.BadRequestError, match=r"input\[1\]"):
                await client.embeddings.create(model="vectors", input=["a", ""])
            with pytest.raises(openai.NotFoundError):
                await client.embeddings.create(model="nowhere", input="a")
        raw = await Client(url).post("/v1/embeddings", {"model": "vectors", "input": "a", "encoding_format": "base64"})
        assert base64.b64decode(raw.json["data"][0]["embedding"]) == struct.pack("<2f", 1.0, 1 / 3)


def limited() -> GatewayConfig:
    provider = Provider("here", "simulated")
    price = Price(Decimal("0.001"), Decimal("0.002"))
    deployment = Deployment("here", provider, "here", Limits(requests_per_minute=60, concurrency=3), price=price)
    route = Route("fast", (Tier((Weighted(deployment),)),))
    budgets = Budgets(month_usd=Decimal("12.50"))
    return GatewayConfig({"fast": route}, {"here": deployment}, {"here": provider}, budgets=budgets, digest="limited")


async def test_limits_show_what_there_is_now(settings: Settings):
    async with door(settings, Steady(call_two_tools), limited()) as (_, url):
        async with openai_client(url) as client:
            await client.chat.completions.create(**SAY)
        shown = (await Client(url).get("/v1/limits")).json
        limits = {(each["kind"], each["name"]): each for each in shown["limits"]}
        assert set(limits) == {("requests", "here"), ("concurrency", "here")}
        assert limits["requests", "here"]["capacity"] == 60
        assert limits["requests", "here"]["level"] + limits["requests", "here"]["leased"] < 60.0
        (month,) = [each for each in shown["budgets"] if each["kind"] == "month"]
        assert month["limit_usd"] == "12.5"
        assert Decimal(month["left_usd"]) < Decimal("12.5")
        (here,) = [each for each in shown["deployments"] if each["deployment"] == "here"]
        assert (here["calls"], here["failures"]) == (1, 0)
        assert (await Client(url).get("/v1/limits", x_api_key="st_wrong")).status == 401


async def test_the_command_shows_the_limits_too(settings: Settings, stretto: Stretto):
    settings = settings.model_copy(update={"port": 0})
    async with Platform.open(settings, provider=Steady(call_two_tools), config=limited(), worker=False):
        shown = await asyncio.to_thread(stretto.inside, "limits", "--json")
        assert shown.code == 0
        assert {each["kind"] for each in json.loads(shown.out)["limits"]} <= {"requests", "concurrency"}
        told = await asyncio.to_thread(stretto.inside, "limits")
        assert told.code == 0
        assert (await asyncio.to_thread(stretto.inside, "limits", "--tenant", "nobody")).code == 2


async def test_the_doors_are_in_openapi(settings: Settings):
    async with door(settings, ScriptedModel({})) as (_, url):
        paths = (await Client(url).get("/openapi.json")).json["paths"]
        for path in ("/v1/chat/completions", "/v1/messages", "/v1/embeddings"):
            assert paths[path]["post"]["requestBody"]["required"] is True
            assert paths[path]["post"]["responses"]["default"]["description"]
        assert "get" in paths["/v1/models"]
        assert "get" in paths["/v1/models/{model}"]
        assert "get" in paths["/v1/limits"]


PAGE = Path(__file__).parents[2] / "docs" / "doors.md"


async def test_the_examples_of_the_page_work(settings: Settings):
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(examples) == 2
    async with door(settings, ScriptedModel({"scripted": SONG})) as (_, url):
        for example in examples:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", example.replace("http://127.0.0.1:8700", url), stdout=subprocess.PIPE
            )
            async with asyncio.timeout(60):
                out, _err = await process.communicate()
            assert (process.returncode, out.decode().strip()) == (0, SONG)


def test_the_page_says_what_the_code_does():
    page = PAGE.read_text()
    assert f"{MOST_WAITING_CHARS:,} characters" in page
    assert f"every {HEARTBEAT_S:g} seconds" in page
    assert f"within {GRACE_S:g} seconds" in page
    assert f"{MAX_PROMPT_BYTES // 2**20} MiB" in page


def test_the_javascript_lock_holds_no_address():
    assert "://" not in (JS / "package-lock.json").read_text()
    assert json.loads((JS / "package-lock.json").read_text())["packages"]["node_modules/openai"]["integrity"]
