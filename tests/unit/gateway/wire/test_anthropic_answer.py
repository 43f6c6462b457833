"""Answers in Anthropic's dialect. The transcripts are those of its documentation (docs.anthropic.com, streaming)."""

import json
from typing import Any

import pytest

from stretto.errors import ModelOverloaded
from stretto.gateway.provider import TokenCounts, ToolCall, ToolCallPiece
from stretto.gateway.wire.anthropic_answer import AnthropicDecoder
from stretto.gateway.wire.sse import SseParser
from stretto.testing import KeptAnswer
from tests.unit.gateway.wire.raw_server import START, STOP, block_delta, block_start, block_stop, message_delta, typed


def read(data: bytes, answer_tool: str = "") -> tuple[AnthropicDecoder, KeptAnswer]:
    sink = KeptAnswer()
    decoder = AnthropicDecoder("acme", sink, answer_tool)
    decoder.feed(SseParser().feed(data))
    decoder.finish()
    return decoder, sink


def test_the_documented_stream():
    data = """event: message_start
data: {"type": "message_start", "message": {"id": "msg_1nZdL29xx5MUA1yADyHTEsnR8uuvGzszyY", "type": "message", "role": "assistant", "content": [], "model": "claude-opus-4-1-20250805", "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 25, "output_tokens": 1}}}

event: content_block_start
data: {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}

event: content_block_delta
data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "!"}}

event: content_block_stop
data: {"type": "content_block_stop", "index": 0}

event: message_delta
data: {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence":null}, "usage": {"output_tokens": 15}}

event: message_stop
data: {"type": "message_stop"}

"""
    decoder, sink = read(data.encode())
    answer = decoder.answer
    assert sink.tokens == ["Hello", "!"]
    assert (answer.model, answer.stop_reason, answer.ended) == ("claude-opus-4-1-20250805", "end", True)
    assert answer.tokens == TokenCounts(input=25, output=15)


def tool(index: int, id: str, name: str, *pieces: str) -> list[dict[str, Any]]:
    return [
        block_start(index, type="tool_use", id=id, name=name, input={}),
        *(block_delta(index, type="input_json_delta", partial_json=piece) for piece in pieces),
        block_stop(index),
    ]


def test_text_and_tools():
    decoder, sink = read(
        typed(
            START,
            block_start(0, type="text", text=""),
            block_delta(0, type="text_delta", text="Let me check"),
            block_stop(0),
            *tool(1, "toolu_1", "get_weather", "", '{"location":', ' "San Francisco, CA"}'),
            *tool(2, "toolu_2", "get_time", ""),
            message_delta("tool_use", 89),
            STOP,
        )
    )
    assert sink.tokens == ["Let me check"]
    assert decoder.answer.stop_reason == "tool_calls"
    assert decoder.answer.tool_calls() == (
        ToolCall("toolu_1", "get_weather", '{"location": "San Francisco, CA"}'),
        ToolCall("toolu_2", "get_time", "{}"),
    )
    assert sink.pieces == [
        ToolCallPiece(0, "", "toolu_1", "get_weather"),
        ToolCallPiece(0, '{"location":'),
        ToolCallPiece(0, ' "San Francisco, CA"}'),
        ToolCallPiece(1, "", "toolu_2", "get_time"),
    ]


def test_input_that_comes_with_the_start():
    decoder, sink = read(
        typed(
            START,
            block_start(0, type="tool_use", id="t", name="f", input={"a": 1}),
            block_stop(0),
            message_delta("tool_use", 9),
            STOP,
        )
    )
    assert decoder.answer.tool_calls() == (ToolCall("t", "f", '{"a":1}'),)
    assert "".join(piece.arguments for piece in sink.pieces) == '{"a":1}'


def test_the_tool_that_stands_for_the_answer_is_its_text():
    decoder, sink = read(
        typed(START, *tool(0, "toolu_1", "verdict", '{"good"', ": true}"), message_delta("tool_use", 12), STOP),
        "verdict",
    )
    assert sink.tokens == ['{"good"', ": true}"]
    assert sink.pieces == []
    assert decoder.answer.tool_calls() == ()
    assert decoder.answer.stop_reason == "end"


def test_thinking_is_kept_apart():
    details = {"output_tokens": 60, "output_tokens_details": {"thinking_tokens": 48}}
    decoder, sink = read(
        typed(
            START,
            block_start(0, type="thinking", thinking="", signature=""),
            block_delta(0, type="thinking_delta", thinking="27 * 453: "),
            block_delta(0, type="thinking_delta", thinking="12231"),
            block_delta(0, type="signature_delta", signature="EqQBCgIYAhIM1gbcDa9GJwZA2b3hGgxBdjrkzLoky3dl1pk="),
            block_stop(0),
            block_start(1, type="text", text=""),
            block_delta(1, type="text_delta", text="12,231"),
            block_stop(1),
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": details},
            STOP,
        )
    )
    assert sink.tokens == ["12,231"]
    assert "".join(decoder.answer.reasoning) == "27 * 453: 12231"
    assert decoder.answer.tokens == TokenCounts(input=25, cached_input=7, cache_write=3, output=60, reasoning=48)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("end_turn", "end"),
        ("max_tokens", "length"),
        ("stop_sequence", "stop_sequence"),
        ("refusal", "filter"),
        ("model_context_window_exceeded", "length"),
        ("something_new", "end"),
    ],
)
def test_why_it_ended(reason: str, expected: str):
    decoder, _ = read(typed(START, message_delta(reason, 1), STOP))
    assert decoder.answer.stop_reason == expected


def test_what_is_new_is_passed_over():
    decoder, sink = read(
        typed(
            START,
            {"type": "weather_report", "delta": {"type": "rain"}},
            block_start(0, type="hologram", data=[1]),
            block_delta(0, type="hologram_delta", beam="x"),
            block_stop(0),
            block_start(1, type="text", text="Hi"),
            block_stop(1),
            message_delta("end_turn", 2),
            STOP,
        )
    )
    assert sink.tokens == ["Hi"]
    assert decoder.answer.ended


def test_an_answer_as_a_whole():
    sink = KeptAnswer()
    decoder = AnthropicDecoder("acme", sink)
    content = [
        {"type": "thinking", "thinking": "Hm.", "signature": "x"},
        {"type": "text", "text": "Wait."},
        {"type": "tool_use", "id": "toolu_1", "name": "now", "input": {"zone": "UTC"}},
    ]
    usage = {"input_tokens": 5, "output_tokens": 9, "cache_creation_input_tokens": None}
    decoder.whole(
        json.dumps(
            {"type": "message", "model": "c", "content": content, "stop_reason": "tool_use", "usage": usage}
        ).encode()
    )
    answer = decoder.answer
    assert (sink.tokens, answer.reasoning) == (["Wait."], ["Hm."])
    assert answer.tool_calls() == (ToolCall("toolu_1", "now", '{"zone":"UTC"}'),)
    assert (answer.stop_reason, answer.tokens) == ("tool_calls", TokenCounts(input=5, output=9))


def test_an_error_with_status_200():
    with pytest.raises(ModelOverloaded, match="Overloaded"):
        AnthropicDecoder("acme", KeptAnswer()).whole(
            b'{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}'
        )
