from __future__ import annotations

import re
from urllib.parse import parse_qs, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.errors import Invalid
from stretto.stream.cursor import MAX_CHARS, MAX_SEQ, START, Cursor, entry_chars

steps = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12) | st.sampled_from(
    ["design", "build[2].code", "fan[10].write-up", "a(b)", "a*5b", "x!1.2.y", "é"]
)
cursors = st.builds(
    Cursor,
    st.integers(0, MAX_SEQ),
    st.dictionaries(steps, st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), max_size=5),
)


@given(cursors)
def test_it_comes_back_as_it_was(cursor: Cursor) -> None:
    text = str(cursor)
    assert Cursor.parse(text) == cursor
    assert re.fullmatch(r"[A-Za-z0-9_.()*!-]+", text)  # what JavaScript's encodeURIComponent leaves alone
    assert parse_qs(f"after={text}") == {"after": [text]} == parse_qs(f"after={quote(text)}")
    for step in cursor.live:
        assert len(str(Cursor(0, {step: cursor.live[step]}))) - 1 <= entry_chars(step)


@given(st.text(alphabet="0123456789!.*()abxé-~ \n", max_size=20) | st.text(max_size=20))
def test_nonsense_is_refused(text: str) -> None:
    try:
        cursor = Cursor.parse(text)
    except Invalid:
        return
    assert str(cursor) == text


def test_forms() -> None:
    assert str(START) == "0"
    assert str(Cursor(12, {"build[2].code": (1, 80), "design": (2, 7)})) == "12!1.80.build(2).code!2.7.design"


@pytest.mark.parametrize(
    "text",
    [
        *["", "-1", "01", "1.5", " 1", "1\n", "१", "2147483648", "1!", "1!a", "1!1.2", "1!1.2.", "1!01.2.a", "1!1.2.a!1.3.a"],
        *["1!1.2.b!1.2.a", "1!1.2.a*", "1!1.2.a*4", "1!1.2.*41", "1!1.2.*ff", "1!1.2.[a]", "1!1.2.*5B", "9" * (MAX_CHARS + 1)],
    ],
)  # fmt: skip
def test_each_nonsense(text: str) -> None:
    with pytest.raises(Invalid, match="Send back the id of the last event"):
        Cursor.parse(text)
