"""What of a flow's output can be shown while it is written, and what a message gives a flow."""

from __future__ import annotations

from typing import Any

import pytest

from stretto.api.openai.flow_output import Part, parts_of
from stretto.api.openai.flows import FlowCall, input_of, text_of
from stretto.errors import InputInvalid
from stretto.flow.compile import compile_document
from stretto.flow.graph import Graph
from stretto.gateway.provider import Message

STEPS: dict[str, Any] = {
    "lead": {"agent": "singer"},
    "second": {"agent": "singer", "after": ["lead"]},
    "judged": {"agent": "critic", "after": ["second"]},
    "echo": {"agent": "singer", "each": {"of": "lead", "by": "sentence"}},
    "turns": {
        "loop": {"until": "false", "max": 2},
        "steps": {"again": {"agent": "singer"}},
    },
}


def flow(output: str | None, steps: dict[str, Any] = STEPS, input: dict[str, Any] | None = None) -> Graph:
    document: dict[str, Any] = {
        "flow": "song",
        "input": input or {},
        "agents": {
            "singer": {"model": "fast", "prompt": "Sing.\n"},
            "critic": {"model": "fast", "prompt": "Judge.\n", "returns": "Verdict"},
        },
        "steps": steps,
    }
    return compile_document(document | ({} if output is None else {"output": output}))


@pytest.mark.parametrize(
    ("output", "parts"),
    [
        ("{{ lead }}", [Part(path="lead")]),
        ("{{lead}}", [Part(path="lead")]),
        (
            "A: {{ lead }}\n\nB: {{ second }}.",
            [Part("A: "), Part(path="lead"), Part("\n\nB: "), Part(path="second"), Part(".")],
        ),
        ("{{ lead }} {{ judged }} {{ second }}", [Part(path="lead")]),
        ("{{ lead }} {% if second %}x{% endif %}", [Part(path="lead")]),
        ("{{ lead }} {# no #} {{ second }}", [Part(path="lead")]),
        ("{{ lead -}} {{ second }}", []),
        ("{{ lead | upper }}", []),
        ("{{ judged }}", []),
        ("{{ judged.comments }}", []),
        ("{{ echo }}", []),
        ("{{ again }}", []),
        ("plain words", []),
    ],
)
def test_what_is_shown_is_what_agents_write_as_it_is(output: str, parts: list[Part]):
    assert parts_of(flow(output)) == parts


def test_without_an_output_it_is_the_last_step():
    assert parts_of(flow(None, {"lead": STEPS["lead"], "second": STEPS["second"]})) == [Part(path="second")]
    assert parts_of(flow(None, {"lead": STEPS["lead"], "judged": {"agent": "critic", "after": ["lead"]}})) == []


def test_a_step_in_a_branch_is_found():
    steps: dict[str, Any] = {
        "way": {
            "branch": [
                {"when": "input.loud", "steps": {"shout": {"agent": "singer"}}},
                {"steps": {"hum": {"agent": "singer"}}},
            ]
        }
    }
    found = parts_of(flow("{{ hum }}", steps, {"loud": {"type": "boolean"}}))
    assert found == [Part(path="way.hum")]


ONE = {"topic": {"type": "string"}, "tone": {"type": "string", "default": "sad"}}
TWO = {"topic": {"type": "string"}, "lines": {"type": "integer"}}


def asked(*said: str, input: object = None) -> FlowCall:
    return FlowCall("song", [Message("system", "Be brief."), *(Message("user", text) for text in said)], input)


@pytest.mark.parametrize(
    ("inputs", "call", "given"),
    [
        (ONE, asked("first", "rain"), {"topic": "rain"}),
        (ONE, asked('{"topic": "rain", "tone": "gay"}'), {"topic": "rain", "tone": "gay"}),
        (ONE, asked('{"other": "rain"}'), {"topic": '{"other": "rain"}'}),
        (ONE, asked('{"topic": "rain"'), {"topic": '{"topic": "rain"'}),
        (ONE, asked("[1]"), {"topic": "[1]"}),
        (ONE, asked("rain", input={"topic": "sun"}), {"topic": "sun"}),
        (TWO, asked('{"topic": "rain", "lines": 3}'), {"topic": "rain", "lines": 3}),
        ({"topic": {"type": "string", "default": "tides"}}, asked("rain"), {"topic": "rain"}),
        ({}, asked("rain"), {}),
    ],
)
def test_the_last_message_of_the_user_is_the_input(inputs: dict[str, Any], call: FlowCall, given: dict[str, Any]):
    assert input_of(flow("{{ lead }}", input=inputs), call) == given


@pytest.mark.parametrize("call", [asked("rain"), asked("rain", input=3), asked()])
def test_what_cannot_be_the_input_is_refused_with_what_the_flow_takes(call: FlowCall):
    with pytest.raises(InputInvalid, match=r"`topic` \(string\), `lines` \(integer\)"):
        input_of(flow("{{ lead }}", input=TWO), call)


def test_an_output_that_is_no_text_is_json():
    assert text_of({"a": [1, "é"]}) == '{"a":[1,"é"]}'
    assert text_of("as it is") == "as it is"
    assert text_of(None) == ""
