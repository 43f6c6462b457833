"""Fold facts into where a run stands. No clock, no I/O, no randomness.

`Progress.apply` takes one fact and keeps `wants`: what has to happen next, by step path.
`decide.commands` turns wants into commands. Each fact costs time in what depends on it, not in
the size of the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar

from stretto.flow import facts as f
from stretto.flow.graph import BranchCall, FlowCall, LoopCall, MapCall
from stretto.flow.scope import StepState, last_frame
from stretto.flow.structure import (
    MAX_INTERRUPTIONS,
    RunStatus,
    Structure,
    Want,
    holder_has_ended,
)


class Progress(Structure):
    """Where one run stands after the facts applied so far."""

    def apply(self, fact: f.Fact) -> None:
        """Take one fact. Facts must come in an order in which causes come before effects."""
        self._ON[type(fact)](self, fact)

    def apply_all(self, facts: Iterable[f.Fact]) -> None:
        for fact in facts:
            self.apply(fact)

    # What each fact does

    def _run_accepted(self, fact: f.RunAccepted) -> None:
        self.status, self.priority, self.parent = "running", fact.priority, fact.parent
        self.root = self._enter(self.graph.root, None, "", input=fact.input)
        if not self.graph.root.steps:
            self.wants["finish"] = Want("finish")

    def _run_claimed(self, fact: f.RunClaimed) -> None:
        for state in list(self.states.values()):
            if state.status == "running" and not state.is_container:
                state.interrupted += 1
                self._leave(state, "ready")
                if state.interrupted > MAX_INTERRUPTIONS:
                    state.error_kind = "Interrupted"
                    state.error = f"the process died {state.interrupted} times while this step was at work"
                    self._want("give_up", state)
                else:
                    self._make_ready(state)

    def _run_rested(self, fact: f.RunRested) -> None:
        if fact.status == "accepted":  # handed over in good order: nothing died
            self._put_back()

    def _put_back(self) -> None:
        """What was at work was ended in good order, and is to be started again when the run goes on."""
        for state in list(self.states.values()):
            if state.status == "running" and not state.is_container:
                self._leave(state, "ready")
                self._make_ready(state)

    def _run_paused(self, fact: f.RunPaused) -> None:
        self.status = "paused"

    def _run_continued(self, fact: f.RunContinued) -> None:
        self.status = "running"

    def _run_cancelled(self, fact: f.RunCancelled) -> None:
        self._end("cancelled")

    def _run_completed(self, fact: f.RunCompleted) -> None:
        self._end("completed")

    def _run_failed(self, fact: f.RunFailed) -> None:
        self._end("failed")

    def _end(self, status: RunStatus) -> None:
        self._put_back()
        for state in self.states.values():
            if state.question:  # what was asked is withdrawn with the run's end
                self._withdraw(state)
        self.status = status
        self.wants.pop("finish", None)

    def _run_retried(self, fact: f.RunRetried) -> None:
        self.status, self.failure = "running", None
        entered: list[StepState] = []
        for state in list(self.states.values()):
            if state.status != "failed" or state.step.optional or holder_has_ended(state):
                continue
            state.failures, state.interrupted, state.error = 0, 0, ""
            if state.is_container and (state.attempt or state.frames or state.values is not None):
                state.status = "running"
                entered.append(state)
            else:
                self._make_ready(state)
        for state in entered:
            self._go_on(state)
        if self.root is not None and self.root.open_steps == 0:
            self.wants["finish"] = Want("finish")

    def _go_on(self, state: StepState) -> None:
        """A container that had failed is at work again: with what is left in it, or with its end."""
        if state.is_to_drop:
            self._want("drop", state)
        elif state.is_reader:
            self._advance_reader(state)
        elif isinstance(state.step.call, MapCall):
            self._advance_map(state)
        elif (frame := last_frame(state)) is not None and frame.open_steps == 0:
            self._want("close", state)

    def _priority_set(self, fact: f.PrioritySet) -> None:
        self.priority = fact.priority

    def _nothing(self, fact: f.Fact) -> None:
        pass

    def _step_started(self, fact: f.StepStarted) -> None:
        if (state := self._known(fact)) is not None:
            state.attempt = fact.attempt
            self._run(state)
            if state.is_reader:
                self._open_reader(state)
            elif state.reaction is not None:
                self._want("react", state)

    def _open_reader(self, reader: StepState) -> None:
        assert reader.step.stream_of is not None
        source = reader.frame.states[reader.step.stream_of]
        by_item = reader.step.each is not None and reader.step.each.by.kind == "item"
        if by_item:
            done = source.frames if source.values is not None else source.items
            for n in sorted(done):
                if source.values is not None and not self._frame_done(source, n):
                    continue
                if source.values is None and not source.items[n].has_ended:
                    continue
                if n not in reader.items:
                    self._add_item(reader, n, 0, 0)
        if source.has_ended and (by_item or source.status in ("skipped", "failed")):
            reader.ended = True
        self._advance_reader(reader)

    def _call_decided(self, fact: f.CallDecided) -> None:
        self._calling.add(fact.step)
        self.cost_usd += Decimal(fact.cost_usd)

    def _step_completed(self, fact: f.StepCompleted) -> None:
        if fact.usage and fact.step not in self._calling:  # it made no calls of its own, but says what it used
            self.cost_usd += Decimal(str(fact.usage.get("cost_usd") or 0))
        if (state := self._known(fact)) is not None:
            state.of, state.output = fact.of, fact.output
            self._settle(state, "completed")

    def _model_answered(self, fact: f.ModelAnswered) -> None:
        if (state := self._known(fact)) is not None and not state.has_ended:
            state.history.append(fact)
            state.keep = fact.end

    def _tool_called(self, fact: f.ToolCalled) -> None:
        if (state := self._known(fact)) is not None and not state.has_ended:
            state.history.append(fact)

    def _step_skipped(self, fact: f.StepSkipped) -> None:
        if (state := self._known(fact)) is not None:
            self._settle(state, "skipped")

    def _step_stopped(self, fact: f.StepStopped) -> None:
        if (state := self._known(fact)) is not None:
            self._settle(state, "stopped")

    def _step_failed(self, fact: f.StepFailed) -> None:
        if (state := self._known(fact)) is None or state.has_ended:
            return
        state.failures += 1
        state.error, state.error_kind = fact.error, fact.kind
        if fact.retry_in_s is None:
            self._give_up(state)
        else:
            self._leave(state, "backing_off")

    def _step_deferred(self, fact: f.StepDeferred) -> None:
        if (state := self._known(fact)) is not None and not state.has_ended:
            self._leave(state, "backing_off")

    def _step_steered(self, fact: f.StepSteered) -> None:
        if (state := self._known(fact)) is None or state.has_ended:
            return
        if not state.feedback or state.feedback[-1] != fact.feedback:
            state.feedback.append(fact.feedback)
        state.keep = fact.keep
        state.steers += state.reaction is not None
        state.reaction = state.cut_off = None
        self._leave(state, "ready")
        self._make_ready(state)

    def _step_dropped(self, fact: f.StepDropped) -> None:
        item = self._known(fact)
        if item is None or item.reader is None:
            return
        reader = item.reader
        del self.states[item.path]
        self._end_inside(item)
        if item.status == "failed":  # in older journals; it held its place, and its reader fails
            reader.items.pop(item.n, None)
            reader.active -= 1
            reader.unfinished -= 1
            self._drop_item_readers(reader, item.n)
        elif item.has_ended:
            self.wants.pop(item.path, None)
            reader.items.pop(item.n, None)
            self._drop_item_readers(reader, item.n)
            self._advance_reader(reader)
        else:
            self._settle(item, "dropped")

    def _text_retracted(self, fact: f.TextRetracted) -> None:
        if (state := self._known(fact)) is None:
            return
        for reader in self.readers_of(state):
            reader.ended = False
            for item in list(reader.items.values()):
                if item.end > fact.position:
                    self._void(item)
            self._advance_reader(reader)

    def _segment_cut(self, fact: f.SegmentCut) -> None:
        if (reader := self._known(fact)) is not None and fact.n not in reader.items:
            self._add_item(reader, fact.n, fact.start, fact.end)

    def _segments_ended(self, fact: f.SegmentsEnded) -> None:
        if (reader := self._known(fact)) is not None:
            reader.ended = True
            self._advance_reader(reader)

    def _branch_taken(self, fact: f.BranchTaken) -> None:
        if (state := self._known(fact)) is None:
            return
        call = state.step.call
        assert isinstance(call, BranchCall)
        self._run(state)
        if fact.case < 0:
            self._want("close", state)
        else:
            state.frames[0] = self._enter(call.cases[fact.case].body, state, f"{state.path}.")

    def _turn_started(self, fact: f.TurnStarted) -> None:
        if (state := self._known(fact)) is None:
            return
        call = state.step.call
        assert isinstance(call, LoopCall)
        self._run(state)
        previous = state.frames.get(fact.turn - 1)
        if not self._keep_turns:
            if (older := state.frames.pop(fact.turn - 2, None)) is not None:
                self._forget(older)
            if previous is not None:
                previous.previous = None
        prefix = f"{state.path}[{fact.turn}]."
        state.frames[fact.turn] = self._enter(call.body, state, prefix, specials={"turn": fact.turn}, previous=previous)

    def _map_expanded(self, fact: f.MapExpanded) -> None:
        if (state := self._known(fact)) is None:
            return
        self._run(state)
        state.values, state.needs = fact.items, fact.needs
        state.queue = list(range(len(fact.items)))
        state.unfinished = len(fact.items)
        self._advance_map(state)

    def _flow_entered(self, fact: f.FlowEntered) -> None:
        if (state := self._known(fact)) is None:
            return
        call = state.step.call
        assert isinstance(call, FlowCall)
        self._run(state)
        state.frames[0] = self._enter(call.graph.root, state, f"{state.path}.", input=fact.input, graph=call.graph)

    def _wait_started(self, fact: f.WaitStarted) -> None:
        if (state := self._known(fact)) is not None:
            state.attempt = fact.attempt
            self._leave(state, "waiting")

    def _timer_fired(self, fact: f.TimerFired) -> None:
        if (state := self._known(fact)) is None:
            return
        if state.status == "backing_off":
            self._make_ready(state)
        elif state.status == "waiting" and not state.question:
            self._resolve(state, {"timed_out": True, "data": None})

    def _event_received(self, fact: f.EventReceived) -> None:
        if (state := self._known(fact)) is not None and state.status == "waiting":
            self._resolve(state, {"timed_out": False, "data": fact.data})

    def _review_decided(self, fact: f.ReviewDecided) -> None:
        if (state := self._known(fact)) is not None and state.status == "waiting":
            approved = fact.verdict == "approve"
            self._resolve(
                state,
                {
                    "approved": approved,
                    "verdict": fact.verdict,
                    "comments": fact.comments,
                    "by": fact.by,
                    "value": fact.value,
                },
            )

    def _person_asked(self, fact: f.PersonAsked) -> None:
        if (state := self._known(fact)) is not None and not state.has_ended:
            state.question = fact.question

    def _person_answered(self, fact: f.PersonAnswered) -> None:
        if (state := self._known(fact)) is not None and state.question == fact.question:
            state.answers[fact.question] = fact
            self._withdraw(state)

    def _question_dropped(self, fact: f.QuestionDropped) -> None:
        if (state := self._known(fact)) is not None and state.question == fact.question:
            self._withdraw(state)

    def _withdraw(self, state: StepState) -> None:
        """Nothing is asked any more; if the step rests for it, it is to be started again."""
        state.question = ""
        if state.status == "waiting":
            self._make_ready(state)

    def _text_kept(self, fact: f.TextKept) -> None:
        if (state := self._known(fact)) is not None and not state.has_ended:
            state.keep, state.interrupted = fact.keep, 0

    def _step_rested(self, fact: f.StepRested) -> None:
        if (state := self._known(fact)) is not None and not state.has_ended:
            state.interrupted = 0  # it has come on since it was interrupted
            self._leave(state, "waiting")

    def _resolve(self, state: StepState, output: Mapping[str, Any]) -> None:
        if (want := self.wants.get(state.path)) is None or want.kind != "resolve":
            state.wait_output = dict(output)
            self._want("resolve", state)

    def _feedback_given(self, fact: f.FeedbackGiven) -> None:
        if (state := self._known(fact)) is None or state.has_ended:
            return
        state.feedback.append(fact.text)
        if fact.mode == "now" and state.status == "running" and not state.is_container:
            state.cut_off = (fact.text, fact.by)
            self._want("cut_off", state)

    _ON: ClassVar[dict[type[f.Fact], Callable[[Progress, Any], None]]] = {
        f.RunAccepted: _run_accepted,
        f.RunClaimed: _run_claimed,
        f.RunRested: _run_rested,
        f.RunPaused: _run_paused,
        f.RunContinued: _run_continued,
        f.RunCancelled: _run_cancelled,
        f.RunCompleted: _run_completed,
        f.RunFailed: _run_failed,
        f.RunRetried: _run_retried,
        f.PrioritySet: _priority_set,
        f.SignalPassedOver: _nothing,
        f.StepStarted: _step_started,
        f.StepCompleted: _step_completed,
        f.StepSkipped: _step_skipped,
        f.StepStopped: _step_stopped,
        f.StepFailed: _step_failed,
        f.StepDeferred: _step_deferred,
        f.CallDecided: _call_decided,
        f.ModelAnswered: _model_answered,
        f.ToolCalled: _tool_called,
        f.NodeStarted: _nothing,
        f.NodeEnded: _nothing,
        f.NodesPassedOver: _nothing,
        f.StepSteered: _step_steered,
        f.StepDropped: _step_dropped,
        f.TextRetracted: _text_retracted,
        f.SegmentCut: _segment_cut,
        f.SegmentsEnded: _segments_ended,
        f.BranchTaken: _branch_taken,
        f.TurnStarted: _turn_started,
        f.MapExpanded: _map_expanded,
        f.FlowEntered: _flow_entered,
        f.WaitStarted: _wait_started,
        f.TimerFired: _timer_fired,
        f.EventReceived: _event_received,
        f.ReviewDecided: _review_decided,
        f.PersonAsked: _person_asked,
        f.TextKept: _text_kept,
        f.StepRested: _step_rested,
        f.PersonAnswered: _person_answered,
        f.QuestionDropped: _question_dropped,
        f.FeedbackGiven: _feedback_given,
    }
