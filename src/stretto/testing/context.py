"""A step's context in memory, to try a handler without an engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from stretto.engine.step import Question
from stretto.flow.facts import (
    Aside,
    CallDecided,
    Fact,
    ModelAnswered,
    NodeEnded,
    NodesPassedOver,
    NodeStarted,
    PersonAnswered,
    ToolCalled,
)
from stretto.flow.graph import Block, Graph, Step

_NAMESPACE = UUID(int=0x57_3E_77_0)


@dataclass(frozen=True, slots=True)
class Retraction:
    """The text that was given up from `position` (code points) on."""

    position: int
    reason: str
    text: str


class FakeContext:
    """A `StepContext` whose stream is kept in memory.

    Without a `graph`, one is made that holds just the step. `feedback` is what was said before the attempt;
    `give_feedback` adds to it while the handler works. `chunks` are the writes as they came, `retractions`
    what was given up.
    """

    def __init__(  # noqa: PLR0913 - all that a context has
        self,
        step: Step,
        *,
        graph: Graph | None = None,
        input: Mapping[str, Any] | None = None,
        kept: str = "",
        feedback: Sequence[str] = (),
        path: str | None = None,
        attempt: int = 1,
        priority: int = 2,
        history: Sequence[Fact] = (),
    ) -> None:
        self.tenant_id = uuid5(_NAMESPACE, "tenant")
        self.run_id = uuid5(_NAMESPACE, "run")
        self.path = path or step.id
        self.attempt = attempt
        self.step = step
        self.graph = self.root = graph or graph_of(step)
        self.input = input or {}
        self.kept = kept
        self.priority = priority
        self.chunks: list[list[str]] = []
        self.retractions: list[Retraction] = []
        self.calls: list[CallDecided] = []
        self.nodes: list[NodeStarted | NodeEnded | NodesPassedOver] = []
        self.history: Sequence[Fact] = tuple(history)
        self.written: list[ModelAnswered | ToolCalled] = []
        self.questions: list[Question] = []
        self._text = kept
        self._feedback = list(feedback)

    @property
    def idempotency_key(self) -> str:
        """The same in every attempt of this step."""
        return str(uuid5(self.run_id, self.path))

    @property
    def text(self) -> str:
        """All that the step has written and not given up, `kept` included."""
        return self._text

    @property
    def tokens(self) -> list[str]:
        """All tokens that were ever written, in order."""
        return [token for chunk in self.chunks for token in chunk]

    def write(self, tokens: list[str]) -> None:
        """Add tokens to the text."""
        self.chunks.append(list(tokens))
        self._text += "".join(tokens)

    async def drain(self) -> None:
        """Return at once: there is no disk."""

    def retract(self, position: int, reason: str) -> None:
        """Give up the text from `position` on. Raises `ValueError` when there is no such position."""
        if not 0 <= position <= len(self._text):
            raise ValueError(f"there is no position {position} in a text of {len(self._text)} characters")
        self.retractions.append(Retraction(position, reason, self._text[position:]))
        self._text = self._text[:position]

    def record(self, fact: Aside) -> None:
        """Keep it in `calls`, or in `nodes`."""
        if isinstance(fact, CallDecided):
            self.calls.append(fact)
        else:
            self.nodes.append(fact)

    async def write_down(self, fact: ModelAnswered | ToolCalled) -> None:
        """Keep it in `written`."""
        self.written.append(fact)

    async def ask(self, question: Question, *, rest: bool = False) -> PersonAnswered:
        """Nobody is there: every question is rejected. It is kept in `questions`."""
        self.questions.append(question)
        return PersonAnswered(step=self.path, question=question.key, verdict="reject", by="nobody")

    def has_answer(self, key: str) -> bool:
        """Nobody has answered anything."""
        return False

    def keep_text(self) -> None:
        """Nothing is ever taken back here."""

    def take_feedback(self) -> list[str]:
        """What was said since the last call."""
        taken, self._feedback = self._feedback, []
        return taken

    def give_feedback(self, text: str) -> None:
        """Say something to the step at work."""
        self._feedback.append(text)


def graph_of(step: Step) -> Graph:
    """A graph that holds nothing but this step."""
    return Graph(
        name="test", digest="", document={}, input_schema={}, types={}, agents={}, root=Block(steps={step.id: step})
    )
