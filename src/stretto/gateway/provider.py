"""The port to models: one call, text pushed into a sink as it arrives.

Text is pushed (`sink.write`), not pulled, so that a token on the wire costs one plain
function call and no task switch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec


class Message(msgspec.Struct, frozen=True):
    """One turn of a conversation with a model."""

    role: Literal["system", "user", "assistant"]
    content: str


class ModelRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is asked. `model` is a route such as `fast`; `returns` the JSON Schema of a structured answer."""

    model: str
    messages: Sequence[Message]
    returns: Mapping[str, Any] | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    idempotency_key: str = ""
    metadata: Mapping[str, str] = {}


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """How a call ended. Token counts are the provider's; `cost_usd` 0 for a model that costs nothing."""

    model: str
    provider: str
    stop_reason: Literal["end", "length", "filter"] = "end"
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    simulated: bool = False


class TokenSink(Protocol):
    """Takes text as it arrives."""

    def write(self, tokens: list[str]) -> None:
        """Take these tokens (pieces of text, in order). Never blocks."""
        ...


class ModelProvider(Protocol):
    """A model that answers.

    Contract: `complete` pushes the answer's text into `sink` as it arrives, in order, and returns once
    it has ended. It raises a `ModelError` (`Transient` when trying again is sensible), also after text
    was written: the caller retracts. Cancelling it ends the call and closes its connection. It keeps
    no state of the call and may be used by many tasks at once.
    """

    @property
    def name(self) -> str: ...
    @property
    def simulated(self) -> bool: ...
    async def complete(self, request: ModelRequest, sink: TokenSink) -> Completion: ...
    async def close(self) -> None: ...
