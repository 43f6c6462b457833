"""YAML and JSON to data and places."""

from __future__ import annotations

import json
import re
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.documents.file_places import FilePlaces
from stretto.documents.parse import MAX_BYTES
from stretto.documents.plain import Json
from stretto.documents.problems import Path, Problems, Spot
from stretto.errors import Problem
from stretto.flow.parse import parse


def read(text: str | bytes) -> tuple[dict[str, Json], FilePlaces]:
    problems = Problems()
    found = parse(textwrap.dedent(text).encode() if isinstance(text, str) else text, "f.yaml", problems)
    assert found is not None, problems.found
    assert not problems.found
    return found


def trouble(text: str | bytes) -> list[Problem]:
    problems = Problems()
    parse(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text, "f.yaml", problems)
    return problems.found


def test_words_are_what_they_look_like() -> None:
    data, _ = read("""
        on: {yes: no, off: y}
        null values: [~, null, Null, '', "~"]
        truth: [true, True, FALSE, "true"]
        numbers: [1, -2, +3, 0x1F, 0o17, 1.5, 1e3, .5, 007, 1_000, 1:30]
        dates: [2024-01-31, 12:30]
        empty:
    """)
    assert data == {
        "on": {"yes": "no", "off": "y"},
        "null values": [None, None, None, "", "~"],
        "truth": [True, True, False, "true"],
        "numbers": [1, -2, 3, 31, 15, 1.5, 1000.0, 0.5, 7, "1_000", "1:30"],
        "dates": ["2024-01-31", "12:30"],
        "empty": None,
    }


def test_anchors_aliases_and_merges() -> None:
    data, _ = read("""
        defaults: &defaults {retry: 2, timeout: 5s}
        more: &more {priority: 1}
        a: {<<: *defaults, retry: 3}
        b: {tool: x, <<: [*more, *defaults]}
        c: [*more, *more]
    """)
    assert data["a"] == {"retry": 3, "timeout": "5s"}
    assert data["b"] == {"tool": "x", "priority": 1, "retry": 2, "timeout": "5s"}
    assert data["c"] == [{"priority": 1}, {"priority": 1}]


@pytest.mark.parametrize(
    "text", ["\ufeffa: 1\n", "a: 1\r\n", "a: 1\r", "%YAML 1.2\n---\na: 1\n", '{"a": 1}', '{\n\t"a": 1\n}']
)
def test_forms_of_the_same_file(text: str) -> None:
    assert read(text.encode())[0] == {"a": 1}


@given(st.dictionaries(st.text(max_size=8), st.recursive(st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=8), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=8), min_size=1, max_size=4))  # fmt: skip
def test_json_reads_as_json(value: dict[str, Json]) -> None:
    for ascii_only in (True, False):
        problems = Problems()
        found = parse(json.dumps(value, ensure_ascii=ascii_only).encode(), "f.json", problems)
        assert found is None or found[0] == value or problems.found
        if not re.search(_NOT_IN_FLOWS, json.dumps(value, ensure_ascii=False)):
            assert found is not None
            assert found[0] == value


_NOT_IN_FLOWS = r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]|\\"  # control characters, and escapes of them


def test_signs_beyond_16_bits_in_json() -> None:
    text = '{"a": "\\ud83d\\ude00", "b": "\\\\ud83d\\\\ude00", "\\uD83D\\uDE00": 1}'
    assert json.loads(text) == {"a": "😀", "b": "\\ud83d\\ude00", "😀": 1}
    problems = Problems()
    found = parse(text.encode(), "f.json", problems)
    assert found is not None
    assert found[0] == json.loads(text)


_PLACED = """\
flow: essay
steps:
  draft: {tool: x.y, input: {plain: some text, 'single': 'it''s {{ a }}', "double": "tab\\t{{ b }}"}}
  second:
    input:
      literal: |
        one
          two {{ c }}
      folded: >-
        first line
        second {{ d }}

        third {{ e }}
      long: this goes on
        over two {{ f }} lines
      quoted: "this too
        goes {{ g }} on"
"""


@pytest.mark.parametrize(
    ("path", "word"),
    [
        (("steps", "draft", "input", "plain"), "some"),
        (("steps", "draft", "input", "plain"), "text"),
        (("steps", "draft", "input", "single"), "{{ a"),
        (("steps", "draft", "input", "double"), "{{ b"),
        (("steps", "second", "input", "literal"), "one"),
        (("steps", "second", "input", "literal"), "{{ c"),
        (("steps", "second", "input", "folded"), "{{ d"),
        (("steps", "second", "input", "folded"), "{{ e"),
        (("steps", "second", "input", "long"), "{{ f"),
        (("steps", "second", "input", "quoted"), "{{ g"),
    ],
)
def test_the_place_of_a_word_inside_a_text(path: Path, word: str) -> None:
    data, places = read(_PLACED)
    text: Json = data
    for part in path:
        text = text[part]
    spot = places.value(path, text.index(word))
    assert _PLACED.split("\n")[spot.line - 1][spot.column - 1 :].startswith(word)


