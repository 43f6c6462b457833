"""The words of a flow document: its keys, and the names that no step may take."""

from __future__ import annotations

from typing import get_args

from stretto.flow.graph import SegmentKind, StepKind

FLOW_KEYS = (
    "flow", "description", "input", "types", "agents", "policies", "retry", "timeout", "priority", "budget", "concurrency", "steps", "output", "remember",
    "flows",
)  # fmt: skip
AGENT_KEYS = ("model", "prompt", "system", "returns", "temperature", "max_tokens", "tools", "limits", "memory")
LIMIT_KEYS = ("turns", "tokens", "cost", "time")
KINDS: tuple[StepKind, ...] = get_args(StepKind)
SEGMENTS: tuple[SegmentKind, ...] = get_args(SegmentKind)
COMMON_KEYS = (
    "input", "after", "when", "each", "watch", "on", "retry", "timeout", "optional", "budget", "priority", "model", "returns",
)  # fmt: skip
BODY_KEYS = ("steps", "output")
STEP_KEYS = ("id", *KINDS, *COMMON_KEYS, *BODY_KEYS)
OUTCOMES = ("approve", "reject", "escalate")

SPECIAL_NAMES = frozenset({"input", "budget", "item", "index", "needs", "turn", "segment", "text"})
RESERVED = SPECIAL_NAMES | frozenset(
    {
        # CEL: reserved words (langdef.md, "Syntax") and the names of its types
        "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop",
        "package", "namespace", "return", "var", "void", "while",
        "bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "type", "uint",
        # Jinja: words of its expressions, and names that it gives a meaning
        "and", "or", "not", "is", "none", "self", "range",
    }
)  # fmt: skip
"""Names that mean something already in templates or conditions."""

REVIEW_KEYS = (
    "show", "question", "because", "content_type", "policy", "media", "mandatory", "deadline", "on_deadline",
    "escalate_after", "escalate_to", "four_eyes", "bulk_from", "assignee",
)  # fmt: skip
