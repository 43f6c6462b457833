"""Events of a run written by hand, with times of their own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from stretto.cli.score import Score
from stretto.flow import compile_document
from stretto.flow.graph import Graph
from stretto.stream import Cursor, EndEvent, Event, FactEvent, RetractEvent, TextEvent

BEGIN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Tape:
    """Plays events to a score, one after the other; `after` moves the clock."""

    def __init__(self, graph: Graph, *, accepted: bool = True) -> None:
        self.graph = graph
        self.score = Score(graph)
        self.now = BEGIN
        self.seq = 0
        self.events: list[Event] = []
        self._offsets: dict[str, int] = {}
        if accepted:
            self.fact("RunAccepted", flow=graph.name, version=1, input={}, priority=2)
            self.fact("RunClaimed", worker="here/1")

    def after(self, seconds: float) -> Tape:
        self.now += timedelta(seconds=seconds)
        return self

    def fact(self, name: str, step: str | None = None, /, **data: Any) -> Tape:
        self.seq += 1
        return self._play(
            FactEvent(cursor=Cursor(self.seq), seq=self.seq, name=name, step=step, data=data, at=self.now)
        )

    def text(self, step: str, text: str, *, offset: int | None = None, attempt: int = 1) -> Tape:
        start = self._offsets.get(step, 0) if offset is None else offset
        self._offsets[step] = start + len(text)
        return self._play(
            TextEvent(cursor=Cursor(self.seq), step=step, attempt=attempt, offset=start, text=text, at=self.now)
        )

    def retract(self, step: str, offset: int, reason: str = "the model broke off") -> Tape:
        self.seq += 1
        self._offsets[step] = offset
        return self._play(
            RetractEvent(cursor=Cursor(self.seq), seq=self.seq, step=step, from_offset=offset, reason=reason)
        )

    def end(self, status: str = "completed") -> Tape:
        return self._play(EndEvent(cursor=Cursor(self.seq), seq=self.seq, status=status))

    def done(self, step: str, /, tokens: int = 0, **data: Any) -> Tape:
        """The step is completed with its text, as a simulated model ends it."""
        usage: Mapping[str, Any] = {"output_tokens": tokens, "cost_usd": 0.0, "simulated": True}
        return self.fact("StepCompleted", step, **{"of": "text", "usage": usage, **data})

    @property
    def news(self) -> list[str]:
        """What has happened since the last look, as plain lines."""
        return [f"{line.sign} {line.path} {line.told}".replace("  ", " ") for line in self.score.take_news()]

    def _play(self, event: Event) -> Tape:
        self.events.append(event)
        self.score.take(event, self.now)
        return self


def flow(steps: Mapping[str, Any], **more: Any) -> Graph:
    """A graph with an agent `a` that takes no input."""
    return compile_document(
        {"flow": "test", "agents": {"a": {"model": "fast", "prompt": "Write.\n"}}, "steps": steps, **more}
    )


def writers(count: int) -> Graph:
    """A flow of so many agents that all begin at once: `w0`, `w1`, …"""
    return flow({f"w{n}": {"agent": "a"} for n in range(count)})
