"""Stretto's doors as the SDKs of OpenAI and Anthropic see them, on a real server and a real database."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import openai
import pytest

from stretto.auth import AuthStore, NewKeyRow, Operator
from stretto.auth.keys import new_key
from stretto.errors import (
    BudgetExceeded,
    ContextTooLong,
    LimitReached,
    ModelBroken,
    ModelKeyRefused,
    ModelOverloaded,
    ModelRateLimited,
    ModelRefused,
    ModelStalled,
    StrettoError,
)
from stretto.platform import Platform
from stretto.settings import Settings
from stretto.store import DEFAULT_TENANT
from stretto.testing import ScriptedModel
from tests.e2e.doors import (
    ASK,
    SAY,
    SONG,
    SONGS,
    Steady,
    anthropic_client,
    call_two_tools,
    door,
    openai_client,
    routes,
)
from tests.e2e.wire import Client

TOOLS: Any = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
ANTHROPIC_TOOLS: Any = [{"name": "weather", "input_schema": {"type": "object"}}]


async def test_the_pieces_of_a_stream_are_the_answer_in_one_piece(settings: Settings):
    async with door(settings, ScriptedModel({"scripted": SONG})) as (_, url), openai_client(url) as client:
        whole = await client.chat.completions.create(**SAY)
        assert whole.choices[0].message.content == SONG
        assert whole.choices[0].finish_reason == "stop"
        assert whole.usage is not None
        assert whole.usage.completion_tokens > 10
        pieces: list[str] = []
        usage = None
        stream = await client.chat.completions.create(**SAY, stream=True, stream_options={"include_usage": True})
        async for chunk in stream:
            usage = chunk.usage or usage
            pieces += [choice.delta.content or "" for choice in chunk.choices]
        assert "".join(pieces) == SONG
        assert len([piece for piece in pieces if piece]) > 1
        assert usage == whole.usage


async def test_headers_tell_which_call_it_was(settings: Settings):
    config = routes("fast")
    async with door(settings, ScriptedModel({"fast": SONG}), config) as (platform, url), openai_client(url) as client:
        raw = await client.chat.completions.with_raw_response.create(**SAY)
        assert raw.headers["x-stretto-deployment"] == "fast-1"
        call_id = raw.headers["x-stretto-call-id"]
        await platform.gateway.flush()
        async with platform.database.tenant(DEFAULT_TENANT) as connection:
            rows = await (await connection.execute("SELECT id::text FROM calls")).fetchall()
        assert rows == [(call_id,)]


async def test_anthropics_stream_says_the_same(settings: Settings):
    async with door(settings, ScriptedModel({"scripted": SONG})) as (_, url), anthropic_client(url) as client:
        whole = await client.messages.create(**SAY, max_tokens=1000)
        assert [block.text for block in whole.content if block.type == "text"] == [SONG]
        async with client.messages.stream(**SAY, max_tokens=1000) as stream:
            assert "".join([text async for text in stream.text_stream]) == SONG
            last = await stream.get_final_message()
        assert last.usage.output_tokens == whole.usage.output_tokens > 10
        assert last.stop_reason == whole.stop_reason == "end_turn"


async def test_pieces_of_tool_calls_assemble(settings: Settings):
    async with door(settings, Steady(call_two_tools)) as (_, url), openai_client(url) as client:
        whole = await client.chat.completions.create(**SAY, tools=TOOLS)
        calls = whole.choices[0].message.tool_calls
        assert calls is not None
        assert whole.choices[0].finish_reason == "tool_calls"
        async with client.chat.completions.stream(**SAY, tools=TOOLS) as stream:
            streamed = await stream.get_final_completion()
        assert streamed.choices[0].message.content == "Let me look."
        found = streamed.choices[0].message.tool_calls
        assert found is not None
        named = [
            [(call.id, call.type, call.function.name, call.function.arguments) for call in them]
            for them in (calls, found)
        ]  # type: ignore[union-attr]
        assert named[0] == named[1]
        assert [json.loads(arguments) for *_, arguments in named[0]] == [{"city": "Oslo"}, {"city": "Rome"}]


async def test_pieces_of_tool_calls_assemble_for_anthropic_too(settings: Settings):
    async with door(settings, Steady(call_two_tools)) as (_, url), anthropic_client(url) as client:
        whole = await client.messages.create(**SAY, tools=ANTHROPIC_TOOLS, max_tokens=100)
        async with client.messages.stream(**SAY, tools=ANTHROPIC_TOOLS, max_tokens=100) as stream:
            last = await stream.get_final_message()
        assert last.stop_reason == whole.stop_reason == "tool_use"
        for message in (whole, last):
            uses = [(block.id, block.name, block.input) for block in message.content if block.type == "tool_use"]
            assert uses == [("call_0", "weather", {"city": "Oslo"}), ("call_1", "weather", {"city": "Rome"})]


async def test_what_was_asked_reaches_the_model(settings: Settings):
    model = Steady(call_two_tools)
    async with door(settings, model) as (_, url), openai_client(url) as client:
        schema: Any = {"type": "object", "properties": {"a": {"type": "integer"}}}
        await client.chat.completions.create(
            model="strong",
            messages=[
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
            ],
            temperature=0.5,
            stop=["END"],
            response_format={"type": "json_schema", "json_schema": {"name": "thing", "schema": schema}},
            extra_headers={"x-stretto-priority": "0", "Idempotency-Key": "once"},
        )  # fmt: skip
    (asked,) = model.requests
    assert (asked.temperature, asked.stop, asked.returns, asked.returns_name) == (0.5, ("END",), schema, "thing")
    assert [message.role for message in asked.messages] == ["system", "user"]
    assert (asked.caller.priority, asked.idempotency_key) == (0, "once")


ERRORS: list[tuple[StrettoError, type[openai.APIStatusError], int]] = [
    (ModelOverloaded("too loud"), openai.InternalServerError, 503),
    (ModelRateLimited("too often"), openai.RateLimitError, 429),
    (LimitReached("too many"), openai.RateLimitError, 429),
    (BudgetExceeded("too dear"), openai.RateLimitError, 429),
    (ModelStalled("too quiet"), openai.InternalServerError, 504),
    (ModelBroken("too odd"), openai.InternalServerError, 502),
    (ModelRefused("too rude"), openai.BadRequestError, 400),
    (ContextTooLong("too long"), openai.BadRequestError, 400),
    (ModelKeyRefused("too secret"), openai.InternalServerError, 502),
]


@pytest.mark.parametrize(("error", "kind", "status"), ERRORS, ids=lambda value: type(value).__name__)
async def test_an_error_before_the_first_word_is_the_sdks_own(
    settings: Settings, error: StrettoError, kind: type[openai.APIStatusError], status: int
):
    # Some errors let a deployment rest, so that each call has one of its own.
    async with door(settings, ScriptedModel(lambda _: error), routes("a", "b", "c")) as (_, url):
        async with openai_client(url) as client:
            for name, stream in (("a", False), ("b", True)):
                with pytest.raises(kind, match=error.message) as refused:
                    await client.chat.completions.create(model=name, messages=ASK, stream=stream)
                assert refused.value.status_code == status
        async with anthropic_client(url) as client:
            with pytest.raises(anthropic.APIStatusError, match=error.message) as told:
                await client.messages.create(model="c", messages=ASK, max_tokens=10)
            assert told.value.status_code == (402 if isinstance(error, BudgetExceeded) else status)


async def test_an_error_after_the_first_word_is_the_dialects_event(settings: Settings):
    model = ScriptedModel(lambda _: ["La ", "la ", ModelRefused("the choir has left")])
    async with door(settings, model) as (_, url):
        async with openai_client(url) as client:
            heard: list[str] = []
            stream = await client.chat.completions.create(**SAY, stream=True)

            async def listen() -> None:
                async for chunk in stream:
                    heard.append(chunk.choices[0].delta.content or "")

            with pytest.raises(openai.APIError, match="the choir has left"):
                await listen()
            assert "".join(heard) == "La la "
        async with anthropic_client(url) as other, other.messages.stream(**SAY, max_tokens=10) as told:
            with pytest.raises(anthropic.APIError, match="the choir has left"):
                await told.until_done()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "model"),
        ({"model": "fast"}, "messages"),
        ({"model": "fast", "messages": []}, "messages"),
        ({**SAY, "temperature": 9}, "temperature"),
        ({**SAY, "n": 2}, "`n`"),
        (b"{", "JSON"),
        (b"[]", ""),
    ],
)
async def test_a_body_that_cannot_be_used_is_400_in_the_dialect(settings: Settings, body: Any, told: str):
    async with door(settings, ScriptedModel({})) as (_, url):
        for path in ("/v1/chat/completions", "/v1/embeddings", "/v1/messages"):
            answer = await Client(url).post(path, body)
            assert answer.status == 400
            error = answer.json["error"]
            assert error["type"] == "invalid_request_error"
            assert answer.json.get("type") == ("error" if path == "/v1/messages" else None)
            if path == "/v1/chat/completions":
                assert told in error["message"]


async def test_the_guard_speaks_the_dialect(settings: Settings):
    async with door(settings, ScriptedModel({})) as (_, url):
        client = Client(url)
        answer = await client.post("/v1/chat/completions", SAY, origin="https://evil.example")
        assert (answer.status, answer.json["error"]["type"]) == (403, "invalid_request_error")
        answer = await client.post("/v1/messages", SAY, origin="https://evil.example")
        assert (answer.status, answer.json["error"]["type"]) == (403, "permission_error")
        answer = await client.request("POST", "/v1/chat/completions", {"content_length": str(64 * 1024 * 1024)})
        assert (answer.status, answer.json["error"]["code"]) == (413, None)
        assert "33,554,432 bytes" in answer.json["error"]["message"]
        answer = await client.post("/v1/runs", SAY, origin="https://evil.example")
        assert answer.headers["content-type"] == "application/problem+json"
        answer = await client.post("/v1/chat/completions", SAY, x_stretto_priority="9")
        assert (answer.status, answer.json["error"]["param"]) == (400, "x-stretto-priority")


async def test_an_image_of_some_megabytes_is_taken(settings: Settings):
    model = Steady(call_two_tools)
    data = "A" * 8_000_000
    async with door(settings, model) as (_, url), openai_client(url) as client:
        image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
        await client.chat.completions.create(model="strong", messages=[{"role": "user", "content": [image]}])  # type: ignore[typeddict-item]
    (part,) = model.requests[0].messages[0].content
    assert getattr(part, "data", "") == data


async def test_the_models_are_the_routes_the_deployments_and_the_tenants_flows(settings: Settings):
    async with door(settings, ScriptedModel({}), config=routes("fast", "strong")) as (platform, url):
        (ada,) = await keys_of(platform, "ada")
        await Client(url).post("/v1/flows", {**SONGS, "flow": "mine"})
        await Client(url).post("/v1/flows", {**SONGS, "flow": "hers"}, x_api_key=ada)
        async with openai_client(url) as client:
            assert [model.id async for model in client.models.list()] == [
                "fast",
                "strong",
                "fast-1",
                "strong-1",
                "flow:mine",
            ]
            assert (await client.models.retrieve("flow:mine")).owned_by == "stretto-flow"
            assert (await client.models.retrieve("fast-1")).owned_by == "stretto-deployment"
            for name in ("flow:hers", "two\nlines"):
                with pytest.raises(openai.NotFoundError, match="There is no model"):
                    await client.models.retrieve(name)
        async with anthropic_client(url, ada) as client:
            assert [model.id async for model in client.models.list()] == [
                "fast",
                "strong",
                "fast-1",
                "strong-1",
                "flow:hers",
            ]
            assert (await client.models.retrieve("fast")).type == "model"


async def keys_of(platform: Platform, *tenants: str) -> list[str]:
    operator, store = Operator(platform.database), AuthStore(platform.database)
    made = [new_key() for _ in tenants]
    for name, key in zip(tenants, made, strict=True):
        await store.add_key(await operator.add_tenant(name), NewKeyRow(key.prefix, key.digest))
    return [key.text for key in made]


async def test_a_key_gives_the_calls_tenant(settings: Settings):
    model = ScriptedModel({"scripted": SONG})
    async with door(settings, model) as (platform, url):
        ada, bob = await keys_of(platform, "ada", "bob")
        for key in (ada, bob):
            async with openai_client(url, key) as client:
                await client.chat.completions.create(**SAY)
            async with anthropic_client(url, key) as client:
                await client.messages.create(**SAY, max_tokens=100)
        ids = [str(tenant.id) for tenant in await Operator(platform.database).tenants() if tenant.name != "local"]
        assert [str(request.caller.tenant_id) for request in model.requests] == [ids[0]] * 2 + [ids[1]] * 2
        wrong = ada[:-1] + ("0" if ada[-1] != "0" else "1")
        async with openai_client(url, wrong) as client:
            with pytest.raises(openai.AuthenticationError) as refused:
                await client.chat.completions.create(**SAY)
            assert refused.value.code == "invalid_api_key"
            with pytest.raises(openai.AuthenticationError):
                await client.models.list()
        async with anthropic_client(url, wrong) as client:
            with pytest.raises(anthropic.AuthenticationError):
                await client.messages.create(**SAY, max_tokens=10)
    assert len(model.requests) == 4


async def test_an_unknown_model_is_404(settings: Settings):
    async with (
        door(settings, ScriptedModel({}), config=routes("fast", "strong")) as (_, url),
        openai_client(url) as client,
    ):
        for name in ("nowhere", "flow:nowhere", "flow:nowhere\0"):
            with pytest.raises(openai.NotFoundError, match="nowhere") as refused:
                await client.chat.completions.create(model=name, messages=ASK)
            assert refused.value.code == "model_not_found"
