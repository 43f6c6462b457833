"""A compiled graph's own nodes and edges, for who draws the flow that hosts it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, cast

from langgraph.constants import END, START
from langgraph.pregel import Pregel  # pyright: ignore[reportMissingTypeStubs] - typed, without the mark

from stretto.flow.drawing import Inside

Compiled = Pregel[Any, Any, Any, Any]
_Way = tuple[str, str, Literal["after", "loop"]]


def parts_of(graph: Compiled) -> Inside:
    """The graph's nodes, those of its sub-graphs within them, and their edges; nothing where LangGraph cannot tell."""
    parts: list[str] = []
    ways: list[_Way] = []
    try:
        _look(graph, "", parts, ways)
    except Exception:  # a graph that works need not be one that can be drawn
        return Inside()
    return Inside(tuple(parts), tuple(ways))


def _look(graph: Compiled, prefix: str, parts: list[str], ways: list[_Way]) -> None:
    drawn = graph.get_graph()
    inner = dict(cast("Iterable[tuple[str, object]]", cast("Any", graph).get_subgraphs()))
    following: dict[str, list[str]] = {name: [] for name in drawn.nodes}
    for edge in drawn.edges:
        following[edge.source].append(edge.target)
    for name in drawn.nodes:
        if name in (START, END):
            continue
        parts.append(prefix + name)
        if isinstance(sub := inner.get(name), Pregel):  # one of another kind may stand on another machine
            _look(cast("Compiled", sub), f"{prefix}{name}/", parts, ways)
    back = _ways_back([*following.get(START, ()), *following], following)
    for source, targets in following.items():
        for target in dict.fromkeys(targets):
            if not {source, target} & {START, END}:
                ways.append((prefix + source, prefix + target, "loop" if (source, target) in back else "after"))


def _ways_back(starts: Sequence[str], following: Mapping[str, Sequence[str]]) -> set[tuple[str, str]]:
    """The edges that lead back to where a walk along the edges came from."""
    back: set[tuple[str, str]] = set()
    seen: set[str] = set()
    for start in starts:
        if start in seen:
            continue
        seen.add(start)
        walk = {start: iter(following[start])}  # the way here, in order
        while walk:
            here = next(reversed(walk))
            target = next(walk[here], None)
            if target is None:
                del walk[here]
            elif target in walk:
                back.add((here, target))
            elif target not in seen:
                seen.add(target)
                walk[target] = iter(following[target])
    return back
