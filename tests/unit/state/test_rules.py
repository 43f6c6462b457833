"""How two changes come together: the laws that each rule keeps, and what it refuses."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.errors import Invalid
from stretto.settings import Settings
from stretto.state.rules import RULES, CannotMerge, Rule, empty, merge, normal, rule_for, same

SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["a", "b", "1", 1.0, 0.5])
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from("abcd"), JSON, max_size=4)
LISTS = st.lists(JSON, max_size=5)
NUMBERS = st.integers(-1000, 1000) | st.sampled_from([0.5, 0.1, -2.25])
VALUES: dict[Rule, st.SearchStrategy[Any]] = {
    "merge": OBJECTS,
    "append": LISTS,
    "counter": NUMBERS,
    "set_union": LISTS,
    "max": NUMBERS,
}
RULE_AND_TWO = st.sampled_from(list(VALUES)).flatmap(lambda rule: st.tuples(st.just(rule), VALUES[rule], VALUES[rule]))


def grown(rule: Rule, ancestor: Any, value: Any) -> Any:
    """A change that the rule can merge with any other."""
    return [*ancestor, *value] if rule == "append" else value


@given(RULE_AND_TWO)
def test_who_changes_nothing_takes_nothing_back(given_: tuple[Rule, Any, Any]) -> None:
    rule, one, other = given_
    ancestor = normal(rule, "k", one)
    theirs = normal(rule, "k", grown(rule, ancestor, other))
    merged = merge(rule, ancestor, theirs, ancestor)
    if rule in ("counter", "max"):
        assert merged == (theirs if rule == "counter" else max(theirs, ancestor))
    else:
        assert same(merged, theirs)


@given(RULE_AND_TWO)
def test_where_nobody_else_wrote_ones_own_change_stays(given_: tuple[Rule, Any, Any]) -> None:
    rule, one, other = given_
    ancestor = normal(rule, "k", one)
    mine = normal(rule, "k", grown(rule, ancestor, other))
    merged = merge(rule, ancestor, ancestor, mine)
    if rule in ("counter", "max"):
        assert merged == (mine if rule == "counter" else max(mine, ancestor))
    else:
        assert same(sorted_set(rule, merged), sorted_set(rule, mine))


def sorted_set(rule: Rule, value: Any) -> Any:
    return sorted(map(repr, value)) if rule == "set_union" else value


@given(OBJECTS, OBJECTS, OBJECTS)
def test_fields_merge_alike_whoever_comes_first_and_lose_no_change(one: Any, two: Any, three: Any) -> None:
    try:
        merged = merge("merge", one, two, three)
    except CannotMerge:
        with pytest.raises(CannotMerge, match="/"):
            merge("merge", one, three, two)
        return
    assert same(merged, merge("merge", one, three, two))
    for name in {*one, *two, *three}:
        for changed in (two, three):
            if name not in changed and name in one:
                other = three if changed is two else two
                assert name not in merged or (name in other and not same(other[name], one[name]))
            elif name in changed and not (name in one and same(changed[name], one[name])):
                assert isinstance(changed[name], dict) or same(merged[name], changed[name])


@given(LISTS, LISTS, LISTS)
def test_sets_hold_what_either_added_and_not_what_either_removed(one: Any, two: Any, three: Any) -> None:
    old, left, right = (normal("set_union", "k", each) for each in (one, two, three))
    merged = merge("set_union", old, left, right)
    keys = [{repr(each) for each in values} for values in (old, left, right, merged)]
    assert keys[3] == (keys[1] & keys[2]) | (keys[1] - keys[0]) | (keys[2] - keys[0])
    assert len(merged) == len(keys[3])


def test_entries_are_appended_and_nothing_else() -> None:
    assert merge("append", [1], [1, 2], [1, 3, 4]) == [1, 2, 3, 4]
    for theirs, mine in (([2], [1, 3]), ([1, 2], []), ([1, 2], [9, 1])):
        with pytest.raises(CannotMerge, match="more was changed"):
            merge("append", [1], theirs, mine)
    with pytest.raises(CannotMerge, match="more was changed"):
        merge("append", [1], [True, 2], [1, 3])


def test_counts_add_up_to_the_cent() -> None:
    assert merge("counter", 0.1, 0.3, 0.2) == 0.4
    assert merge("counter", 2**60, 2**60 + 1, 2**60 + 2) == 2**60 + 3
    with pytest.raises(CannotMerge):
        merge("counter", None, 1, 2)
    with pytest.raises(CannotMerge):
        merge("max", 1, 2, "3")
    assert merge("max", "2026-11-01", "2026-11-03", "2026-11-02") == "2026-11-03"


def test_to_replace_never_merges() -> None:
    with pytest.raises(CannotMerge):
        merge("replace", 1, 2, 2)
    assert empty("replace") is None


@pytest.mark.parametrize(
    ("rule", "value"),
    [("merge", []), ("append", {}), ("set_union", "abc"), ("counter", True), ("counter", "1"), ("max", [1])],
)
def test_a_value_is_of_its_rules_kind(rule: Rule, value: Any) -> None:
    with pytest.raises(Invalid, match="so its value is"):
        normal(rule, "k", value)


def test_the_longest_prefix_counts() -> None:
    rules: dict[str, Rule] = {"": "merge", "a/": "append", "a/b": "counter"}
    assert [rule_for(rules, key) for key in ("x", "a/c", "a/bc")] == ["merge", "append", "counter"]
    assert rule_for({}, "a") == "replace"


def test_true_is_not_one() -> None:
    assert not same(True, 1)
    assert not same(1.0, 1)
    assert same({"a": 1, "b": 2}, {"b": 2, "a": 1})


def test_the_setting_knows_the_same_rules() -> None:
    assert get_args(get_args(get_type_hints(Settings)["state_rules"])[1]) == RULES
