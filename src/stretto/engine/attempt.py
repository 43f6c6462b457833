"""One attempt of one step: what a handler sees and writes to (`StepContext`)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from stretto.errors import OutputInvalid
from stretto.flow.decide import Start
from stretto.flow.facts import CallDecided

if TYPE_CHECKING:
    from stretto.engine.step import Question
    from stretto.flow.facts import Aside, Fact, ModelAnswered, PersonAnswered, ToolCalled
    from stretto.flow.graph import Graph
    from stretto.stream.text import StepText


class Owner(Protocol):
    """What an attempt needs from the run that it belongs to."""

    tenant_id: UUID
    run_id: UUID
    graph: Graph

    def wrote(self, attempt: Attempt, offset: int, text: str) -> None: ...
    def retract(self, attempt: Attempt, position: int, reason: str) -> None: ...
    def has_answer(self, attempt: Attempt, key: str) -> bool: ...
    def keep(self, attempt: Attempt) -> None: ...
    def record(self, fact: Aside) -> None: ...
    async def write_down(self, fact: Fact) -> None: ...
    async def ask(self, attempt: Attempt, question: Question, *, rest: bool) -> PersonAnswered: ...
    async def drain(self) -> None: ...


def clock_ms() -> int:
    """A clock that never goes back, in milliseconds."""
    return time.monotonic_ns() // 1_000_000


class Attempt:
    """The context that the engine gives to handlers."""

    def __init__(self, owner: Owner, start: Start, text: StepText, priority: int, max_chars: int) -> None:
        self.tenant_id = owner.tenant_id
        self.run_id = owner.run_id
        self.path = start.path
        self.attempt = start.attempt
        self.step = start.step
        self.graph = start.graph
        self.root = owner.graph
        self.input: Mapping[str, Any] = start.input
        self.kept = text.slice(0)
        self.priority = priority
        self.history: Sequence[Fact] = start.history
        self.failures = start.failures
        self.after_seq = 0
        self.is_over = False
        self.says_what_stands = False
        self.task: asyncio.Task[None] | None = None
        self._owner = owner
        self._asking = asyncio.Lock()
        self._text = text
        self._feedback = list(start.feedback)
        self._max_chars = max_chars

    @property
    def idempotency_key(self) -> str:
        return f"{self.run_id}/{self.path}"

    @property
    def text(self) -> str:
        return self._text.slice(0)

    def write(self, tokens: list[str]) -> None:
        """Stream text. Raises `OutputInvalid` when the step's text grows beyond the limit."""
        if self.is_over or not tokens:
            return
        text = self._text
        offset = text.length
        written = text.append(tokens, clock_ms())
        if text.length > self._max_chars:
            raise OutputInvalid(
                f"The text of {self.path} is longer than {self._max_chars} characters. "
                "Ask for less, or raise STRETTO_MAX_TEXT_CHARS."
            )
        if written:
            self._owner.wrote(self, offset, written)

    async def drain(self) -> None:
        await self._owner.drain()

    def retract(self, position: int, reason: str) -> None:
        if not self.is_over and position < self._text.length:
            self._owner.retract(self, position, reason)

    def record(self, fact: Aside) -> None:
        if isinstance(fact, CallDecided) or not self.is_over:
            self._owner.record(fact)

    async def write_down(self, fact: ModelAnswered | ToolCalled) -> None:
        if not self.is_over:
            await self._owner.write_down(fact)

    async def ask(self, question: Question, *, rest: bool = False) -> PersonAnswered:
        async with self._asking:
            return await self._owner.ask(self, question, rest=rest)

    def has_answer(self, key: str) -> bool:
        return self._owner.has_answer(self, key)

    def keep_text(self) -> None:
        if not self.is_over:
            self.says_what_stands = True
            self._owner.keep(self)

    def take_feedback(self) -> list[str]:
        taken, self._feedback = self._feedback, []
        return taken

    def give_feedback(self, text: str) -> None:
        """Let the handler find this at its next turn."""
        self._feedback.append(text)
