"""Anthropic's requests as they are read, and its answers as they are said."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from stretto.errors import RequestUnread
from stretto.gateway.provider import (
    Completion,
    Image,
    Message,
    StopReason,
    Text,
    TokenCounts,
    ToolCall,
    ToolCallPiece,
    ToolSpec,
)
from stretto.gateway.served import anthropic

ASK = {"role": "user", "content": "Hello"}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"name": "look", "input_schema": SCHEMA}
PIXEL = "aGVsbG8="
PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}
SHOWN = Image(media_type="image/png", data=PIXEL)
COUNTS = TokenCounts(input=5, cached_input=3, cache_write=2, output=7, reasoning=4)
USAGE = {
    "input_tokens": 5,
    "cache_read_input_tokens": 3,
    "cache_creation_input_tokens": 2,
    "output_tokens": 7,
}


def read(**fields: Any):
    return anthropic.read_request(json.dumps({"model": "m", "max_tokens": 9, "messages": [ASK]} | fields).encode())


def test_what_is_left_out_is_left_to_the_provider():
    asked = read()
    request = asked.request
    assert (asked.stream, request.model, request.max_tokens) == (False, "m", 9)
    assert request.messages == [Message("user", "Hello")]
    for name in ("returns", "temperature", "top_p", "reasoning_effort", "parallel_tool_calls"):
        assert getattr(request, name) is None, name
    assert (request.tools, request.tool_choice, request.stop) == ((), "auto", ())


def test_every_plain_field_is_read():
    asked = read(temperature=1, top_p=0.5, stop_sequences=["END"], stream=True, metadata={"user_id": "u"}, top_k=5)
    request = asked.request
    assert (request.temperature, request.top_p, request.stop, asked.stream) == (1, 0.5, ("END",), True)


@pytest.mark.parametrize("system", ["Be brief.", [{"type": "text", "text": "Be "}, {"type": "text", "text": "brief."}]])
def test_the_system_prompt_comes_first(system: Any):
    assert read(system=system).request.messages == [Message("system", "Be brief."), Message("user", "Hello")]


def test_blocks_of_every_kind():
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
    call = {"type": "tool_use", "id": "t1", "name": "look", "input": {"city": "Oslo"}}
    there = {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}}
    messages = [
        {"role": "user", "content": [PICTURE, there, {"type": "text", "text": "Look", "cache_control": {}}]},
        {"role": "assistant", "content": [thought, {"type": "text", "text": "So:"}, call]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "Rain."}, ASK_AGAIN]},
    ]
    assert read(messages=messages).request.messages == [
        Message("user", (SHOWN, Image(url="https://a.example/b.png"), Text("Look"))),
        Message("assistant", (Text("So:"),), (ToolCall("t1", "look", '{"city":"Oslo"}'),)),
        Message("tool", "Rain.", tool_call_id="t1"),
        Message("user", (Text("And now?"),)),
    ]


ASK_AGAIN = {"type": "text", "text": "And now?"}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("Rain.", "Rain."),
        (None, ""),
        ([], ""),
        ([{"type": "text", "text": "Ra"}, {"type": "text", "text": "in."}], "Rain."),
        ([{"type": "text", "text": "See"}, PICTURE], (Text("See"), SHOWN)),
    ],
)
def test_what_tools_answer(content: Any, expected: Any):
    result = {"type": "tool_result", "tool_use_id": "t1", "content": content, "is_error": False}
    messages = [{"role": "user", "content": [result]}]
    assert read(messages=messages).request.messages == [Message("tool", expected, tool_call_id="t1")]


def test_tools_and_their_choice():
    told = {"type": "custom", "name": "note", "description": "Notes.", "strict": True}
    tools = [TOOL, told]
    assert read(tools=tools).request.tools == (
        ToolSpec(name="look", parameters=SCHEMA),
        ToolSpec(name="note", description="Notes.", parameters={"type": "object", "properties": {}}, strict=True),
    )
    for given, expected in (
        ({"type": "auto"}, "auto"),
        ({"type": "any"}, "required"),
        ({"type": "none"}, "none"),
        ({"type": "tool", "name": "note"}, "note"),
    ):
        assert read(tools=tools, tool_choice=given).request.tool_choice == expected
    alone = {"type": "auto", "disable_parallel_tool_use": True}
    assert read(tools=tools, tool_choice=alone).request.parallel_tool_calls is False


def test_a_structured_answer_is_asked_for_by_either_field():
    form = {"type": "json_schema", "schema": SCHEMA}
    assert read(output_config={"format": form}).request.returns == SCHEMA
    assert read(output_format=form).request.returns == SCHEMA


@pytest.mark.parametrize(
    ("fields", "effort"),
    [
        ({}, None),
        ({"thinking": {"type": "disabled"}}, None),
        ({"thinking": {"type": "enabled", "budget_tokens": 1_024}}, "low"),
        ({"thinking": {"type": "enabled", "budget_tokens": 8_000}}, "medium"),
        ({"thinking": {"type": "enabled", "budget_tokens": 30_000}}, "high"),
        ({"thinking": {"type": "adaptive"}}, "high"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}, "low"),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "max"}}, "xhigh"),
        ({"output_config": {"effort": "max"}}, None),
    ],
)
def test_how_hard_to_think(fields: dict[str, Any], effort: str | None):
    assert read(**fields).request.reasoning_effort == effort


def block(**fields: Any) -> list[Any]:
    return [{"role": "user", "content": [{"type": "text", "text": "a"}, fields]}]


def result(*content: Any) -> list[Any]:
    return block(type="tool_result", tool_use_id="t", content=list(content))


@pytest.mark.parametrize(
    ("param", "fields"),
    [
        ("model", {"model": ""}),
        ("max_tokens", {"max_tokens": None}),
        ("max_tokens", {"max_tokens": 0}),
        ("messages", {"messages": []}),
        ("messages[0].role", {"messages": [{"role": "tool", "content": "x"}]}),
        ("messages[0].content", {"messages": [{"role": "user", "content": None}]}),
        ("messages[0].content[1]", {"messages": block(type="text")}),
        ("messages[0].content[1]", {"messages": block(type="document", title="x")}),
        ("messages[0].content[1]", {"messages": block(type="tool_use", id="t")}),
        ("messages[0].content[1]", {"messages": block(type="tool_result")}),
        ("messages[0].content[1].type", {"messages": block(text="x")}),
        ("messages[0].content[1].input", {"messages": block(type="tool_use", id="t", name="n", input={"a": 2**64})}),
        ("messages[0].content[1].source.type", {"messages": block(type="image", source={"type": "file"})}),
        ("messages[0].content[1].source.url", {"messages": block(type="image", source={"type": "url", "url": "x"})}),
        (
            "messages[0].content[1].source",
            {"messages": block(type="image", source={"type": "base64", "media_type": "image/png", "data": ""})},
        ),
        (
            "messages[0].content[1].source",
            {"messages": block(type="image", source={"type": "base64", "media_type": "text/css", "data": PIXEL})},
        ),
        ("messages[0].content[1].content[0]", {"messages": result({"type": "search_result"})}),
        (
            "messages[0].content[1].content[0].source.url",
            {"messages": result({"type": "image", "source": {"type": "url", "url": "x"}})},
        ),
        ("temperature", {"temperature": 1.5}),
        ("top_p", {"top_p": 2}),
        ("stop_sequences", {"stop_sequences": "END"}),
        ("stream", {"stream": 1}),
        ("tools[0].name", {"tools": [{"input_schema": SCHEMA}]}),
        ("tools[1].type", {"tools": [TOOL, {"type": "web_search_20250305", "name": "web_search"}]}),
        ("tools[0].input_schema", {"tools": [{"name": "n", "input_schema": {"maximum": 2**64}}]}),
        ("tool_choice", {"tool_choice": {"type": "any"}}),
        ("tool_choice.type", {"tool_choice": {"type": "some"}}),
        ("tool_choice.name", {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "other"}}),
        ("output_config.effort", {"output_config": {"effort": "ultra"}}),
        (
            "output_config.format.schema",
            {"output_config": {"format": {"type": "json_schema", "schema": {"maximum": 2**64}}}},
        ),
    ],
)
def test_a_mistake_is_named_by_its_place(param: str, fields: dict[str, Any]):
    with pytest.raises(RequestUnread) as raised:
        read(**fields)
    assert raised.value.ids["param"] == param


def test_max_tokens_is_required():
    with pytest.raises(RequestUnread) as raised:
        anthropic.read_request(json.dumps({"model": "m", "messages": [ASK]}).encode())
    assert raised.value.ids["param"] == "max_tokens"


# Answers


def speech() -> anthropic.Speech:
    return anthropic.Speech("m", "msg-1", TokenCounts(input=5, cached_input=3, cache_write=2))


def completion(**fields: Any) -> Completion:
    given: dict[str, Any] = {"tokens": COUNTS, **fields}
    return Completion(model="m", provider="p", **given)


def events_of(said: bytes) -> list[dict[str, Any]]:
    """The events of a stream; each name must be that of its data."""
    assert said.endswith(b"\n\n")
    found: list[dict[str, Any]] = []
    for text in said[:-2].split(b"\n\n"):
        name, data = text.split(b"\n")
        found.append(json.loads(data.removeprefix(b"data: ")))
        assert name == b"event: " + found[-1]["type"].encode()
    return found


def gathered(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The blocks of a stream, put together as clients do: by index. No block begins twice, and each that begins ends once."""
    blocks: list[dict[str, Any]] = []
    ended: list[int] = []
    for event in events:
        match event["type"]:
            case "content_block_start":
                assert event["index"] == len(blocks)
                blocks.append(event["content_block"] | {"said": ""})
            case "content_block_delta":
                delta = event["delta"]
                blocks[event["index"]]["said"] += delta.get("text", "") + delta.get("partial_json", "")
            case "content_block_stop":
                ended.append(event["index"])
            case _:
                pass
    assert ended == list(range(len(blocks)))
    return blocks


