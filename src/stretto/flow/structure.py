"""How the steps of a run hang together: what becomes ready when something ends.

No facts here: `progress.py` turns facts into calls of these operations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

from stretto.flow import facts as f
from stretto.flow.graph import Block, Graph, MapCall, ReviewCall, WaitCall
from stretto.flow.scope import Frame, Status, StepState, TextOf, frame_value

RunStatus = Literal["new", "running", "paused", "completed", "failed", "cancelled"]
WantKind = Literal["start", "open", "close", "wait", "resolve", "drop", "cut_off", "react", "give_up", "finish"]

MAX_INTERRUPTIONS = 5
"""After so many interrupted attempts (the process died) a step is given up: it may be what kills the process."""


MAX_STEERS = 5
"""After so many times that a watcher has cut a step off, its next rejection fails the step."""


@dataclass(frozen=True, slots=True)
class Want:
    """One thing that has to happen: to a step, or (`finish`) to the run."""

    kind: WantKind
    state: StepState | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a block's frames have in common: counts of dependencies, and who depends on and who reads whom."""

    missing: Mapping[str, int]
    dependents: Mapping[str, tuple[str, ...]]
    readers: Mapping[str, tuple[str, ...]]


def _plan(block: Block) -> _Plan:
    dependents: dict[str, list[str]] = {}
    readers: dict[str, list[str]] = {}
    for step in block.steps.values():
        for needed in step.after:
            dependents.setdefault(needed, []).append(step.id)
        if step.stream_of:
            readers.setdefault(step.stream_of, []).append(step.id)
    return _Plan(
        {step.id: len(step.after) for step in block.steps.values()},
        {key: tuple(value) for key, value in dependents.items()},
        {key: tuple(value) for key, value in readers.items()},
    )


