"""What the SDKs of OpenAI and Anthropic see of each fault of `stretto sim`, and of what it refuses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import anthropic
import httpx2
import openai
import pytest

from stretto.gateway.simulated.server import SimOptions, SimServer
from stretto.gateway.simulated.wire_faults import WireFault, WireFaults

ASK: Any = [{"role": "user", "content": "Write about tides and harbours."}]
GONE = (openai.APIConnectionError, httpx2.RemoteProtocolError, httpx2.ReadError)
"""A connection that is lost in mid-stream, as the SDKs tell it; which one depends on what the network still delivers."""


class Clients:
    """Both SDKs before one server."""

    def __init__(self, server: SimServer, url: str, one: openai.AsyncOpenAI, other: anthropic.AsyncAnthropic) -> None:
        self.server = server
        self.url = url
        self.openai = one
        self.anthropic = other

    async def said(self, dialect: str) -> str:
        """The text of a stream. What the SDK raises is raised; a stream without its end raises `EOFError`."""
        text, ended = "", False
        if dialect == "openai":
            chunks = cast("Any", await self.openai.chat.completions.create(model="s", messages=ASK, stream=True))
            async for chunk in chunks:
                text += chunk.choices[0].delta.content or ""
                ended = ended or chunk.choices[0].finish_reason is not None
        else:
            events = cast(
                "Any", await self.anthropic.messages.create(model="s", messages=ASK, max_tokens=900, stream=True)
            )
            async for event in events:
                text += event.delta.text if event.type == "content_block_delta" else ""
                ended = ended or event.type == "message_stop"
        if not ended:
            raise EOFError(text)
        return text

    async def whole(self, dialect: str) -> str:
        """The text of an answer in one piece."""
        if dialect == "openai":
            told = await self.openai.chat.completions.create(model="s", messages=ASK)
            return told.choices[0].message.content or ""
        message = await self.anthropic.messages.create(model="s", messages=ASK, max_tokens=900)
        return cast("Any", message.content[0]).text


@asynccontextmanager
async def sim(faults: WireFaults | None = None, timeout_s: float = 20.0, **options: Any) -> AsyncGenerator[Clients]:
    given: dict[str, Any] = {"ttft_s": 0.0, "tokens_per_s": 1e6, "answer_tokens": (20, 30), **options}
    server = SimServer(SimOptions(**given), faults)
    settings: Any = {"api_key": "any", "max_retries": 0, "timeout": timeout_s}
    async with (
        server.serving() as url,
        openai.AsyncOpenAI(base_url=url, **settings) as one,
        anthropic.AsyncAnthropic(base_url=url.removesuffix("/v1"), **settings) as other,
    ):
        yield Clients(server, url, one, other)
        async with asyncio.timeout(10):
            while server.active:  # noqa: ASYNC110 - an answer whose client has gone ends by itself
                await asyncio.sleep(0.005)


both = pytest.mark.parametrize("dialect", ["openai", "anthropic"])


@both
@pytest.mark.parametrize("after", [0, 1, 7, 1_000])
async def test_a_cut_stream_is_a_lost_connection(dialect: str, after: int):
    async with sim([WireFault("cut", after=after)]) as clients:
        with pytest.raises(GONE):
            await clients.said(dialect)
        assert await clients.said(dialect), "the next request is answered"


@both
async def test_a_stall_is_silence_until_the_client_has_had_enough(dialect: str):
    async with sim([WireFault("stall", after=3, seconds=600)], timeout_s=0.3) as clients:
        with pytest.raises((openai.APITimeoutError, httpx2.ReadTimeout)):
            await clients.said(dialect)


@both
async def test_a_malformed_chunk_is_no_json(dialect: str):
    async with sim([WireFault("malformed", after=3)]) as clients:
        with pytest.raises(json.JSONDecodeError):
            await clients.said(dialect)


@both
async def test_an_error_in_mid_stream_is_the_sdks_error(dialect: str):
    async with sim([WireFault("error", after=3)]) as clients:
        with pytest.raises((openai.APIError, anthropic.APIStatusError), match="ordered"):
            await clients.said(dialect)


@both
async def test_a_stream_may_end_without_saying_so(dialect: str):
    async with sim([None, WireFault("unended", after=3)]) as clients:
        whole = await clients.said(dialect)
        with pytest.raises(EOFError) as raised:
            await clients.said(dialect)
    assert str(raised.value)
    assert whole.startswith(str(raised.value))


@both
async def test_bytes_that_drip_are_the_same_text(dialect: str):
    async with sim([None, WireFault("drip", seconds=0)]) as clients:
        assert await clients.said(dialect) == await clients.said(dialect)


@both
@pytest.mark.parametrize("kind", ["cut", "unended"])
async def test_an_unstreamed_answer_that_is_cut_is_a_lost_connection(dialect: str, kind: Any):
    async with sim([WireFault(kind)]) as clients:
        with pytest.raises((openai.APIConnectionError, anthropic.APIConnectionError)):
            await clients.whole(dialect)
        assert await clients.whole(dialect)


@both
async def test_other_faults_of_an_unstreamed_answer(dialect: str):
    faults = [
        WireFault("stall", seconds=600),
        WireFault("error"),
        WireFault("malformed"),
        None,
        WireFault("drip", seconds=0),
    ]
    async with sim(faults, timeout_s=1.0) as clients:
        with pytest.raises((openai.APITimeoutError, anthropic.APITimeoutError)):
            await clients.whole(dialect)
        with pytest.raises((openai.InternalServerError, anthropic.InternalServerError), match="ordered"):
            await clients.whole(dialect)
        with pytest.raises(json.JSONDecodeError):
            await clients.whole(dialect)
        assert await clients.whole(dialect) == await clients.whole(dialect)


@both
async def test_a_client_that_leaves_ends_its_answer(dialect: str):
    async with sim(ttft_s=600) as clients:
        call = asyncio.create_task(clients.said(dialect))
        async with asyncio.timeout(10):
            while not clients.server.active:  # noqa: ASYNC110 - there is no event to wait for
                await asyncio.sleep(0.005)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)


async def test_faults_come_by_chance_at_their_rate_and_are_the_same_for_the_same_seed():
    async def failed(seed: int) -> list[bool]:
        async with sim(seed=seed, fault_rates={"status": 0.2, "cut": 0.2}) as clients:
            found = [await outcome(clients) for _ in range(40)]
        assert {openai.APIError, httpx2.TransportError} >= {kind for kind in found if kind is not None}
        return [kind is not None for kind in found]

    async def outcome(clients: Clients) -> type[Exception] | None:
        try:
            await clients.said("openai")
        except openai.APIError:
            return openai.APIError
        except httpx2.TransportError:
            return httpx2.TransportError
        return None

    first = await failed(3)
    assert first == await failed(3)
    assert first != await failed(4)
    assert 5 < sum(first) < 28  # 16 are expected


@pytest.mark.parametrize(
    "header",
    [
        "explode",
        "cut; after",
        "cut; after=x",
        "cut; after=-1",
        "cut; after=nan",
        "cut; after=inf",
        "status; code=200",
        "cut; when=5",
    ],
)
async def test_an_order_that_cannot_be_read_is_refused(header: str):
    async with sim() as clients:
        with pytest.raises(openai.BadRequestError) as raised:
            await clients.openai.chat.completions.create(model="s", messages=ASK, extra_headers={"x-sim-fault": header})
    assert raised.value.param == "x-sim-fault"


async def test_a_fault_ordered_by_header_in_anthropics_dialect():
    order = {"x-sim-fault": "status; code=529; retry_after=2"}
    async with sim() as clients:
        with pytest.raises(anthropic.InternalServerError) as raised:
            await clients.anthropic.messages.create(model="s", messages=ASK, max_tokens=9, extra_headers=order)
    assert cast("Any", raised.value.body)["error"]["type"] == "overloaded_error"
    assert raised.value.response.headers["retry-after"] == "2"
    assert (raised.value.request_id or "").startswith("req_sim_")


async def test_requests_have_an_id_where_each_sdk_looks_for_it():
    async with sim() as clients:
        whole = await clients.openai.chat.completions.create(model="s", messages=ASK)
        message = await clients.anthropic.messages.create(model="s", messages=ASK, max_tokens=9)
    assert cast("Any", whole)._request_id.startswith("req_sim_")
    assert cast("Any", message)._request_id.startswith("req_sim_")


async def test_embeddings_fail_too():
    async with sim([WireFault("status", code=503), WireFault("cut")], key="right", requests_per_minute=4) as clients:
        with pytest.raises(openai.AuthenticationError):
            await clients.openai.embeddings.create(model="e", input="a")
        right = clients.openai.with_options(api_key="right")
        with pytest.raises(openai.APIConnectionError):
            await right.embeddings.create(model="e", input="a")
        with pytest.raises(openai.BadRequestError) as raised:
            await right.embeddings.create(model="e", input=["a", ""])
        assert raised.value.param == "input[1]"
        raw = await right.embeddings.with_raw_response.create(model="e", input="a")
        assert raw.headers["x-ratelimit-remaining-requests"] == "2"


@both
async def test_tokens_a_minute_are_kept(dialect: str):
    async with sim(tokens_per_minute=100) as clients:
        assert await clients.whole(dialect)
        with pytest.raises((openai.RateLimitError, anthropic.RateLimitError)) as raised:
            await clients.whole(dialect)
    assert 0 < int(raised.value.response.headers["retry-after"]) <= 60


async def test_what_is_not_there_is_told_in_the_dialect():
    async with sim() as clients:
        with pytest.raises(openai.NotFoundError) as raised:
            await clients.openai.images.generate(prompt="tides")
        assert cast("Any", raised.value.body)["type"] == "not_found_error"
        with pytest.raises(anthropic.NotFoundError) as other:
            await clients.anthropic.messages.count_tokens(model="s", messages=ASK)
        assert cast("Any", other.value.body)["error"]["type"] == "not_found_error"


async def test_models_are_listed_in_both_dialects():
    async with sim() as clients:
        ours = [model.id async for model in clients.openai.models.list()]
        theirs = [model.id async for model in clients.anthropic.models.list()]
        assert ours == theirs
        told = await clients.openai.chat.completions.create(model=ours[0], messages=ASK)
    assert told.model == ours[0], "what is simulated is said once"
