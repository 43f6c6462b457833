"""A flow as nodes and edges, for who draws it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from stretto.flow.graph import (
    AgentCall,
    Block,
    BranchCall,
    FlowCall,
    Graph,
    JudgeCall,
    LoopCall,
    MapCall,
    Step,
    StepKind,
    ToolCall,
)

MOST_NODES = 2_000
"""So many steps are drawn; sub-flows beyond them stay closed."""

EdgeKind = Literal["after", "data", "each", "watch", "loop"]
NodeKind = StepKind | Literal["node"]
"""A step's kind; `node` is a part of what a step calls."""


@dataclass(frozen=True, slots=True)
class Inside:
    """What a tool is made of: parts by their names, outer ones before inner ones (`ingestion`, `ingestion/validate`), and which
    follows which (`after`), also back to one before it (`loop`)."""

    parts: tuple[str, ...] = ()
    ways: tuple[tuple[str, str, Literal["after", "loop"]], ...] = ()


InsideOf = Callable[[str], Inside | None]
"""What the tool of this name is made of, if that is known."""


@dataclass(frozen=True, slots=True)
class Node:
    """A step; `id` is its path without indices. `model` is the route or deployment that answers it.

    A part of the tool that a step calls has the id `STEP › PART`.
    """

    id: str
    kind: NodeKind
    label: str
    parent: str | None = None
    agent: str | None = None
    model: str | None = None
    tool: str | None = None
    flow: str | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """`target` waits for `source` (`after`), reads its output (`data`), its stream (`each`, `watch`), or what it gave in the
    turn before (`loop`)."""

    source: str
    target: str
    kind: EdgeKind


@dataclass(slots=True)
class Drawing:
    """A flow's nodes, outer ones before inner ones, and edges; not `complete`: some sub-flows are left closed."""

    nodes: list[Node] = field(default_factory=list[Node])
    edges: list[Edge] = field(default_factory=list[Edge])
    complete: bool = True


@dataclass(frozen=True, slots=True)
class _Within:
    """A block, where it stands, the step that holds it, and the block around that, as far as names are seen."""

    block: Block
    prefix: str = ""
    owner: Step | None = None
    around: _Within | None = None


def draw(graph: Graph, inside_of: InsideOf | None = None) -> Drawing:
    """The flow with all that is inside it, tools that are made of parts among it."""
    drawing = Drawing()
    _block(drawing, graph, _Within(graph.root), None)
    if inside_of is not None:
        for node in [node for node in drawing.nodes if node.tool is not None]:
            inside = inside_of(node.tool or "")
            if inside is not None and len(drawing.nodes) + len(inside.parts) <= MOST_NODES:
                _open(drawing, node.id, inside)
    return drawing


def _open(drawing: Drawing, step: str, inside: Inside) -> None:
    """The parts of the tool that a step calls, within the step."""
    for part in inside.parts:
        around, _, label = part.rpartition("/")
        drawing.nodes.append(
            Node(id=f"{step} › {part}", kind="node", label=label, parent=f"{step} › {around}" if around else step)
        )
    drawing.edges += [Edge(f"{step} › {source}", f"{step} › {target}", kind) for source, target, kind in inside.ways]


def _block(drawing: Drawing, graph: Graph, here: _Within, parent: str | None) -> None:
    begin = len(drawing.edges)
    for step in here.block.steps.values():
        path = here.prefix + step.id
        drawing.nodes.append(_node(graph, step, path, parent))
        if step.stream_of is not None:
            drawing.edges.append(Edge(here.prefix + step.stream_of, path, "each" if step.each else "watch"))
        drawing.edges += dict.fromkeys(_reads(step, path, here))
        for body in _bodies(step):
            _block(drawing, graph, _Within(body, f"{path}.", step, here), path)
        if isinstance(step.call, FlowCall):
            inner = step.call.graph
            if len(drawing.nodes) + len(inner.root.steps) > MOST_NODES:
                drawing.complete = False
            else:
                _block(drawing, inner, _Within(inner.root, f"{path}."), path)
    inside = drawing.edges[begin:]
    for step in here.block.steps.values():
        drawing.edges += _waits(step, here, inside)
    if here.block.is_loop and parent is not None and here.block.steps and not any(e.kind == "loop" for e in inside):
        names = list(here.block.steps)
        drawing.edges.append(Edge(here.prefix + names[-1], here.prefix + names[0], "loop"))


def _node(graph: Graph, step: Step, path: str, parent: str | None) -> Node:
    call = step.call
    agent = graph.agents[call.agent] if isinstance(call, AgentCall | JudgeCall) else None
    return Node(
        id=path,
        kind=step.kind,
        label=step.id,
        parent=parent,
        agent=None if agent is None else agent.name,
        model=None if agent is None else step.model or agent.model,
        tool=call.tool if isinstance(call, ToolCall) else None,
        flow=call.flow if isinstance(call, FlowCall) else None,
    )


def _bodies(step: Step) -> Iterator[Block]:
    call = step.call
    if isinstance(call, LoopCall | MapCall):
        yield call.body
    elif isinstance(call, BranchCall):
        yield from (case.body for case in call.cases)


def _reads(step: Step, path: str, here: _Within) -> Iterator[Edge]:
    """Whose outputs the step's templates and expressions read."""
    for name in sorted(step.names):
        found = _named(name, step, here)
        # What stands inside the step is read by its `until` alone, and that is no way from one step to another.
        if found is not None and not found[0].startswith(f"{path}."):
            yield Edge(found[0], path, found[1])


def _named(name: str, step: Step, here: _Within) -> tuple[str, EdgeKind] | None:
    """The path of the step that a name means here, and whether its value is that of the turn before."""
    at, reader = here, step
    while True:
        if name in at.block.steps or name in at.block.inner:
            way = [*at.block.inner.get(name, ()), name]
            return at.prefix + ".".join(way), "loop" if name in reader.previous else "data"
        if at.around is None or at.owner is None:
            return None
        at, reader = at.around, at.owner


def _waits(step: Step, here: _Within, edges: list[Edge]) -> Iterator[Edge]:
    """What the step waits for without anything in it reading it."""
    target = here.prefix + step.id
    for needed in step.after:
        source = here.prefix + needed
        if not any(_is_in(edge.source, source) and _is_in(edge.target, target) for edge in edges):
            yield Edge(source, target, "after")


def _is_in(path: str, container: str) -> bool:
    return path == container or path.startswith(f"{container}.")