def test_a_stream_says_its_text_and_ends():
    line, pieces = speech(), ['"', "\n\n", "é", "🌊", "\u2028", "\x00"]
    events = events_of(b"".join(map(line.text, pieces)) + line.end(completion()))
    assert [block["said"] for block in gathered(events)] == ["".join(pieces)]
    start = events[0]["message"]
    assert (start["id"], start["model"], start["role"], start["content"]) == ("msg-1", "m", "assistant", [])
    assert start["usage"] == USAGE | {"output_tokens": 0}
    assert events[-2]["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert events[-2]["usage"] == USAGE
    assert events[-1] == {"type": "message_stop"}


def test_an_answer_without_text_is_a_stream_too():
    assert [event["type"] for event in events_of(speech().end(completion()))] == [
        "message_start",
        "message_delta",
        "message_stop",
    ]


def test_text_and_tool_calls_are_blocks_one_after_the_other():
    line = speech()
    said = line.text("So") + line.text(":")
    said += line.tool_call(ToolCallPiece(0, id="a", name="look")) + line.tool_call(ToolCallPiece(0, '{"x":1}'))
    said += line.tool_call(ToolCallPiece(1, "{}", id="b", name="note"))
    events = events_of(said + line.end(completion(stop_reason="tool_calls")))
    blocks = gathered(events)
    assert [(each["type"], each["said"]) for each in blocks] == [
        ("text", "So:"),
        ("tool_use", '{"x":1}'),
        ("tool_use", "{}"),
    ]
    assert [(each["id"], each["name"], each["input"]) for each in blocks[1:]] == [("a", "look", {}), ("b", "note", {})]
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


def test_pieces_of_parallel_calls_find_their_block_in_any_order():
    line = speech()
    pieces = [
        ToolCallPiece(0, id="a", name="look"),
        ToolCallPiece(1, id="b", name="note"),
        ToolCallPiece(0, '{"x":'),
        ToolCallPiece(1, "{}"),
        ToolCallPiece(0, "1}"),
    ]
    events = events_of(b"".join(map(line.tool_call, pieces)) + line.end(completion(stop_reason="tool_calls")))
    assert [(each["name"], each["said"]) for each in gathered(events)] == [("look", '{"x":1}'), ("note", "{}")]


@pytest.mark.parametrize("reason", get_args(StopReason))
def test_every_reason_to_stop_is_one_of_anthropics(reason: StopReason):
    known = {"end_turn", "max_tokens", "stop_sequence", "tool_use", "refusal"}
    assert json.loads(speech().whole("", completion(stop_reason=reason)))["stop_reason"] in known
    assert events_of(speech().end(completion(stop_reason=reason)))[-2]["delta"]["stop_reason"] in known


def test_a_whole_answer():
    told = json.loads(speech().whole("Hello", completion()))
    assert (told["id"], told["type"], told["model"], told["usage"]) == ("msg-1", "message", "m", USAGE)
    assert told["content"] == [{"type": "text", "text": "Hello"}]


def test_a_whole_answer_that_calls_tools():
    calls = (ToolCall("a", "look", '{"city":"Oslo"}'), ToolCall("b", "note", ""), ToolCall("c", "note", "{broken"))
    told = json.loads(speech().whole("", completion(tool_calls=calls)))
    assert [(each["id"], each["name"], each["input"]) for each in told["content"]] == [
        ("a", "look", {"city": "Oslo"}),
        ("b", "note", {}),
        ("c", "note", {"unread": "{broken"}),
    ]


def test_a_stream_that_breaks_says_so():
    line = speech()
    events = events_of(line.text("a") + line.broken({"type": "api_error", "message": "Broken."}))
    assert events[-1] == {"type": "error", "error": {"type": "api_error", "message": "Broken."}}


def test_models():
    told = json.loads(anthropic.say_models(["a", "b"]))
    assert [each["id"] for each in told["data"]] == ["a", "b"]
    assert (told["first_id"], told["last_id"], told["has_more"]) == ("a", "b", False)
    assert json.loads(anthropic.say_models([]))["first_id"] is None