class Structure:
    """A run's frames and steps, and how the end of one leads to the start of others. `Progress` is its public face."""

    def __init__(self, graph: Graph, text_of: TextOf, limit: int | None = None, *, keep_turns: bool = False) -> None:
        """`limit` is the most steps at work at once, unless the flow sets its own; `keep_turns` keeps
        the states of a loop's old turns, which nothing refers to but somebody may want to see."""
        self._keep_turns = keep_turns
        self.graph = graph
        self.limit = graph.concurrency or limit
        self.text_of = text_of
        self.status: RunStatus = "new"
        self.priority = graph.priority
        self.root: Frame | None = None
        self.states: dict[str, StepState] = {}
        self.wants: dict[str, Want] = {}
        self.running = 0
        self.failure: StepState | None = None
        self.parent: str | None = None
        self.cost_usd: Decimal = Decimal(0)
        """What the run's calls have cost so far."""
        self._calling: set[str] = set()  # paths whose calls were counted one by one
        self._plans: dict[int, _Plan] = {}

    @property
    def is_over(self) -> bool:
        return self.status in ("completed", "failed", "cancelled")

    def state(self, path: str) -> StepState | None:
        return self.states.get(path)

    def readers_of(self, state: StepState) -> list[StepState]:
        """The `each` and `watch` steps beside a step that read its stream."""
        if state.reader is not None:
            return []
        names = self._plan_of(state.frame.block).readers.get(state.step.id, ())
        return [state.frame.states[name] for name in names]

    # Frames

    def _plan_of(self, block: Block) -> _Plan:
        plan = self._plans.get(id(block))
        if plan is None:
            plan = self._plans[id(block)] = _plan(block)
        return plan

    def _enter(
        self,
        block: Block,
        owner: StepState | None,
        prefix: str,
        *,
        input: Mapping[str, Any] | None = None,
        specials: Mapping[str, Any] | None = None,
        previous: Frame | None = None,
        graph: Graph | None = None,
    ) -> Frame:
        parent = owner.frame if owner else None
        frame = Frame(
            prefix=prefix,
            block=block,
            graph=graph or (parent.graph if parent else self.graph),
            owner=owner,
            parent=parent,
            input=input if input is not None else (parent.input if parent else {}),
            specials={"budget": _Money(self)} if graph is not None or parent is None else specials or {},
            previous=previous,
            missing=dict(self._plan_of(block).missing),
            open_steps=len(block.steps),
            is_flow=graph is not None or parent is None,
        )
        ready: list[StepState] = []
        for step in block.steps.values():
            path = prefix + step.id
            state = frame.states[step.id] = self.states[path] = StepState(path, step, frame)
            if not step.after:
                ready.append(state)
        for state in ready:
            self._make_ready(state)
        return frame

    def _forget(self, frame: Frame) -> None:
        """Let go of a loop's turn that nothing can refer to any more."""
        for state in frame.states.values():
            self.states.pop(state.path, None)
            for inner in descendants(state):
                self.states.pop(inner.path, None)
        _untie(frame)

    def let_go(self) -> None:
        """Nothing is asked of this any more: its memory is free at once."""
        if self.root is not None:
            _untie(self.root)
        self.root = self.failure = None
        self.states.clear()
        self.wants.clear()

    def _end_inside(self, item: StepState) -> None:
        """The item was dropped: all that it holds ends with it, and whatever is told of that later says nothing."""
        for inner in list(descendants(item)):
            if not inner.has_ended:
                self._leave(inner, "dropped")
            self.wants.pop(inner.path, None)
            self.states.pop(inner.path, None)

    # Steps

    def _make_ready(self, state: StepState) -> None:
        state.status = "ready"
        call = state.step.call
        if state.is_void:
            self._want("drop", state)
        elif state.is_container:
            self._want("open", state)
        elif isinstance(call, WaitCall | ReviewCall):
            self._want("wait", state)
        else:
            self._want("start", state)

    def _want(self, kind: WantKind, state: StepState) -> None:
        """Ask for this next; of an item that is to be dropped, and of what it holds, nothing else is asked."""
        if not _is_inside_void(state):
            self.wants[state.path] = Want("drop" if state.is_to_drop else kind, state)

    def _unwant(self, state: StepState) -> None:
        """What was asked of the step is answered. Only its `StepDropped` answers for an item that is to be dropped,
        whatever else is told of it before: facts that do not cause each other call for the same in any order."""
        if not state.is_to_drop:
            self.wants.pop(state.path, None)

    def _known(self, fact: f.StepFact) -> StepState | None:
        return self.states.get(fact.step)

    def _run(self, state: StepState) -> None:
        """The step is at work; only steps with a handler count against the limit."""
        self._unwant(state)
        if state.status != "running":
            state.status = "running"
            self.running += not state.is_container

    def _leave(self, state: StepState, status: Status) -> None:
        if state.status == "running":
            self.running -= not state.is_container
        state.status = status
        self._unwant(state)

    def _settle(self, state: StepState, status: Status) -> None:
        """The step has ended: go on with what depends on it."""
        if state.has_ended:
            return
        self._leave(state, status)
        state.cut_off = state.reaction = None
        if state.reader is not None:
            self._item_ended(state)
            return
        frame = state.frame
        frame.open_steps -= 1
        plan = self._plan_of(frame.block)
        for name in plan.dependents.get(state.step.id, ()):
            frame.missing[name] -= 1
            if frame.missing[name] == 0 and not frame.states[name].has_ended:  # a fork may have set its output
                self._make_ready(frame.states[name])
        for name in plan.readers.get(state.step.id, ()):
            self._source_ended(frame.states[name])
        if frame.open_steps == 0:
            self._frame_ended(frame)

    def _frame_ended(self, frame: Frame) -> None:
        owner = frame.owner
        if owner is None:
            self.wants["finish"] = Want("finish")
        elif isinstance(owner.step.call, MapCall):
            owner.active -= 1
            owner.unfinished -= 1
            self._feed_item_readers(owner, int(frame.specials["index"]))
            self._advance_map(owner)
        else:
            self._want("close", owner)

    # Maps

    def _advance_map(self, state: StepState) -> None:
        call = state.step.call
        assert isinstance(call, MapCall)
        assert state.values is not None
        at = 0
        while at < len(state.queue) and state.active < call.concurrency:
            n = state.queue[at]
            needed = state.needs[n] if state.needs else []
            if all(self._frame_done(state, m) for m in needed):
                del state.queue[at]
                state.active += 1
                self._enter_item(state, call, n, needed)
            else:
                at += 1
        if state.unfinished == 0:
            self._want("close", state)

    def _frame_done(self, state: StepState, n: int) -> bool:
        frame = state.frames.get(n)
        return frame is not None and frame.open_steps == 0

    def _enter_item(self, state: StepState, call: MapCall, n: int, needed: list[int]) -> None:
        assert state.values is not None
        specials: dict[str, Any] = {call.item: state.values[n], "index": n}
        if state.needs is not None:
            specials["needs"] = _Needs(state, needed, self.text_of)
        state.frames[n] = self._enter(call.body, state, f"{state.path}[{n}].", specials=specials)
        if not call.body.steps:
            self._frame_ended(state.frames[n])

    # Readers (`each` and `watch`)

    def _add_item(self, reader: StepState, n: int, start: int, end: int) -> None:
        item = StepState(f"{reader.path}[{n}]", reader.step, reader.frame, reader=reader, n=n, start=start, end=end)
        reader.items[n] = self.states[item.path] = item
        reader.next_n = max(reader.next_n, n + 1)
        reader.unfinished += 1
        reader.queue.append(n)
        self._advance_reader(reader)

    def _advance_reader(self, reader: StepState) -> None:
        if reader.status != "running":
            return
        each = reader.step.each
        limit = each.concurrency if each else 1
        while reader.queue and reader.active < limit:
            item = reader.items[reader.queue.pop(0)]
            reader.active += 1
            self._make_ready(item)
        if reader.ended and reader.unfinished == 0:
            self._want("close", reader)
        elif (want := self.wants.get(reader.path)) and want.kind == "close":
            del self.wants[reader.path]

    def _item_ended(self, item: StepState) -> None:
        reader = item.reader
        assert reader is not None
        if item.n in reader.queue:
            reader.queue.remove(item.n)
        else:
            reader.active -= 1
        reader.unfinished -= 1
        if item.status == "dropped":
            del reader.items[item.n]
            self._drop_item_readers(reader, item.n)
        elif item.is_void:
            self._want("drop", item)  # it ended just when its text was taken back: it is no more than dropped
        else:
            self._feed_item_readers(reader, item.n)
            self._react(item)
        self._advance_reader(reader)

    def _react(self, item: StepState) -> None:
        output: Any = item.output
        if not item.step.reactions or not isinstance(output, dict):
            return
        outcome = outcome_of(output)  # pyright: ignore[reportUnknownArgumentType]
        for reaction in item.step.reactions:
            source = item.frame.states.get(reaction.step)
            if reaction.outcome == outcome and source is not None and not source.has_ended:
                source.reaction = (reaction, item)
                if source.status == "running":
                    self._want("react", source)

    def _feed_item_readers(self, source: StepState, n: int) -> None:
        """`by: item`: a finished item of an `each` or `map` step is a segment for who reads that step."""
        for reader in self.readers_of(source):
            if reader.step.each and reader.step.each.by.kind == "item" and n not in reader.items:
                self._add_item(reader, n, 0, 0)

    def _drop_item_readers(self, source: StepState, n: int) -> None:
        for reader in self.readers_of(source):
            item = reader.items.get(n)
            if item is not None and reader.step.each and reader.step.each.by.kind == "item":
                self._void(item)

    def _source_ended(self, reader: StepState) -> None:
        by = reader.step.each.by if reader.step.each else None
        if by is not None and by.kind == "item":
            reader.ended = True
            self._advance_reader(reader)

    def _void(self, item: StepState) -> None:
        """What the item read was retracted; `StepDropped` will say so. One that has failed for good fails its
        reader all the same, as it does when it fails after the retraction; it is dropped when the run is retried."""
        if item.status != "dropped":
            item.is_void = True
            for inner in descendants(item):
                self.wants.pop(inner.path, None)
            if item.is_to_drop:
                self._want("drop", item)

    # Failure

    def _give_up(self, state: StepState) -> None:
        """A step has failed for good: it ends as null if it may, otherwise what holds it fails."""
        if state.step.optional and state.reader is None:
            for inner in descendants(state):
                if not inner.has_ended:
                    self._leave(inner, "dropped")
            self._settle(state, "failed")
            return
        self._leave(state, "failed")
        holder = state.reader or state.frame.owner
        if holder is None:
            self.failure = state
            self.wants["finish"] = Want("finish", state)
        else:
            holder.error, holder.error_kind = f"{state.path}: {state.error}", state.error_kind
            self._want("give_up", holder)


