from copy import deepcopy
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.gateway.wire.schemas import fit_anthropic, fit_openai

TEXT = {"type": "string"}


def an_object(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), **more}


@pytest.mark.parametrize(
    "schema",
    [
        an_object({"a": TEXT}),
        an_object({"a": {"type": ["string", "null"]}}, required=[]),
        an_object({"a": {"type": "integer", "default": 3}}, required=[]),
        an_object({"a": {"anyOf": [TEXT, {"type": "null"}]}}, required=[]),
        an_object({"a": {"enum": ["x", None]}}, required=[]),
        an_object({"a": {"$ref": "#/$defs/A"}}, **{"$defs": {"A": {"type": ["null", "string"]}}}, required=[]),
        an_object({"a": {"type": "array", "items": an_object({"b": TEXT})}}, title="T", **{"$schema": "x"}),
        an_object({"next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}}, **{"$defs": {"Node": an_object({"next": {"$ref": "#/$defs/Node"}})}}),
    ],
)  # fmt: skip
def test_what_openai_can_enforce(schema: dict[str, Any]):
    before = deepcopy(schema)
    fitted = fit_openai(schema)
    assert schema == before
    assert fitted is not None
    assert_closed(fitted)
    assert "default" not in str(fitted)
    assert "$schema" not in fitted


def assert_closed(schema: Any) -> None:
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            assert schema["additionalProperties"] is False
            assert schema["required"] == list(schema["properties"])
        for inner in schema.values():
            assert_closed(inner)
    elif isinstance(schema, list):
        for inner in schema:
            assert_closed(inner)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": TEXT},
        {"type": "object", "additionalProperties": TEXT},
        {"type": "object", "additionalProperties": True},
        an_object({"a": TEXT}, required=[]),  # the model would have to invent one
        an_object({"a": {}}),
        an_object({"a": True}),
        an_object({"a": {"oneOf": [TEXT, {"type": "integer"}]}}),
        an_object({"a": {"allOf": [TEXT]}}),
        an_object({"a": TEXT}, patternProperties={"^x": TEXT}),
        an_object({"a": {"type": "array", "items": {"type": "object"}, "uniqueItems": True}}),
        an_object({"a": {"$ref": "#/$defs/Gone"}}, required=[]),
    ],
)
def test_what_openai_cannot(schema: dict[str, Any]):
    assert fit_openai(schema) is None


def test_what_anthropic_can_enforce():
    schema = an_object(
        {
            "n": {"type": "integer", "minimum": 1, "maximum": 9, "description": "How many."},
            "s": {"type": "string", "format": "email"},
            "p": {"type": "string", "pattern": "^a"},
            "l": {"type": "array", "items": TEXT, "minItems": 1, "maxItems": 4},
            "o": {"oneOf": [TEXT, {"type": "null"}]},
        },
        required=["n"],
    )
    before = deepcopy(schema)
    fitted = fit_anthropic(schema)
    assert schema == before
    assert fitted == {
        "type": "object",
        "properties": {
            "n": {"type": "integer", "description": "How many.\n\n{minimum: 1, maximum: 9}"},
            "s": {"type": "string", "format": "email"},
            "p": {"type": "string", "description": '{pattern: "^a"}'},
            "l": {"type": "array", "items": TEXT, "minItems": 1, "description": "{maxItems: 4}"},
            "o": {"anyOf": [TEXT, {"type": "null"}]},
        },
        "required": ["n"],  # what may be left out still may
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": TEXT},
        {"type": "object", "additionalProperties": TEXT},
        an_object({"next": {"$ref": "#/$defs/Node"}}, **{"$defs": {"Node": an_object({"next": {"$ref": "#/$defs/Node"}})}}),
        an_object({"next": {"$ref": "#"}}),
        an_object({"a": {"not": TEXT}}),
    ],
)  # fmt: skip
def test_what_anthropic_cannot(schema: dict[str, Any]):
    assert fit_anthropic(schema) is None


def test_what_is_used_twice_does_not_refer_to_itself():
    assert fit_anthropic(an_object({"a": {"$ref": "#/$defs/A"}, "b": {"$ref": "#/$defs/A"}}, **{"$defs": {"A": TEXT}}))


SCHEMAS = st.recursive(
    st.sampled_from([TEXT, {"type": "integer"}, {"type": ["string", "null"]}, {"enum": ["x", 1]}, {"type": "integer", "default": 1}]),
    lambda inner: st.one_of(
        st.dictionaries(st.sampled_from("abc"), inner, max_size=3).flatmap(
            lambda properties: st.lists(st.sampled_from("abc"), unique=True).map(
                lambda required: {"type": "object", "properties": properties, "required": [each for each in required if each in properties]}
            )
        ),
        inner.map(lambda items: {"type": "array", "items": items}),
        st.lists(inner, min_size=1, max_size=2).map(lambda options: {"anyOf": options}),
    ),
    max_leaves=6,
)  # fmt: skip
VALUES = st.recursive(
    st.sampled_from([None, 1, "x", True]), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3), max_leaves=6
)  # fmt: skip


@given(SCHEMAS, VALUES)
def test_what_fits_the_fitted_schema_fits_the_given_one(schema: dict[str, Any], value: Any):
    for fit in (fit_openai, fit_anthropic):
        fitted = fit(schema)
        if fitted is not None and jsonschema_rs.is_valid(fitted, value):
            assert jsonschema_rs.is_valid(schema, value)
