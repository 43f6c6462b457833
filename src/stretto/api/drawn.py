"""A flow as nodes and edges, as answers show it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from stretto.flow.drawing import EdgeKind, draw
from stretto.flow.graph import Graph, StepKind


class NodeShown(BaseModel):
    """A step. `id` is its path without indices, such as `build.code`; `parent` is the step that it stands in."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    kind: StepKind
    label: str
    parent: str | None
    agent: str | None
    model: str | None
    tool: str | None
    flow: str | None


class EdgeShown(BaseModel):
    """`to` waits for `from` (`after`), reads its output (`data`), its stream (`each`, `watch`), or what it gave in the turn
    before (`loop`)."""

    source: str = Field(alias="from")
    target: str = Field(alias="to")
    kind: EdgeKind


class GraphShown(BaseModel):
    """A flow to be drawn; outer steps come before inner ones. Not `complete`: it is so large that some sub-flows stay closed."""

    name: str
    nodes: list[NodeShown]
    edges: list[EdgeShown]
    complete: bool


def graph_shown(graph: Graph) -> GraphShown:
    """The graph as answers show it."""
    drawing = draw(graph)
    edges = [
        EdgeShown.model_validate({"from": each.source, "to": each.target, "kind": each.kind}) for each in drawing.edges
    ]
    nodes = [NodeShown.model_validate(each) for each in drawing.nodes]
    return GraphShown(name=graph.name, nodes=nodes, edges=edges, complete=drawing.complete)
