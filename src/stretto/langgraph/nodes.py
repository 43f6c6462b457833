"""What the nodes of a hosted graph do, as facts of the step: which are at work, how long each took, which failed."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from weakref import WeakKeyDictionary

from stretto.engine.step import StepContext
from stretto.errors import StrettoError
from stretto.flow.facts import NodeEnded, NodesPassedOver, NodeStarted
from stretto.flow.graph import ToolCall

MODES = ("tasks", "updates")
"""What LangGraph has to stream for it: tasks say when nodes begin and end, updates which of them were done before."""
MOST_NODES = 500
"""So many nodes of an attempt are told of one by one: two facts each, and a journal of a thousand rows is still read at once."""
MOST_FAILURES = 100
"""So many failures are told of beyond."""
MOST_CHARS = 500
"""So much of an error is told: the step's own failure has all of it."""

Outcome = Literal["done", "failed", "interrupted", "cut_off"]
_Space = tuple[str, ...]


@dataclass(slots=True)
class _Task:
    """A node at work. Of two with the same name in the same place nobody can tell which is which."""

    id: str
    space: _Space
    name: str
    began: float
    told: bool = False


class _Pool:
    """Tasks by their ids, and by place and name."""

    def __init__(self) -> None:
        self.tasks: dict[str, _Task] = {}
        self._alike: dict[tuple[_Space, str], dict[str, _Task]] = {}

    def add(self, task: _Task) -> None:
        self.tasks[task.id] = task
        self._alike.setdefault((task.space, task.name), {})[task.id] = task

    def take(self, id: str | None, space: _Space, name: str) -> _Task | None:
        """The task of this id, or else one that has this name in this place; it is in the pool no more."""
        task = None if id is None else self.tasks.pop(id, None)
        alike = self._alike.get((space, name), {})
        if task is not None:
            del alike[task.id]
        elif alike:
            task = self.tasks.pop(alike.popitem()[0])
        if not alike:
            self._alike.pop((space, name), None)
        return task


@dataclass(slots=True)
class _Told:
    """What was told of an attempt, in which an agent may call several graphs."""

    nodes: int = 0
    failures: int = 0


_TOLD: WeakKeyDictionary[StepContext, _Told] = WeakKeyDictionary()


class Nodes:
    """Listens to one stretch of a graph's work, and records what its nodes do.

    When a graph goes on after an answer or a failure, LangGraph says of nodes that were done before that they begin, and right
    after that nothing is to be done. So beginnings are held back until the stream has nothing more to give at once.
    """

    def __init__(self, ctx: StepContext, name: str) -> None:
        self._ctx = ctx
        # The graph is the step, or one of the tools of the step's agent.
        self._outer = "" if isinstance(ctx.step.call, ToolCall) else name
        self._told = _TOLD.setdefault(ctx, _Told())
        self._held = _Pool()
        self._open = _Pool()
        self._within: Counter[_Space] = Counter()  # how many are open in a sub-graph, so that nobody looks in vain
        self._at_work: dict[str, _Space] = {}  # what each task holds: its own namespace
        self._asks = False

    def hear(self, space: _Space, mode: Literal["tasks", "updates"], payload: Mapping[str, Any]) -> bool:
        """Take what LangGraph streams in one of `MODES`, with the namespace that it comes from.

        Tells whether a step begins of a graph that is all that is at work, so that what was at work before is done, and in a checkpoint.
        """
        if mode == "updates":
            if payload.get("__metadata__", {}).get("cached"):
                for name in payload:
                    self._done_before(space, name)
        elif "result" in payload:
            self._at_work.pop(payload["id"], None)
            self._end(space, payload)
        else:
            self._begin(_Task(payload["id"], space, payload["name"], time.monotonic()))
            alone = all(space[: len(held)] == held for held in self._at_work.values())
            self._at_work[payload["id"]] = (*space, f"{payload['name']}:{payload['id']}")
            return alone
        return False

    def end(self) -> None:
        """The graph works no more, for now: nobody is at work any longer."""
        self._tell_held()
        for task in [*self._open.tasks.values()]:
            self._close(task, "interrupted" if self._asks else "cut_off")

    def _begin(self, task: _Task) -> None:
        if not self._held.tasks:
            asyncio.get_running_loop().call_soon(self._tell_held)
        self._held.add(task)

    def _done_before(self, space: _Space, name: str) -> None:
        if (task := self._held.take(None, space, name)) is None:
            if (task := self._open.take(None, space, name)) is None:
                return
            self._ended(task, "done")  # a graph in a thread of its own says it later
        self._at_work.pop(task.id, None)

    def _end(self, space: _Space, payload: Mapping[str, Any]) -> None:
        self._tell_held()
        id, name, error = payload["id"], payload["name"], payload["error"]
        if (task := self._open.take(id, space, name)) is None:
            return
        if self._within[inside := (*space, f"{name}:{id}")]:
            for other in [each for each in self._open.tasks.values() if each.space[: len(inside)] == inside]:
                self._close(other, "interrupted" if payload["interrupts"] else "cut_off")
        if error is not None:
            self._ended(task, "failed", _words(error))
        elif payload["interrupts"]:
            self._asks = True
            self._ended(task, "interrupted")
        else:
            self._ended(task, "done")

    def _close(self, task: _Task, outcome: Outcome) -> None:
        self._open.take(task.id, task.space, task.name)
        self._ended(task, outcome)

    def _ended(self, task: _Task, outcome: Outcome, error: str = "") -> None:
        for around in _prefixes(task.space):
            self._within[around] -= 1
            if not self._within[around]:
                del self._within[around]
        self._tell_end(task, outcome, error)

    # What is told

    def _tell_held(self) -> None:
        held, self._held = self._held, _Pool()
        for task in held.tasks.values():
            self._open.add(task)
            self._within.update(_prefixes(task.space))
            if self._told.nodes < MOST_NODES:
                self._told.nodes += 1
                task.told = True
                where = _where(task, self._outer)
                self._ctx.record(NodeStarted(step=self._ctx.path, attempt=self._ctx.attempt, **where))
            elif self._told.nodes == MOST_NODES:
                self._told.nodes += 1
                self._ctx.record(NodesPassedOver(step=self._ctx.path, attempt=self._ctx.attempt, after=MOST_NODES))

    def _tell_end(self, task: _Task, outcome: Outcome, error: str = "") -> None:
        if not task.told:
            if outcome != "failed" or self._told.failures >= MOST_FAILURES:
                return
            self._told.failures += 1
        self._ctx.record(
            NodeEnded(
                step=self._ctx.path,
                attempt=self._ctx.attempt,
                took_s=round(time.monotonic() - task.began, 3),
                outcome=outcome,
                error=error,
                **_where(task, self._outer),
            )
        )


def _prefixes(space: _Space) -> Iterator[_Space]:
    return (space[:length] for length in range(1, len(space) + 1))


def _where(task: _Task, outer: str) -> dict[str, str]:
    """The fields that name a node: of a namespace, `ingestion:TASK` and the like, the names alone."""
    names = [part.split(":")[0] for part in task.space if not part.isdigit()]
    inside = "/".join(name for name in (outer, *names) if name)
    return {"task": task.id.replace("-", "")[:12], "node": task.name[:MOST_CHARS], "inside": inside[:MOST_CHARS]}


def _words(error: object) -> str:
    """An error in one short text."""
    if isinstance(error, StrettoError):
        text = error.message
    else:
        text = f"{type(error).__name__}: {error}".rstrip(": ") if isinstance(error, BaseException) else str(error)
    return text if len(text) <= MOST_CHARS else f"{text[:MOST_CHARS]}…"
