"""Where a run that is followed stands, for showing: a fold of its events, with no clock, no terminal and no I/O.

Every view reads the same score. Times come with the events; `now` is whatever clock the view goes by.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal

import msgspec

from stretto.cli.amounts import brief, count, dollars, duration, span
from stretto.cli.safe_text import one_line
from stretto.cli.voice import Voice
from stretto.flow import facts as f
from stretto.flow.graph import Graph, WaitCall
from stretto.flow.progress import Progress
from stretto.flow.scope import StepState
from stretto.stream import EndEvent, Event, FactEvent, RetractEvent, TextEvent

Tone = Literal["good", "bad", "quiet", "wait", "warn"]
Status = Literal["accepted", "running", "waiting", "paused", "completed", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that has happened, to be shown once."""

    sign: str
    path: str
    told: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Waiting:
    """A step that waits, and for what."""

    path: str
    kind: Literal["timer", "event", "review"]
    since: datetime
    until: datetime | None = None
    event: str = ""
    key: str = ""
    question: str = ""
    show: Any = None

    @property
    def id(self) -> tuple[str, datetime]:
        """What tells it from others, also from another question of the same step."""
        return self.path, self.since

    @property
    def told(self) -> str:
        """What it waits for, in a few words."""
        match self.kind:
            case "review":
                return f"waits for a person: {one_line(self.question)}" if self.question else "waits for a person"
            case "event":
                key = f" with key {one_line(self.key, 60)}" if self.key else ""
                return f"waits for the event {one_line(self.event, 60)}{key}"
            case "timer":
                return "waits"


@dataclass(slots=True)
class Totals:
    """What the run has used so far."""

    cost_usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    simulated: bool = False

    def add(self, usage: dict[str, Any]) -> None:
        """Add what one step used."""
        self.cost_usd += float(usage.get("cost_usd") or 0)
        self.input_tokens += int(usage.get("input_tokens") or 0)
        self.output_tokens += int(usage.get("output_tokens") or 0)
        self.simulated = self.simulated or bool(usage.get("simulated"))


