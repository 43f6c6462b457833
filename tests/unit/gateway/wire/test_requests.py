"""What is asked of each vendor; every body is also held against the types of the vendor's own SDK."""

from typing import Any

import pytest
from anthropic.types.message_create_params import MessageCreateParamsStreaming
from openai.types.chat.completion_create_params import CompletionCreateParamsStreaming
from pydantic import ConfigDict, TypeAdapter, with_config

from stretto.gateway.config import Provider
from stretto.gateway.provider import Image, Message, ModelRequest, Text, ToolCall, ToolSpec
from stretto.gateway.wire.anthropic_request import anthropic_body
from stretto.gateway.wire.openai_request import openai_body

OPENAI = Provider("acme", "openai", "http://x/v1")
ANTHROPIC = Provider("acme", "anthropic", "http://x/v1")
VERDICT: dict[str, Any] = {
    "type": "object",
    "properties": {"good": {"type": "boolean"}, "why": {"type": "string"}},
    "required": ["good", "why"],
    "additionalProperties": False,
}
WEATHER = ToolSpec(name="weather", description="Tells the weather.", parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]})  # fmt: skip
CALLS = (ToolCall("call_a", "weather", '{"city":"Rome"}'), ToolCall("call_b", "weather", "not json"))
TALK = [
    Message("system", "Be brief."),
    Message("user", "Rome and Oslo?"),
    Message("assistant", "", tool_calls=CALLS),
    Message("tool", "sunny", tool_call_id="call_a"),
    Message("tool", "", tool_call_id="call_b"),
    Message("user", "And now?"),
]
PICTURES = (
    Text("What is this?"),
    Image(url="https://x.example/a.png", detail="low"),
    Image(media_type="image/png", data="aGk="),
    Image(url="data:image/jpeg;base64,aGk="),
)


def request(**more: Any) -> ModelRequest:
    return ModelRequest(model=more.pop("model", "m"), messages=more.pop("messages", [Message("user", "Hi")]), **more)


openai_adapter = TypeAdapter(
    with_config(ConfigDict(extra="forbid", arbitrary_types_allowed=True))(CompletionCreateParamsStreaming)
)
anthropic_adapter = TypeAdapter(
    with_config(ConfigDict(extra="forbid", arbitrary_types_allowed=True))(MessageCreateParamsStreaming)
)


def to_openai(provider: Provider = OPENAI, **more: Any) -> dict[str, Any]:
    body = openai_body(provider, request(**more), stream=True)
    openai_adapter.validate_python(body)
    return body


def to_anthropic(provider: Provider = ANTHROPIC, **more: Any) -> dict[str, Any]:
    body = anthropic_body(provider, request(**more), stream=True).body
    # The SDK knows them no longer, since new models do not take them; older ones do.
    anthropic_adapter.validate_python(
        {name: value for name, value in body.items() if name not in {"temperature", "top_p"}}
    )
    return body


