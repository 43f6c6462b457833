"""Conditions: when they hold, what they read, and how mistakes are told."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.documents.plain import Json
from stretto.documents.problems import Fault
from stretto.errors import OutputInvalid
from stretto.flow import cel_tree
from stretto.flow.expressions import compile_condition


def truth(source: str, **scope: Json) -> bool:
    return compile_condition(source).test(scope)


@pytest.mark.parametrize(
    ("source", "scope", "holds"),
    [
        ("review.approved", {"review": {"approved": True}}, True),
        ("review.approved", {"review": {"approved": False}}, False),
        ("review.approved", {"review": {}}, False),
        ("review.approved", {"review": None}, False),
        ("review.approved", {}, False),
        ("!review.approved", {"review": None}, False),
        ("review == null || review.approved", {"review": None}, True),
        ("has(review.approved)", {"review": {"approved": None}}, True),
        ("x.score > 0.5", {"x": {"score": None}}, False),
        ("x[0].y", {"x": []}, False),
        ("x[0].y", {"x": [{"y": True}]}, True),
        ("x.all(i, i.ok)", {"x": [{"ok": True}, {"ok": True}]}, True),
        ("x.all(i, i.ok)", {"x": None}, False),
        ("x.exists(i, i.ok)", {"x": [{"ok": False}]}, False),
        ('x.startsWith("a") && size(x) > 1', {"x": "ab"}, True),
        ('x in ["a", "b"]', {"x": "b"}, True),
        ("x ? true : false", {"x": None}, False),
        ("true", {}, True),
        ("turn >= 3", {"turn": 3}, True),
        ("x > 1", {"x": 10**30}, True),
        ("x.y > 1", {"x": {"y": [10**400][0]}}, True),
    ],
)
def test_whether_a_condition_holds(source: str, scope: dict[str, Json], holds: bool) -> None:
    assert truth(source, **scope) is holds


@pytest.mark.parametrize("n", [1, 1.0])
@pytest.mark.parametrize(
    "source",
    [
        "x.n + 1.5 > 2",
        "x.n * 100 > 90",
        "1.5 + x.n == 2.5",
        "x.n / 2.0 == 0.5",
        "x.n - 0.5 == 0.5",
        "x.n + 1 == 2.0",
        "x.n == 1",
        "1.0 == 1",
        "1.5 > 1",
    ],
)
def test_whole_numbers_and_fractions_go_together(source: str, n: float) -> None:
    assert truth(source, x={"n": n})


@pytest.mark.parametrize(
    ("source", "scope"),
    [
        ("x", {"x": "text"}),
        ("x", {"x": 1}),
        ("x", {"x": {}}),
        ("x / 0 == 1", {"x": 1}),
        ("x + 'a' == 'b'", {"x": 1}),
        ("x > 'a'", {"x": [1]}),
        ("x.all(a, x.all(b, x.all(c, x.all(d, true))))", {"x": list(range(1000))}),
    ],
)
def test_what_cannot_be_decided_is_an_error_that_names_the_condition(source: str, scope: dict[str, Json]) -> None:
    with pytest.raises(OutputInvalid) as caught:
        truth(source, **scope)
    assert f"`{source}`" in caught.value.message


@pytest.mark.parametrize(
    ("source", "message", "remedy", "offset"),
    [
        ("x and y", "`and` is no operator of a condition", "Write `&&`.", 2),
        ("x = 1", "`=` is no operator of a condition", "Write `==` to compare.", 2),
        ("not x", "`not` is no operator of a condition", "Write `!`.", 0),
        ("{{ x }}", "a condition is an expression, not a template", "Write it without `{{` and `}}`.", 0),
        ("x &&", "the condition ends too early", "Something is missing at its end.", 3),
        ("x.contians('a')", "there is no function `contians` in conditions", "Did you mean `contains`?", 2),
        ("'a' * 2 == x", "`*` does not work between a text and a number", "", 4),
        ("  ", "the condition is empty", "Write one like `review.approved`, or leave the key out.", None),
        ("x ==\n  ?", "`?` cannot stand here in a condition", "", 7),
        (
            "(" * 50 + "x" + ")" * 50,
            "the condition is nested too deeply",
            "Make it simpler, or let a step decide.",
            None,
        ),
    ],
)
def test_mistakes_are_told_in_plain_words(source: str, message: str, remedy: str, offset: int | None) -> None:
    with pytest.raises(Fault) as caught:
        compile_condition(source)
    assert (caught.value.message, caught.value.remedy, caught.value.offset) == (message, remedy, offset)


def test_an_operator_in_quotes_is_text() -> None:
    assert truth("x == 'this and that = not'", x="this and that = not")


def test_names_and_fields_are_read_from_the_tree() -> None:
    condition = compile_condition(
        "a.b[0]['c'].d && e.all(f, f.g == h) && has(i.j) && size(k[l.m]) > 1 && {'n': o}.n == [p][0]"
    )
    assert condition.names == {"a", "e", "h", "i", "k", "l", "o", "p"}
    read = {field.name: (field.trail, field.offset, field.asks) for field in cel_tree.reads(condition.tree)}
    assert read["a"] == (("b", 0, "c", "d"), 0, False)
    assert read["i"][0] == ("j",)
    assert read["i"][2] is True
    assert read["l"] == (("m",), condition.source.index("l.m"), False)
    assert read["k"][0] == ()


def test_only_names_that_it_reads_are_asked_for() -> None:
    class Scope(dict[str, Json]):
        def __getitem__(self, name: str) -> Json:
            assert name == "a"
            return super().__getitem__(name)

    assert compile_condition("a.all(b, b)").test(Scope(a=[True], b=False))


def test_more_names_than_the_shared_environment_has() -> None:
    names = [f"n{number}" for number in range(40)]
    source = " || ".join(f"({' || '.join(names[at : at + 10])})" for at in range(0, 40, 10))
    assert truth(source, **dict.fromkeys(names[:-1], False), n39=True)


@given(st.text(alphabet=st.sampled_from("xy.()[]'\"&|!=<>+-*/? :,1 \n"), max_size=40))
def test_any_text_compiles_or_is_a_fault(source: str) -> None:
    try:
        condition = compile_condition(source)
    except Fault as caught:
        fault, condition = caught, None
    else:
        fault = Fault("")
    assert fault.offset is None or 0 <= fault.offset <= max(len(source), 1)
    if condition is not None:
        with suppress(OutputInvalid):
            condition.test({"x": {"y": 1}, "y": [True]})
