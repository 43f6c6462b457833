"""Small flows for tests, written as YAML, compiled without files."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

from stretto.documents.plain import Json
from stretto.documents.problems import Problems
from stretto.errors import FlowInvalid, Problem
from stretto.flow import Graph, compile_document
from stretto.flow.graph import Block, BranchCall, LoopCall, MapCall, Step
from stretto.flow.parse import parse

AGENTS = """
agents:
  writer: {model: fast, prompt: "{# reads what it is given #}{{ topic | default('nothing') }}"}
  reader: {model: fast, prompt: "{{ segment }}"}
  critic: {model: strong, prompt: "{{ draft | default('nothing') }}", returns: Verdict}
  sentinel: {model: fast, prompt: "{{ text }}", returns: Verdict}
  scorer: {model: strong, prompt: "{{ draft | default('nothing') }}", returns: Judgement}
  planner: {model: strong, prompt: "{{ goal | default('nothing') }}", returns: Plan}
"""


def document(steps: str, more: str = "") -> dict[str, Json]:
    """A document with the agents above, these steps, and more keys."""
    text = f"flow: sketch\n{AGENTS}\n{textwrap.dedent(more)}\nsteps:\n{textwrap.indent(textwrap.dedent(steps), '  ')}\n"
    problems = Problems()
    read = parse(text.encode(), "sketch", problems)
    assert read is not None, problems.found
    assert not problems.found, problems.found
    return read[0]


def graph(steps: str, more: str = "") -> Graph:
    """The graph of such a document."""
    return compile_document(document(steps, more))


def problems(steps: str, more: str = "") -> list[Problem]:
    """What is wrong with such a document; nothing when it is sound."""
    return problems_of(document(steps, more))


def problems_of(flow: Mapping[str, Json]) -> list[Problem]:
    """What is wrong with a document."""
    try:
        compile_document(flow)
    except FlowInvalid as error:
        return error.problems
    return []


def blocks(step: Step) -> list[Block]:
    """The blocks inside a step."""
    match step.call:
        case LoopCall() | MapCall():
            return [step.call.body]
        case BranchCall():
            return [case.body for case in step.call.cases]
        case _:
            return []


def find(block: Block, name: str) -> Step:
    """A step anywhere in a block."""
    if name in block.steps:
        return block.steps[name]
    for step in block.steps.values():
        for inner in blocks(step):
            try:
                return find(inner, name)
            except LookupError:
                continue
    raise LookupError(name)
