import json
from random import Random
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stretto.errors import ModelRefused
from stretto.gateway.provider import Message, ModelRequest
from stretto.gateway.simulated.provider import simulate_text
from stretto.gateway.simulated.reading import Reading, read_request
from stretto.gateway.simulated.value import write_value

VERDICT: dict[str, Any] = {
    "type": "object",
    "properties": {"approved": {"type": "boolean"}, "comments": {"type": "string"}},
    "required": ["approved", "comments"],
    "additionalProperties": False,
}
JUDGEMENT: dict[str, Any] = {
    "type": "object",
    "properties": {"confidence": {"type": "number", "minimum": 0, "maximum": 1}, "reasons": {"type": "string"}},
    "required": ["confidence", "reasons"],
}
PLAN: dict[str, Any] = {
    "type": "object",
    "properties": {
        "tasks": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "string"},
                    "needs": {"type": "array", "items": {"type": "string"}},
                    "prompt": {"type": "string"},
                },
                "required": ["id"],
            },
        }
    },
    "required": ["tasks"],
}
TREE: dict[str, Any] = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "label": {"type": "string"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["label", "children"],
        }
    },
}
SCHEMAS: dict[str, dict[str, Any]] = {
    "verdict": VERDICT,
    "judgement": JUDGEMENT,
    "plan": PLAN,
    "tree": TREE,
    "anything": {},
    "null": {"type": "null"},
    "const": {"const": {"a": [1]}},
    "enum": {"enum": ["low", 3, None]},
    "types": {"type": ["null", "integer"]},
    "any of": {"anyOf": [{"type": "integer", "minimum": 5}, {"type": "array", "items": {"type": "boolean"}}]},
    "all of": {
        "allOf": [
            {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"properties": {"b": {"type": "string", "format": "date"}}, "required": ["b"]},
        ]
    },
    "bounds": {"type": "integer", "exclusiveMinimum": 3, "maximum": 5},
    "tight": {"type": "number", "exclusiveMinimum": 0.001, "exclusiveMaximum": 0.002},
    "multiple": {"type": "integer", "minimum": 10, "maximum": 20, "multipleOf": 7},
    "below": {"type": "number", "maximum": -1000},
    "long": {"type": "string", "minLength": 500, "maxLength": 510},
    "brief": {"type": "string", "maxLength": 3},
    "pattern": {"type": "string", "pattern": "^[a-z]+$", "minLength": 4},
    "array": {"type": "array", "items": {"type": "integer"}, "minItems": 6, "maxItems": 7, "uniqueItems": True},
    "none": {"type": "array", "items": {"type": "integer"}, "maxItems": 0},
    "tuple": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False, "minItems": 2},
    "unnamed": {"type": "object", "required": ["x", "y"], "additionalProperties": {"type": "integer"}},
    "many": {"type": "object", "minProperties": 3, "additionalProperties": {"type": "boolean"}},
    "escaped": {"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"type": "integer"}}},
    "not": {"type": "integer", "minimum": 1, "maximum": 3, "not": {"const": 2}},
    "nested": {
        "type": "object",
        "properties": {
            "items": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "object", "properties": {"n": {"type": "number"}}},
            }
        },
        "required": ["items"],
    },
}


def read(prompt: str = "Review this essay on tides and harbours.") -> Reading:
    return read_request(ModelRequest(model="strong", messages=[Message("user", prompt)]))


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_value_fits_its_schema(name: str):
    validator = jsonschema_rs.validator_for(SCHEMAS[name], validate_formats=True)
    for seed in range(40):
        validator.validate(json.loads(write_value(SCHEMAS[name], read(), Random(seed))))


def to_number(kind: str, low: float, width: float) -> dict[str, Any]:
    return {"type": kind, "minimum": low, "maximum": low + width}


def to_string(least: int, more: int) -> dict[str, Any]:
    return {"type": "string", "minLength": least, "maxLength": least + more}


def to_enum(values: list[Any]) -> dict[str, Any]:
    return {"enum": values}


def to_object(properties: dict[str, Any], required: int) -> dict[str, Any]:
    names = list(properties)[:required]
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}


def to_array(items: dict[str, Any], least: int, more: int) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": least, "maxItems": least + more}


def to_choice(options: list[dict[str, Any]]) -> dict[str, Any]:
    return {"anyOf": options}


scalars: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({"type": "boolean"}),
    st.builds(to_number, st.just("integer"), st.integers(-50, 50), st.integers(0, 9)),
    st.builds(to_number, st.just("number"), st.floats(-9, 9), st.floats(0, 9)),
    st.builds(to_string, st.integers(0, 60), st.integers(0, 60)),
    st.builds(to_enum, st.lists(st.integers() | st.text(max_size=5), min_size=1, unique_by=repr)),
)


