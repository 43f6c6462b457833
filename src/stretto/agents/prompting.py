"""What a model is asked, from an agent's prompt and what happened before. Pure: who looks back at a step gets the same words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson

from stretto.agents.toolbox import as_text
from stretto.flow.facts import Asked, Fact, ModelAnswered, ToolCalled
from stretto.gateway.provider import Message, ToolCall

if TYPE_CHECKING:
    from stretto.flow.graph import Agent, Template


@dataclass(slots=True)
class Remembered:
    """The turns of earlier attempts, as messages; what the last of them asked for (`left`) is not told yet.

    `known` is what it was given of that, `said` counts the feedback that belongs before it.
    """

    messages: list[Message] = field(default_factory=list[Message])
    turns: int = 0
    left: tuple[Asked, ...] = ()
    known: Mapping[str, ToolCalled] = field(default_factory=dict[str, ToolCalled])
    base: int = 0
    tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    said: int = 0


def opening(agent: Agent, given: Mapping[str, Any]) -> list[Message]:
    """The agent's system message, if it has one, and its prompt, for a step that is given this input."""
    system = [] if agent.system is None else [Message("system", render_text(agent.system, given))]
    return [*system, Message("user", render_text(agent.prompt, given))]


def remembered(history: Sequence[Fact], text: str, feedback: Sequence[str]) -> Remembered:
    """The turns that are over, from their facts, the text that the step had written and the feedback that it had got."""
    past = Remembered()
    called: dict[int, dict[str, ToolCalled]] = {}
    for fact in history:
        if isinstance(fact, ToolCalled):
            called.setdefault(fact.turn, {})[fact.call] = fact
    for fact in history:
        if not isinstance(fact, ModelAnswered):
            continue
        past.messages += told(answered(past))
        if fact.heard > past.said:
            past.messages.append(Message("user", "\n\n".join(feedback[past.said : fact.heard])))
            past.said = fact.heard
        asked = tuple(ToolCall(call.id, call.name, call.arguments) for call in fact.calls)
        past.messages.append(Message("assistant", text[fact.start : fact.end].rstrip("\n"), asked))
        past.turns, past.left, past.known = fact.turn, tuple(fact.calls), called.get(fact.turn, {})
        past.base = min(fact.end, len(text))
        past.tokens += fact.tokens
        past.cost_usd += Decimal(fact.cost_usd)
    return past


def told(called: Sequence[ToolCalled]) -> list[Message]:
    """What calls gave, as the model reads it."""
    return [
        Message("tool", f"Error: {fact.error}" if fact.error else as_text(fact.output), tool_call_id=fact.call)
        for fact in called
    ]


def render_text(template: Template, scope: Mapping[str, Any]) -> str:
    """The template as text; a list or mapping stands as JSON, null as nothing."""
    value = template.render(scope)
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def within(messages: Sequence[Message], window: int | None) -> Iterator[Message]:
    """The messages, where of the results of tools only the last `window` characters are in full."""
    if window is None:
        yield from messages
        return
    left, whole = window, set[int]()
    for index in range(len(messages) - 1, -1, -1):
        if messages[index].role == "tool":
            left -= len(messages[index].text)
            if left >= 0 or not whole:  # the latest stays, however long it is
                whole.add(index)
    for index, message in enumerate(messages):
        if message.role != "tool" or index in whole:
            yield message
        else:
            told = f"[This result of {len(message.text):,} characters is no longer shown. Call the tool again if you need it.]"
            yield Message("tool", told, tool_call_id=message.tool_call_id)


def answered(past: Remembered) -> list[ToolCalled]:
    """What the last turn was given of what it had asked for."""
    return [past.known[asked.id] for asked in past.left if asked.id in past.known]
