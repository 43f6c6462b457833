"""The tools that come with Stretto."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from stretto.memory import Memory
from stretto.state import State
from stretto.tools.memory import memory_tools
from stretto.tools.python_test import python_test
from stretto.tools.registry import Tools
from stretto.tools.shared_state import state_tools


def builtin_tools(
    states: Callable[[UUID], State] | None = None, memories: Callable[[UUID], Memory] | None = None
) -> Tools:
    """A registry with `python.test`, `text.count` and `noop`, and, given a tenant's documents and memory, `state.get`,
    `memory.search` and the like."""
    tools = Tools()
    for name, function in {"python.test": python_test, "text.count": count_text, "noop": do_nothing}.items():
        tools.add(name, function, effects="reads")
    if states is not None:
        tools = tools.merge(state_tools(states))
    return tools if memories is None else tools.merge(memory_tools(memories))


async def count_text(text: str) -> dict[str, int]:
    """Count the characters, words, lines and paragraphs of a text.

    Args:
        text: the text to count.
    """
    paragraphs = [part for part in text.split("\n\n") if part.strip()]
    return {
        "characters": len(text),
        "words": len(text.split()),
        "lines": len(text.splitlines()),
        "paragraphs": len(paragraphs),
    }


async def do_nothing(**arguments: Any) -> dict[str, Any]:
    """Return the arguments as they are."""
    return arguments
