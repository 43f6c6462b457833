"""A flow with everything that can be interrupted, and answers to it that depend on nothing but the question.

However often its worker dies, its output and the text of its steps are the same. The writer of `draft`
keeps silent after a bad line until somebody steers it, so that how far it comes is no matter of timing.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from stretto.flow.compile import compile_document
from stretto.gateway.provider import ModelRequest
from stretto.tools import Tools
from tests.crash.played import Part, step_of

DRAFT = "good one\ngood two\ngood three\n"
PLAN = {
    "tasks": [{"id": "a"}, {"id": "b", "needs": ["a"]}, {"id": "c", "needs": ["a"]}, {"id": "d", "needs": ["b", "c"]}]
}

INNER: Mapping[str, Any] = {
    "flow": "inner",
    "input": {"word": {"type": "string"}},
    "steps": {"inside": {"tool": "note", "input": {"text": "{{ input.word }}"}}},
}
STEPS: Mapping[str, Any] = {
    "plan": {"agent": "planner", "input": {"task": "{{ input.task }}"}},
    "words": {
        "map": {"over": "{{ ['red', 'green'] }}", "concurrency": 1},
        "steps": {"say": {"tool": "note", "input": {"text": "{{ item }}"}}},
    },
    "tasks": {
        "map": {"tasks": "{{ plan.tasks }}"},
        "steps": {"work": {"tool": "note", "input": {"text": "{{ item.id }}{{ needs | values | join('') }}"}}},
    },
    "build": {
        "loop": {"until": "verdict.approved", "max": 3},
        "steps": {
            "code": {"agent": "coder", "input": {"turn": "{{ turn }}"}},
            "lines": {"tool": "note", "input": {"text": "{{ segment | trim }}"}, "each": {"of": "code", "by": "line"}},
            "verdict": {"agent": "judge", "input": {"turn": "{{ turn }}", "lines": "{{ lines | join(' ') }}"}},
        },
        "output": "{{ lines | join(' ') }}",
    },
    "draft": {"agent": "drafter", "input": {"task": "{{ input.task }}"}},
    "guard": {"agent": "guard", "watch": {"of": "draft", "every": "line"}, "on": {"reject": {"steer": "draft"}}},
    "nap": {"wait": {"for": "100ms"}, "after": ["words", "tasks", "build", "draft", "guard"]},
    "choice": {
        "branch": [
            {"when": "size(words) > 5", "steps": {"never": {"tool": "note", "input": {"text": "never"}}}},
            {"steps": {"sub": {"flow": "inner", "input": {"word": "{{ words[0] }}"}}}},
        ],
        "after": ["nap"],
    },
    "last": {"tool": "note", "input": {"text": "{{ choice }}"}},
}
AGENTS: Mapping[str, Any] = {
    "planner": {"model": "m", "prompt": "Plan {{ task }}.\n", "returns": "Plan"},
    "coder": {"model": "m", "prompt": "Code, turn {{ turn }}.\n"},
    "judge": {"model": "m", "prompt": "Judge {{ lines }} in turn {{ turn }}.\n", "returns": "Verdict"},
    "drafter": {"model": "m", "prompt": "Draft {{ task }}.\n"},
    "guard": {"model": "m", "prompt": "Watch:\n{{ text }}", "returns": "Verdict"},
}
OUTPUT = "{{ [words, tasks, build, draft, guard.approved, nap.timed_out, choice, last] | tojson }}"
GRAND = compile_document(
    {
        "flow": "grand",
        "input": {"task": {"type": "string"}},
        "agents": AGENTS,
        "flows": {"inner": INNER},
        "steps": STEPS,
        "output": OUTPUT,
    }
)


def play(request: ModelRequest) -> str | Mapping[str, Any] | Sequence[Part]:
    """The answer to a request of this flow."""
    asked = request.messages[0].text
    match step_of(request):
        case "plan":
            return PLAN
        case "code":
            return "".join(f"line {number} of {asked.split()[-1]}\n" for number in range(1, 4))
        case "verdict":
            return {"approved": "turn 2" in asked, "comments": asked}
        case "guard":
            return {"approved": "BAD" not in asked, "comments": "no BAD"}
        case _:
            if any("no BAD" in message.text for message in request.messages):
                kept = next((message.text for message in request.messages if message.role == "assistant"), "")
                return DRAFT[len(kept) :]
            return ["good ", "one\n", "BAD ", "two\n", None]


def noting_tools(effects: Path) -> Tools:
    """The tool `note`, whose effect is a line in a file: the key, the text, and the process."""
    return Tools({"note": noting(effects)})


def noting(effects: Path) -> Callable[..., Any]:
    """The function behind `note`."""

    async def note(text: str, idempotency_key: str) -> str:
        line = f"{idempotency_key}\t{text}\t{os.getpid()}\n"
        descriptor = os.open(effects, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)
        await asyncio.sleep(0.005)
        return f"<{text}>"

    return note
