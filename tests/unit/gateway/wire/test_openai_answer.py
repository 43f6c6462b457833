"""Answers in OpenAI's dialect. The transcripts are those of the documentation of the servers named, shortened."""

import json
from typing import Any

import pytest

from stretto.errors import ContentFiltered, ModelOverloaded
from stretto.gateway.provider import TokenCounts, TokenLogprob, ToolCall, ToolCallPiece
from stretto.gateway.wire.openai_answer import OpenAIDecoder, read_usage
from stretto.gateway.wire.sse import SseParser
from stretto.testing import KeptAnswer
from tests.unit.gateway.wire.raw_server import delta, sse


def read(data: bytes) -> tuple[OpenAIDecoder, KeptAnswer]:
    sink = KeptAnswer()
    decoder = OpenAIDecoder("acme", sink)
    decoder.feed(SseParser().feed(data))
    decoder.finish()
    return decoder, sink


def calls(*pieces: dict[str, Any]) -> dict[str, Any]:
    return delta(tool_calls=list(pieces))


def piece(index: int | None, arguments: Any = "", id: str | None = None, name: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {"function": {"arguments": arguments}, "type": "function"}
    if index is not None:
        found["index"] = index
    if id is not None:
        found["id"] = id
    if name is not None:
        found["function"]["name"] = name
    return found


def test_the_documented_stream():
    # https://platform.openai.com/docs/api-reference/chat-streaming
    lines = """
data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini", "system_fingerprint": "fp_44709d6fcb", "choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}]}

data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini", "system_fingerprint": "fp_44709d6fcb", "choices":[{"index":0,"delta":{"content":"Hello"},"logprobs":null,"finish_reason":null}]}

data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini", "system_fingerprint": "fp_44709d6fcb", "choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}

data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini","choices":[],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":2,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}

data: [DONE]

"""
    decoder, sink = read(lines.encode())
    answer = decoder.answer
    assert sink.tokens == ["Hello"]
    assert (answer.model, answer.stop_reason, answer.ended) == ("gpt-4o-mini", "end", True)
    assert answer.tokens == TokenCounts(input=15, cached_input=4, output=10, reasoning=2)


@pytest.mark.parametrize(
    "data",
    [
        # OpenAI: pieces by index, id and name with the first
        sse(
            calls(piece(0, "", "call_a", "weather")),
            calls(piece(0, '{"city"')),
            calls(piece(0, ':"Rome"}')),
            calls(piece(1, "", "call_b", "time")),
            calls(piece(1, '{"zone":1}')),
            delta(finish="tool_calls"),
        ),
        # Pieces of both by turns
        sse(
            calls(piece(0, "", "call_a", "weather"), piece(1, "", "call_b", "time")),
            calls(piece(1, '{"zone"'), piece(0, '{"city":')),
            calls(piece(0, '"Rome"}'), piece(1, ":1}")),
            delta(finish="tool_calls"),
        ),
        # Whole calls at once, and `stop` at the end (Gemini, Ollama)
        sse(calls(piece(0, '{"city":"Rome"}', "call_a", "weather"), piece(1, '{"zone":1}', "call_b", "time")), delta(finish="stop")),
        # All under index 0
        sse(calls(piece(0, '{"city":"Rome"}', "call_a", "weather")), calls(piece(0, '{"zone":1}', "call_b", "time")), delta(finish="stop")),
        # No index at all
        sse(
            calls(piece(None, '{"city"', "call_a", "weather")),
            calls(piece(None, ':"Rome"}')),
            calls(piece(None, '{"zone":1}', "call_b", "time")),
            delta(finish="tool_calls"),
        ),
        # Id and name with every piece
        sse(
            calls(piece(0, '{"city"', "call_a", "weather")),
            calls(piece(0, ':"Rome"}', "call_a", "weather")),
            calls(piece(1, '{"zone"', "call_b", "time")),
            calls(piece(1, ":1}", "call_b", "time")),
            delta(finish="tool_calls"),
        ),
        # Arguments as an object
        sse(calls(piece(0, {"city": "Rome"}, "call_a", "weather")), calls(piece(1, {"zone": 1}, "call_b", "time")), delta(finish="tool_calls")),
    ],
)  # fmt: skip
def test_tool_calls_however_they_come(data: bytes):
    decoder, sink = read(data)
    expected = (ToolCall("call_a", "weather", '{"city":"Rome"}'), ToolCall("call_b", "time", '{"zone":1}'))
    assert decoder.answer.tool_calls() == expected
    assert decoder.answer.stop_reason == "tool_calls"
    for index, call in enumerate(expected):
        mine = [each for each in sink.pieces if each.index == index]
        assert [each.id for each in mine if each.id] == [call.id]
        assert [each.name for each in mine if each.name] == [call.name]
        assert "".join(each.arguments for each in mine) == call.arguments


def test_a_call_without_an_id_gets_one_and_one_without_arguments_an_empty_object():
    decoder, sink = read(sse(calls(piece(0, "", None, "now")), delta(finish="tool_calls")))
    (call,) = decoder.answer.tool_calls()
    assert call.id.startswith("call_")
    assert (call.name, call.arguments) == ("now", "{}")
    assert sink.pieces == [ToolCallPiece(0, "", call.id, "now")]


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_is_kept_apart(name: str):
    decoder, sink = read(sse(delta(**{name: "Let me"}), delta(**{name: " see."}), delta("Yes."), delta(finish="stop")))
    assert sink.tokens == ["Yes."]
    assert "".join(decoder.answer.reasoning) == "Let me see."


def test_content_in_parts():
    thinking = [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}, {"type": "text", "text": "Yes."}]
    decoder, sink = read(sse(delta(content=thinking), delta(finish="stop")))  # type: ignore[arg-type]
    assert sink.tokens == ["Yes."]
    assert decoder.answer.reasoning == ["Hm."]


