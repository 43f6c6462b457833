"""The voice in which an answer is said: the seam between the dialects (`gateway/served/`) and the door."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from stretto.api.openai.refusals import Dialect
from stretto.gateway.provider import Completion, ToolCallPiece


class Speech(Protocol):
    """Says one answer. What begins a stream comes with its first piece, so that an error may still have a status of its own."""

    def text(self, text: str) -> bytes: ...
    def tool_call(self, piece: ToolCallPiece) -> bytes: ...
    def end(self, completion: Completion) -> bytes: ...
    def broken(self, error: dict[str, Any]) -> bytes: ...
    def whole(self, text: str, completion: Completion) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Voice:
    """A dialect, and what speaks it for an answer of the model that it is given. `model` is what was asked for."""

    dialect: Dialect
    model: str
    speak: Callable[[str], Speech]
