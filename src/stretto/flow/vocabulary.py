"""The words of a flow document: its keys, and the names that no step may take."""

from __future__ import annotations

from typing import get_args

from stretto.flow.graph import SegmentKind, StepKind

FLOW_KEYS = (
    "flow", "description", "input", "types", "agents", "retry", "timeout", "priority", "budget", "concurrency", "steps", "output", "flows",
)  # fmt: skip
AGENT_KEYS = ("model", "prompt", "system", "returns", "temperature", "max_tokens")
KINDS: tuple[StepKind, ...] = get_args(StepKind)
SEGMENTS: tuple[SegmentKind, ...] = get_args(SegmentKind)
COMMON_KEYS = (
    "input", "after", "when", "each", "watch", "on", "retry", "timeout", "optional", "budget", "priority", "model", "returns",
)  # fmt: skip
BODY_KEYS = ("steps", "output")
STEP_KEYS = ("id", *KINDS, *COMMON_KEYS, *BODY_KEYS)
OUTCOMES = ("approve", "reject", "escalate")

SPECIAL_NAMES = frozenset({"input", "item", "index", "needs", "turn", "segment", "text"})
RESERVED = SPECIAL_NAMES | frozenset(
    {
        # CEL (langdef.md, "Identifiers"; and its macros and functions)
        "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop",
        "package", "namespace", "return", "var", "void", "while", "has", "all", "exists", "exists_one", "map", "filter", "size", "type",
        "int", "uint", "double", "bool", "string", "bytes", "list", "timestamp", "duration", "dyn",
        # Jinja
        "and", "or", "not", "is", "none", "set", "with", "self", "range", "elif", "endif", "endfor", "recursive", "caller", "varargs", "kwargs",
        "super", "block", "macro", "include", "extends", "raw",
        # Parts of a run's paths and facts
        "steps", "output", "flow", "run",
    }
)  # fmt: skip
"""Names that mean something already in templates, conditions or paths."""
