"""What the models of a graph's nodes say, as the text of the step: one after the other, though several may speak at once."""

from __future__ import annotations

from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage

from stretto.engine.step import StepContext


class Voices:
    """Lets a step say what its graph's models say. Who begins first is heard first; the others' texts follow, each whole."""

    def __init__(self, ctx: StepContext) -> None:
        self._ctx = ctx
        self._waiting: dict[str, list[str]] = {}
        self._speaker: str | None = None
        self._over: set[str] = set()

    def hear(self, message: BaseMessage) -> None:
        """Take a message, or a piece of one. Only what models say is said."""
        if not isinstance(message, AIMessage):
            return
        id = message.id or ""
        if text := _text(message):
            if self._speaker is None:
                self._begin(id)
            if id == self._speaker:
                self._ctx.write([text])
            else:
                self._waiting.setdefault(id, []).append(text)
        if not isinstance(message, AIMessageChunk) or message.chunk_position == "last":
            self._end(id)

    def end(self) -> None:
        """Say what is left."""
        for id, texts in self._waiting.items():
            self._begin(id)
            self._ctx.write(texts)
        self._waiting.clear()
        self._speaker = None

    def _begin(self, id: str) -> None:
        text = self._ctx.text
        if text and not text.endswith("\n"):
            self._ctx.write(["\n\n"])
        self._speaker = id

    def _end(self, id: str) -> None:
        if id != self._speaker:
            if id in self._waiting:
                self._over.add(id)
            return
        self._speaker = None
        for other in list(self._waiting):
            self._begin(other)
            self._ctx.write(self._waiting.pop(other))
            if other not in self._over:
                return
            self._over.discard(other)
            self._speaker = None


def _text(message: AIMessage) -> str:
    content = cast("str | list[str | dict[str, Any]]", message.content)
    if isinstance(content, str):
        return content
    parts = (part if isinstance(part, str) else part.get("text", "") for part in content)
    return "".join(part for part in parts if isinstance(part, str))
