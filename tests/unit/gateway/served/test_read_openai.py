"""OpenAI's requests as they are read: every field, and every mistake with its place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stretto.errors import RequestUnread
from stretto.gateway.provider import Image, Message, Text, ToolCall, ToolSpec
from stretto.gateway.served import openai

ASK = {"role": "user", "content": "Hello"}
PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "look", "parameters": PARAMETERS}}
PIXEL = "aGVsbG8="


def read(**fields: Any):
    return openai.read_request(json.dumps({"model": "m", "messages": [ASK]} | fields).encode())


def refused(body: bytes) -> tuple[object, str]:
    with pytest.raises(RequestUnread) as raised:
        openai.read_request(body)
    return raised.value.ids["param"], raised.value.message


def param_of(**fields: Any) -> object:
    return refused(json.dumps({"model": "m", "messages": [ASK]} | fields).encode())[0]


def test_what_is_left_out_is_left_to_the_provider():
    asked = read()
    assert (asked.stream, asked.include_usage, asked.extra) == (False, False, {})
    request = asked.request
    assert (request.model, request.messages) == ("m", [Message("user", "Hello")])
    for name in ("returns", "temperature", "top_p", "max_tokens", "seed", "reasoning_effort", "top_logprobs"):
        assert getattr(request, name) is None, name
    assert (request.tools, request.tool_choice, request.parallel_tool_calls) == ((), "auto", None)
    assert (request.stop, request.json_mode) == ((), False)


def test_every_plain_field_is_read():
    plain: dict[str, Any] = {
        "temperature": 0.5,
        "top_p": 0.9,
        "seed": -(2**63),
        "presence_penalty": -2,
        "frequency_penalty": 2,
        "parallel_tool_calls": False,
        "reasoning_effort": "minimal",
    }
    request = read(**plain).request
    assert {name: getattr(request, name) for name in plain} == plain


def test_fields_that_mean_nothing_here_are_passed_over():
    assert (
        read(user="u", store=True, metadata={"a": "b"}, service_tier="auto", n=1, temperature=None).request
        == read().request
    )


@pytest.mark.parametrize(
    ("fields", "most"),
    [
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 6}, 6),
        ({"max_tokens": 5, "max_completion_tokens": 6}, 6),
    ],
)
def test_the_newer_name_of_the_limit_comes_first(fields: dict[str, Any], most: int):
    assert read(**fields).request.max_tokens == most


@pytest.mark.parametrize(("stop", "expected"), [("END", ("END",)), (["a", "b"], ("a", "b")), ([], ()), (None, ())])
def test_stop_is_one_or_several(stop: Any, expected: tuple[str, ...]):
    assert read(stop=stop).request.stop == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"logprobs": True}, 0),
        ({"logprobs": True, "top_logprobs": 3}, 3),
        ({"logprobs": False}, None),
    ],
)
def test_logprobs(fields: dict[str, Any], expected: int | None):
    assert read(**fields).request.top_logprobs == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"stream": True}, (True, False)),
        ({"stream": True, "stream_options": {"include_usage": True}}, (True, True)),
        ({"stream": None, "stream_options": None}, (False, False)),
    ],
)
def test_how_the_answer_is_sent(fields: dict[str, Any], expected: tuple[bool, bool]):
    asked = read(**fields)
    assert (asked.stream, asked.include_usage) == expected


def test_the_input_of_a_flow_stands_beside_the_request():
    assert read(input={"topic": "tides"}).extra == {"input": {"topic": "tides"}}


def test_messages_of_every_role():
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"city":'}}
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "system", "content": [{"type": "text", "text": "In"}, {"type": "text", "text": "English."}]},
        {"role": "user", "content": "Hello", "name": "Ann"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "Rain."},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        {"role": "assistant"},
    ]
    assert read(messages=messages).request.messages == [
        Message("system", "Be brief."),
        Message("system", (Text("In"), Text("English."))),
        Message("user", "Hello"),
        Message("assistant", "", (ToolCall("c1", "look", '{"city":'),)),
        Message("tool", "Rain.", tool_call_id="c1"),
        Message("assistant", (Text("No."),)),
        Message("assistant", ""),
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"url": "https://a.example/b.png"}, Image(url="https://a.example/b.png")),
        ({"url": "http://a.example/b.png", "detail": "low"}, Image(url="http://a.example/b.png", detail="low")),
        ({"url": f"data:image/png;base64,{PIXEL}", "detail": "high"}, Image("", "image/png", PIXEL, "high")),
        ({"url": f"data:image/svg+xml;base64,{PIXEL}", "detail": "strange"}, Image("", "image/svg+xml", PIXEL)),
    ],
)
def test_images(given: dict[str, str], expected: Image):
    messages = [
        {"role": "user", "content": [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": given}]}
    ]
    assert read(messages=messages).request.messages == [Message("user", (Text("See"), expected))]


def test_tools_and_their_choice():
    told = {"name": "note", "description": "Notes.", "strict": True}
    tools = [TOOL, {"function": told}]
    request = read(tools=tools).request
    assert request.tools == (
        ToolSpec(name="look", parameters=PARAMETERS),
        ToolSpec(name="note", description="Notes.", parameters={"type": "object", "properties": {}}, strict=True),
    )
    for word in ("auto", "none", "required"):
        assert read(tools=tools, tool_choice=word).request.tool_choice == word
    named = {"type": "function", "function": {"name": "note"}}
    assert read(tools=tools, tool_choice=named).request.tool_choice == "note"


def test_forms_of_an_answer():
    assert read(response_format={"type": "text"}).request == read().request
    assert read(response_format={"type": "json_object"}).request.json_mode
    schema = {"name": "verdict", "schema": PARAMETERS, "strict": True}
    request = read(response_format={"type": "json_schema", "json_schema": schema}).request
    assert (request.returns, request.returns_name, request.json_mode) == (PARAMETERS, "verdict", False)
    bare = read(response_format={"type": "json_schema", "json_schema": {"name": "any"}}).request
    assert bare.returns == {}


def part(**fields: Any) -> list[Any]:
    return [ASK, {"role": "user", "content": [{"type": "text", "text": "a"}, fields]}]


@pytest.mark.parametrize(
    ("param", "fields"),
    [
        ("model", {"model": " "}),
        ("model", {"model": 3}),
        ("messages", {"messages": []}),
        ("messages", {"messages": "Hello"}),
        ("messages[0].role", {"messages": [{"content": "x"}]}),
        ("messages[1].role", {"messages": [ASK, {"role": "bot", "content": "x"}]}),
        ("messages[0].content", {"messages": [{"role": "user", "content": 3}]}),
        ("messages[0].content", {"messages": [{"role": "user"}]}),
        ("messages[1].content[1].type", {"messages": part(text="x")}),
        ("messages[1].content[1].text", {"messages": part(type="text", text=3)}),
        ("messages[1].content[1]", {"messages": part(type="text")}),
        ("messages[1].content[1]", {"messages": part(type="input_audio", input_audio={})}),
        ("messages[1].content[1].image_url.url", {"messages": part(type="image_url", image_url={})}),
        ("messages[1].content[1].image_url.url", {"messages": part(type="image_url", image_url={"url": "file:///a"})}),
        ("messages[1].content[1].image_url.url", {"messages": part(type="image_url", image_url={"url": "data:,x"})}),
        (
            "messages[1].content[1].image_url.url",
            {"messages": part(type="image_url", image_url={"url": f"data:text/plain;base64,{PIXEL}"})},
        ),
        (
            "messages[1].content[1].image_url.url",
            {"messages": part(type="image_url", image_url={"url": "data:image/png;base64,é"})},
        ),
        (
            "messages[0].content",
            {"messages": [{"role": "system", "content": [{"type": "image_url", "image_url": {"url": "http://a"}}]}]},
        ),
        ("messages[0].tool_call_id", {"messages": [{"role": "tool", "content": "x"}]}),
        (
            "messages[0].tool_calls[0].function.name",
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "c", "function": {}}]}]},
        ),
        ("stream", {"stream": "yes"}),
        ("stream_options.include_usage", {"stream_options": {"include_usage": 1}}),
        ("n", {"n": 2}),
        ("functions", {"functions": []}),
        ("functions", {"function_call": "auto"}),
        ("temperature", {"temperature": 2.5}),
        ("temperature", {"temperature": "hot"}),
        ("top_p", {"top_p": -0.1}),
        ("presence_penalty", {"presence_penalty": 3}),
        ("frequency_penalty", {"frequency_penalty": -3}),
        ("max_tokens", {"max_tokens": 0}),
        ("max_tokens", {"max_tokens": 10**400}),
        ("max_completion_tokens", {"max_completion_tokens": -1}),
        ("seed", {"seed": 2**63}),
        ("stop", {"stop": ["a", "b", "c", "d", "e"]}),
        ("top_logprobs", {"top_logprobs": 2}),
        ("top_logprobs", {"logprobs": True, "top_logprobs": 21}),
        ("reasoning_effort", {"reasoning_effort": "ultra"}),
        ("tools[0].type", {"tools": [{"type": "custom", "custom": {"name": "x"}}]}),
        ("tools[1].function.name", {"tools": [TOOL, {"function": {}}]}),
        ("tools[0].function.parameters", {"tools": [{"function": {"name": "f", "parameters": {"maximum": 2**64}}}]}),
        ("tool_choice", {"tool_choice": "required"}),
        ("tool_choice", {"tools": [TOOL], "tool_choice": "look"}),
        ("tool_choice.function.name", {"tools": [TOOL], "tool_choice": {"function": {"name": "other"}}}),
        ("response_format.type", {"response_format": {"type": "yaml"}}),
        ("response_format.json_schema", {"response_format": {"type": "json_schema"}}),
        (
            "response_format.json_schema.schema",
            {"response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"maximum": 2**64}}}},
        ),
        ("input", {"input": "topic"}),
    ],
)
def test_a_mistake_is_named_by_its_place(param: str, fields: dict[str, Any]):
    assert param_of(**fields) == param


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"model": "\\ud800"}'])
def test_what_is_no_json_has_no_place(body: bytes):
    param, message = refused(body)
    assert not param
    assert "body" in message


def test_a_body_of_another_kind_is_refused():
    assert refused(b"[]") == ("", "Expected `object`, got `array`.")
    assert refused(b"{}")[0] == "model"


def test_depth_that_cannot_be_read_is_refused_also_in_what_is_passed_over():
    deep = b'{"model":"m","messages":[{"role":"user","content":"x"}],"metadata":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    assert "deeply" in refused(deep)[1]


def test_what_the_client_wrote_is_quoted_in_brief():
    param, message = refused(json.dumps({"model": "m", "messages": [{"role": "x - at `$.y`" * 10_000}]}).encode())
    assert param == "messages[0].role"
    assert len(message) < 400
