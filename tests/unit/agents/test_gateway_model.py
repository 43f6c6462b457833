"""The gateway as a model of pydantic-ai: what is said to it, and what comes back."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

pytest.importorskip("pydantic_ai", reason="the extra pydantic-ai is not installed")

from pydantic_ai import (
    Agent,
    AgentRunResultEvent,
    AudioUrl,
    BinaryContent,
    DocumentUrl,
    ImageUrl,
    ModelSettings,
    ToolReturn,
    UserError,
)
from pydantic_ai.messages import (
    CachePoint,
    ModelMessage,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ThinkingPart,
)
from pydantic_ai.messages import ModelRequest as Asked
from pydantic_ai.models import ModelRequestParameters, override_allow_model_requests
from pydantic_ai.native_tools import WebSearchTool
from pydantic_ai.settings import ToolOrOutput
from pydantic_ai.tools import ToolDefinition

from stretto.agents.gateway_model import GatewayModel
from stretto.errors import ContentFiltered, ModelBroken, ModelRefused
from stretto.gateway.provider import Completion, Image, ModelRequest, Text, TokenCounts, TokenSink
from stretto.testing import Asks, KeptAnswer, ScriptedModel

HI: list[ModelMessage] = [Asked.user_text_prompt("Hi")]
PNG = b"\x89PNG\r\n"


class Answering(ScriptedModel):
    """Answers with this text, and ends as it is told to."""

    def __init__(self, text: str = "Yes.", **ends: Any) -> None:
        super().__init__([text])
        self._ends: dict[str, Any] = {"model": "strong-1", "provider": "lab"} | ends

    async def complete(self, request: ModelRequest, sink: TokenSink) -> Completion:
        await super().complete(request, sink)
        return Completion(**self._ends)


async def ask(*prompt: Any, agent: Agent[Any, Any] | None = None, **settings: Any) -> ModelRequest:
    """What the gateway is asked for this prompt."""
    model = ScriptedModel(["Yes."])
    told = prompt[0] if len(prompt) == 1 else prompt
    await (agent or Agent()).run(told, model=GatewayModel(model, "strong"), model_settings=ModelSettings(**settings))
    (request,) = model.requests
    return request


async def test_images_by_address_and_by_bytes() -> None:
    sharp = {"detail": "high"}
    request = await ask(
        "What is",
        CachePoint(),
        ImageUrl("https://example.com/a.png", vendor_metadata=sharp),
        BinaryContent(PNG, media_type="image/png"),
        ImageUrl(f"data:image/png;base64,{base64.b64encode(PNG).decode()}"),
    )
    inline = Image(media_type="image/png", data=base64.b64encode(PNG).decode())
    assert request.messages[0].content == (
        Text("What is"),
        Image(url="https://example.com/a.png", detail="high"),
        inline,
        inline,
    )


@pytest.mark.parametrize(
    "part",
    [
        AudioUrl("https://example.com/a.mp3"),
        DocumentUrl("https://example.com/a.pdf"),
        BinaryContent(b"%PDF", media_type="application/pdf"),
        ImageUrl("https://example.com/a.png", force_download=True),
        ImageUrl("gs://bucket/a.png"),
    ],
)
async def test_what_cannot_be_said_is_refused(part: Any) -> None:
    with pytest.raises(ModelRefused, match=r"as text, or as an image|as BinaryContent"):
        await ask("Read this", part)


async def test_images_that_a_tool_gives_follow_its_result() -> None:
    agent = Agent()

    @agent.tool_plain
    def look() -> ToolReturn[str]:
        return ToolReturn("A picture.", content=["This:", BinaryContent(PNG, media_type="image/png")])

    model = ScriptedModel([Asks(("look", {})), "I see."])
    await agent.run("Look", model=GatewayModel(model, "strong"))
    said = model.requests[1].messages
    assert [message.role for message in said] == ["user", "assistant", "tool", "user"]
    assert said[2].text == "A picture."
    assert any(isinstance(part, Image) for part in said[3].content)


async def test_settings_are_passed_on() -> None:
    request = await ask(
        "Hi",
        temperature=0.5,
        top_p=0.9,
        max_tokens=100,
        seed=7,
        presence_penalty=0.1,
        frequency_penalty=0.2,
        stop_sequences=["END"],
        parallel_tool_calls=False,
        thinking="max",
    )
    assert (request.temperature, request.top_p, request.max_tokens, request.seed) == (0.5, 0.9, 100, 7)
    assert (request.presence_penalty, request.frequency_penalty, request.stop) == (0.1, 0.2, ("END",))
    assert (request.parallel_tool_calls, request.reasoning_effort) == (False, "xhigh")


@pytest.mark.parametrize(("thinking", "effort"), [(True, "medium"), (False, "none"), ("low", "low"), (None, None)])
async def test_thinking(thinking: Any, effort: str | None) -> None:
    settings = {} if thinking is None else {"thinking": thinking}
    assert (await ask("Hi", **settings)).reasoning_effort == effort


def nothing() -> str:
    """Do nothing."""
    return ""


def two_tools() -> Agent[Any, Any]:
    agent: Agent[Any, Any] = Agent()
    for name in ("first", "second"):
        agent.tool_plain(name=name)(nothing)
    return agent


@pytest.mark.parametrize(
    ("wanted", "choice", "tools"),
    [
        (None, "auto", ["first", "second"]),
        ("auto", "auto", ["first", "second"]),
        ("none", "none", ["first", "second"]),
        ([], "none", ["first", "second"]),
        (["first", "second"], "required", ["first", "second"]),
        (["second"], "second", ["first", "second"]),
        (ToolOrOutput(["first"]), "auto", ["first"]),
        (ToolOrOutput([]), "none", ["first", "second"]),
    ],
)
async def test_which_tools_may_be_called(wanted: Any, choice: str, tools: list[str]) -> None:
    settings = {} if wanted is None else {"tool_choice": wanted}
    model = ScriptedModel(["Yes."])
    gateway = GatewayModel(model, "strong", settings=ModelSettings(**settings))
    # Agents forbid choices that could go on for ever, so the model is asked by itself.
    asked = ModelRequestParameters(function_tools=[ToolDefinition(name="first"), ToolDefinition(name="second")])
    await gateway.request(HI, None, asked)
    (request,) = model.requests
    assert (request.tool_choice, [tool.name for tool in request.tools]) == (choice, tools)


async def test_a_choice_that_leaves_no_tool_is_refused() -> None:
    gateway = GatewayModel(ScriptedModel([]), "strong", settings=ModelSettings(tool_choice=["third"]))
    with pytest.raises(UserError, match="third"):
        await gateway.request(HI, None, ModelRequestParameters())


async def test_native_tools_are_refused() -> None:
    gateway = GatewayModel(ScriptedModel([]), "strong")
    with pytest.raises(UserError, match="WebSearchTool"):
        await gateway.request(HI, None, ModelRequestParameters(native_tools=[WebSearchTool()]))


async def test_an_answer_as_pydantic_ai_has_it() -> None:
    counts = TokenCounts(input=10, cached_input=4, cache_write=2, output=8, reasoning=5)
    gateway = GatewayModel(Answering("Yes.", tokens=counts, reasoning="Hm.", stop_reason="length"), "strong")
    response = await gateway.request(HI, None, ModelRequestParameters())
    assert response.parts == [ThinkingPart("Hm."), TextPart("Yes.")]
    assert (response.usage.input_tokens, response.usage.cache_read_tokens) == (16, 4)
    assert (response.usage.cache_write_tokens, response.usage.output_tokens) == (2, 8)
    assert response.usage.details == {"reasoning_tokens": 5}
    assert (response.model_name, response.provider_name, response.finish_reason) == ("strong-1", "stretto", "length")


async def test_an_answer_that_a_filter_cut_off_is_an_error() -> None:
    gateway = GatewayModel(Answering("Ye", stop_reason="filter"), "strong")
    with pytest.raises(ContentFiltered, match="lab"):
        await gateway.request(HI, None, ModelRequestParameters())


async def test_what_was_thought_is_not_said_again() -> None:
    model = ScriptedModel(["Yes."])
    said = ModelResponse([ThinkingPart("Hm."), TextPart("One."), TextPart("Two.")])
    history = [Asked.user_text_prompt("Hi"), said, ModelResponse([ThinkingPart("Hm.")])]
    await Agent().run("Go on", message_history=history, model=GatewayModel(model, "strong"))
    told = [(message.role, message.text) for message in model.requests[0].messages]
    assert told == [("user", "Hi"), ("assistant", "One.\n\nTwo."), ("user", "Go on")]


async def test_a_streamed_answer() -> None:
    model = ScriptedModel([Asks(("first", {}), text="Let me look."), "So it is."])
    texts: list[str] = []
    used: list[tuple[int, int]] = []
    async with two_tools().run_stream_events("Hi", model=GatewayModel(model, "strong")) as events:
        async for event in events:
            if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
                texts.append(event.part.content)
            elif isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
                texts[-1] += event.delta.content_delta
            elif isinstance(event, AgentRunResultEvent):
                used.append((event.result.usage.requests, event.result.usage.output_tokens))
    assert texts == ["Let me look.", "So it is."]
    assert used == [(2, 6)]
    assert [message.role for message in model.requests[1].messages] == ["user", "assistant", "tool"]


async def read_all(gateway: GatewayModel) -> str:
    """The text of a streamed answer."""
    async with gateway.request_stream(HI, None, ModelRequestParameters()) as stream:
        async for _ in stream:
            pass
        return stream.get().text or ""


async def test_leaving_a_streamed_answer_ends_the_call() -> None:
    model = ScriptedModel(["One two three four."], gated=True)
    gateway = GatewayModel(model, "strong")
    async with gateway.request_stream(HI, None, ModelRequestParameters()) as stream:
        await model.release(1)
        async for _ in stream:
            break
        assert model.active == 1
    assert model.active == 0


async def test_closing_a_streamed_answer_ends_it() -> None:
    model = ScriptedModel(["One two three four."], gated=True)
    gateway = GatewayModel(model, "strong")
    async with gateway.request_stream(HI, None, ModelRequestParameters()) as stream:
        await model.release(1)
        async for _ in stream:
            await stream.cancel()
        assert (stream.get().state, stream.get().text) == ("interrupted", "One")
        assert model.active == 0


async def test_a_streamed_answer_that_breaks_off_raises_what_the_gateway_raised() -> None:
    gateway = GatewayModel(ScriptedModel([["On", ModelBroken("gone")]]), "strong")
    with pytest.raises(ModelBroken, match="gone"):
        await read_all(gateway)


async def test_what_was_read_is_not_taken_back() -> None:
    """Where another deployment answers, a streamed answer can be taken back until somebody has read of it."""
    refused: list[bool] = []

    class Failing(ScriptedModel):
        async def complete(self, request: ModelRequest, sink: TokenSink) -> Completion:
            sink.write(["Hello"])
            if self.gated:
                await read.wait()
            if not sink.retract("another answers"):
                refused.append(True)
                raise ModelBroken("gone")
            return await super().complete(request, sink)

    read, kept = asyncio.Event(), KeptAnswer()
    gateway = GatewayModel(Failing(["Good day."], gated=True), "strong", listen=lambda _: kept)
    async with gateway.request_stream(HI, None, ModelRequestParameters()) as stream:
        async for _ in stream:
            read.set()
            break
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert (refused, kept.text) == ([True], "Hello")
    gateway = GatewayModel(Failing(["Good day."]), "strong", listen=lambda _: kept)
    assert await read_all(gateway) == "Good day."
    assert kept.retracted[-1] == ("HelloHello", "another answers")


async def test_requests_that_cost_are_forbidden_where_pydantic_ai_forbids_them() -> None:
    model = ScriptedModel(["Yes.", "Yes."])
    with override_allow_model_requests(False):
        await Agent().run("Hi", model=GatewayModel(model, "strong"))
        model.simulated = False
        with pytest.raises(RuntimeError, match="ALLOW_MODEL_REQUESTS"):
            await Agent().run("Hi", model=GatewayModel(model, "strong"))


def test_two_models_of_one_route_are_two() -> None:
    model = ScriptedModel([])
    one, other = GatewayModel(model, "strong"), GatewayModel(model, "strong")
    assert one != other
    assert len({one, other}) == 2
    assert (one.model_name, one.system) == ("strong", "stretto")
