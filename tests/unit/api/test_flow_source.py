"""A flow's text, written from its document, is the same flow."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stretto.api.flow_source import flow_text
from stretto.documents.problems import Problems
from stretto.flow.compile import compile_document, compile_source
from stretto.flow.parse import parse

TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Cn"])
    | st.sampled_from("\n\t :#'\"|>-&*{}[]%@,?!~\\0123456789.exo_"),
    max_size=40,
)
TRICKY = st.sampled_from(["0o17", "0x1f", "1e5", ".5", "12:30", "1_000", "on", "no", "~", "null", "True", "", " ", "\n", "a\n\n", " a\nb ", "=", "<<"])  # fmt: skip
VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
    | TRICKY,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | TRICKY, inner, max_size=3),
    max_leaves=8,
)


@given(VALUE)
def test_every_value_is_read_back_as_it_was(value: Any) -> None:
    problems = Problems()
    read = parse(flow_text({"x": value}).encode(), "flow.yaml", problems)
    assert not problems.found
    assert read is not None
    assert read[0] == {"x": value}


def test_steps_are_written_by_name_wherever_they_stand() -> None:
    step = {"tool": "noop"}
    graph = compile_document(
        {
            "flow": "outer",
            "flows": {"inner": {"flow": "inner", "steps": {"deep": step}}},
            "steps": {
                "turns": {"loop": {"until": "a.done", "max": 2}, "steps": {"a": step}},
                "either": {"branch": [{"when": "true", "steps": {"b": step}}, {"steps": {"c": step}}]},
                "call": {"flow": "inner"},
            },
        }
    )
    text = flow_text(graph.document)
    assert "- id:" not in text
    assert compile_source(text.encode()).digest == graph.digest
