"""Which steps write a flow's output, so that it can be shown while it is written."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stretto.flow.graph import AgentCall, BranchCall, Graph, Step

_NAME = re.compile(r"\{\{-?\s*([a-z][a-z0-9_]*)\s*-?\}\}")
_TRIMS = ("{{-", "-}}")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the output, in the order in which it reads: text that stands there, or what a step writes."""

    text: str = ""
    path: str = ""


def parts_of(graph: Graph) -> list[Part]:
    """The parts of the output up to the first that cannot be shown while it is written.

    Shown are texts of agents that the output holds as they are, `{{ draft }}`, and the words between them. What is reckoned
    from them, what has a type, what is written several times (in loops and maps, for each segment) is not.
    """
    if graph.root.output is None:
        last = list(graph.root.steps)[-1:]
        source = "".join(f"{{{{ {name} }}}}" for name in last)
    else:
        source = graph.root.output.source
    parts: list[Part] = []
    at = 0
    for found in _NAME.finditer(source):
        between = source[at : found.start()]
        path = path_of(graph, found[1])
        if "{" in between or path is None or any(trim in found[0] for trim in _TRIMS):
            return parts
        if between:
            parts.append(Part(text=between))
        parts.append(Part(path=path))
        at = found.end()
    rest = source[at:]
    if rest and parts and "{" not in rest:
        parts.append(Part(text=rest))
    return parts


def path_of(graph: Graph, name: str) -> str | None:
    """The path of a step that writes plain text exactly once; None for any other."""
    block, way = graph.root, ""
    for container in block.inner.get(name, ()):
        call = block.steps[container].call
        if not isinstance(call, BranchCall):
            return None
        found = [case.body for case in call.cases if name in case.body.steps or name in case.body.inner]
        if len(found) != 1:
            return None
        way += f"{container}."
        block = found[0]
    step = block.steps.get(name)
    return way + name if step is not None and writes_text(graph, step) else None


def writes_text(graph: Graph, step: Step) -> bool:
    """Whether the step's output is the text that an agent writes in it."""
    if not isinstance(step.call, AgentCall) or step.each is not None or step.watch is not None:
        return False
    return step.returns is None and graph.agents[step.call.agent].returns is None
