"""Stretto's doors as the SDKs of OpenAI and Anthropic see them, on a real server and a real database."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import openai
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from stretto.api import serving
from stretto.errors import ModelOverloaded
from stretto.platform import Platform
from stretto.settings import Settings
from stretto.testing import ScriptedModel

SONG = "Nº 1: a 🎻 sings, and nobody hears it but the rain.\n\nThen it stops."
ASK: Any = [{"role": "user", "content": "Sing."}]


@asynccontextmanager
async def door(settings: Settings, model: ScriptedModel) -> AsyncGenerator[tuple[Platform, str]]:
    settings = settings.model_copy(update={"port": 0, "host": "127.0.0.1"})
    async with Platform.open(settings, provider=model) as platform, serving(platform) as url:
        yield platform, url


@asynccontextmanager
async def openai_client(url: str, key: str = "of-another-service") -> AsyncGenerator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=30) as client:
        yield client


@asynccontextmanager
async def anthropic_client(url: str, key: str = "of-another-service") -> AsyncGenerator[AsyncAnthropic]:
    async with AsyncAnthropic(base_url=url, api_key=key, max_retries=0, timeout=30) as client:
        yield client


async def test_the_pieces_of_a_stream_are_the_answer_in_one_piece(settings: Settings):
    async with door(settings, ScriptedModel({"fast": SONG})) as (_, url), openai_client(url) as client:
        whole = await client.chat.completions.create(model="fast", messages=ASK)
        assert whole.choices[0].message.content == SONG
        assert whole.choices[0].finish_reason == "stop"
        assert whole.usage is not None
        pieces: list[str] = []
        usage = None
        stream = await client.chat.completions.create(
            model="fast", messages=ASK, stream=True, stream_options={"include_usage": True}
        )
        async for chunk in stream:
            usage = chunk.usage or usage
            pieces += [choice.delta.content or "" for choice in chunk.choices]
        assert "".join(pieces) == SONG
        assert len([piece for piece in pieces if piece]) > 1
        assert usage == whole.usage


async def test_anthropics_stream_says_the_same(settings: Settings):
    async with door(settings, ScriptedModel({"fast": SONG})) as (_, url), anthropic_client(url) as client:
        whole = await client.messages.create(model="fast", messages=ASK, max_tokens=1000)
        assert [block.text for block in whole.content if block.type == "text"] == [SONG]
        async with client.messages.stream(model="fast", messages=ASK, max_tokens=1000) as stream:
            assert "".join([text async for text in stream.text_stream]) == SONG
            last = await stream.get_final_message()
        assert last.usage.output_tokens == whole.usage.output_tokens
        assert last.stop_reason == whole.stop_reason == "end_turn"


async def test_an_error_before_the_first_word_has_its_status(settings: Settings):
    async with (
        door(settings, ScriptedModel({"fast": ModelOverloaded("too loud")})) as (_, url),
        openai_client(url) as client,
    ):
        for stream in (False, True):
            with pytest.raises(openai.InternalServerError, match="too loud") as refused:
                await client.chat.completions.create(model="fast", messages=ASK, stream=stream)
            assert refused.value.status_code == 503
            assert refused.value.response.headers["retry-after"] == "1"