def test_openai_least():
    assert to_openai() == {
        "model": "m",
        "messages": [{"role": "user", "content": "Hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert "stream" not in openai_body(OPENAI, request(), stream=False)
    assert "stream_options" not in to_openai(Provider("acme", "openai", "x", stream_usage=False))


def test_anthropic_least():
    assert to_anthropic() == {
        "model": "m",
        "max_tokens": 16_384,
        "stream": True,
        "messages": [{"role": "user", "content": "Hi"}],
    }


@pytest.mark.parametrize(
    ("given", "openai", "anthropic"),
    [
        ({"temperature": 0.0}, {"temperature": 0.0}, {"temperature": 0.0}),
        ({"temperature": 1.5}, {"temperature": 1.5}, {"temperature": 1.0}),
        ({"top_p": 0.5}, {"top_p": 0.5}, {"top_p": 0.5}),
        ({"max_tokens": 7}, {"max_tokens": 7}, {"max_tokens": 7}),
        ({"stop": ("a", "b")}, {"stop": ["a", "b"]}, {"stop_sequences": ["a", "b"]}),
        ({"seed": 0}, {"seed": 0}, {}),
        ({"presence_penalty": 0.5, "frequency_penalty": -1.0}, {"presence_penalty": 0.5, "frequency_penalty": -1.0}, {}),
        ({"top_logprobs": 0}, {"logprobs": True}, {}),
        ({"top_logprobs": 3}, {"logprobs": True, "top_logprobs": 3}, {}),
        (
            {"reasoning_effort": "high", "temperature": 0.2},
            {"reasoning_effort": "high", "temperature": 0.2},
            {"thinking": {"type": "enabled", "budget_tokens": 13_107}},
        ),
        ({"reasoning_effort": "none"}, {"reasoning_effort": "none"}, {"thinking": {"type": "disabled"}}),
        (
            {"tools": (WEATHER,)},
            {"tools": [{"type": "function", "function": {"name": "weather", "description": "Tells the weather.", "parameters": WEATHER.parameters}}]},
            {"tools": [{"name": "weather", "description": "Tells the weather.", "input_schema": WEATHER.parameters}]},
        ),
    ],
)  # fmt: skip
def test_each_parameter(given: dict[str, Any], openai: dict[str, Any], anthropic: dict[str, Any]):
    assert to_openai(**given) == to_openai() | openai
    assert to_anthropic(**given) == to_anthropic() | anthropic


def test_the_name_of_the_limit_is_the_providers():
    provider = Provider("acme", "openai", "x", max_tokens_field="max_completion_tokens")
    body = to_openai(provider, max_tokens=9)
    assert body["max_completion_tokens"] == 9
    assert "max_tokens" not in body


@pytest.mark.parametrize(
    ("choice", "parallel", "openai", "anthropic"),
    [
        ("auto", None, {}, {}),
        ("none", None, {"tool_choice": "none"}, {"tool_choice": {"type": "none"}}),
        ("required", None, {"tool_choice": "required"}, {"tool_choice": {"type": "any"}}),
        ("weather", None, {"tool_choice": {"type": "function", "function": {"name": "weather"}}}, {"tool_choice": {"type": "tool", "name": "weather"}}),
        ("auto", False, {"parallel_tool_calls": False}, {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}),
        ("required", True, {"tool_choice": "required", "parallel_tool_calls": True}, {"tool_choice": {"type": "any", "disable_parallel_tool_use": False}}),
    ],
)  # fmt: skip
def test_which_tool_is_called(choice: str, parallel: bool | None, openai: dict[str, Any], anthropic: dict[str, Any]):
    given: dict[str, Any] = {"tools": (WEATHER,), "tool_choice": choice, "parallel_tool_calls": parallel}
    assert to_openai(**given) == to_openai(tools=(WEATHER,)) | openai
    assert to_anthropic(**given) == to_anthropic(tools=(WEATHER,)) | anthropic
    assert to_openai(tool_choice=choice, parallel_tool_calls=parallel) == to_openai()  # of no use without tools
    assert to_anthropic(tool_choice=choice, parallel_tool_calls=parallel) == to_anthropic()


def test_a_talk_with_tools():
    assert to_openai(messages=TALK)["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Rome and Oslo?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Rome"}'}},
                {"id": "call_b", "type": "function", "function": {"name": "weather", "arguments": "not json"}},
            ],
        },
        {"role": "tool", "tool_call_id": "call_a", "content": "sunny"},
        {"role": "tool", "tool_call_id": "call_b", "content": ""},
        {"role": "user", "content": "And now?"},
    ]
    body = to_anthropic(messages=TALK)
    assert body["system"] == "Be brief."
    assert body["messages"] == [
        {"role": "user", "content": "Rome and Oslo?"},
        {
            "role": "assistant",
            "content": [
                {"type": "tool_use", "id": "call_a", "name": "weather", "input": {"city": "Rome"}},
                {"type": "tool_use", "id": "call_b", "name": "weather", "input": {"invalid": "not json"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_a", "content": "sunny"},
                {"type": "tool_result", "tool_use_id": "call_b"},
                {"type": "text", "text": "And now?"},
            ],
        },
    ]


def test_images():
    assert to_openai(messages=[Message("user", PICTURES)])["messages"][0]["content"] == [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
        {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,aGk="}},
    ]
    assert to_anthropic(messages=[Message("user", PICTURES)])["messages"][0]["content"] == [
        {"type": "text", "text": "What is this?"},
        {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "aGk="}},
    ]


def test_an_image_that_a_tool_gives():
    talk = [Message("assistant", "", tool_calls=CALLS[:1]), Message("tool", PICTURES[:2], tool_call_id="call_a")]
    turns = to_openai(messages=talk)["messages"]
    assert turns[1:] == [
        {"role": "tool", "tool_call_id": "call_a", "content": "What is this?"},
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": "https://x.example/a.png", "detail": "low"}}],
        },
    ]
    (answer,) = to_anthropic(messages=talk)["messages"][1]["content"]
    assert [each["type"] for each in answer["content"]] == ["text", "image"]


def test_the_beginning_of_an_answer_may_not_end_with_a_space():
    talk = [Message("user", "Go on"), Message("assistant", "The answer is ")]
    assert to_anthropic(messages=talk)["messages"][1] == {"role": "assistant", "content": "The answer is"}


@pytest.mark.parametrize("mode", ["json_schema", "json_object", "none"])
def test_a_structured_answer_of_openai(mode: Any):
    body = to_openai(Provider("acme", "openai", "x", schema_mode=mode), returns=VERDICT, returns_name="the verdict")
    if mode == "json_schema":
        assert body["response_format"] == {
            "type": "json_schema",
            "json_schema": {"name": "the_verdict", "schema": VERDICT, "strict": True},
        }
        assert body["messages"] == to_openai()["messages"]
    else:
        assert body.get("response_format") == ({"type": "json_object"} if mode == "json_object" else None)
        assert body["messages"][0]["role"] == "system"
        assert '"good"' in body["messages"][0]["content"]


def test_a_schema_that_cannot_be_strict_is_sent_as_it_is():
    loose = {"type": "object", "properties": {"why": {"type": "string"}}}
    assert to_openai(returns=loose)["response_format"]["json_schema"] == {
        "name": "answer",
        "schema": loose,
        "strict": False,
    }


def test_what_is_no_object_is_asked_for_in_words():
    body = to_openai(returns={"type": "array", "items": {"type": "string"}}, messages=TALK)
    assert "response_format" not in body
    assert body["messages"][0]["content"].startswith("Be brief.\n\n")
    assert "array" in body["messages"][0]["content"]
    assert TALK[0].text == "Be brief."
    assert "array" in to_anthropic(returns={"type": "array", "items": {"type": "string"}})["system"]


def test_any_json():
    body = to_openai(json_mode=True)
    assert body["response_format"] == {"type": "json_object"}
    assert "JSON" in body["messages"][0]["content"]  # OpenAI refuses a prompt without the word
    asked = [Message("user", "Give me json.")]
    assert to_openai(json_mode=True, messages=asked)["messages"] == [{"role": "user", "content": "Give me json."}]
    assert "JSON" in to_anthropic(json_mode=True)["system"]


def test_a_structured_answer_of_anthropic():
    body = to_anthropic(model="claude-opus-5", returns=VERDICT, reasoning_effort="low")
    assert body["output_config"] == {"effort": "low", "format": {"type": "json_schema", "schema": VERDICT}}
    written = anthropic_body(
        Provider("acme", "anthropic", "x", schema_mode="json_object"), request(returns=VERDICT), stream=True
    )
    anthropic_adapter.validate_python(written.body)
    assert written.answer_tool == "answer"
    assert written.body["tools"][0]["input_schema"] == VERDICT
    assert written.body["tool_choice"] == {"type": "tool", "name": "answer", "disable_parallel_tool_use": True}
    # With tools of the caller's, or while it thinks, none can be forced.
    in_words = to_anthropic(
        Provider("acme", "anthropic", "x", schema_mode="json_object"), returns=VERDICT, tools=(WEATHER,)
    )
    assert [tool["name"] for tool in in_words["tools"]] == ["weather"]
    assert '"good"' in in_words["system"]


def test_a_schema_that_anthropic_cannot_enforce_becomes_a_tool():
    loose = {"type": "object", "additionalProperties": {"type": "string"}}
    written = anthropic_body(ANTHROPIC, request(returns=loose), stream=True)
    assert written.answer_tool == "answer"
    assert "output_config" not in written.body


@pytest.mark.parametrize(
    ("model", "max_tokens", "thinking"),
    [
        ("claude-sonnet-4-5", 10_000, {"type": "enabled", "budget_tokens": 5000}),
        ("claude-opus-4-1-20250805", 100_000, {"type": "enabled", "budget_tokens": 32_000}),
        ("claude-3-7-sonnet-latest", 1500, {"type": "enabled", "budget_tokens": 1024}),
        ("claude-haiku-4-5-20251001", 1000, None),  # too few for any thought
        ("claude-opus-4-6", 10_000, {"type": "adaptive", "display": "summarized"}),
        ("claude-sonnet-5", 10_000, {"type": "adaptive", "display": "summarized"}),
        ("another-model", 10_000, {"type": "enabled", "budget_tokens": 5000}),
    ],
)
def test_how_much_anthropic_thinks(model: str, max_tokens: int, thinking: dict[str, Any] | None):
    body = to_anthropic(model=model, max_tokens=max_tokens, reasoning_effort="medium", temperature=0.5)
    assert body.get("thinking") == thinking
    assert ("temperature" in body) is (thinking is None)


@pytest.mark.parametrize(
    ("model", "takes"),
    [
        ("claude-3-5-haiku-20241022", True),
        ("claude-sonnet-4-20250514", True),
        ("claude-sonnet-4-6", True),
        ("anthropic.claude-opus-4-1-20250805-v1:0", True),
        ("claude-haiku-4-5-20251001", True),
        ("claude-opus-4-7", False),
        ("claude-opus-5", False),
        ("claude-fable-5-1", False),
        ("another-model", True),
    ],
)
def test_which_claude_takes_a_temperature(model: str, takes: bool):
    body = to_anthropic(model=model, temperature=0.5, top_p=0.9)
    assert ("temperature" in body, "top_p" in body) == (takes, takes)
    assert body["max_tokens"] == (8192 if "claude-3" in model else 16_384)


@pytest.mark.parametrize(
    ("model", "effort", "takes"),
    [
        ("gpt-4o", None, True),
        ("gpt-5", None, False),
        ("gpt-5.1", "none", True),
        ("gpt-5-chat-latest", None, True),
        ("openai/o3-mini", "low", False),
        ("olmo", None, True),
        ("deepseek-r1", "high", True),
    ],
)
def test_which_model_of_openai_takes_a_temperature(model: str, effort: Any, takes: bool):
    assert ("temperature" in to_openai(model=model, temperature=0.5, reasoning_effort=effort, seed=1)) is takes


def test_strict_tools():
    tool = ToolSpec(name="weather", parameters=WEATHER.parameters, strict=True)
    closed = {**WEATHER.parameters, "additionalProperties": False}
    assert to_openai(tools=(tool,))["tools"][0]["function"] == {"name": "weather", "parameters": closed, "strict": True}
    assert to_anthropic(tools=(tool,))["tools"] == [{"name": "weather", "input_schema": closed, "strict": True}]
    loose = ToolSpec(name="any", parameters={"type": "object", "additionalProperties": True}, strict=True)
    assert "strict" not in to_openai(tools=(loose,))["tools"][0]["function"]
    assert to_anthropic(tools=(ToolSpec(name="now"),))["tools"][0]["input_schema"] == {
        "type": "object",
        "properties": {},
    }
