"""What others say to a run, as facts. A signal that no longer fits the run's state says nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stretto.engine.store import Signal
from stretto.flow import facts as f
from stretto.flow.progress import Progress
from stretto.flow.scope import StepState

_VERDICTS: Mapping[str, f.Verdict] = {"approve": "approve", "changes": "changes"}


def facts_for(progress: Progress, signal: Signal) -> Iterator[f.Fact]:
    """The facts that a signal makes of this run, in its present state."""
    body = signal.body
    by = str(body.get("by", ""))
    match signal.kind:
        case "pause" if progress.status == "running":
            yield f.RunPaused(by=by)
        case "resume" if progress.status == "paused":
            yield f.RunContinued(by=by)
        case "cancel" if not progress.is_over:
            yield f.RunCancelled(by=by, reason=str(body.get("reason", "")))
        case "retry" if progress.status in ("failed", "cancelled"):
            yield f.RunRetried(step=body.get("step"), by=by)
        case "priority" if not progress.is_over:
            yield f.PrioritySet(priority=int(body["priority"]), by=by)
        case "inject" if not progress.is_over:
            state = find_step(progress, str(body["step"]))
            if state is not None:
                mode = "now" if body.get("mode") == "now" else "next"
                yield f.FeedbackGiven(step=state.path, text=str(body["text"]), mode=mode, by=by)
        case "timer" | "event" | "review" if not progress.is_over:
            yield from _wait_ends(progress, signal)
        case _:
            return


def _wait_ends(progress: Progress, signal: Signal) -> Iterator[f.Fact]:
    body = signal.body
    state = progress.state(str(body["step"]))
    if state is None:
        return
    if state.question:  # another key answers what nobody waits for any more
        if signal.kind == "review" and body.get("key") == state.question:
            yield answered(state.path, body)
        return
    if state.path in progress.wants:
        return
    if signal.kind == "timer" and state.status in ("waiting", "backing_off"):
        yield f.TimerFired(step=state.path)
    elif state.status != "waiting":
        return
    elif signal.kind == "event":
        yield f.EventReceived(step=state.path, name=str(body["name"]), data=body.get("data"))
    elif signal.kind == "review":
        yield f.ReviewDecided(
            step=state.path,
            verdict=_VERDICTS.get(str(body["verdict"]), "reject"),
            by=str(body.get("by", "")),
            comments=str(body.get("comments", "")),
            value=body.get("value"),
            review=str(body.get("review", "")),
        )


def answered(path: str, body: Mapping[str, Any]) -> f.PersonAnswered:
    """The answer to what a step asks in the middle of its work."""
    return f.PersonAnswered(
        step=path,
        question=str(body["key"]),
        verdict=_VERDICTS.get(str(body["verdict"]), "reject"),
        by=str(body.get("by", "")),
        comments=str(body.get("comments", "")),
        value=body.get("value"),
        review=str(body.get("review", "")),
        how=str(body.get("how", "person")),
    )


def find_step(progress: Progress, name: str) -> StepState | None:
    """The step at this path; or, by its plain id, the one at work, else the latest that has not ended."""
    exact = progress.state(name)
    if exact is not None:
        return exact
    found = [state for state in progress.states.values() if state.step.id == name and not state.has_ended]
    at_work = [state for state in found if state.status == "running"]
    return (at_work or found or [None])[-1]
