"""What a person changed is kept as a diff, of text by lines and of anything else as a JSON Patch."""

from __future__ import annotations

import pytest

from stretto.review.difference import MOST_LINES, difference


def test_text_is_compared_by_lines() -> None:
    found = difference("one\ntwo\nthree", "one\n2\nthree")["text"]
    assert found.splitlines()[3:] == [" one", "-two", "+2", " three"]


@pytest.mark.parametrize(("shown", "value"), [({"a": 1}, {"a": 2}), ("text", {"a": 1}), (None, "text"), ([1], [1, 2])])
def test_anything_else_is_a_patch(shown: object, value: object) -> None:
    assert difference(shown, value)["patch"]


def test_what_is_too_long_to_compare_was_replaced() -> None:
    long = "\n".join(map(str, range(MOST_LINES + 1)))
    assert difference(long, "short") == {"patch": [{"op": "replace", "path": "", "value": "short"}]}