def _untie(frame: Frame) -> None:
    """Undo the circles of frames and steps, so that they go with their last name. Python looks for circles so rarely among
    what has lived for some time (`platform.spare_collections`) that the runs of hours would stay in memory."""
    for state in frame.states.values():
        for inner in state.frames.values():
            _untie(inner)
        state.frames.clear()
        state.items.clear()
        state.reaction = None
    frame.states.clear()
    frame.previous = None


def descendants(state: StepState) -> Iterator[StepState]:
    """Every step and item inside a container or reader, at any depth."""
    for item in state.items.values():
        yield item
        yield from descendants(item)
    for frame in state.frames.values():
        for inner in frame.states.values():
            yield inner
            yield from descendants(inner)


def _is_inside_void(state: StepState) -> bool:
    """Whether an item around this step has read what was retracted."""
    holder = state.reader or state.frame.owner
    while holder is not None and not holder.is_void:
        holder = holder.reader or holder.frame.owner
    return holder is not None


def holder_has_ended(state: StepState) -> bool:
    """Whether a container around this step has ended without it."""
    holder = state.reader or state.frame.owner
    while holder is not None:
        if holder.has_ended and (holder.status != "failed" or holder.step.optional):
            return True
        holder = holder.reader or holder.frame.owner
    return False


