"""Contexts for the tests of this folder."""

from typing import Any

from stretto.flow.compile import compile_document
from stretto.testing import FakeContext


def context_for(
    step: dict[str, Any] | None = None, *, agent: dict[str, Any] | None = None, types: Any = None, **context: Any
) -> FakeContext:
    """A context for the step `essay` of a flow that is made from these parts."""
    writer = {"model": "strong", "prompt": "Write about {{ topic }}."} | (agent or {})
    names = context.get("input", {"topic": "tides"})
    document: dict[str, Any] = {
        "flow": "test",
        "agents": {"writer": writer},
        "steps": {"essay": {"input": names} | (step or {"agent": "writer"})},
    }
    if types:
        document["types"] = types
    graph = compile_document(document)
    return FakeContext(graph.root.steps["essay"], graph=graph, **({"input": names} | context))
