"""A model that plays its answers with pauses, and can keep silent in mid-answer for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from stretto.gateway.provider import Completion, ModelRequest, TokenSink
from stretto.gateway.tokens import split_tokens

Part = str | float | None
"""A token; a pause in seconds; or None: nothing more comes, and the answer never ends."""
Play = Callable[[ModelRequest], str | Mapping[str, Any] | Sequence[Part]]


class PlayedModel:
    """A `ModelProvider` whose answers depend on the request alone."""

    name = "played"
    simulated = True

    def __init__(self, play: Play, *, token_s: float = 0.0) -> None:
        """`token_s` is the pause after each token."""
        self._play = play
        self._token_s = token_s
        self.requests: list[ModelRequest] = []
        self.active = 0

    async def complete(self, request: ModelRequest, sink: TokenSink) -> Completion:
        """Answer; the contract is that of `ModelProvider`."""
        self.requests.append(request)
        self.active += 1
        try:
            for part in to_parts(self._play(request)):
                if isinstance(part, str):
                    sink.write([part])
                    await asyncio.sleep(self._token_s)
                elif part is None:
                    await asyncio.Event().wait()
                else:
                    await asyncio.sleep(part)
        finally:
            self.active -= 1
        return Completion(model="played", provider="played", simulated=True)

    async def close(self) -> None:
        """Nothing is held."""


def to_parts(answer: str | Mapping[str, Any] | Sequence[Part]) -> Sequence[Part]:
    """An answer as parts: a text by tokens, a mapping as JSON."""
    if isinstance(answer, Mapping):
        answer = orjson.dumps(answer).decode()
    return split_tokens(answer) if isinstance(answer, str) else answer


def step_of(request: ModelRequest) -> str:
    """The plain id of the step that asks."""
    return request.caller.step_id