def test_a_refusal_is_an_error():
    with pytest.raises(ContentFiltered, match="I'm sorry, I can't"):
        read(sse(delta(refusal="I'm sorry,"), delta(refusal=" I can't"), delta(finish="stop")))


@pytest.mark.parametrize(
    ("finish", "more", "expected"),
    [
        ("stop", {}, "end"),
        ("stop", {"stop_reason": "END"}, "stop_sequence"),
        ("stop", {"stop_reason": 128009}, "end"),
        ("length", {}, "length"),
        ("content_filter", {}, "filter"),
        ("function_call", {}, "tool_calls"),
        ("eos", {}, "end"),
    ],
)
def test_why_it_ended(finish: str, more: dict[str, Any], expected: str):
    last = delta(finish=finish)
    last["choices"][0] |= more
    decoder, _ = read(sse(delta("x"), last))
    assert decoder.answer.stop_reason == expected


def test_probabilities():
    chunk = delta("Hi")
    chunk["choices"][0]["logprobs"] = {
        "content": [
            {"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": [{"token": "Hi", "logprob": -0.1, "bytes": None}, {"token": "Ho", "logprob": -2.5}]}
        ],
        "refusal": None,
    }  # fmt: skip
    decoder, sink = read(sse(chunk, delta(finish="stop")))
    assert sink.tokens == ["Hi"]
    assert decoder.answer.logprobs == [TokenLogprob("Hi", -0.1, (("Hi", -0.1), ("Ho", -2.5)))]


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}, TokenCounts(input=10, output=5)),
        # DeepSeek
        (
            {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105, "prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 36},
            TokenCounts(input=36, cached_input=64, output=5),
        ),
        # OpenRouter
        (
            {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150, "cost": 0.1, "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 30}, "completion_tokens_details": {"reasoning_tokens": 20}},
            TokenCounts(input=10, cached_input=60, cache_write=30, output=50, reasoning=20),
        ),
        # LiteLLM in front of Anthropic
        (
            {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150, "cache_read_input_tokens": 60, "cache_creation_input_tokens": 30, "prompt_tokens_details": {"cached_tokens": 60}},
            TokenCounts(input=10, cached_input=60, cache_write=30, output=50),
        ),
        # xAI: reasoning beside the completion
        (
            {"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 142, "completion_tokens_details": {"reasoning_tokens": 101}},
            TokenCounts(input=32, output=110, reasoning=101),
        ),
        # Gemini: thoughts in the total alone
        ({"prompt_tokens": 8, "completion_tokens": 12, "total_tokens": 70}, TokenCounts(input=8, output=62, reasoning=50)),
        # Details that are null, and counts that contradict each other
        ({"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": None, "prompt_cache_hit_tokens": 99}, TokenCounts(cached_input=10, output=5)),
        ({"prompt_tokens": None, "completion_tokens": "many"}, TokenCounts()),
    ],
)  # fmt: skip
def test_counts_by_class(usage: dict[str, Any], expected: TokenCounts):
    assert read_usage(usage) == expected


def test_an_event_that_is_neither_answer_nor_error_is_passed_over():
    decoder, sink = read(sse({"id": "x", "object": "keepalive"}, delta("Hi"), {"choices": []}, delta(finish="stop")))
    assert sink.tokens == ["Hi"]
    assert decoder.answer.stop_reason == "end"


def test_an_answer_as_a_whole():
    sink = KeptAnswer()
    decoder = OpenAIDecoder("acme", sink)
    message = {
        "role": "assistant",
        "content": None,
        "reasoning_content": "Hm.",
        "tool_calls": [{"id": "call_a", "type": "function", "function": {"name": "now", "arguments": "{}"}}],
    }
    body = {"model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}  # fmt: skip
    decoder.whole(json.dumps(body).encode())
    answer = decoder.answer
    assert answer.tool_calls() == (ToolCall("call_a", "now", "{}"),)
    assert sink.pieces == [ToolCallPiece(0, "{}", "call_a", "now")]
    assert (answer.reasoning, answer.stop_reason, answer.tokens) == (
        ["Hm."],
        "tool_calls",
        TokenCounts(input=3, output=2),
    )


def test_an_error_with_status_200():
    with pytest.raises(ModelOverloaded, match="upstream"):
        OpenAIDecoder("acme", KeptAnswer()).whole(b'{"error": {"message": "upstream is gone", "code": 502}}')


@pytest.mark.parametrize("wrong", [-5, 1e30, 10**30, 2**62, float("inf"), float("nan")])
def test_counts_that_no_call_can_have_used_are_not_believed(wrong: float):
    counts = read_usage({"prompt_tokens": wrong, "completion_tokens": 7, "total_tokens": wrong})
    assert (counts.input, counts.output, counts.reasoning) == (0, 7, 0)
