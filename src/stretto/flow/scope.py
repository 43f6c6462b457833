"""Where a run stands: frames (a block being carried out) and the state of each step in them.

These are the only mutable records of `flow/`. They are built by folding facts (`progress.py`)
and read by `decide.py`; nobody else changes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from stretto.documents.plain import Json
from stretto.flow.graph import Block, BranchCall, FlowCall, Graph, LoopCall, MapCall, Reaction, Step

if TYPE_CHECKING:
    from stretto.flow.facts import Fact, PersonAnswered

Status = Literal[
    "pending",  # something that it depends on has not ended
    "ready",  # to be started
    "running",
    "waiting",  # for a timer, an event or a person
    "backing_off",  # failed, and tried again after a pause
    "completed",
    "stopped",  # cut off by a reader; done with what it had written
    "skipped",
    "failed",
    "dropped",  # its input was retracted
]
ENDED: frozenset[Status] = frozenset({"completed", "stopped", "skipped", "failed", "dropped"})

CONTAINERS = (MapCall, LoopCall, BranchCall, FlowCall)

TextOf = Callable[[str], str]
"""Gives the text that the step at a path has streamed."""


@dataclass(slots=True, eq=False)
class StepState:
    """Where one step (or one item of an `each` or `watch` step) stands."""

    path: str
    step: Step
    frame: Frame
    status: Status = "pending"
    attempt: int = 0
    interrupted: int = 0  # attempts that ended because the process died
    failures: int = 0  # attempts that failed
    steers: int = 0  # times that a watcher cut it off
    keep: int = 0
    history: list[Fact] = field(default_factory=list["Fact"])
    """The turns of an agent's work that are over, and the calls that were made, in order."""
    question: str = ""  # what it asks a person in the middle of its work
    answers: dict[str, PersonAnswered] = field(default_factory=dict[str, "PersonAnswered"])
    of: Literal["value", "text", "items", "last", "body"] = "value"
    output: Json = None
    error: str = ""
    error_kind: str = ""
    feedback: list[str] = field(default_factory=list[str])
    cut_off: tuple[str, str] | None = None
    """Somebody wants it steered: (feedback, by)."""
    reaction: tuple[Reaction, StepState] | None = None
    """A watching item wants it stopped or steered."""
    wait_output: Json = None

    # A container's frames, or a reader's items.
    frames: dict[int, Frame] = field(default_factory=dict[int, "Frame"])
    items: dict[int, StepState] = field(default_factory=dict[int, "StepState"])
    values: list[Json] | None = None  # map: what it runs over
    needs: list[list[int]] | None = None
    queue: list[int] = field(default_factory=list[int])  # items that wait for a place
    active: int = 0
    unfinished: int = 0
    ended: bool = False  # reader: no more segments come
    next_n: int = 0

    # An item's own.
    reader: StepState | None = None
    n: int = 0
    start: int = 0
    end: int = 0
    is_void: bool = False  # what it read was retracted; it is to be dropped

    is_reader: bool = field(init=False)
    is_container: bool = field(init=False)
    """Has no handler of its own: its work is what it holds."""

    def __post_init__(self) -> None:
        step = self.step
        self.is_reader = self.reader is None and (step.each is not None or step.watch is not None)
        self.is_container = self.is_reader or isinstance(step.call, CONTAINERS)

    @property
    def has_ended(self) -> bool:
        return self.status in ENDED

    @property
    def is_to_drop(self) -> bool:
        """What it read was retracted, and it has neither been dropped nor failed for good."""
        return self.is_void and self.status not in ("dropped", "failed")


@dataclass(slots=True, eq=False)
class Frame:
    """One carrying-out of a block: the root, a turn of a loop, an item of a map, a branch case, a sub-flow."""

    prefix: str  # "" or e.g. "build[2]."
    block: Block
    graph: Graph
    owner: StepState | None
    parent: Frame | None
    input: Mapping[str, Json]
    specials: Mapping[str, Json] = field(default_factory=dict[str, Json])
    previous: Frame | None = None
    states: dict[str, StepState] = field(default_factory=dict[str, StepState])
    missing: dict[str, int] = field(default_factory=dict[str, int])
    open_steps: int = 0
    is_flow: bool = False  # a flow's own root: names outside are not seen

    def path(self, step_id: str) -> str:
        return f"{self.prefix}{step_id}"


class Names(Mapping[str, Json]):
    """The names that templates and expressions of one step see, looked up on demand.

    A name that is declared but has no value (skipped, not run, first turn) reads as None.
    """

    def __init__(
        self, frame: Frame, text_of: TextOf, step: Step | None = None, extra: Mapping[str, Json] | None = None
    ):
        self._frame = frame
        self._text_of = text_of
        self._step = step
        self._extra = extra or {}

    def __getitem__(self, name: str) -> Json:
        if name in self._extra:
            return self._extra[name]
        frame: Frame | None = self._frame
        step = self._step
        while frame is not None:
            if name == "input":
                return frame.input
            if name in frame.specials:
                return frame.specials[name]
            if name in frame.block.steps or name in frame.block.inner:
                at = frame.previous if step is not None and name in step.previous else frame
                return None if at is None else value_in(at, name, self._text_of)
            # A step further out is read as its container sees it.
            step = frame.owner.step if frame.owner is not None else None
            frame = None if frame.is_flow else frame.parent
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        try:
            self[str(name)]
        except KeyError:
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        seen: set[str] = set(self._extra) | {"input"}
        frame: Frame | None = self._frame
        while frame is not None:
            seen.update(frame.specials, frame.block.steps, frame.block.inner)
            frame = None if frame.is_flow else frame.parent
        return iter(seen)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def value_in(frame: Frame, name: str, text_of: TextOf) -> Json:
    """The value of the step `name`, which stands in the frame's block or inside one of its steps."""
    state = frame.states.get(name)
    if state is not None:
        return value_of(state, text_of)
    for container in frame.block.inner.get(name, ())[:1]:
        owner = frame.states.get(container)
        inner = last_frame(owner) if owner is not None else None
        return None if inner is None else value_in(inner, name, text_of)
    return None


def last_frame(state: StepState) -> Frame | None:
    """The last turn of a loop, the case that was taken, or the sub-flow."""
    return state.frames[max(state.frames)] if state.frames else None


def value_of(state: StepState, text_of: TextOf) -> Json:
    """A step's output; None while it has none."""
    if state.status == "stopped":
        return text_of(state.path)
    if state.status != "completed":
        return None
    match state.of:
        case "value":
            return state.output
        case "text":
            return text_of(state.path)
        case "items":
            if state.values is not None:
                return [frame_value(state.frames[n], text_of) for n in sorted(state.frames)]
            return [value_of(item, text_of) for _, item in sorted(state.items.items())]
        case "last":
            done = [n for n, item in state.items.items() if item.status == "completed"]
            return value_of(state.items[max(done)], text_of) if done else None
        case "body":
            frame = last_frame(state)
            return None if frame is None else frame_value(frame, text_of)


def frame_value(frame: Frame, text_of: TextOf) -> Json:
    """What a block gives: its `output`, or the value of its last step. Raises `OutputInvalid`."""
    if frame.block.output is not None:
        return frame.block.output.render(Names(frame, text_of))
    if not frame.block.steps:
        return None
    return value_in(frame, list(frame.block.steps)[-1], text_of)
