"""What a graph asks people with `interrupt()`, as reviews, and what people decide, as what the graph is resumed with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.types import Interrupt

from stretto.engine.step import Question
from stretto.flow.facts import PersonAnswered
from stretto.langgraph.store import Control
from stretto.tools.function import to_json

INTERRUPT, RESUME, ERROR = "__interrupt__", "__resume__", "__error__"
"""The channels of LangGraph that tell what has happened to a task (`langgraph.checkpoint.serde.types`)."""
CONTENT_TYPE = "question of a graph"
_ASKS = ("question", "message", "prompt", "query", "task", "description")
"""Under which of its names an interrupt's mapping holds what is asked, as LangGraph's examples have it."""

Resume = Callable[[Any, PersonAnswered], Any]
"""What `interrupt()` shall give: of its value, and of what a person has decided."""


def question_of(name: str, interrupt: Interrupt[Any], key: str, rules: Mapping[str, Any]) -> Question:
    """What the inbox shows of an interrupt."""
    shown = to_json(name, interrupt.value)
    review: dict[str, Any] = {
        "content_type": CONTENT_TYPE,
        "because": {"reasons": [f"The graph {name!r} asks this, and goes on with what you decide."], "graph": name},
        "rules": dict(rules),
    }
    if isinstance(interrupt.response_schema, dict):
        review["form"] = interrupt.response_schema
    return Question(key=key, text=_text(name, shown), show=shown, review=review)


@dataclass(frozen=True, slots=True)
class Asker:
    """The task that has asked something: a digest of what it was resumed with so far, and whether it has failed."""

    resumed: str = ""
    failed: bool = False


def askers_of(controls: Sequence[Control], serde: SerializerProtocol) -> dict[str, Asker]:
    """By the ids of interrupts, who has asked. An interrupt of a sub-graph is known to the tasks around it as well; the innermost asks."""
    tasks: dict[tuple[str, str], dict[str, Control]] = {}
    for control in controls:
        tasks.setdefault((control.ns, control.task_id), {})[control.channel] = control
    found: dict[str, tuple[int, Asker]] = {}
    for (ns, _), told in tasks.items():
        if (asked := told.get(INTERRUPT)) is None:
            continue
        resumed = told.get(RESUME)
        digest = "" if resumed is None else hashlib.sha256(resumed.value).hexdigest()
        asker, depth = Asker(digest, ERROR in told), len(ns)
        raised: Any = serde.loads_typed((asked.type, asked.value))
        for interrupt in cast("Sequence[Interrupt[Any]]", raised if isinstance(raised, list | tuple) else [raised]):
            if interrupt.id not in found or found[interrupt.id][0] < depth:
                found[interrupt.id] = depth, asker
    return {id: asker for id, (_, asker) in found.items()}


def key_of(step: str, interrupt: Interrupt[Any], checkpoint_id: str, resumed: str) -> str:
    """What tells this question from others of the step, and is the same when another attempt comes to it again.

    A node that asks twice has the same interrupt id twice; what it was resumed with before (`Asker.resumed`) tells them apart.
    """
    words = orjson.dumps([interrupt.id, checkpoint_id, resumed])
    return f"{step}?{hashlib.sha256(words).hexdigest()[:24]}"


def resume_with(value: Any, answer: PersonAnswered) -> Any:
    """What `interrupt(value)` gives where the graph's host says nothing else.

    Approved: what the person made of the value, or True where it is as it was. Changes asked for: the comments. Rejected: False.
    LangChain's `HumanInTheLoopMiddleware` gets the decisions that it expects.
    """
    plain: object = value
    if isinstance(plain, dict) and "action_requests" in plain:
        return {"decisions": _decisions(cast("dict[str, Any]", plain), answer)}
    if answer.verdict == "approve":
        return True if answer.value is None or _same(answer.value, value) else answer.value
    return answer.comments if answer.verdict == "changes" else False


def _decisions(value: Mapping[str, Any], answer: PersonAnswered) -> list[dict[str, Any]]:
    asked: list[dict[str, Any]] = value["action_requests"]
    if answer.verdict != "approve":
        said = {"message": answer.comments} if answer.comments else {}
        return [{"type": "reject", **said} for _ in asked]
    value_given: object = answer.value
    approved = cast("dict[str, Any]", value_given) if isinstance(value_given, dict) else {}
    given: list[dict[str, Any]] = approved.get("action_requests") or []
    edited = given if len(given) == len(asked) else asked
    return [
        {"type": "approve"}
        if _same(new, old)
        else {"type": "edit", "edited_action": {"name": new["name"], "args": new["args"]}}
        for old, new in zip(asked, edited, strict=True)
    ]


def _same(one: object, other: object) -> bool:
    return to_json("", one) == to_json("", other)


def _text(name: str, shown: Any) -> str:
    if isinstance(shown, str):
        return shown
    if isinstance(shown, dict):
        held = cast("dict[str, Any]", shown)
        found = next((held[key] for key in _ASKS if isinstance(held.get(key), str)), None)
        if found:
            return found
    return f"The graph {name!r} asks for a decision."