class _Money(Mapping[str, Any]):
    """`budget`: what the run may cost and has cost, as its facts tell at the moment."""

    def __init__(self, run: Structure) -> None:
        self._run = run

    def __getitem__(self, name: str) -> float | None:
        limit, spent = self._run.graph.budget_usd, self._run.cost_usd
        match name:
            case "limit_usd":
                return limit
            case "spent_usd":
                return float(spent)
            case "left_usd":
                return None if limit is None else max(0.0, float(Decimal(str(limit)) - spent))
            case _:
                raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(("limit_usd", "spent_usd", "left_usd"))

    def __len__(self) -> int:
        return 3


class _Needs(Mapping[str, Any]):
    """`needs` in the body of a planned map: task id → that task's output."""

    def __init__(self, state: StepState, needed: list[int], text_of: TextOf) -> None:
        self._state = state
        self._needed = needed
        self._text_of = text_of

    @cached_property
    def _frames(self) -> dict[str, Frame]:
        # Only when somebody reads it: who shows a run keeps no plan's values.
        assert self._state.values is not None
        return {str(self._state.values[n]["id"]): self._state.frames[n] for n in self._needed}

    def __getitem__(self, task: str) -> Any:
        return frame_value(self._frames[task], self._text_of)

    def __iter__(self) -> Iterator[str]:
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)


def outcome_of(output: Mapping[str, Any]) -> str:
    """`approve`, `reject` or `escalate`, from a Verdict, a judge's output or a person's decision."""
    if isinstance(verdict := output.get("verdict"), str):
        return "reject" if verdict == "changes" else verdict
    return "approve" if output.get("approved") else "reject"
