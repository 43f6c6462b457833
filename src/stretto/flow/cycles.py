"""Find steps that wait for each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stretto.flow.drafts import DraftBlock, DraftFlow, DraftStep
from stretto.flow.reading import Reader


def check_cycles(reader: Reader, flow: DraftFlow) -> None:
    """Notes one problem for each knot of steps that wait for each other."""
    _check_block(reader, flow.root)
    for step in flow.steps.values():
        for block in step.blocks:
            _check_block(reader, block)


def _check_block(reader: Reader, block: DraftBlock) -> None:
    edges = {key: _needed(step, block) for key, step in block.steps.items()}
    for knot in _knots(edges):
        circle = _circle(edges, knot)
        first = block.steps[circle[0]]
        path = first.after.get(circle[1], (*first.path, "each" if first.each else "watch"))
        shown = " → ".join(f"`{name}`" for name in [*circle, circle[0]])
        why = (
            "a step that reads along with another cannot also be what the other waits for"
            if any(block.steps[name].stream_of in circle for name in circle)
            else ""
        )
        remedy = f"Remove one of these references{'; ' + why if why else ', or put the steps into a `loop`, where a step can read the last turn'}."
        reader.at_value(path, f"these steps wait for each other: {shown}.", remedy)


def _needed(step: DraftStep, block: DraftBlock) -> list[str]:
    needed = [name for name in step.after if name in block.steps]
    if step.stream_of in block.steps and step.stream_of not in needed:
        needed.append(str(step.stream_of))
    return needed


def _circle(edges: Mapping[str, Sequence[str]], knot: Sequence[str]) -> list[str]:
    """One shortest circle through the knot's first step in written order."""
    inside = set(knot)
    start = next(name for name in edges if name in inside)
    came_from: dict[str, str] = {}
    todo = [start]
    for name in todo:
        for needed in edges[name]:
            if needed == start:
                circle = [name]
                while circle[-1] != start:
                    circle.append(came_from[circle[-1]])
                return circle[::-1]
            if needed in inside and needed not in came_from:
                came_from[needed] = name
                todo.append(needed)
    return [start]


def _knots(edges: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Strongly connected parts of more than one step (Tarjan 1972, without recursion)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    knots: list[list[str]] = []
    for root in edges:
        if root in number:
            continue
        work = [(root, 0)]
        while work:
            name, at = work.pop()
            if at == 0:
                number[name] = low[name] = len(number)
                stack.append(name)
                on_stack.add(name)
            for index in range(at, len(edges[name])):
                needed = edges[name][index]
                if needed not in number:
                    work += [(name, index + 1), (needed, 0)]
                    break
                if needed in on_stack:
                    low[name] = min(low[name], number[needed])
            else:
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[name])
                if low[name] == number[name]:
                    knot: list[str] = []
                    while not knot or knot[-1] != name:
                        knot.append(stack.pop())
                        on_stack.discard(knot[-1])
                    if len(knot) > 1:
                        knots.append(knot)
    return knots
