"""OpenAI's answers as they are said: whole, in pieces, and as vectors."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Iterable
from typing import Any, get_args

import pytest

from stretto.errors import RequestUnread
from stretto.gateway.provider import Completion, StopReason, TokenCounts, TokenLogprob, ToolCall, ToolCallPiece
from stretto.gateway.served import openai

COUNTS = TokenCounts(input=5, cached_input=3, cache_write=2, output=7, reasoning=4)
USAGE = {
    "prompt_tokens": 10,
    "completion_tokens": 7,
    "total_tokens": 17,
    "prompt_tokens_details": {"cached_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 4},
}
CALL = ToolCall("c1", "look", '{"city":"Oslo"}')
AWKWARD = ['"', "\\", "\n\n", "é", "🌊", "\u2028", "data: [DONE]", "\x00", "\x7f"]


def speech(*, include_usage: bool = False) -> openai.Speech:
    return openai.Speech("m", "id-1", include_usage=include_usage, created=1)


def completion(**fields: Any) -> Completion:
    given: dict[str, Any] = {"tokens": COUNTS, **fields}
    return Completion(model="m", provider="p", **given)


def events_of(said: bytes) -> list[Any]:
    """The events of a stream. `data: [DONE]` reads as None."""
    assert said.endswith(b"\n\n")
    found: list[Any] = []
    for block in said[:-2].split(b"\n\n"):
        assert block.startswith(b"data: ")
        assert b"\n" not in block
        found.append(None if block == b"data: [DONE]" else json.loads(block[6:]))
    return found


def deltas_of(events: Iterable[Any]) -> list[dict[str, Any]]:
    return [event["choices"][0]["delta"] for event in events if event and event.get("choices")]


def test_a_stream_says_its_text_and_ends():
    line = speech()
    events = events_of(b"".join(map(line.text, AWKWARD)) + line.end(completion()))
    assert "".join(delta.get("content", "") for delta in deltas_of(events)) == "".join(AWKWARD)
    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert events[-1] is None
    assert events[-2]["choices"] == [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}]
    for event in events[:-1]:
        assert (event["id"], event["model"], event["created"]) == ("id-1", "m", 1)
        assert event["object"] == "chat.completion.chunk"
        assert "usage" not in event
    assert [event["choices"][0]["finish_reason"] for event in events[:-2]] == [None] * (len(AWKWARD) + 1)


def test_usage_comes_last_where_it_was_asked_for():
    line = speech(include_usage=True)
    events = events_of(line.text("a") + line.end(completion()))
    assert events[-1] is None
    assert (events[-2]["choices"], events[-2]["usage"]) == ([], USAGE)
    assert all(event["usage"] is None for event in events[:-2])


def test_an_answer_without_text_is_a_stream_too():
    events = events_of(speech().end(completion()))
    assert [delta.get("role") for delta in deltas_of(events)] == ["assistant", None]


def test_pieces_of_tool_calls():
    line = speech()
    pieces = [
        ToolCallPiece(0, id="c1", name="look"),
        ToolCallPiece(1, '{"a"', id="c2", name="note"),
        ToolCallPiece(0, "{}"),
        ToolCallPiece(1, ":1}"),
    ]
    said = b"".join(map(line.tool_call, pieces)) + line.end(completion(stop_reason="tool_calls"))
    events = events_of(said)
    told = [delta["tool_calls"][0] for delta in deltas_of(events) if "tool_calls" in delta]
    assert told == [
        {"index": 0, "id": "c1", "type": "function", "function": {"name": "look", "arguments": ""}},
        {"index": 1, "id": "c2", "type": "function", "function": {"name": "note", "arguments": '{"a"'}},
        {"index": 0, "function": {"arguments": "{}"}},
        {"index": 1, "function": {"arguments": ":1}"}},
    ]
    assert events[-2]["choices"][0]["finish_reason"] == "tool_calls"


def test_log_probabilities():
    each = TokenLogprob("é", -0.5, (("é", -0.5), ("e", -1.5)))
    expected = {
        "token": "é",
        "logprob": -0.5,
        "bytes": [195, 169],
        "top_logprobs": [
            {"token": "é", "logprob": -0.5, "bytes": [195, 169]},
            {"token": "e", "logprob": -1.5, "bytes": [101]},
        ],
    }
    events = events_of(speech().text("é", [each]))
    assert events[1]["choices"][0]["logprobs"] == {"content": [expected]}
    assert events[1]["choices"][0]["delta"] == {"content": "é"}
    whole = json.loads(speech().whole("é", completion(logprobs=(each,))))
    assert whole["choices"][0]["logprobs"] == {"content": [expected]}


@pytest.mark.parametrize("reason", get_args(StopReason))
def test_every_reason_to_stop_is_one_of_openais(reason: StopReason):
    known = {"stop", "length", "tool_calls", "content_filter"}
    assert json.loads(speech().whole("", completion(stop_reason=reason)))["choices"][0]["finish_reason"] in known
    assert events_of(speech().end(completion(stop_reason=reason)))[-2]["choices"][0]["finish_reason"] in known


def test_a_whole_answer():
    told = json.loads(speech().whole("Hello", completion(reasoning="Hm.")))
    assert (told["id"], told["object"], told["model"], told["usage"]) == ("id-1", "chat.completion", "m", USAGE)
    assert told["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello", "refusal": None, "reasoning_content": "Hm."},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]


@pytest.mark.parametrize(("text", "content"), [("", None), ("Look:", "Look:")])
def test_a_whole_answer_that_calls_tools(text: str, content: str | None):
    message = json.loads(speech().whole(text, completion(tool_calls=(CALL,))))["choices"][0]["message"]
    assert message["content"] == content
    function = {"name": "look", "arguments": '{"city":"Oslo"}'}
    assert message["tool_calls"] == [{"id": "c1", "type": "function", "function": function}]


def test_a_stream_that_breaks_says_so():
    line = speech()
    events = events_of(line.text("a") + line.broken({"message": "Broken.", "type": "server_error"}))
    assert events[-2:] == [{"error": {"message": "Broken.", "type": "server_error"}}, None]


def read_texts(**fields: Any) -> openai.TextsAsked:
    return openai.read_texts(json.dumps({"model": "e", "input": "Hello"} | fields).encode())


def test_texts_are_read():
    assert read_texts() == openai.TextsAsked("e", ["Hello"], None, base64=False)
    asked = read_texts(input=["a", "b"], dimensions=8, encoding_format="base64")
    assert asked == openai.TextsAsked("e", ["a", "b"], 8, base64=True)


@pytest.mark.parametrize(
    ("param", "fields"),
    [
        ("input", {"input": []}),
        ("input", {"input": 3}),
        ("input", {"input": ["a"] * 2_049}),
        ("input[0]", {"input": ""}),
        ("input[1]", {"input": ["a", ""]}),
        ("input[0]", {"input": [1, 2, 3]}),
        ("input[0]", {"input": [[1, 2], [3]]}),
        ("dimensions", {"dimensions": 0}),
        ("encoding_format", {"encoding_format": "hex"}),
        ("model", {"model": None}),
    ],
)
def test_texts_that_cannot_be_used_are_named(param: str, fields: dict[str, Any]):
    with pytest.raises(RequestUnread) as raised:
        read_texts(**fields)
    assert raised.value.ids["param"] == param


def test_vectors_as_numbers_and_packed():
    vectors = [[0.5, -1.25], [2.0, 0.0]]
    counts = TokenCounts(input=4)
    plain = json.loads(openai.say_vectors(read_texts(), "e", vectors, counts))
    assert [each["embedding"] for each in plain["data"]] == vectors
    assert [each["index"] for each in plain["data"]] == [0, 1]
    assert (plain["model"], plain["usage"]) == ("e", {"prompt_tokens": 4, "total_tokens": 4})
    packed = json.loads(openai.say_vectors(read_texts(encoding_format="base64"), "e", vectors, counts))
    unpacked = [list(struct.unpack("<2f", base64.b64decode(each["embedding"]))) for each in packed["data"]]
    assert unpacked == vectors


def test_models():
    told = json.loads(openai.say_models(["a", "b"], 7))
    assert told["object"] == "list"
    assert told["data"][1] == {"id": "b", "object": "model", "created": 7, "owned_by": "stretto"}


def test_log_probabilities_that_are_known_at_the_end_come_with_the_end():
    said = speech()
    said.text("a b")
    logprobs = (TokenLogprob("a", -0.1), TokenLogprob(" b", -0.2))
    end = events_of(said.end(completion(logprobs=logprobs)))[0]
    (choice,) = end["choices"]
    assert [each["token"] for each in choice["logprobs"]["content"]] == ["a", " b"]
    assert choice["finish_reason"] == "stop"
