"""Stretto: durable, streaming teams of LLM agents. Flows are data; each voice enters before the last has finished.

The names below are the public API; each loads on first use, so that `import stretto` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stretto.engine import Edits, Emitted, Handler, Runs, StepContext, StepResult
    from stretto.errors import FlowInvalid, StrettoError
    from stretto.flow import Flow, Graph, compile_document, load_flow
    from stretto.gateway import ModelProvider
    from stretto.platform import Platform
    from stretto.settings import Settings, load_settings
    from stretto.tools import Tools

_HOMES = {
    "Edits": "engine",
    "Emitted": "engine",
    "Flow": "flow",
    "FlowInvalid": "errors",
    "Graph": "flow",
    "Handler": "engine",
    "ModelProvider": "gateway",
    "Platform": "platform",
    "Runs": "engine",
    "Settings": "settings",
    "StepContext": "engine",
    "StepResult": "engine",
    "StrettoError": "errors",
    "Tools": "tools",
    "compile_document": "flow",
    "load_flow": "flow",
    "load_settings": "settings",
}

__all__ = [
    "Edits",
    "Emitted",
    "Flow",
    "FlowInvalid",
    "Graph",
    "Handler",
    "ModelProvider",
    "Platform",
    "Runs",
    "Settings",
    "StepContext",
    "StepResult",
    "StrettoError",
    "Tools",
    "compile_document",
    "load_flow",
    "load_settings",
]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'stretto' has no attribute {name!r}")
    return getattr(import_module(f"stretto.{home}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
