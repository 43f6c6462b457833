"""A flow as nodes and edges."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stretto.flow import drawing
from stretto.flow.compile import compile_document, load_flow
from stretto.flow.drawing import Edge, draw

EXAMPLES = Path(__file__).parents[3] / "examples"


def edges(drawn: drawing.Drawing) -> set[tuple[str, str, str]]:
    return {(each.source, each.kind, each.target) for each in drawn.edges}


def test_a_loop_with_readers_is_drawn() -> None:
    drawn = draw(load_flow(EXAMPLES / "pair-programming.yaml"))
    nodes = {node.id: node for node in drawn.nodes}
    assert list(nodes) == ["design", "build", "build.code", "build.notes", "build.guard", "build.review", "test"]
    assert (nodes["build"].kind, nodes["build"].parent, nodes["build"].agent) == ("loop", None, None)
    code = nodes["build.code"]
    assert (code.label, code.parent, code.agent, code.model) == ("code", "build", "coder", "code")
    assert nodes["test"].tool == "python.test"
    assert edges(drawn) == {
        ("design", "data", "build.code"),
        ("build.review", "loop", "build.code"),
        ("build.code", "each", "build.notes"),
        ("build.code", "watch", "build.guard"),
        ("build.code", "data", "build.review"),
        ("build.notes", "data", "build.review"),
        ("build.code", "data", "test"),
    }


TOOL: dict[str, Any] = {"tool": "text.count", "input": {"text": "a"}}


def reading(text: str, **more: Any) -> dict[str, Any]:
    return {"tool": "text.count", "input": {"text": text}, **more}


def test_what_waits_without_reading_and_what_reads_across_blocks() -> None:
    flow = {
        "flow": "ways",
        "steps": {
            "first": TOOL,
            "later": {**TOOL, "after": ["first"]},
            "route": {
                "branch": [
                    {"when": "first.words > 1", "steps": {"many": reading("{{ first.words }}")}},
                    {"steps": {"few": TOOL}},
                ]
            },
            "turns": {
                "loop": {"until": "tried.words > 2", "max": 3},
                "steps": {
                    "tried": TOOL,
                    "again": {"map": {"over": "{{ [1, 2] }}"}, "steps": {"inner": reading("{{ final.words }}")}},
                    "final": TOOL,
                },
            },
            "plain": {"loop": {"until": "two.words > 2", "max": 3}, "steps": {"one": TOOL, "two": TOOL}},
        },
    }
    assert edges(draw(compile_document(flow))) == {
        ("first", "after", "later"),
        ("first", "data", "route"),
        ("first", "data", "route.many"),
        ("turns.final", "loop", "turns.again.inner"),  # the turn before: `final` stands further down
        ("plain.two", "loop", "plain.one"),
    }


def test_sub_flows_are_drawn_within_their_step_until_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    flow = {
        "flow": "outer",
        "steps": {"one": {"flow": "inner"}, "two": {"flow": "inner", "after": ["one"]}},
        "flows": {"inner": {"flow": "inner", "steps": {"count": TOOL, "more": reading("{{ count.words }}")}}},
    }
    drawn = draw(compile_document(flow))
    assert [node.id for node in drawn.nodes] == ["one", "one.count", "one.more", "two", "two.count", "two.more"]
    assert drawn.nodes[0].flow == "inner"
    assert Edge("two.count", "two.more", "data") in drawn.edges
    assert drawn.complete
    monkeypatch.setattr(drawing, "MOST_NODES", 4)
    drawn = draw(compile_document(flow))
    assert [node.id for node in drawn.nodes] == ["one", "one.count", "one.more", "two"]
    assert not drawn.complete


def test_a_tool_that_is_made_of_parts_is_drawn_open() -> None:
    graph = compile_document(
        {
            "flow": "desk",
            "steps": {
                "again": {"loop": {"until": "true", "max": 2}, "steps": {"desk": {"tool": "desk"}}},
                "count": TOOL,
            },
        }
    )
    inside = drawing.Inside(("plan", "inner", "inner/check"), (("plan", "inner", "after"), ("inner", "plan", "loop")))
    drawn = draw(graph, {"desk": inside}.get)
    assert [(node.id, node.label, node.kind, node.parent) for node in drawn.nodes[-3:]] == [
        ("again.desk › plan", "plan", "node", "again.desk"),
        ("again.desk › inner", "inner", "node", "again.desk"),
        ("again.desk › inner/check", "check", "node", "again.desk › inner"),
    ]
    assert edges(drawn) >= {
        ("again.desk › plan", "after", "again.desk › inner"),
        ("again.desk › inner", "loop", "again.desk › plan"),
    }
    assert len(draw(graph).nodes) == len(drawn.nodes) - 3


def test_parts_that_are_too_many_stay_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "MOST_NODES", 2)
    graph = compile_document({"flow": "desk", "steps": {"desk": {"tool": "desk"}}})
    assert len(draw(graph, {"desk": drawing.Inside(("a", "b"))}.get).nodes) == 1
