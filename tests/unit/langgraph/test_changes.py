"""What is stored of a value that has changed gives that value again, whatever it was."""

from __future__ import annotations

import pytest

pytest.importorskip("langgraph", reason="the extra langgraph is not installed")

from hypothesis import given
from hypothesis import strategies as st
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from stretto.langgraph.changes import apply_change, cut_change, diff_document, patch_document

dump = JsonPlusSerializer().dumps_typed
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=20) | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=5), inner, max_size=6),
    max_leaves=20,
)
NESTED = st.fixed_dictionaries(
    {},
    optional={
        "channel_values": st.dictionaries(st.text(max_size=3), st.none() | st.booleans() | st.integers(), max_size=4),
        "channel_versions": st.dictionaries(st.text(max_size=3), st.text(max_size=3) | st.integers(), max_size=4),
        "versions_seen": st.dictionaries(
            st.text(max_size=3), st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=3), max_size=3
        ),
        "ts": st.text(max_size=3),
    },
)


@given(st.binary(max_size=300), st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=300))
def test_a_change_gives_the_value(same: bytes, old_head: bytes, new_head: bytes, end: bytes) -> None:
    old, new = old_head + same, new_head + same + end
    change = cut_change(old, new)
    assert change is None or apply_change(old, change) == new


@given(st.lists(VALUES, max_size=20), st.lists(VALUES, max_size=3))
def test_a_list_that_grows(values: list[object], more: list[object]) -> None:
    old, new = dump(values)[1], dump([*values, *more])[1]
    change = cut_change(old, new)
    assert change is None or apply_change(old, change) == new


@pytest.mark.parametrize("length", [1, 15, 16, 65_535, 65_536])
def test_what_is_added_to_a_list_costs_itself_alone(length: int) -> None:
    values = [f"message {number} of many" for number in range(length)]
    old, new = dump(values)[1], dump([*values, "the last one"])[1]
    change = cut_change(old, new)
    if length > 1:
        assert change is not None
        assert len(change) < 12 + 5 + 20
        assert apply_change(old, change) == new


@given(NESTED, NESTED)
def test_a_document_is_what_its_change_makes(old: dict[str, object], new: dict[str, object]) -> None:
    found = patch_document(old, diff_document(old, new))
    for name in ("channel_values", "channel_versions", "versions_seen"):
        assert found.pop(name) == (new.get(name) or {})
    assert found == {name: value for name, value in new.items() if name == "ts"}
