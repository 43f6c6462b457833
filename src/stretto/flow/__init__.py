"""What a flow is: its document, its checks, its graph, and what comes next in a run. Pure, no I/O but reading flow files.

Names load on first use: the records of `graph` and the builder cost nothing, the compiler brings Jinja, CEL and YAML.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stretto.flow.builder import Flow
    from stretto.flow.compile import compile_document, load_flow
    from stretto.flow.graph import Graph
    from stretto.flow.inputs import validate_input, validate_output

_HOMES = {
    "Flow": "builder",
    "Graph": "graph",
    "compile_document": "compile",
    "load_flow": "compile",
    "validate_input": "inputs",
    "validate_output": "inputs",
}

__all__ = ["Flow", "Graph", "compile_document", "load_flow", "validate_input", "validate_output"]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'stretto.flow' has no attribute {name!r}")
    return getattr(import_module(f"stretto.flow.{home}"), name)
