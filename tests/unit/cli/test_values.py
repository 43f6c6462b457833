"""`name=value` becomes the value that the flow takes, or an error that names the input."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from stretto.cli.values import edit_values, json_value, read_inputs
from stretto.errors import InputInvalid, Invalid
from tests.unit.cli.tape import flow

GRAPH = flow(
    {"w": {"agent": "a"}},
    input={
        "text": {"type": "string"},
        "count": {"type": "integer"},
        "share": {"type": "number"},
        "loud": {"type": "boolean"},
        "list": {"type": "array"},
        "map": {"type": "object"},
        "maybe": {"type": ["string", "null"]},
        "any": {},
    },
)


@pytest.mark.parametrize(
    ("pair", "value"),
    [
        ("text=3", "3"),
        ("text=true", "true"),
        ("text=", ""),
        ("text=a=b", "a=b"),
        ('text="quoted"', '"quoted"'),
        ("count=3", 3),
        ("share=0.5", 0.5),
        ("share=3", 3),
        ("loud=true", True),
        ('list=["a", 1]', ["a", 1]),
        ('map={"a": {"b": null}}', {"a": {"b": None}}),
        ("maybe=null", None),
        ("maybe=perhaps", "perhaps"),
        ("any=3", 3),
        ("any=three", "three"),
        ("unknown=3", "3"),
    ],
)
def test_a_value_has_the_type_that_its_input_declares(pair: str, value: Any) -> None:
    assert read_inputs(GRAPH, [pair], None) == {pair.partition("=")[0]: value}


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("count=three", "Input 'count': 'three' is no integer. Write for example --input count=3."),
        ("loud=yes", "Input 'loud': 'yes' is no boolean. Write for example --input loud=true."),
        ("list=a,b", """Input 'list': 'a,b' is no array. Write for example --input list='["a", "b"]'."""),
        ("share=NaN", "Input 'share': 'NaN' is no number. Write for example --input share=0.5."),
        ("text", "--input 'text' is not of the form name=value."),
        ("=3", "--input '=3' is not of the form name=value."),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(pair: str, message: str) -> None:
    with pytest.raises(InputInvalid) as caught:
        read_inputs(GRAPH, [pair], None)
    assert caught.value.message == message


def test_an_input_given_twice_is_refused() -> None:
    with pytest.raises(InputInvalid, match="--input text is given twice"):
        read_inputs(GRAPH, ["text=a", "text=b"], None)


def test_a_file_gives_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "in.json"
    file.write_text('{"text": "from the file", "count": 1}')
    assert read_inputs(GRAPH, ["count=2"], file) == {"text": "from the file", "count": 2}
    monkeypatch.setattr("sys.stdin", io.StringIO('{"text": "from stdin"}'))
    assert read_inputs(GRAPH, [], Path("-")) == {"text": "from stdin"}


@pytest.mark.parametrize("content", ["", "[1]", "{", '"text"', '{"share": NaN}', None])
def test_a_file_that_holds_no_object_is_refused(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "in.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InputInvalid, match=r"input file .* must hold one JSON object"):
        read_inputs(GRAPH, [], file)


def test_edits_are_json_or_text() -> None:
    assert edit_values(["input.n=3", "code=def f(): pass", 'x={"a": 1}']) == {
        "input.n": 3,
        "code": "def f(): pass",
        "x": {"a": 1},
    }


def test_an_option_that_takes_json_refuses_anything_else() -> None:
    assert json_value("[1]", "--data") == [1]
    with pytest.raises(Invalid, match="--data takes JSON, and 'hello' is none"):
        json_value("hello", "--data")
