"""`stretto sim` against the real SDKs of OpenAI and Anthropic."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import anthropic
import openai
import pytest
from openai.types.chat import ChatCompletionChunk
from pydantic import BaseModel

from stretto.gateway.simulated.cassette import Cassette
from stretto.gateway.simulated.server import SimOptions, SimServer
from stretto.gateway.simulated.wire_faults import WireFault

QUICK: dict[str, Any] = {"ttft_s": 0.0, "tokens_per_s": 1e6}
ASK: Any = [{"role": "user", "content": "Write about tides and harbours."}]
WEATHER: Any = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 1, "maximum": 9}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
TOOLS: Any = [
    {"type": "function", "function": {"name": "forecast", "parameters": WEATHER}},
    {"type": "function", "function": {"name": "tide_table", "parameters": WEATHER}},
]
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Verdict(BaseModel):
    """What a judge says."""

    approved: bool
    comments: str


@asynccontextmanager
async def sim(
    faults: Any = None, **options: Any
) -> AsyncGenerator[tuple[openai.AsyncOpenAI, anthropic.AsyncAnthropic]]:
    server = SimServer(SimOptions(**(QUICK | options)), faults)
    async with (
        server.serving() as url,
        openai.AsyncOpenAI(base_url=url, api_key="any", max_retries=0) as one,
        anthropic.AsyncAnthropic(base_url=url.removesuffix("/v1"), api_key="any", max_retries=0) as other,
    ):
        yield one, other
        assert server.active == 0


async def chunks_of(client: openai.AsyncOpenAI, **more: Any) -> list[ChatCompletionChunk]:
    more.setdefault("messages", ASK)
    stream = cast("Any", await client.chat.completions.create(model="small", stream=True, **more))
    return [chunk async for chunk in stream]


def text_of(chunks: list[ChatCompletionChunk]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


class TestOpenAI:
    async def test_deltas_are_the_unstreamed_answer(self):
        async with sim() as (client, _):
            whole = await client.chat.completions.create(model="small", messages=ASK)
            chunks = await chunks_of(client, stream_options={"include_usage": True})
        text = whole.choices[0].message.content
        assert text == text_of(chunks)
        assert "[simulated: no model wrote this]" in (text or "")
        assert {whole.model, *(chunk.model for chunk in chunks)} == {"simulated/small"}
        assert whole.choices[0].finish_reason == "stop"
        assert chunks[-1].usage == whole.usage
        assert whole.usage is not None
        assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
        assert all(chunk.usage is None for chunk in chunks[:-1])

    async def test_tool_calls_assemble_also_in_parallel(self):
        messages: Any = [{"role": "user", "content": "Use forecast and tide_table."}]
        async with sim() as (client, _):
            whole = await client.chat.completions.create(model="small", messages=messages, tools=TOOLS)
            chunks = await chunks_of(client, messages=messages, tools=TOOLS)
            one = await client.chat.completions.create(
                model="small", messages=messages, tools=TOOLS, parallel_tool_calls=False
            )
        calls = cast("Any", whole.choices[0].message.tool_calls)
        assert [call.function.name for call in calls] == ["forecast", "tide_table"]
        assert 1 <= json.loads(calls[0].function.arguments)["days"] <= 9
        pieces: dict[int, dict[str, str]] = {}
        for chunk in chunks:
            for piece in chunk.choices[0].delta.tool_calls or ():
                assert piece.function is not None
                call = pieces.setdefault(
                    piece.index, {"id": piece.id or "", "name": piece.function.name or "", "text": ""}
                )
                call["text"] += piece.function.arguments or ""
        assert [(p["id"], p["name"], p["text"]) for p in pieces.values()] == [
            (call.id, call.function.name, call.function.arguments) for call in calls
        ]
        assert chunks[-1].choices[0].finish_reason == "tool_calls"
        assert len(cast("Any", one.choices[0].message.tool_calls)) == 1

    async def test_after_the_tools_have_answered_there_is_text(self):
        call: Any = {"id": "c1", "type": "function", "function": {"name": "forecast", "arguments": "{}"}}
        messages: Any = [
            {"role": "user", "content": "Use forecast."},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "Rain."},
        ]
        async with sim() as (client, _):
            whole = await client.chat.completions.create(model="small", messages=messages, tools=TOOLS)
        assert whole.choices[0].message.content

    async def test_a_structured_answer_parses(self):
        async with sim() as (client, _):
            parsed = await client.chat.completions.parse(model="small", messages=ASK, response_format=Verdict)
        assert isinstance(parsed.choices[0].message.parsed, Verdict)

    async def test_any_object_will_do_where_json_is_wanted(self):
        async with sim() as (client, _):
            whole = await client.chat.completions.create(
                model="small", messages=ASK, response_format={"type": "json_object"}
            )
        told = json.loads(whole.choices[0].message.content or "")
        assert isinstance(told, dict)
        assert told

    async def test_images_logprobs_reasoning_stop_and_length(self):
        image: Any = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
        messages: Any = [{"role": "user", "content": [{"type": "text", "text": "Write about this."}, image]}]
        async with sim() as (client, _):
            whole = await client.chat.completions.create(
                model="small", messages=messages, logprobs=True, top_logprobs=3, max_tokens=7, reasoning_effort="low"
            )
            stopped = await client.chat.completions.create(model="small", messages=ASK, stop=["mod"])
            chunks = await chunks_of(client, logprobs=True, max_tokens=5)
        choice = whole.choices[0]
        assert choice.finish_reason == "length"
        assert choice.logprobs is not None
        said = cast("Any", choice.logprobs.content)
        assert "".join(each.token for each in said) == choice.message.content
        assert all(len(each.top_logprobs) == 3 and each.logprob < 0 for each in said)
        details = cast("Any", whole.usage).completion_tokens_details
        assert details.reasoning_tokens == 64
        assert (stopped.choices[0].message.content or "").endswith("no ")
        assert sum(len(c.choices[0].logprobs.content or ()) for c in chunks if c.choices and c.choices[0].logprobs) == 5

    async def test_what_was_sent_before_is_counted_as_cached(self):
        system: Any = {"role": "system", "content": "You know all of the sea. " * 100}
        async with sim() as (client, _):
            for expected in (0, 626):
                whole = await client.chat.completions.create(model="small", messages=[system, *ASK])
                assert cast("Any", whole.usage).prompt_tokens_details.cached_tokens >= expected
                assert expected or not cast("Any", whole.usage).prompt_tokens_details.cached_tokens

    async def test_embeddings_come_as_base64_and_as_numbers(self):
        async with sim() as (client, _):
            packed = await client.embeddings.create(model="embed", input=["rain at sea", "rain on land", "tax law"])
            plain = await client.embeddings.create(model="embed", input="rain at sea", encoding_format="float")
            short = await client.embeddings.create(model="embed", input="rain", dimensions=8)
        first, second, third = [each.embedding for each in packed.data]
        assert first == pytest.approx(plain.data[0].embedding, abs=1e-6)
        near = sum(a * b for a, b in zip(first, second, strict=True))
        far = sum(a * b for a, b in zip(first, third, strict=True))
        assert near > far
        assert len(short.data[0].embedding) == 8

    async def test_models_are_listed(self):
        async with sim() as (client, _):
            assert all(model.id.startswith("simulated/") for model in (await client.models.list()).data)

    @pytest.mark.parametrize(
        ("code", "error"),
        [
            (400, openai.BadRequestError),
            (401, openai.AuthenticationError),
            (403, openai.PermissionDeniedError),
            (404, openai.NotFoundError),
            (429, openai.RateLimitError),
            (500, openai.InternalServerError),
            (529, openai.InternalServerError),
        ],
    )
    async def test_each_status_is_the_sdks_error(self, code: int, error: type[openai.APIStatusError]):
        async with sim([WireFault("status", code=code)]) as (client, _):
            with pytest.raises(error, match="ordered"):
                await client.chat.completions.create(model="small", messages=ASK)

    async def test_bad_input_names_the_field(self):
        async with sim() as (client, _):
            with pytest.raises(openai.BadRequestError) as raised:
                await client.chat.completions.create(
                    model="small", messages=cast("Any", [{"role": "user", "content": 3}])
                )
        assert raised.value.param == "messages[0].content"

    async def test_limits_are_told_and_kept(self):
        async with sim(requests_per_minute=2) as (client, _):
            raw = await client.chat.completions.with_raw_response.create(model="small", messages=ASK)
            assert raw.headers["x-ratelimit-remaining-requests"] == "1"
            await client.chat.completions.create(model="small", messages=ASK)
            with pytest.raises(openai.RateLimitError) as raised:
                await client.chat.completions.create(model="small", messages=ASK)
        assert 0 < int(raised.value.response.headers["retry-after"]) <= 30

    async def test_a_fault_can_be_ordered_by_header(self):
        async with sim() as (client, _):
            with pytest.raises(openai.RateLimitError):
                await client.chat.completions.create(
                    model="small", messages=ASK, extra_headers={"x-sim-fault": "status; code=429; retry_after=3"}
                )
            with pytest.raises(openai.BadRequestError, match="none of"):
                await client.chat.completions.create(
                    model="small", messages=ASK, extra_headers={"x-sim-fault": "explode"}
                )


class TestAnthropic:
    async def test_deltas_are_the_unstreamed_answer(self):
        async with sim() as (_, client):
            whole = await client.messages.create(model="small", max_tokens=900, messages=ASK)
            async with client.messages.stream(model="small", max_tokens=900, messages=ASK) as stream:
                text = "".join([piece async for piece in stream.text_stream])
                final = await stream.get_final_message()
        assert cast("Any", whole.content[0]).text == text == cast("Any", final.content[0]).text
        assert whole.model == final.model == "simulated/small"
        assert (whole.stop_reason, final.stop_reason) == ("end_turn", "end_turn")
        assert whole.usage.output_tokens == final.usage.output_tokens > 0
        assert whole.usage.input_tokens == final.usage.input_tokens > 0

    async def test_tool_calls_assemble(self):
        tools: Any = [{"name": "forecast", "input_schema": WEATHER}, {"name": "tide_table", "input_schema": WEATHER}]
        messages: Any = [{"role": "user", "content": "Use forecast and tide_table."}]
        async with sim() as (_, client):
            whole = await client.messages.create(model="small", max_tokens=900, messages=messages, tools=tools)
            async with client.messages.stream(model="small", max_tokens=900, messages=messages, tools=tools) as stream:
                final = await stream.get_final_message()
        assert whole.stop_reason == final.stop_reason == "tool_use"
        calls = [(block.name, block.input) for block in cast("Any", whole.content)]
        assert calls == [(block.name, block.input) for block in cast("Any", final.content)]
        assert [name for name, _ in calls] == ["forecast", "tide_table"]

    async def test_a_structured_answer_fits_its_schema(self):
        form: Any = {"format": {"type": "json_schema", "schema": WEATHER}}
        async with sim() as (_, client):
            whole = await client.messages.create(model="small", max_tokens=900, messages=ASK, output_config=form)
        told = json.loads(cast("Any", whole.content[0]).text)
        assert set(told) == {"city", "days"}
        assert 1 <= told["days"] <= 9

    async def test_one_tool_is_called_where_no_more_are_wanted(self):
        tools: Any = [{"name": "forecast", "input_schema": WEATHER}, {"name": "tide_table", "input_schema": WEATHER}]
        choices: list[tuple[Any, list[str]]] = [
            ({"type": "any", "disable_parallel_tool_use": True}, ["forecast"]),
            ({"type": "tool", "name": "tide_table"}, ["tide_table"]),
            ({"type": "none"}, []),
        ]
        async with sim() as (_, client):
            for choice, expected in choices:
                whole = await client.messages.create(
                    model="small", max_tokens=900, messages=ASK, tools=tools, tool_choice=choice
                )
                assert [block.name for block in whole.content if block.type == "tool_use"] == expected

    async def test_answers_of_tools_and_images_are_read(self):
        image: Any = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
        messages: Any = [
            {"role": "user", "content": [image, {"type": "text", "text": "Use forecast."}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "forecast", "input": {}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "Rain."}]},
        ]
        tools: Any = [{"name": "forecast", "input_schema": WEATHER}]
        async with sim() as (_, client):
            whole = await client.messages.create(model="small", max_tokens=900, messages=messages, tools=tools)
        assert cast("Any", whole.content[0]).text

    @pytest.mark.parametrize(
        ("code", "error"),
        [
            (400, anthropic.BadRequestError),
            (401, anthropic.AuthenticationError),
            (404, anthropic.NotFoundError),
            (429, anthropic.RateLimitError),
            (500, anthropic.InternalServerError),
            (529, anthropic.InternalServerError),
        ],
    )
    async def test_each_status_is_the_sdks_error(self, code: int, error: type[anthropic.APIStatusError]):
        async with sim([WireFault("status", code=code)]) as (_, client):
            with pytest.raises(error, match="ordered"):
                await client.messages.create(model="small", max_tokens=9, messages=ASK)

    async def test_limits_are_told(self):
        async with sim(requests_per_minute=9, tokens_per_minute=9_000) as (_, client):
            raw = await client.messages.with_raw_response.create(model="small", max_tokens=9, messages=ASK)
        assert raw.headers["anthropic-ratelimit-requests-remaining"] == "8"
        assert raw.headers["anthropic-ratelimit-tokens-reset"].endswith("Z")


async def test_a_cassette_answers_by_match_and_in_turn(tmp_path: Path):
    path = tmp_path / "replies.jsonl"
    path.write_text(
        '{"reply": "First."}\n\n{"match": "weather", "tool_calls": [{"name": "look", "arguments": {"a": 1}}]}\n'
        '{"reply": "Second."}\n'
    )
    async with sim(cassette=Cassette.load(path)) as (client, _):
        said = [(await client.chat.completions.create(model="s", messages=ASK)).choices[0] for _ in range(3)]
        weather: Any = [{"role": "user", "content": "How is the weather?"}]
        called = (await client.chat.completions.create(model="s", messages=weather)).choices[0]
    assert [choice.message.content for choice in said] == ["First.", "Second.", "First."]
    assert cast("Any", called.message.tool_calls)[0].function.arguments == '{"a":1}'


async def test_a_cassette_may_say_something_and_call_tools(tmp_path: Path):
    path = tmp_path / "replies.jsonl"
    path.write_text('{"reply": "Let me look.", "tool_calls": [{"name": "look", "arguments": {"city": "Oslo"}}]}\n')
    async with sim(cassette=Cassette.load(path)) as (one, other):
        chunks = await chunks_of(one)
        async with other.messages.stream(model="s", max_tokens=900, messages=ASK) as stream:
            message = await stream.get_final_message()
    pieces = [piece for chunk in chunks for piece in chunk.choices[0].delta.tool_calls or ()]
    assert text_of(chunks) == "Let me look."
    assert "".join((piece.function and piece.function.arguments) or "" for piece in pieces) == '{"city":"Oslo"}'
    said, called = cast("Any", message.content)
    assert (said.text, called.name, called.input) == ("Let me look.", "look", {"city": "Oslo"})
    assert message.stop_reason == "tool_use"


async def test_with_jitter_the_answers_are_the_same():
    async with sim(jitter=1.0) as (client, _), sim() as (steady, _):
        for _ in range(9):
            assert text_of(await chunks_of(client)) == text_of(await chunks_of(steady))


async def test_one_key_may_be_the_only_one():
    async with sim(key="right") as (client, _):
        with pytest.raises(openai.AuthenticationError):
            await client.chat.completions.create(model="s", messages=ASK)
        good = client.with_options(api_key="right")
        assert (await good.chat.completions.create(model="s", messages=ASK)).choices
