"""What to do next: a pure function of the flow and of what has happened.

    decide(graph, facts) -> commands

It has no clock, no I/O and no randomness, so the same facts always give the same commands, in
any order that keeps causes before effects. The engine does not fold a run's facts anew for each
decision: it keeps a `Progress`, applies each new fact to it, and asks `commands`, which costs time
in what is new only. Both ways give the same commands; a property test holds them to it.

A command asks for one thing. `Record` asks for a fact that follows from the others alone (a branch
taken, a loop's next turn, a block's end); everything else asks a handler to do work.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stretto.documents.plain import is_mapping
from stretto.errors import OutputInvalid
from stretto.flow import facts as f
from stretto.flow.graph import (
    BranchCall,
    EmitCall,
    FlowCall,
    Graph,
    LoopCall,
    MapCall,
    ReviewCall,
    Step,
    Template,
    WaitCall,
)
from stretto.flow.plan import task_needs
from stretto.flow.progress import Progress
from stretto.flow.review_rules import asked
from stretto.flow.scope import Names, StepState, TextOf, frame_value, last_frame, value_of
from stretto.flow.structure import MAX_STEERS, Want

MOST_REASON = 4_000
"""So many characters of a reason stand in a fact."""


@dataclass(frozen=True, slots=True)
class Record:
    """Write this fact; it follows from the others."""

    fact: f.Fact


@dataclass(frozen=True, slots=True)
class Start:
    """Run the step's handler."""

    path: str
    step: Step
    graph: Graph
    attempt: int
    input: Mapping[str, Any]
    keep: int = 0
    feedback: tuple[str, ...] = ()
    failures: int = 0
    key: str = ""
    history: tuple[f.Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """Let the step wait for time, an event or a person, and write `WaitStarted`."""

    path: str
    attempt: int
    for_s: float | None = None
    until: str | None = None
    event: str | None = None
    key: str = ""
    show: Any = None
    question: str = ""
    review: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """Cut the step off; what it has written is its output."""

    path: str
    by: str


@dataclass(frozen=True, slots=True)
class Steer:
    """Cut the attempt off; the next one gets the feedback. `keep` None keeps all that was written."""

    path: str
    feedback: str
    by: str
    keep: int | None = None


Command = Record | Start | Wait | Stop | Steer


_HELD_BACK = ("start", "open", "wait", "finish")
"""What a paused run does not do. What was at work or waited ends, and is kept; but the run goes no further, not even to its end."""


def _no_text(path: str) -> str:
    return ""


def decide(graph: Graph, facts: Iterable[f.Fact], text_of: TextOf = _no_text) -> list[Command]:
    """All commands that these facts call for. `text_of` gives a step's streamed text."""
    progress = Progress(graph, text_of)
    progress.apply_all(facts)
    return list(commands(progress))


def commands(progress: Progress) -> Iterator[Command]:
    """All commands that the facts applied so far call for and no fact has answered yet.

    Facts may be applied between two commands: one that they have made void is not given any more, and
    one that they have newly called for comes with the next call.
    """
    if progress.status in ("new", "completed", "failed", "cancelled"):
        return
    paused, limit = progress.status == "paused", progress.limit
    running = progress.running
    for path, want in list(progress.wants.items()):
        if progress.wants.get(path) is not want:
            continue
        if paused and want.kind in _HELD_BACK:
            continue
        if want.kind == "start" and limit is not None and max(running, progress.running) >= limit:
            continue
        for command in _answer(progress, want):
            running += isinstance(command, Start)
            yield command


def _answer(progress: Progress, want: Want) -> Iterator[Command]:
    state = want.state
    if state is None or want.kind == "finish":
        yield _finish(progress)
        return
    try:
        yield from _ANSWERS[want.kind](progress, state)
    except OutputInvalid as error:
        yield _failed(state, error.message, "OutputInvalid")


def _failed(state: StepState, error: str, kind: str) -> Record:
    return Record(f.StepFailed(step=state.path, attempt=max(state.attempt, 1), error=error, kind=kind))


def _finish(progress: Progress) -> Record:
    if progress.failure is not None:
        return Record(f.RunFailed(step=progress.failure.path, error=progress.failure.error))
    assert progress.root is not None
    try:
        return Record(f.RunCompleted(output=frame_value(progress.root, progress.text_of)))
    except OutputInvalid as error:
        return Record(f.RunFailed(step="", error=f"the flow's output: {error.message}"))


def _names(progress: Progress, state: StepState) -> Names:
    return Names(state.frame, progress.text_of, state.step, item_names(progress, state))


def item_names(progress: Progress, item: StepState) -> dict[str, Any]:
    """What an item of an `each` or `watch` step sees besides the names around it: `segment`, `index`, `text`."""
    if item.reader is None:
        return {}
    assert item.step.stream_of is not None
    source = item.frame.states[item.step.stream_of]
    live = sorted(item.reader.items)
    names: dict[str, Any] = {"index": live.index(item.n)}
    if item.step.each is not None and item.step.each.by.kind == "item":
        if source.values is not None:
            names["segment"] = frame_value(source.frames[item.n], progress.text_of)
        else:
            names["segment"] = value_of(source.items[item.n], progress.text_of)
        return names
    text = progress.text_of(source.path)
    names["segment"] = text[item.start : item.end]
    if item.step.watch is not None:
        names["text"] = text[: item.end]
    return names


def _skips(progress: Progress, state: StepState) -> bool:
    when = state.step.when
    return when is not None and state.attempt == 0 and not when.test(_names(progress, state))


def _start(progress: Progress, state: StepState) -> Iterator[Command]:
    if state.reader is None and _skips(progress, state):
        yield Record(f.StepSkipped(step=state.path, reason=_reason(state)))
        return
    yield Start(
        path=state.path,
        step=state.step,
        graph=state.frame.graph,
        attempt=state.attempt + 1,
        input=input_of(progress, state),
        keep=state.keep,
        feedback=tuple(state.feedback),
        failures=state.failures,
        key=(_text(state.step.call.key, _names(progress, state)) or "")
        if isinstance(state.step.call, EmitCall)
        else "",
        history=tuple(state.history),
    )


def input_of(progress: Progress, state: StepState) -> dict[str, Any]:
    """What a step at work is given: its `input`, rendered. Raises `OutputInvalid` where that cannot be.

    Prompts also see what an item reads; tools get what they are given.
    """
    names = _names(progress, state)
    rendered = {name: template.render(names) for name, template in state.step.input.items()}
    seen = item_names(progress, state) if state.step.kind in ("agent", "judge") else {}
    return {**seen, **rendered}


def _reason(state: StepState) -> str:
    assert state.step.when is not None
    return f"`when: {state.step.when.source}` does not hold"


def _open(progress: Progress, state: StepState) -> Iterator[Command]:
    call = state.step.call
    if _skips(progress, state):
        yield Record(f.StepSkipped(step=state.path, reason=_reason(state)))
    elif state.is_reader:
        yield Record(f.StepStarted(step=state.path, attempt=state.attempt + 1))
    elif isinstance(call, BranchCall):
        names = _names(progress, state)
        held = (n for n, case in enumerate(call.cases) if case.when is None or case.when.test(names))
        yield Record(f.BranchTaken(step=state.path, case=next(held, -1)))
    elif isinstance(call, LoopCall):
        yield Record(f.TurnStarted(step=state.path, turn=1))
    elif isinstance(call, MapCall):
        yield Record(_expand(progress, state, call))
    elif isinstance(call, FlowCall):
        names = _names(progress, state)
        given = {name: template.render(names) for name, template in state.step.input.items()}
        defaults = {k: v["default"] for k, v in call.graph.input_schema.get("properties", {}).items() if "default" in v}
        yield Record(f.FlowEntered(step=state.path, input={**defaults, **given}))


def _expand(progress: Progress, state: StepState, call: MapCall) -> f.MapExpanded:
    template = call.over or call.tasks
    assert template is not None
    items: Any = template.render(_names(progress, state))
    if not isinstance(items, list):
        name = "over" if call.over else "tasks"
        raise OutputInvalid(
            f"`{name}` of {state.path} needs a list, but `{template.source}` gave {_kind(items)}. "
            "Give it a step that returns a list."
        )
    listed: list[Any] = items  # pyright: ignore[reportUnknownVariableType]
    if len(listed) > call.max_items:
        raise OutputInvalid(
            f"{state.path} would run over {len(listed)} items, more than its `max` of {call.max_items}. "
            "Raise `max` or give it fewer."
        )
    if not call.tasks:
        return f.MapExpanded(step=state.path, items=listed)
    needs = task_needs(state.path, listed)
    reason = _text(call.reason, _names(progress, state)) or ""
    added, dropped = _changes(state, [str(task["id"]) for task in listed])
    return f.MapExpanded(
        step=state.path, items=listed, needs=needs, added=added, dropped=dropped, reason=reason[:MOST_REASON]
    )


def _changes(state: StepState, tasks: list[str]) -> tuple[list[str], list[str]]:
    """Ids of the tasks that the turn before did not have, and of those that only it had."""
    before = None if state.frame.previous is None else state.frame.previous.states.get(state.step.id)
    if before is None or before.values is None:
        return [], []
    old = {str(task["id"]): None for task in before.values if is_mapping(task)}
    new = dict.fromkeys(tasks)
    return [task for task in new if task not in old], [task for task in old if task not in new]


def _kind(value: object) -> str:
    names = {"NoneType": "nothing", "str": "a text", "dict": "an object", "bool": "a boolean"}
    return names.get(type(value).__name__, "a number")


def _close(progress: Progress, state: StepState) -> Iterator[Command]:
    call = state.step.call
    if state.is_reader:
        yield Record(f.StepCompleted(step=state.path, of="last" if state.step.watch else "items"))
        return
    if isinstance(call, LoopCall):
        turn = max(state.frames)
        frame = state.frames[turn]
        done = call.until.test(Names(frame, progress.text_of))
        if not done and turn < call.max_turns:
            yield Record(f.TurnStarted(step=state.path, turn=turn + 1))
            return
        note = None if done else f"ended after its most turns ({turn}); `until` did not hold"
        frame_value(frame, progress.text_of)
        yield Record(f.StepCompleted(step=state.path, of="body", note=note))
        return
    if isinstance(call, MapCall):
        for frame in state.frames.values():
            frame_value(frame, progress.text_of)  # so that a bad `output` fails here
        yield Record(f.StepCompleted(step=state.path, of="items"))
        return
    taken = last_frame(state)
    if taken is not None:
        frame_value(taken, progress.text_of)
    yield Record(f.StepCompleted(step=state.path, of="body" if taken is not None else "value"))


def _wait(progress: Progress, state: StepState) -> Iterator[Command]:
    if _skips(progress, state):
        yield Record(f.StepSkipped(step=state.path, reason=_reason(state)))
        return
    call, names = state.step.call, _names(progress, state)
    attempt = state.attempt + 1
    if isinstance(call, ReviewCall):
        shown = call.show.render(names)
        yield Wait(
            state.path,
            attempt,
            show=shown,
            question=call.question,
            review=asked(call, names, state.frame.graph.policies),
        )
    elif isinstance(call, WaitCall):
        until = _text(call.until, names)
        if call.until is not None and not _looks_like_time(until):
            raise OutputInvalid(
                f"`until` of {state.path} needs a time such as 2026-01-31T09:00:00Z, but "
                f"`{call.until.source}` gave {until!r}."
            )
        seconds = call.timeout_s if call.event else call.for_s
        yield Wait(state.path, attempt, seconds, until, call.event, _text(call.key, names) or "")


def _text(template: Template | None, names: Names) -> str | None:
    if template is None:
        return None
    value = template.render(names)
    return "" if value is None else str(value)


_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)$")