class Score:
    """The run as far as its events have told it.

    `voices` are the steps at work, in the order in which they entered; `waits` those that wait; `news` what has
    happened since somebody last took it with `take_news`.
    """

    def __init__(self, graph: Graph) -> None:
        self.status: Status = "accepted"
        self.voices: dict[str, Voice] = {}
        self.waits: dict[str, Waiting] = {}
        self._rests: dict[str, int] = {}
        self.totals = Totals()
        self.started: datetime | None = None
        self.ended: datetime | None = None
        self.seq = 0
        self.output: Any = None
        self.failure = ""
        self.failed_step = ""
        self.over = False
        """Whether the end was seen; nothing more comes."""
        self._news: list[Line] = []
        self._progress = Progress(graph, lambda path: "", keep_turns=True)
        self._begun: dict[str, datetime] = {}
        self._counts: tuple[int, int] | None = None
        self._calling: set[str] = set()  # paths whose calls are counted one by one
        self._now = datetime.fromtimestamp(0, UTC)

    def take(self, event: Event, now: datetime) -> None:
        """Take the next event, seen at `now`."""
        self._now = now
        match event:
            case TextEvent():
                voice = self.voices.get(event.step)
                if voice is not None:
                    voice.write(event.offset, event.text)
            case RetractEvent():
                self._retract(event)
            case FactEvent():
                self._take_fact(event)
            case EndEvent():
                self.seq = event.seq
                self.over = True

    def take_news(self) -> list[Line]:
        """What has happened since the last call."""
        news, self._news = self._news, []
        return news

    def settle(self, now: datetime) -> None:
        """Let go of struck-out text whose moment is over."""
        for voice in self.voices.values():
            voice.settle(now)

    @property
    def steps(self) -> tuple[int, int]:
        """How many steps are done, and how many are known so far; what is inside a loop or map is known once it begins."""
        if self._counts is None:
            done = known = 0
            for state in self._progress.states.values():
                if not (state.is_container and (state.frames or state.items or state.status == "running")):
                    known += 1
                    done += state.has_ended and (state.status != "failed" or state.step.optional)
            self._counts = done, known
        return self._counts

    @property
    def elapsed_s(self) -> float:
        """Seconds from the run's start to its end, or until `now` of the last event."""
        return span(self.started, self.ended or self._now).total_seconds()

    def begun(self, path: str) -> datetime | None:
        """When the first attempt of a step that is not over began."""
        return self._begun.get(path)

    # Events

    def _retract(self, event: RetractEvent) -> None:
        self.seq = max(self.seq, event.seq)
        voice = self.voices.get(event.step)
        if voice is not None:
            voice.retract(event.from_offset, event.reason, self._now)
        self._progress.apply(
            f.TextRetracted(step=event.step, attempt=1, position=event.from_offset, reason=event.reason)
        )

    def _take_fact(self, event: FactEvent) -> None:
        self.seq = event.seq
        if event.name not in f.FACTS:
            return  # a newer version's fact
        fact = self._fact_of(event)
        state = self._progress.state(event.step) if event.step is not None else None
        self._progress.apply(_without_values(fact))
        self._counts = None
        show = self._ON.get(type(fact))
        if show is not None:
            show(self, fact, event.at, state)

    def _fact_of(self, event: FactEvent) -> f.Fact:
        fields = dict(event.data)
        if event.step is not None:
            state = self._progress.state(event.step)
            fields["step"] = event.step
            fields.setdefault("attempt", (state.attempt if state else 0) + (event.name == "StepStarted") or 1)
        return f.fact_from(event.name, fields)

    def _tell(self, sign: str, path: str, told: str, tone: Tone) -> None:
        self._news.append(Line(sign, path, told, tone))

    # The run

    def _accepted(self, fact: f.RunAccepted, at: datetime, state: StepState | None) -> None:
        self.started = at

    def _claimed(self, fact: f.RunClaimed, at: datetime, state: StepState | None) -> None:
        if self.voices and self.status == "running":
            self._tell("↻", "", f"interrupted; {fact.worker} goes on", "warn")
        self.status, self.ended = "running", None

    def _rested(self, fact: f.RunRested, at: datetime, state: StepState | None) -> None:
        self.status = fact.status
        if fact.status == "accepted" and self.voices:
            self._tell("↻", "", "handed over by its worker; the next one goes on", "quiet")

    def _paused(self, fact: f.RunPaused, at: datetime, state: StepState | None) -> None:
        self.status = "paused"
        self._tell("⏸", "", f"paused{_by(fact.by)}; steps at work finish", "wait")

    def _continued(self, fact: f.RunContinued, at: datetime, state: StepState | None) -> None:
        self.status = "running"
        self._tell("▶", "", f"goes on{_by(fact.by)}", "quiet")

    def _retried(self, fact: f.RunRetried, at: datetime, state: StepState | None) -> None:
        self.status, self.ended, self.over = "running", None, False
        self.failure = self.failed_step = ""
        what = f"step {fact.step} is" if fact.step else "what failed or was cut off is"
        self._tell("↻", "", f"{what} tried again{_by(fact.by)}", "warn")

    def _prioritised(self, fact: f.PrioritySet, at: datetime, state: StepState | None) -> None:
        if fact.by != "engine":
            self._tell("▶", "", f"priority {fact.priority}{_by(fact.by)}", "quiet")

    def _completed(self, fact: f.RunCompleted, at: datetime, state: StepState | None) -> None:
        self.status, self.ended, self.output = "completed", at, fact.output
        self.voices.clear()

    def _failed(self, fact: f.RunFailed, at: datetime, state: StepState | None) -> None:
        self.status, self.ended = "failed", at
        self.failed_step, self.failure = fact.step, fact.error
        self._cut_off(at)

    def _cancelled(self, fact: f.RunCancelled, at: datetime, state: StepState | None) -> None:
        self.status, self.ended = "cancelled", at
        self._cut_off(at)
        why = f": {one_line(fact.reason)}" if fact.reason else ""
        self._tell("■", "", f"cancelled{_by(fact.by)}{why}", "warn")

    def _cut_off(self, at: datetime) -> None:
        """The run has ended with these at work: one line each. What they wrote stays to be seen."""
        for voice in self.voices.values():
            self._tell("■", voice.path, self._took(voice.path, at, "cut off"), "quiet")
        self.waits.clear()

    # Steps

    def _started(self, fact: f.StepStarted, at: datetime, state: StepState | None) -> None:
        if state is None or state.is_container:
            return
        self._begun.setdefault(fact.step, at)
        voice = self.voices.get(fact.step)
        if voice is None:
            voice = self.voices[fact.step] = Voice(fact.step, state.step.kind, at)
        voice.attempt, voice.since, voice.resumes, voice.error = fact.attempt, at, None, ""

    def _step_completed(self, fact: f.StepCompleted, at: datetime, state: StepState | None) -> None:
        usage = fact.usage or {}
        if fact.step not in self._calling:
            self.totals.add(usage)
        waited = self.waits.pop(fact.step, None)
        voice = self.voices.pop(fact.step, None)
        if state is None or state.is_container or state.step.kind == "review":
            self._begun.pop(fact.step, None)
            return
        tokens = int(usage.get("output_tokens") or 0)
        cost_usd = float(usage.get("cost_usd") or 0)
        parts = [count(tokens, "token") if tokens else "", dollars(cost_usd) if cost_usd else ""]
        if fact.note:
            parts.append(one_line(fact.note))
        if fact.of == "value":
            parts.append(_outcome(state, fact.output))
        # An attempt that began with a person's answer goes on with the one before.
        if voice is not None and (attempt := voice.attempt - self._rests.pop(fact.step, 0)) > 1:
            parts.insert(0, f"attempt {attempt}")
        if waited is not None:
            self._begun.setdefault(fact.step, waited.since)
        self._tell("✓", fact.step, self._took(fact.step, at, *parts), "good")

    def _call_decided(self, fact: f.CallDecided, at: datetime, state: StepState | None) -> None:
        self._calling.add(fact.step)
        self.totals.add(fact.usage | {"cost_usd": fact.cost_usd})
        if fact.outcome in ("waited", "cheaper"):
            self._tell("◇", fact.step, f"{fact.outcome}: {one_line(fact.reason, 400)}", "quiet")
        elif fact.cached:
            self._tell("◇", fact.step, f"answered from the cache: {one_line(fact.reason, 400)}", "quiet")

    def _tool_called(self, fact: f.ToolCalled, at: datetime, state: StepState | None) -> None:
        took = duration(fact.took_s)
        if fact.error:
            self._tell("✗", fact.step, f"{fact.tool} · {took} · {one_line(fact.error, 400)}", "warn")
        else:
            self._tell("◆", fact.step, f"{fact.tool} · {took}", "quiet")

    def _node_ended(self, fact: f.NodeEnded, at: datetime, state: StepState | None) -> None:
        node = one_line(f"{fact.inside}/{fact.node}" if fact.inside else fact.node, 100)
        took = duration(fact.took_s)
        if fact.error:
            self._tell("✗", fact.step, f"{node} · {took} · {one_line(fact.error, 400)}", "warn")
        elif fact.outcome == "done":
            self._tell("◆", fact.step, f"{node} · {took}", "quiet")

    def _step_failed(self, fact: f.StepFailed, at: datetime, state: StepState | None) -> None:
        why = one_line(fact.error, 400)
        if state is None or (state.is_container and fact.retry_in_s is None):
            if state is not None and state.step.optional:
                self._tell("✗", fact.step, f"failed, and goes on without, for it is optional: {why}", "warn")
            return
        voice = self.voices.get(fact.step)
        if fact.retry_in_s is None:
            self.voices.pop(fact.step, None)
            optional = " (optional: the run goes on without it)" if state.step.optional else ""
            self._tell("✗", fact.step, self._took(fact.step, at, f"failed{optional}: {why}"), "bad")
            return
        if voice is not None:
            voice.resumes, voice.error = at + timedelta(seconds=fact.retry_in_s), why
        attempt = fact.attempt + 1
        self._tell("↻", fact.step, f"attempt {attempt} in {duration(fact.retry_in_s)} after an error: {why}", "warn")

    def _deferred(self, fact: f.StepDeferred, at: datetime, state: StepState | None) -> None:
        why = one_line(fact.reason, 400)
        if (voice := self.voices.get(fact.step)) is not None:
            voice.resumes, voice.error = at + timedelta(seconds=fact.in_s), why
        self._tell("↻", fact.step, f"put off by {duration(fact.in_s)}: {why}", "warn")

    def _skipped(self, fact: f.StepSkipped, at: datetime, state: StepState | None) -> None:
        self.voices.pop(fact.step, None)
        self._tell("–", fact.step, f"skipped: {one_line(fact.reason)}", "quiet")

    def _stopped(self, fact: f.StepStopped, at: datetime, state: StepState | None) -> None:
        voice = self.voices.pop(fact.step, None)
        wrote = f"~{count(voice.tokens, 'token')}" if voice is not None else ""
        self._tell("■", fact.step, self._took(fact.step, at, wrote, f"stopped by {fact.by}"), "warn")

    def _steered(self, fact: f.StepSteered, at: datetime, state: StepState | None) -> None:
        self._tell("↪", fact.step, f"steered by {fact.by}: {one_line(fact.feedback)}", "warn")

    def _dropped(self, fact: f.StepDropped, at: datetime, state: StepState | None) -> None:
        self.voices.pop(fact.step, None)
        self._tell("✗", fact.step, self._took(fact.step, at, "void: what it had read was taken back"), "quiet")

    def _fed_back(self, fact: f.FeedbackGiven, at: datetime, state: StepState | None) -> None:
        self._tell("✎", fact.step, f"feedback{_by(fact.by)}: {one_line(fact.text)}", "quiet")

    def _turn(self, fact: f.TurnStarted, at: datetime, state: StepState | None) -> None:
        if fact.turn > 1:
            self._tell("↻", fact.step, f"turn {fact.turn}", "quiet")

    def _expanded(self, fact: f.MapExpanded, at: datetime, state: StepState | None) -> None:
        self._tell("▶", fact.step, count(len(fact.items), "item"), "quiet")

    # Waits

    def _waits(self, fact: f.WaitStarted, at: datetime, state: StepState | None) -> None:
        until = None if fact.until_ms is None else datetime.fromtimestamp(fact.until_ms / 1000, UTC)
        waiting = Waiting(fact.step, fact.wait, at, until, fact.event or "", fact.key, fact.question, fact.show)
        self.waits[fact.step] = waiting
        self._begun.setdefault(fact.step, at)
        limit = duration(span(at, until).total_seconds()) if until is not None else ""
        most = f", at most {limit}" if fact.wait == "event" else f" for {limit}"
        self._tell("⏸", fact.step, waiting.told + (most if limit else ""), "wait")

    def _fired(self, fact: f.TimerFired, at: datetime, state: StepState | None) -> None:
        self.waits.pop(fact.step, None)

    def _received(self, fact: f.EventReceived, at: datetime, state: StepState | None) -> None:
        self.waits.pop(fact.step, None)
        self._tell("▶", fact.step, f"the event {one_line(fact.name, 60)} came", "quiet")

    def _decided(self, fact: f.ReviewDecided, at: datetime, state: StepState | None) -> None:
        self.waits.pop(fact.step, None)
        self._verdict(fact, lambda told: self._took(fact.step, at, told))

    def _asked(self, fact: f.PersonAsked, at: datetime, state: StepState | None) -> None:
        waiting = Waiting(fact.step, "review", at, None, "", "", fact.text, fact.show)
        self.waits[fact.step] = waiting
        self._tell("⏸", fact.step, waiting.told, "wait")

    def _answered(self, fact: f.PersonAnswered, at: datetime, state: StepState | None) -> None:
        self.waits.pop(fact.step, None)
        self._verdict(fact, lambda told: told)  # the step goes on

    def _question_dropped(self, fact: f.QuestionDropped, at: datetime, state: StepState | None) -> None:
        self.waits.pop(fact.step, None)

    def _step_rested(self, fact: f.StepRested, at: datetime, state: StepState | None) -> None:
        self.voices.pop(fact.step, None)
        self._rests[fact.step] = self._rests.get(fact.step, 0) + 1

    def _verdict(self, fact: f.ReviewDecided | f.PersonAnswered, shown: Callable[[str], str]) -> None:
        approved = fact.verdict == "approve"
        told = f"{'approved' if approved else 'rejected'}{_by(fact.by)}"
        comments = f": {one_line(fact.comments)}" if fact.comments else ""
        tone: Tone = "good" if approved else "bad"
        self._tell("✓" if approved else "✗", fact.step, shown(told + comments), tone)

    def _took(self, path: str, at: datetime, *parts: str) -> str:
        begun = self._begun.pop(path, None)
        times = [duration(span(begun, at).total_seconds())] if begun is not None else []
        return " · ".join([*times, *(part for part in parts if part)])

    _ON: ClassVar[dict[type[f.Fact], Callable[[Score, Any, datetime, StepState | None], None]]] = {
        f.RunAccepted: _accepted,
        f.RunClaimed: _claimed,
        f.RunRested: _rested,
        f.RunPaused: _paused,
        f.RunContinued: _continued,
        f.RunRetried: _retried,
        f.PrioritySet: _prioritised,
        f.RunCompleted: _completed,
        f.RunFailed: _failed,
        f.RunCancelled: _cancelled,
        f.StepStarted: _started,
        f.StepCompleted: _step_completed,
        f.StepFailed: _step_failed,
        f.StepDeferred: _deferred,
        f.CallDecided: _call_decided,
        f.ToolCalled: _tool_called,
        f.NodeEnded: _node_ended,
        f.StepSkipped: _skipped,
        f.StepStopped: _stopped,
        f.StepSteered: _steered,
        f.StepDropped: _dropped,
        f.FeedbackGiven: _fed_back,
        f.TurnStarted: _turn,
        f.MapExpanded: _expanded,
        f.WaitStarted: _waits,
        f.PersonAsked: _asked,
        f.StepRested: _step_rested,
        f.PersonAnswered: _answered,
        f.QuestionDropped: _question_dropped,
        f.TimerFired: _fired,
        f.EventReceived: _received,
        f.ReviewDecided: _decided,
    }


def _without_values(fact: f.Fact) -> f.Fact:
    """The fact without what only the engine needs of it, so that a long run costs its followers little memory."""
    match fact:
        case f.StepCompleted():
            return msgspec.structs.replace(fact, output=None, usage=None)
        case f.MapExpanded():
            return msgspec.structs.replace(fact, items=[None] * len(fact.items))
        case f.RunAccepted() | f.FlowEntered():
            return msgspec.structs.replace(fact, input={})
        case _:
            return fact


def _outcome(state: StepState, output: Any) -> str:
    call = state.step.call
    if not isinstance(call, WaitCall):
        return brief(output)
    return "timed out" if call.event and isinstance(output, dict) and output.get("timed_out") else ""  # pyright: ignore[reportUnknownMemberType]


def _by(name: str) -> str:
    return f" by {one_line(name, 60)}" if name else ""
