"""A flow as nodes and edges, as answers show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from stretto.flow.compile import compile_document
from stretto.flow.drawing import EdgeKind, InsideOf, NodeKind, draw
from stretto.flow.graph import Graph


class NodeShown(BaseModel):
    """A step. `id` is its path without indices, such as `build.code`; `parent` is the step that it stands in. A node of a graph that
    a step hosts has the kind `node` and the id `STEP › NODE`."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    kind: NodeKind
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


def document_shown(document: Mapping[str, Any], inside_of: InsideOf) -> GraphShown:
    """The flow of a document as answers show it."""
    return graph_shown(compile_document(document), inside_of)


def graph_shown(graph: Graph, inside_of: InsideOf | None = None) -> GraphShown:
    """The graph as answers show it."""
    drawing = draw(graph, inside_of)
    edges = [
        EdgeShown.model_validate({"from": each.source, "to": each.target, "kind": each.kind}) for each in drawing.edges
    ]
    nodes = [NodeShown.model_validate(each) for each in drawing.nodes]
    return GraphShown(name=graph.name, nodes=nodes, edges=edges, complete=drawing.complete)
