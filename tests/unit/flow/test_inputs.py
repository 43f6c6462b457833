"""Do a run's input and a step's output fit, and is it said in plain words when not?"""

from __future__ import annotations

import pytest

from stretto.documents.plain import Json
from stretto.errors import InputInvalid, OutputInvalid
from stretto.flow import compile_document, validate_input, validate_output
from stretto.flow.declared_types import JUDGEMENT, PLAN, VERDICT
from tests.unit.flow.sketch import graph

GRAPH = graph(
    "a: {tool: x.y}",
    """
    input:
      task: {type: string, maxLength: 10, description: what to write}
      n: {type: integer, minimum: 1, maximum: 5, default: 2}
      tags: {type: array, items: {type: string}, maxItems: 2, default: []}
      mood: {enum: [glad, sad], default: glad}
      who: {type: object, properties: {name: {type: string}}, required: [name], additionalProperties: false, default: {name: Ada}}
    """,
)


def test_defaults_are_filled_in_and_never_shared() -> None:
    first = validate_input(GRAPH, {"task": "write"})
    assert first == {"task": "write", "n": 2, "tags": [], "mood": "glad", "who": {"name": "Ada"}}
    first["tags"].append("mine")
    first["who"]["name"] = "Eve"
    assert validate_input(GRAPH, {"task": "write", "n": 5}) == {
        "task": "write",
        "n": 5,
        "tags": [],
        "mood": "glad",
        "who": {"name": "Ada"},
    }


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, ["`task` is missing: string expected (what to write)."]),
        (
            {"tsak": "x"},
            [
                "`tsak` is not an input of this flow. Did you mean `task`?",
                "`task` is missing: string expected (what to write).",
            ],
        ),
        ({"task": 5}, ["`task` must be a text, but is 5."]),
        ({"task": "x" * 11}, ["`task` has 11 characters, more than the 10 allowed."]),
        ({"task": "x", "n": 0}, ["`n` is 0, less than 1."]),
        ({"task": "x", "n": 9}, ["`n` is 9, more than 5."]),
        ({"task": "x", "n": 1.5}, ["`n` must be a whole number, but is 1.5."]),
        ({"task": "x", "tags": ["a", 3]}, ["`tags[1]` must be a text, but is 3."]),
        ({"task": "x", "tags": ["a", "b", "c"]}, ["`tags` has 3 items, more than the 2 allowed."]),
        ({"task": "x", "mood": "angry"}, ['`mood` must be one of "glad" or "sad", but is "angry".']),
        ({"task": "x", "who": {}}, ["`who` lacks the field `name`."]),
        ({"task": "x", "who": {"name": "a", "age": 3}}, ["`who` has a field that it may not have: `age`."]),
        (
            {"task": None, "n": "two", "mood": 1},
            [
                "`task` must be a text, but is null.",
                '`n` must be a whole number, but is "two".',
                "`mood` must be one of",
            ],
        ),
        ({"task": "x", "n": float("nan")}, ["`n` is nan, which JSON has no number for."]),
        ({"task": "x", "n": object()}, ["`n` is a object, not JSON."]),
        ({"task": "x", "who": {1: 2}}, ["`who` has a key that is no text."]),
    ],
)
def test_every_field_that_does_not_fit_is_named(given: dict[str, Json], said: list[str]) -> None:
    with pytest.raises(InputInvalid) as caught:
        validate_input(GRAPH, given)
    assert caught.value.message.startswith("The input does not fit the flow `sketch`: ")
    for sentence in said:
        assert sentence in caught.value.message


def test_a_flow_without_input_takes_none() -> None:
    plain = graph("a: {tool: x.y}")
    assert validate_input(plain, {}) == {}
    with pytest.raises(InputInvalid, match=r"`x` is not an input of this flow\. It takes none\."):
        validate_input(plain, {"x": 1})


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        (VERDICT, {"approved": "yes", "comments": ""}, '`output.approved` must be true or false, but is "yes".'),
        (VERDICT, {"approved": True}, "`output` lacks the field `comments`."),
        (JUDGEMENT, {"confidence": 1.5, "reasons": ""}, "`output.confidence` is 1.5, more than 1."),
        (PLAN, {"tasks": []}, "`output.tasks` has 0 items, fewer than the 1 needed."),
        (PLAN, {"tasks": [{"needs": []}]}, "`output.tasks[0]` lacks the field `id`."),
        ({"type": ["string", "null"]}, 3, "`output` must be"),
        ({"const": 3}, 4, "`output` must be 3, but is 4."),
        ({"pattern": "^a"}, "b", '`output` is "b", which does not match the pattern ^a.'),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, 3, "`output` does not fit: 3 is not valid"),
    ],
)
def test_outputs(schema: dict[str, Json], value: Json, said: str) -> None:
    with pytest.raises(OutputInvalid) as caught:
        validate_output(schema, value)
    assert said in caught.value.message


def test_outputs_that_fit() -> None:
    validate_output(VERDICT, {"approved": True, "comments": "fine"})
    validate_output(PLAN, {"tasks": [{"id": "a", "title": "more is allowed", "needs": []}]})


def test_half_a_character_is_refused_with_the_fields_name() -> None:
    graph = compile_document({"flow": "f", "input": {"t": {"type": "string"}}, "steps": {"a": {"tool": "noop"}}})
    with pytest.raises(InputInvalid, match=r"`t`.*half of a character"):
        validate_input(graph, {"t": "\ud83d"})


def test_each_field_that_does_not_fit_is_named_by_its_way() -> None:
    with pytest.raises(InputInvalid) as raised:
        validate_input(GRAPH, {"n": 9, "who": {"name": 7}})
    assert [(way, told.split(" ")[0]) for way, told in raised.value.fields] == [
        (("task",), "`task`"),
        (("n",), "`n`"),
        (("who", "name"), "`who.name`"),
    ]
