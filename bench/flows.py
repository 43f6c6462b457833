"""The flows and tools that benchmarks of runs use."""

from __future__ import annotations

import random
import time
from typing import Any

from stretto.flow.compile import compile_document
from stretto.flow.graph import Graph
from stretto.tools import Tools

NOTE_CHARS = 100
_WORDS = [
    "agent",
    "answer",
    "between",
    "claim",
    "draft",
    "each",
    "evidence",
    "figure",
    "finds",
    "given",
    "house",
    "index",
    "journal",
    "keeps",
    "later",
    "market",
    "margin",
    "never",
    "notes",
    "order",
    "paper",
    "price",
    "quarter",
    "reader",
    "report",
    "review",
    "second",
    "seller",
    "source",
    "stream",
    "table",
    "tenant",
    "third",
    "under",
    "value",
]
_chance = random.Random(11)

Document = dict[str, Any]


def note() -> str:
    """What a step gives where results count: 100 characters, other ones each time, so that they compress as prose does."""
    return " ".join(_chance.choices(_WORDS, k=NOTE_CHARS // 4))[:NOTE_CHARS]


def chain(length: int, tool: str = "noop") -> Graph:
    """So many steps, one after the other."""
    steps: Document = {}
    for n in range(length):
        steps[f"s{n}"] = {"tool": tool, "after": [f"s{n - 1}"]} if n else {"tool": tool}
    return compile_document({"flow": f"{tool}-{length}", "steps": steps})


def turns(count: int) -> Graph:
    """A loop of so many turns, with one step in its body."""
    body = {"take": {"tool": "note"}}
    return compile_document(
        {"flow": f"turns-{count}", "steps": {"again": {"loop": {"until": "false", "max": count}, "steps": body}}}
    )


def person() -> Graph:
    """A step, a person's decision, a step."""
    steps: Document = {
        "draft": {"tool": "note"},
        "ask": {"review": {"show": "{{ draft }}", "question": "May this be published?"}},
        "publish": {"tool": "noop", "after": ["ask"]},
    }
    return compile_document({"flow": "person", "steps": steps})


class Clock:
    """Tools that do nothing, and remember when they were called."""

    def __init__(self) -> None:
        self.calls: list[float] = []
        self.tools = Tools()
        self.tools.add("noop", self.noop)
        self.tools.add("note", self.note)

    async def noop(self) -> None:
        """Do nothing."""
        self.calls.append(time.perf_counter())

    async def note(self) -> str:
        """Give a text of 100 characters."""
        self.calls.append(time.perf_counter())
        return note()
