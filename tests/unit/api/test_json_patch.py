"""A patch makes the second document of the first, whatever they are."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stretto.flow.json_patch import patch_between

documents = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.text(st.sampled_from("ab~/"), max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.sampled_from("ab~/"), max_size=2), inner, max_size=4)
    ),
    max_leaves=12,
)


def patched(document: Any, patch: list[dict[str, Any]]) -> Any:
    """Carry a patch out, as RFC 6902 says."""
    holder: dict[str, Any] = {"": copy.deepcopy(document)}
    for change in patch:
        *way, last = ["", *(part.replace("~1", "/").replace("~0", "~") for part in change["path"].split("/")[1:])]
        at: Any = holder
        for part in way:
            at = at[int(part)] if isinstance(at, list) else at[part]
        if isinstance(at, list):
            if last == "-":
                at.append(change["value"])
            elif change["op"] == "remove":
                del at[int(last)]
            else:
                at[int(last)] = change["value"]
        elif change["op"] == "remove":
            del at[last]
        else:
            at[last] = change["value"]
    return holder[""]


@given(documents, documents)
def test_the_patch_leads_from_one_to_the_other(before: Any, after: Any):
    patch = patch_between(before, after)
    assert repr(patched(before, patch)) == repr(after) or patched(before, patch) == after
    if repr(before) == repr(after):
        assert patch == []


def test_too_many_changes_become_one():
    before, after = {str(n): 0 for n in range(3000)}, {str(n): 1 for n in range(3000)}
    assert patch_between(before, after) == [{"op": "replace", "path": "", "value": after}]
