"""Merge patches as RFC 7396 has them, operations as RFC 6902 has them, and what neither may do."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from stretto.errors import Invalid
from stretto.flow.json_patch import patch_between
from stretto.state.patches import MAX_OPERATIONS, TestFailed, merge_patch, operate


# https://www.rfc-editor.org/rfc/rfc7396#appendix-A
@pytest.mark.parametrize(
    ("value", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patches_of_the_rfc(value: Any, patch: Any, result: Any) -> None:
    before = copy.deepcopy(value)
    assert merge_patch(value, patch) == result
    assert value == before


# https://www.rfc-editor.org/rfc/rfc6902#appendix-A
@pytest.mark.parametrize(
    ("value", "operation", "result"),
    [
        ({"foo": "bar"}, {"op": "add", "path": "/baz", "value": "qux"}, {"baz": "qux", "foo": "bar"}),
        ({"foo": ["a", "c"]}, {"op": "add", "path": "/foo/1", "value": "b"}, {"foo": ["a", "b", "c"]}),
        ({"baz": 1, "foo": 2}, {"op": "remove", "path": "/baz"}, {"foo": 2}),
        ({"foo": ["a", "b", "c"]}, {"op": "remove", "path": "/foo/1"}, {"foo": ["a", "c"]}),
        ({"baz": 1, "foo": 2}, {"op": "replace", "path": "/baz", "value": 3}, {"baz": 3, "foo": 2}),
        (
            {"foo": {"bar": 1, "waldo": 2}, "qux": {}},
            {"op": "move", "from": "/foo/waldo", "path": "/qux/thud"},
            {"foo": {"bar": 1}, "qux": {"thud": 2}},
        ),
        ({"foo": ["a", "b", "c"]}, {"op": "move", "from": "/foo/1", "path": "/foo/2"}, {"foo": ["a", "c", "b"]}),
        ({"foo": "bar"}, {"op": "add", "path": "/child", "value": {"g": {}}}, {"foo": "bar", "child": {"g": {}}}),
        ({"foo": "bar"}, {"op": "add", "path": "/baz", "value": 1, "xyz": 123}, {"foo": "bar", "baz": 1}),
        ({"/": 9, "~1": 10}, {"op": "test", "path": "/~01", "value": 10}, {"/": 9, "~1": 10}),
        ({"foo": ["bar"]}, {"op": "add", "path": "/foo/-", "value": ["abc"]}, {"foo": ["bar", ["abc"]]}),
        ({"foo": 1}, {"op": "replace", "path": "", "value": [1]}, [1]),
        ({"a": {"b": 1}}, {"op": "copy", "from": "/a", "path": "/c"}, {"a": {"b": 1}, "c": {"b": 1}}),
        ({"": 1}, {"op": "increment", "path": "/", "by": 1.5}, {"": 2.5}),
        ({"a": 1}, {"op": "move", "from": "/a", "path": "/a"}, {"a": 1}),
    ],
)
def test_operations_of_the_rfc(value: Any, operation: Any, result: Any) -> None:
    before = copy.deepcopy(value)
    assert operate(value, [operation]) == result
    assert value == before


@pytest.mark.parametrize(
    ("operation", "told"),
    [
        ({"op": "add", "path": "/baz/bat", "value": 1}, "there is no '/baz'"),
        ({"op": "add", "path": "/list/3", "value": 1}, "the list has 2 entries"),
        ({"op": "add", "path": "/list/01", "value": 1}, "no place in a list"),
        ({"op": "remove", "path": "/list/-"}, "no place in a list"),
        ({"op": "remove", "path": "/list/²"}, "no place in a list"),
        ({"op": "remove", "path": ""}, "delete the document"),
        ({"op": "add", "path": "/text/x", "value": 1}, "nothing inside of '/text'"),
        ({"op": "replace", "path": "/none", "value": 1}, "there is no '/none'"),
        ({"op": "copy", "from": "/none", "path": "/x"}, "there is no '/none'"),
        ({"op": "move", "from": "/object", "path": "/object/x"}, "into itself"),
        ({"op": "increment", "path": "/text"}, "needs numbers"),
        ({"op": "increment", "path": "/yes"}, "needs numbers"),
        ({"op": "add", "path": "/x"}, "`add` needs `value`"),
        ({"op": "move", "path": "/x"}, "`move` needs `from`"),
        ({"op": "melt", "path": "/x"}, "not one of add, remove"),
        ({"op": ["add"], "path": "/x"}, "not one of"),
        ({"op": "remove", "path": "x"}, "no JSON pointer"),
        ({"op": "remove", "path": 3}, "no JSON pointer"),
        ("remove", "it is no object"),
    ],
)
def test_what_cannot_be_done_is_told_with_its_number(operation: Any, told: str) -> None:
    value = {"list": [1, 2], "text": "t", "object": {}, "yes": True}
    with pytest.raises(Invalid, match=r"Operation 2 of the patch cannot be done") as error:
        operate(value, [{"op": "add", "path": "/a", "value": 1}, operation])
    assert told in error.value.message
    assert "a" not in value


def test_a_test_that_fails_is_told() -> None:
    with pytest.raises(TestFailed, match="/a is not"):
        operate({"a": 1}, [{"op": "test", "path": "/a", "value": True}])
    assert operate({"a": [1]}, [{"op": "test", "path": "", "value": {"a": [1]}}]) == {"a": [1]}


def test_no_patch_fills_the_memory() -> None:
    doubling = [{"op": "copy", "from": "", "path": f"/{number}"} for number in range(100)]
    with pytest.raises(Invalid, match="copies more than"):
        operate({"x": "y" * 1000}, doubling)
    deeper = [{"op": "copy", "from": "", "path": "/a" * (2**number)} for number in range(12)]
    with pytest.raises(Invalid, match="cannot be done"):
        operate({}, deeper)
    with pytest.raises(Invalid, match="at most 1,000 operations"):
        operate({}, [{"op": "add", "path": "/a", "value": 1}] * (MAX_OPERATIONS + 1))


def test_what_differs_between_documents_can_be_applied() -> None:
    before = {"a": [1, 2, 3], "b": {"c/d": 1, "e~f": 2}, "g": 1}
    after = {"a": [1], "b": {"c/d": 2}, "h": [{"i": None}], "g": True}
    assert operate(before, patch_between(before, after)) == after
