"""What a compiled graph is made of, to be drawn."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("langgraph", reason="the extra langgraph is not installed")

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from stretto.flow.drawing import Inside
from stretto.langgraph import host
from stretto.langgraph.hosted import Compiled
from stretto.tools import Tools


class Note(TypedDict):
    note: str


def nothing(state: Note) -> dict[str, Any]:
    return {}


def further(state: Note) -> str:
    return "done"


def graph() -> Compiled:
    inner = StateGraph(Note)
    inner.add_node("read", nothing)
    inner.add_node("weigh", nothing)
    inner.add_edge(START, "read")
    inner.add_edge("read", "weigh")
    outer = StateGraph(Note)
    outer.add_node("write", nothing)
    outer.add_node("check", inner.compile())
    outer.add_node("send", nothing)
    outer.add_edge(START, "write")
    outer.add_edge("write", "check")
    outer.add_conditional_edges("check", further, {"again": "write", "done": "send", "never": END})
    return outer.compile()


def test_a_graphs_nodes_its_sub_graphs_and_its_way_back_are_told() -> None:
    tools = Tools({"plain": lambda: ""})
    tools.put(host(graph(), name="desk"))
    inside = tools.inside_of("desk")
    assert inside is not None
    assert inside.parts == ("write", "check", "check/read", "check/weigh", "send")
    assert set(inside.ways) == {
        ("write", "check", "after"),
        ("check", "write", "loop"),
        ("check", "send", "after"),
        ("check/read", "check/weigh", "after"),
    }
    assert tools.inside_of("plain") is None
    assert tools.inside_of("nothing") is None


def test_a_graph_that_cannot_be_drawn_is_one_box() -> None:
    class Odd(type(graph())):  # pyright: ignore[reportGeneralTypeIssues, reportUntypedBaseClass]
        def get_graph(self, *args: Any, **kwargs: Any) -> Any:
            raise ValueError("no picture")

    odd = graph()
    odd.__class__ = Odd
    assert host(odd, name="odd").parts() == Inside()