def test_places_of_keys_and_values() -> None:
    _, places = read(_PLACED)
    assert places.key(("steps", "second")) == Spot("f.yaml", 4, 3)
    assert places.value(("steps", "second")) == Spot("f.yaml", 5, 5)
    assert places.key(("steps", "draft", "tool")) == Spot("f.yaml", 3, 11)
    assert places.value(("steps", "draft", "tool")) == Spot("f.yaml", 3, 17)
    assert places.value(("steps", "draft", "missing", "deeper")) == places.value(("steps", "draft"))
    assert places.value(()) == Spot("f.yaml", 1, 1)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("", 1, 1, "the file is empty."),
        ("# nothing\n", 1, 1, "the file is empty."),
        ("- a\n", 1, 1, "a flow is a mapping of keys to values, but this is a list."),
        ("hello\n", 1, 1, "a flow is a mapping of keys to values, but this is one piece of text."),
        ("a: b\x00c\n", 1, 5, "the control character U+0000 cannot stand in a flow."),
        ("a: 1\nb: \x1b[31m\n", 2, 4, "the control character U+001B cannot stand in a flow."),
        (b"a: b\nc: \xff\n", 2, 4, "this is not UTF-8 text (byte 0xff)."),
        ("a: 1\n".encode("utf-16"), 1, 1, "this is not UTF-8 text (byte 0xff)."),
        ("a:\n\tb: 1\n", 2, 1, "a tab cannot indent YAML."),
        ("a: 1\nb: 2\na: 3\n", 3, 1, "`a` is given twice; it stands in line 1 already."),
        ("a: " + "9" * 5000, 1, 4, "the number 99999999999999999999… is too large."),
        ("a: 1e999", 1, 4, "the number 1e999 is too large."),
        ("a: .nan", 1, 4, "`.nan` is no number that JSON has."),
        ("a: !!python/object/apply:os.system [ls]", 1, 4, "the tag `tag:yaml.org,2002:python/object/apply:os.system` cannot be used in a flow."),
        ("a: &x {b: *x}", 1, 11, "`*x` stands inside `&x` itself."),
        ("&x [*x]", 1, 5, "`*x` stands inside `&x` itself."),
        ("a: *x", 1, 4, "`*x` names no anchor above."),
        ("a: 1\n---\nb: 2\n", 2, 1, "a second document begins here."),
        ("a: b: c\n", 1, 5, "a second `:` in one line cannot be read."),
        ('a: "b\n', 1, 4, "this quote is never closed."),
        ('a: "\\q"\n', 1, 5, "after `\\` stands no sign that it could belong to."),
        ("a: {b: c\n", 2, 1, "a comma or the closing bracket is missing in the {…} or […] that begins in line 1."),
        ("a: @b\n", 1, 4, "`@` cannot begin a value."),
        ("a: {<<: 5}", 1, 9, "`<<` takes a mapping."),
        ("a: " + "x" * MAX_BYTES, 1, 1, "the file has more than the 1,048,576 bytes that a flow may have."),
        ("[" * 50_000, 1, 81, "this is nested more than 80 levels deep."),
        ("{a: " * 50_000, 1, 321, "this is nested more than 80 levels deep."),
        ("\n".join("  " * depth + "a:" for depth in range(400)), 81, 161, "this is nested more than 80 levels deep."),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_where_and_why(text: str | bytes, line: int, column: int, message: str) -> None:
    (problem,) = trouble(text)
    assert (problem.line, problem.column, problem.message) == (line, column, message)


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "\n".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]" for i in range(10)),
        "a: &a '" + "x" * 100_000 + "'\nb: [" + ",".join(["*a"] * 5000) + "]",
    ],
    ids=["a billion laughs", "one long laugh"],
)
def test_aliases_cannot_blow_a_file_up(text: str) -> None:
    (problem,) = trouble(text)
    assert problem.message == "the flow is too large once its aliases are written out."


@given(
    st.binary(max_size=200)
    | st.text(alphabet=st.sampled_from("a:-[]{}&*!|>'\"%@`,?# \n\t~<"), max_size=60).map(str.encode)
)
def test_any_bytes_are_read_or_refused(source: bytes) -> None:
    problems = Problems()
    found = parse(source, "f.yaml", problems)
    assert found is not None or problems.found
    for problem in problems.found:
        assert problem.line >= 1
        assert problem.column >= 1