def _looks_like_time(text: str | None) -> bool:
    if text is None or _TIME.match(text) is None:
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:  # the 31st of February
        return False
    return True


def _resolve(progress: Progress, state: StepState) -> Iterator[Command]:
    yield Record(f.StepCompleted(step=state.path, attempt=max(state.attempt, 1), output=state.wait_output))


def _drop(progress: Progress, state: StepState) -> Iterator[Command]:
    yield Record(f.StepDropped(step=state.path))


def _cut_off(progress: Progress, state: StepState) -> Iterator[Command]:
    if state.cut_off is not None:
        yield Steer(state.path, feedback=state.cut_off[0], by=state.cut_off[1])


def _react(progress: Progress, state: StepState) -> Iterator[Command]:
    if state.reaction is None:
        return
    reaction, item = state.reaction
    if reaction.action == "stop":
        yield Stop(state.path, by=item.path)
        return
    if state.steers >= MAX_STEERS:
        error = f"{item.step.id} has cut this step off {MAX_STEERS} times and rejects it still. Change either prompt."
        yield _failed(state, error, "Rejected")
        return
    if reaction.feedback is not None:
        own = {item.step.id: item.output}
        feedback = reaction.feedback.render(Names(item.frame, progress.text_of, item.step, own))
    else:
        feedback = item.output.get("comments") or item.output.get("reasons") or "This was rejected; do it differently."
    yield Steer(state.path, feedback=str(feedback), by=item.path, keep=item.start)


def _give_up(progress: Progress, state: StepState) -> Iterator[Command]:
    yield _failed(state, state.error, state.error_kind)


_ANSWERS = {
    "start": _start,
    "open": _open,
    "close": _close,
    "wait": _wait,
    "resolve": _resolve,
    "drop": _drop,
    "cut_off": _cut_off,
    "react": _react,
    "give_up": _give_up,
}
