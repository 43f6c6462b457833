"""Templates: what they give, what they refuse, and that nothing escapes or grows without bound."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.documents.plain import Json
from stretto.documents.problems import Fault
from stretto.errors import OutputInvalid
from stretto.flow.template_filters import FILTERS, MAX_OUTPUT
from stretto.flow.templates import compile_text


def render(source: str, **scope: Json) -> Json:
    return compile_text(source).render(scope)


@pytest.mark.parametrize("value", ["text", "", 3, 2.5, True, None, [1, [2]], {"a": {"b": None}}])
def test_a_single_expression_keeps_the_value(value: Json) -> None:
    assert render("{{ x }}", x=value) == value
    assert render(" {{ x }}\n", x=value) == value
    assert render("{{ x.y }}", x={"y": value}) == value
    assert render("{{ x | default(none) }}", x=value) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("é", "é"),
        (None, ""),
        (True, "true"),
        (3, "3"),
        (2.5, "2.5"),
        ([1, None, "é"], '[1, null, "é"]'),
        ({"a": True}, '{"a": true}'),
    ],
)
def test_inside_a_text_values_stand_as_people_and_models_read_them(value: Json, text: str) -> None:
    assert render("<{{ x }}>", x=value) == f"<{text}>"
    assert render("{{ '<' ~ x ~ '>' }}", x=value) == f"<{text}>"
    assert render("{{ x | string }}", x=value) == text


def test_a_name_without_a_value_is_null() -> None:
    assert render("{{ review.comments.deeper[3].still }}") is None
    assert render("{{ review.comments }}", review=None) is None
    assert render("a{{ review.comments }}b") == "ab"
    assert render("{% for x in notes %}{{ x }}{% endfor %}.") == "."
    assert render("{{ notes | length }} {{ notes | join(', ') }}") == "0 "
    assert render("{% if review is defined %}yes{% else %}no{% endif %}", review=None) == "no"
    assert render("{{ review == none }}") is True
    assert render("{{ review.comments | default('nothing yet') }}", review=None) == "nothing yet"


def test_a_field_that_a_mapping_lacks_is_an_error_that_names_the_ones_it_has() -> None:
    with pytest.raises(OutputInvalid, match=r"no field `titel`. Did you mean `title`\?"):
        render("{{ item.titel }}", item={"title": "x", "id": 1})
    with pytest.raises(OutputInvalid, match="a text has no field `title`"):
        render("see {{ item.title }}", item="x")
    with pytest.raises(OutputInvalid, match="no item 7 in a list of 1"):
        render("{{ item[7] }}", item=[1])
    assert render("{{ item.titel | default('none') }}", item={"title": "x"}) == "none"
    assert render("{{ item.titel is defined }}", item={"title": "x"}) is False


def test_control_structures() -> None:
    assert (
        render(
            "{% for a in x %}{{ loop.index }}{{ a.n }}{{ '' if loop.last else ',' }}{% endfor %}",
            x=[{"n": "a"}, {"n": "b"}],
        )
        == "1a,2b"
    )
    assert render("{% set y = x ~ '!' %}{% with z = y %}{{ z }}{% endwith %}", x=1) == "1!"
    assert render("{# nothing #}{{ x[1:3] }}{{ x[-1] }}", x=[1, 2, 3, 4]) == "[2, 3]4"
    assert render("{{ range(3) }}") == [0, 1, 2]
    assert render("{{ turn + 1 }}", turn=1) == 2
    assert render("{{ 'a' in x and not x is none }}", x=["a"]) is True


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ x | map(attribute='n') | join('-') }}", "2-1"),
        ("{{ x | map('length') | list }}", [2, 2]),
        ("{{ x | selectattr('ok') | map(attribute='n') | list }}", [1]),
        ("{{ x | rejectattr('n', 'gt', 1) | map(attribute='n') | list }}", [1]),
        ("{{ x | sort(attribute='n') | first }}", {"n": 1, "ok": True}),
        ("{{ x | sum(attribute='n') }}", 3),
        ("{{ x | max(attribute='n') }}", {"n": 2, "ok": False}),
        ("{{ [3, 1, 3] | unique | list }}", [3, 1]),
        ("{{ [] | max }}", None),
        ("{{ {'a': 1} | items }}", [["a", 1]]),
        ("{{ {'a': 1} | keys | first }}{{ {'a': 1} | values | last }}", "a1"),
        ("{{ 'a b  c' | wordcount }}", 3),
        ("{{ 'a\nb' | lines }}", ["a", "b"]),
        ("{{ 'a\nb' | indent(2) }}", "a\n  b"),
        ("{{ 'a\nb' | indent(2, first=true) }}", "  a\n  b"),
        ("{{ 'aXbX' | replace('X', '-') | upper | trim }}", "A-B-"),
        ("{{ 'abcdef' | truncate(4) }}", "abc…"),
        ("{{ 'abc' | reverse }}{{ [1, 2] | reverse }}", "cba[2, 1]"),
        ("{{ 2.567 | round(1) }}{{ '7' | int }}{{ 'x' | int(5) }}{{ '1.5' | float }}", "2.6751.5"),
        ("{{ x | tojson(indent=1) | length }}", 63),
        ("{{ [1, 2, 3] | select('odd') | list }}", [1, 3]),
        ("{{ [1, 2, 3] | reject('in', [1]) }}", [2, 3]),
        ("{{ 'x' | capitalize }}{{ 'a b' | title }}{{ 'Q' | lower }}", "XA Bq"),
    ],
)
def test_filters(source: str, value: Json) -> None:
    assert render(source, x=[{"n": 2, "ok": False}, {"n": 1, "ok": True}]) == value


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}",
        "{{ x.__class__.__mro__ }}",
        "{{ x['__class__'] }}",
        "{{ x | map(attribute='__class__') | list }}",
        "{{ range.__globals__ }}",
        "{{ [].append }}",
        "{% for a in x %}{{ loop.__class__ }}{% endfor %}",
        "{% for a in x %}{{ loop._iterator }}{% endfor %}",
        "{{ loop.cycle }}",
    ],
)
def test_no_attribute_of_python_is_reached(source: str) -> None:
    try:
        value = render(source, x=["a"])
    except OutputInvalid:
        return
    assert value in (None, [None])


@pytest.mark.parametrize(
    "source",
    [
        "{{ x.items() }}",
        "{{ 'a'.format(1) }}",
        "{{ cycler() }}",
        "{{ lipsum() }}",
        "{{ range.__call__(3) }}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% extends 'x' %}",
        "{% macro f() %}{% endmacro %}",
        "{% block a %}{% endblock %}",
        "{% call range() %}{% endcall %}",
        "{% filter upper %}a{% endfilter %}",
        "{% set x %}a{% endset %}",
        "{% set x.y = 1 %}",
        "{% for a in x recursive %}{% endfor %}",
        "{% for loop in x %}{% endfor %}",
        "{% autoescape true %}{% endautoescape %}",
        "{{ x | attr('y') }}",
        "{{ x | random }}",
        "{{ x | pprint }}",
        "{{ x is callable }}",
        "{{ x | nothing }}",
        "{{ x",
        "{% if x %}",
        "{{ x y }}",
        "{{ }}",
        "{% endif %}",
        "{{ " + "(" * 500 + "1" + ")" * 500 + " }}",
        "{{ " + " + ".join(["1"] * 500) + " }}",
        "{{ " + "9" * 5000 + " }}",
        "{{ '" + "a" * (300 * 1024) + "' }}",
    ],
)
def test_what_a_template_may_not_say_is_a_fault_with_a_place(source: str) -> None:
    with pytest.raises(Fault) as caught:
        compile_text(source)
    assert caught.value.message
    assert caught.value.offset is None or 0 <= caught.value.offset <= len(source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a' * 1000000000 }}",
        "{{ [0] * 1000000000 }}",
        "{{ 10 ** 100000 }}",
        "{{ 9999999999 ** 64 }}",
        "{{ range(100000000) }}",
        "{% for a in range(10000) %}{% for b in range(10000) %}{% endfor %}{% endfor %}",
        "{% for a in range(10000) %}{% for b in range(10000) %}x{% endfor %}{% endfor %}",
        "{{ 'a' | indent(100000000) }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ x | replace('a', x) }}",
        "{{ ['', ''] | join(x ~ x ~ x ~ x) | length }}{{ range(10000) | join(x) }}",
        "{{ [x, x, x, x, x, x] }}",
        "{{ x ~ x ~ x ~ x ~ x ~ x }}",
        "{{ x }}{{ x }}{{ x }}{{ x }}{{ x }}{{ x }}",
        "{{ x + x + x + x + x + x }}",
        "{% set y = [1, 2] %}{% set y = y + y %}" + "{% set y = y + y %}" * 40 + "{{ y | length }}",
        "{% set y = [1] %}" + "{% set y = [y, y] %}" * 90 + "{{ y }}",
        "{{ 'a' + 1 }}",
        "{{ 1 / 0 }}",
        "{{ 'a' < 1 }}",
        "{{ none + 1 }}",
        "{{ 5 | items }}",
        "{{ 5 | join }}",
        "{{ x | map('nothing') }}",
        "{{ x | select('nothing') }}",
        "{{ x | join(1, 2, 3, 4) }}",
        "{{ x | tojson(indent=1000000000) }}",
    ],
)
def test_what_would_use_up_the_machine_or_makes_no_sense_ends_in_an_error(source: str) -> None:
    with pytest.raises(OutputInvalid, match="cannot be rendered"):
        render(source, x="a" * (MAX_OUTPUT // 4))


def test_data_nested_too_deeply_end_in_an_error() -> None:
    deep: list[Json] = []
    for _ in range(5000):
        deep = [deep]
    with pytest.raises(OutputInvalid):
        render("{{ x }}", x=deep)
    with pytest.raises(OutputInvalid):
        render("<{{ x }}>", x=deep)


def test_plain_data_is_handed_on_without_a_copy() -> None:
    data = [{"a": [1, 2]}]
    assert render("{{ x }}", x=data) is data


def test_names_are_those_read_from_outside() -> None:
    names = compile_text(
        "{% set a = b %}{% for c in d %}{{ a ~ c ~ e }}{% endfor %}{{ f is defined }}{{ g | default(h) }}"
    ).names
    assert names == {"b", "d", "e", "f", "g", "h"}


def test_only_names_that_it_reads_are_asked_for() -> None:
    class Scope(dict[str, Json]):
        def __getitem__(self, name: str) -> Json:
            assert name in ("a", "b")
            return super().__getitem__(name)

    assert compile_text("{{ a }}{{ b.c }}").render(Scope(a=1, secret=2)) == "1"


def test_the_documented_filters_are_the_ones_there_are() -> None:
    assert len(FILTERS) == len(set(FILTERS))
    assert not {"random", "attr", "pprint", "urlize", "xmlattr", "safe", "format", "center", "batch"} & set(FILTERS)


@given(st.text(alphabet=st.sampled_from("{}%#|.()[]'\"x y+-*~=<>!123_\n"), max_size=60))
def test_any_text_compiles_or_is_a_fault_and_renders_or_is_invalid(source: str) -> None:
    try:
        template = compile_text("{{" + source)
    except Fault as caught:
        fault, template = caught, None
    else:
        fault = Fault("")
    assert fault.offset is None or 0 <= fault.offset <= len(source) + 2
    if template is not None:
        with suppress(OutputInvalid):
            template.render({"x": [1, {"y": "z"}], "y": None})


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(_json)
def test_any_json_comes_through_unchanged(value: Json) -> None:
    assert render("{{ x }}", x=value) == value
    assert render("{{ [x] | first }}", x=value) == value
