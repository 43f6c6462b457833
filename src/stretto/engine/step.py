"""The one callable type that does a step's work, and what it gets and gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from stretto.flow.facts import (
        Aside,
        Fact,
        ModelAnswered,
        PersonAnswered,
        ToolCalled,
    )
    from stretto.flow.graph import Graph, Step


class StepContext(Protocol):
    """What a handler may know and do while it carries out one attempt of one step."""

    tenant_id: UUID
    run_id: UUID
    path: str
    attempt: int
    step: Step
    graph: Graph
    root: Graph
    """The graph of the whole run; `graph` is the one that the step stands in, which a sub-flow has of its own."""
    input: Mapping[str, Any]
    """The step's input, templates rendered; with `each`/`watch` also `segment`, `text`, `index`."""
    kept: str
    """Text that an earlier attempt wrote and that stays: go on after it (empty unless steered)."""
    priority: int
    history: Sequence[Fact]
    """`ModelAnswered` and `ToolCalled` that earlier attempts wrote down; the work goes on after them."""

    @property
    def idempotency_key(self) -> str:
        """The same in every attempt of this step; give it to whatever must not happen twice."""
        ...

    @property
    def text(self) -> str:
        """All that the step has written so far, `kept` included."""
        ...

    def write(self, tokens: list[str]) -> None:
        """Stream text: live at once, on disk within 50 ms. Never blocks; costs no task switch."""
        ...

    async def drain(self) -> None:
        """Wait until what was written is on disk; call it where a handler may run far ahead of the disk."""
        ...

    def retract(self, position: int, reason: str) -> None:
        """Give up the step's own text from `position` (code points) on."""
        ...

    def record(self, fact: Aside) -> None:
        """Write down what happens in this attempt, without waiting. What was decided about a call is also taken when the
        attempt is over, for it cost money; what nodes do is passed over then."""
        ...

    async def write_down(self, fact: ModelAnswered | ToolCalled) -> None:
        """Write down what is over and stays; returns once it is on disk, so that what follows from it may begin.

        The text up to the end of a `ModelAnswered` is kept from then on, also when the attempt fails. Raises `LeaseLost`
        where another process carries the run on.
        """
        ...

    async def ask(self, question: Question, *, rest: bool = False) -> PersonAnswered:
        """Ask a person and wait for the answer. The attempt stays at work meanwhile, and keeps its place in this process.

        With `rest` it ends here instead (it is cancelled) unless the answer is there, and another begins once it is, after the text
        that stands (`keep_text`): for handlers that find their way back to this question, and that have nothing else at work. A
        time-out counts for each attempt alone, so not for the time that a person takes.

        What was answered in an earlier attempt under the same key is given at once. Of several questions of a step, one
        is open at a time. Cancelling it withdraws the question. Raises `LeaseLost` where another process carries the run on.
        """
        ...

    def has_answer(self, key: str) -> bool:
        """Whether the question with this key was answered, in whatever attempt."""
        ...

    def keep_text(self) -> None:
        """What was written so far stands, whatever becomes of this attempt; the next goes on after it. For handlers whose work so
        far is stored, and not done again."""
        ...

    def take_feedback(self) -> list[str]:
        """What was injected since the last call (or since the last attempt), oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class Question:
    """What a person is asked in the middle of an attempt. `key` tells it from the step's other questions, and stays the same
    when another attempt asks it again; `review` is what the inbox needs to know besides (see migration 0019)."""

    key: str
    text: str
    show: Any
    review: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StepResult:
    """What an attempt gave. `output` None with `is_text` means: the text that was streamed is the output."""

    output: Any = None
    is_text: bool = False
    usage: Mapping[str, Any] | None = None
    note: str | None = None
    emits: tuple[Emitted, ...] = ()


@dataclass(frozen=True, slots=True)
class Emitted:
    """An event to deliver in the same transaction as the step's completion."""

    name: str
    key: str = ""
    data: Any = field(default=None)


Handler = Callable[[StepContext], Awaitable[StepResult]]
"""Does one attempt of one step. Raises a `StepError` (or any exception) when it fails;
retry, time-out, budget and tracing are wrappers around it."""