def containers(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        st.builds(to_object, st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=4), st.integers(0, 4)),
        st.builds(to_array, inner, st.integers(0, 4), st.integers(0, 4)),
        st.builds(to_choice, st.lists(inner, min_size=1, max_size=3)),
    )


@given(st.recursive(scalars, containers, max_leaves=8), st.integers(0, 1000))
@settings(max_examples=150, deadline=None)
def test_any_schema_of_the_plain_kinds_gets_a_value(schema: dict[str, Any], seed: int):
    jsonschema_rs.validate(schema, json.loads(write_value(schema, read(), Random(seed))))


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string", "pattern": "^[0-9]{13}-[a-f]{7}$"}, "pattern"),
        ({"$ref": "https://example.com/schema"}, "its own parts"),
        ({"$ref": "#/$defs/none"}, "nowhere|used"),
        ({"$ref": "#"}, "circle"),
        ({"type": "objekt"}, "no JSON Schema"),
        ({"type": "integer", "minimum": 2, "maximum": 1}, "found no value"),
    ],
)
def test_what_it_cannot_make_up_is_refused_in_words(schema: dict[str, Any], words: str):
    with pytest.raises(ModelRefused, match=words):
        write_value(schema, read(), Random(0))


@pytest.mark.parametrize("seed", range(60))
def test_a_plan_has_three_to_six_tasks_that_need_only_earlier_ones(seed: int):
    tasks = json.loads(write_value(PLAN, read("Plan a trip."), Random(seed)))["tasks"]
    assert 3 <= len(tasks) <= 6
    done: set[str] = set()
    for task in tasks:
        assert task["id"] not in done
        assert set(task["needs"]) <= done
        done.add(task["id"])


def test_plans_differ_and_some_need_something():
    plans = [json.loads(write_value(PLAN, read("Plan a trip."), Random(seed)))["tasks"] for seed in range(20)]
    assert len({len(plan) for plan in plans}) > 1
    assert any(task["needs"] for plan in plans for task in plan)


def share_approved(prompt: str, seeds: int = 200) -> float:
    values = [json.loads(write_value(VERDICT, read(prompt), Random(seed))) for seed in range(seeds)]
    return sum(value["approved"] for value in values) / seeds


def test_a_first_review_goes_either_way():
    assert 0.3 < share_approved("Review this essay on tides.") < 0.7


@pytest.mark.parametrize(
    "prompt",
    [
        "Review this: This version takes up the feedback “shorter”. Tides are …",
        "Review this essay, turn 2.",
        "Essay.\nFeedback: it was too long",
        "You are a sentinel: reject what is dangerous.",
    ],
)
def test_a_later_review_and_a_guard_mostly_approve(prompt: str):
    assert share_approved(prompt) > 0.85


def test_strings_say_that_they_are_simulated_and_fit_the_verdict():
    for seed in range(30):
        value = json.loads(write_value(VERDICT, read(), Random(seed)))
        assert value["comments"].startswith("[simulated]")
    values = [json.loads(write_value(VERDICT, read(), Random(seed))) for seed in range(30)]
    assert not {v["comments"] for v in values if v["approved"]} & {v["comments"] for v in values if not v["approved"]}


def test_confidence_falls_on_all_sides_of_a_policy():
    values = [json.loads(write_value(JUDGEMENT, read(), Random(seed)))["confidence"] for seed in range(100)]
    assert min(values) < 0.7
    assert max(values) >= 0.9
    assert any(0.7 <= value < 0.9 for value in values)


def test_a_verdict_among_words_agrees_with_the_boolean_beside_it():
    schema = {
        "type": "object",
        "properties": {"approved": {"type": "boolean"}, "verdict": {"enum": ["approve", "reject"]}},
        "required": ["approved", "verdict"],
    }
    values = [json.loads(write_value(schema, read(), Random(seed))) for seed in range(40)]
    assert all(value["approved"] == (value["verdict"] == "approve") for value in values)
    assert {value["approved"] for value in values} == {True, False}


def test_a_loop_of_writing_and_reviewing_comes_to_an_end():
    def turns_until_approved(seed: int) -> int:
        comments = ""
        for turn in range(1, 7):
            prompt = f"Write code for a queue.\nFeedback: {comments}\n"
            code = simulate_text(seed, ModelRequest(model="code", messages=[Message("user", prompt)]), (100, 200))
            request = ModelRequest(model="strong", messages=[Message("user", f"Review:\n{code}")], returns=VERDICT)
            review = json.loads(simulate_text(seed, request, (100, 200)))
            if review["approved"]:
                return turn
            comments = review["comments"]
        return 99

    turns = [turns_until_approved(seed) for seed in range(60)]
    assert {1, 2} <= set(turns)
    assert max(turns) < 99
    assert sum(turn <= 3 for turn in turns) >= 55
