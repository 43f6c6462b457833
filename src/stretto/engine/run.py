"""One run, carried out: facts in, commands out, handlers at work, text on its way.

`RunTask` is the only writer of its run's journal. It folds the facts, asks `commands` what to do,
does it, and writes what came of it as the next facts. It can be killed anywhere: whoever takes the
run next folds the same facts and goes on.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal
from uuid import UUID

import msgspec
import structlog
from structlog.contextvars import bind_contextvars

from stretto.engine.attempt import Attempt
from stretto.engine.flusher import Flusher
from stretto.engine.inbox import facts_for
from stretto.engine.journal import Awaited, JournalWriter, Listing
from stretto.engine.questions import Questions
from stretto.engine.readers import Readers
from stretto.engine.rows import facts_of, now, texts_of
from stretto.engine.scribe import Scribe
from stretto.engine.step import Emitted, Handler, Question, StepResult
from stretto.engine.store import Signal
from stretto.engine.texts import Texts
from stretto.engine.timers import Timers
from stretto.errors import (
    LeaseLost,
    OutputInvalid,
    Permanent,
    StepTimedOut,
    StrettoError,
    ToolNotFound,
    Transient,
    WorkDeferred,
    WorkSkipped,
)
from stretto.flow import facts as f
from stretto.flow.decide import Command, Record, Start, Steer, Stop, Wait, commands
from stretto.flow.graph import EmitCall, Graph, Retry
from stretto.flow.progress import Progress
from stretto.settings import Settings
from stretto.stream.hub import Hub
from stretto.stream.log import Row

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all runs of a process share."""

    journal: JournalWriter
    hub: Hub
    handlers: Mapping[str, Handler]
    flusher: Flusher
    settings: Settings
    worker: str


class RunTask:
    """Carries out one run until it ends, rests, is handed over, or is lost to another process."""

    def __init__(self, graph: Graph, tenant_id: UUID, run_id: UUID, around: Surroundings) -> None:
        self.tenant_id = tenant_id
        self.run_id = run_id
        self.graph = graph
        self.scribe = Scribe(tenant_id, run_id, around.journal, around.hub, self._lost, graph.name)
        self.texts = Texts(around.flusher, self.scribe.text, self.scribe.send)
        self.progress = Progress(graph, self.texts.of, around.settings.concurrent_steps)
        self.gone = asyncio.Event()
        self._around = around
        self._attempts: dict[str, Attempt] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._readers = Readers(self.progress, self.texts.of, self._emit_segment)
        self._timers = Timers(self._fire)
        self._questions = Questions(self)
        self._changed = asyncio.Event()
        self._signalled = False
        self._handing_over = False
        self._resting = False
        self._pumping = False
        self._had_waits = False
        self._waits_before: list[f.WaitStarted] = []
        self._loaded_timers: dict[str, datetime] = {}

    @property
    def lost(self) -> BaseException | None:
        """Why this process may not go on with the run; None while it may."""
        return self.scribe.lost

    # The life of a run in this process

    def load(self, rows: list[Row]) -> None:
        """Fold what the journal holds."""
        self.texts.load(texts_of(rows))
        facts = facts_of(rows)
        self.progress.apply_all(facts)
        self.scribe.begin_after(rows[-1].seq if rows else 0)
        for row, fact in zip((row for row in rows if row.kind != "Text"), facts, strict=True):
            self._remember_time(row, fact)
        self._forget_texts()

    def _forget_texts(self) -> None:
        """Let go of the text of a loop's old turns, which nothing can refer to any more."""
        self.texts.keep_only(lambda path: self.progress.state(path) is not None)

    def _remember_time(self, row: Row, fact: f.Fact) -> None:
        if isinstance(fact, f.PersonAsked):
            self._had_waits = True
        elif isinstance(fact, f.WaitStarted):
            self._had_waits = True
            if self._is_waiting(fact):
                self._waits_before.append(fact)
            if fact.until_ms is not None:
                self._loaded_timers[fact.step] = datetime.fromtimestamp(fact.until_ms / 1000, UTC)
        elif isinstance(fact, f.StepFailed) and fact.retry_in_s is not None:
            self._loaded_timers[fact.step] = row.at + timedelta(seconds=fact.retry_in_s)
        elif isinstance(fact, f.StepDeferred):
            self._loaded_timers[fact.step] = row.at + timedelta(seconds=fact.in_s)
        elif isinstance(fact, f.StepStarted):
            self._loaded_timers.pop(fact.step, None)

    async def carry(self, signals: list[Signal], read_signals: Callable[[], Awaitable[list[Signal]]]) -> None:
        """Go on with the run. `read_signals` is called again whenever `signal` was."""
        self._around.hub.open_run(self.run_id)
        try:
            if self.progress.is_over and not any(signal.kind == "retry" for signal in signals):
                return
            self._emit(f.RunClaimed(worker=self._around.worker))
            self._take(signals)
            if not self.progress.is_over:
                self._list("paused" if self.progress.status == "paused" else "running")
            for path, due in self._loaded_timers.items():
                if self._awaits_time(path):
                    self._timers.arm(path, due)
            self._readers.open_all()
            self._pump()
            while True:
                if self._signalled and self.lost is None:
                    self._signalled = False
                    self._take(await read_signals())
                    self._pump()
                if await self._rested():
                    break
                await self._changed.wait()
                self._changed.clear()
        finally:
            await self._leave()

    async def _rested(self) -> bool:
        """Whether there is nothing to do here any more; writes what has to be written then."""
        if self.lost is not None:
            return True
        if self._handing_over and not self.progress.is_over:
            self._cancel_all()
            await self._await_leaving()
            self._rest("accepted")
        elif self.progress.is_over:
            await self._await_leaving()
            self.scribe.send()
        elif self._attempts or self._leaving or self._signalled or self._due_soon():
            return False
        else:
            self._rest("paused" if self.progress.status == "paused" else "waiting")
        await self.durable()
        return True

    def _rest(self, status: Literal["waiting", "paused", "accepted"]) -> None:
        self._resting = True  # a timer that fires from now on is in the table already
        effects = self.scribe.effects
        effects.timers = self._timers.due
        if status == "accepted":
            effects.wake = self.progress.priority
        self._emit(f.RunRested(status=status))
        self._list(status)
        self.scribe.send()

    async def _leave(self) -> None:
        self._handing_over = True  # whatever ended it here: somebody else goes on, with the same questions
        self._cancel_all()
        self._timers.disarm_all()
        await self._await_leaving()
        self.texts.close()
        self.progress.let_go()
        # What points back here goes first, so that this goes with its last name.
        self.scribe.part()
        del self._readers, self._timers, self._questions
        self._around.hub.close_run(self.run_id)

    async def _await_leaving(self) -> None:
        while self._leaving:
            await asyncio.wait(self._leaving)

    def signal(self) -> None:
        """Somebody left a signal for this run."""
        self._signalled = True
        self._changed.set()

    def hand_over(self) -> None:
        """Stop here in good order, so that another process goes on."""
        self._handing_over = True
        self._changed.set()

    async def durable(self) -> None:
        """Wait until all facts so far are committed. Returns also when the lease is lost."""
        while not self.scribe.is_durable:
            await self.scribe.reached(self.scribe.seq)

    # Facts

    def _emit(self, fact: f.Fact) -> int:
        """Number a fact and apply it; it goes to the writer with the next `_send`."""
        if isinstance(fact, f.RunCompleted | f.RunFailed | f.RunCancelled):
            self._cancel_all()  # so that all text stands before the end
        seq = self.scribe.fact(fact)
        self.progress.apply(fact)
        follow_up = self._FOLLOW_UPS.get(type(fact))
        if follow_up is not None:
            follow_up(self, fact)
        return seq

    def _list(self, status: str, *, output: Any = None, error: Any = None, finished: bool = False) -> None:
        memorable = status == "completed" and self.graph.remember is not None
        self.scribe.effects.listing = Listing(
            status,
            now(),
            self.progress.cost_usd,
            output,
            error,
            self.progress.priority,
            finished=finished,
            memorable=memorable,
        )

    def _lost(self) -> None:
        """The run is not ours any more."""
        self._cancel_all()
        self._changed.set()

    def _take(self, signals: list[Signal]) -> None:
        if self.progress.is_over and not any(signal.kind == "retry" for signal in signals):
            return  # it has ended meanwhile; nothing comes after the end
        for signal in signals:
            for fact in list(facts_for(self.progress, signal)) or [f.SignalPassedOver(signal=signal.kind)]:
                self._emit(fact)
        if signals:
            self.scribe.effects.consumed.extend(signal.id for signal in signals)

    # Commands

    def _pump(self) -> None:
        """Do all that the facts call for, until they call for nothing more."""
        if self._pumping or self._resting or self._handing_over or self.lost is not None:
            return
        self._pumping = True
        try:
            asked: set[tuple[object, ...]] = set()
            while not self.progress.is_over and sum(
                self._do_once(command, asked) for command in commands(self.progress)
            ):
                pass
        except Exception as error:  # a fault of this program: stop, so that the job is tried again
            self.scribe.lose(error)
        finally:
            self._pumping = False
        self.scribe.send()
        if self.progress.is_over or not self._attempts:
            self._changed.set()

    def _do_once(self, command: Command, asked: set[tuple[object, ...]]) -> int:
        """Do what was not asked for before in this round of work. No command's answer can come to nothing, so the
        same one again is a fault of this program; it would be asked for without end, and no other run could go on."""
        fact = command.fact if isinstance(command, Record) else None
        path = getattr(command if fact is None else fact, "step" if fact is not None else "path", "")
        state = self.progress.state(path)
        what = type(command if fact is None else fact).__name__
        key = (what, path, getattr(fact, "turn", 0), 0 if state is None else state.attempt)
        if key not in asked:
            asked.add(key)
            return self._do(command)
        if not self.progress.is_over:
            error = (
                f"{what} was asked for twice without any progress. This is a fault of Stretto: please report it with "
                "the run's journal. The run can be retried once it is mended."
            )
            log.error("a command was asked for twice", run_id=str(self.run_id), step=path, command=what)
            self._emit(f.RunFailed(step=path, error=error))
        return 0

    def _do(self, command: Command) -> int:
        match command:
            case Record():
                fact = command.fact
                if isinstance(fact, f.StepFailed):
                    self._questions.drop(fact.step)
                    if fact.step in self._attempts:
                        self._close(fact.step)
                        self._retract(fact.step, 0, fact.error)
                self._emit(fact)
            case Start():
                self._start(command)
            case Wait():
                self._wait(command)
            case Stop():
                attempt = self._close(command.path)
                self._emit(f.StepStopped(step=command.path, attempt=attempt, by=command.by))
            case Steer():
                self._steer(command)
        return 1

    def _start(self, command: Start) -> None:
        self._retract(command.path, command.keep, "the attempt was given up")
        text = self.texts.begin(command.path, command.attempt)
        after_seq = self._emit(f.StepStarted(step=command.path, attempt=command.attempt))
        if isinstance(command.step.call, EmitCall):
            self.scribe.effects.emits.append(Emitted(command.step.call.event, command.key, dict(command.input)))
            self._emit(f.StepCompleted(step=command.path, attempt=command.attempt, output=dict(command.input)))
            return
        limit = self._around.settings.max_text_chars
        attempt = Attempt(self, command, text, self.progress.priority, limit)
        attempt.after_seq = after_seq
        self._attempts[command.path] = attempt
        task = asyncio.get_running_loop().create_task(self._carry_out(attempt), name=f"step {command.path}")
        attempt.task = task
        self._leaving.add(task)
        task.add_done_callback(self._left)

    def _left(self, task: asyncio.Task[None]) -> None:
        self._leaving.discard(task)
        if not self._leaving:
            self._changed.set()

    def has_answer(self, attempt: Attempt, key: str) -> bool:
        """Whether a person has answered this question of the step."""
        state = self.progress.state(attempt.path)
        return state is not None and key in state.answers

    def keep(self, attempt: Attempt) -> None:
        """What the attempt has written so far stands."""
        path, length = attempt.path, self.texts.length(attempt.path)
        state = self.progress.state(path)
        if state is not None and length > state.keep and self.lost is None and not self._resting:
            self.texts.flush(path)
            self._emit(f.TextKept(step=path, attempt=attempt.attempt, keep=length))
            self.scribe.send()

    def record(self, fact: f.Aside) -> None:
        """A call was decided, and maybe paid for; or a node of a hosted graph began or ended."""
        if self.lost is None and not self._resting and not self.progress.is_over:
            self._emit(fact)
            if isinstance(fact, f.CallDecided):
                self.scribe.send()
            else:  # a commit for each node would cost more than what many nodes do
                self.texts.send_soon()

    def tell(self, fact: f.Fact) -> None:
        """Write a fact down, where the run is still ours."""
        if self.lost is None and not self._resting:
            self._emit(fact)
            self.scribe.send()

    async def ask(self, attempt: Attempt, question: Question, *, rest: bool) -> f.PersonAnswered:
        """A step at work asks a person."""
        return await self._questions.ask(attempt, question, rest=rest)

    async def write_down(self, fact: f.Fact) -> None:
        """A part of an attempt's work is over; returns once the journal holds it."""
        if self.lost is None and not self._resting and not self.progress.is_over:
            self.texts.flush(fact.step if isinstance(fact, f.StepFact) else "")
            seq = self._emit(fact)
            self.scribe.send()
            if await self.scribe.reached(seq):
                return
        raise LeaseLost(f"Run {self.run_id} is not carried on here any more.")

    def _wait(self, command: Wait) -> None:
        due: datetime | None = None
        if command.until is not None:
            due = datetime.fromisoformat(command.until)
        elif command.for_s is not None:
            due = now() + timedelta(seconds=command.for_s)
        kind = "review" if command.review is not None else "event" if command.event else "timer"
        fact = f.WaitStarted(
            step=command.path,
            wait=kind,
            attempt=command.attempt,
            until_ms=None if due is None else int(due.timestamp() * 1000),
            event=command.event,
            key=command.key,
            show=command.show,
            question=command.question,
            review=command.review or {},
        )
        self._emit(fact)
        self._had_waits = True
        if due is not None:
            self._timers.arm(command.path, due)
        if (awaited := Awaited.of(fact)) is not None:
            self.scribe.effects.waits.append(awaited)

    def _steer(self, command: Steer) -> None:
        cut, state = self._attempts.get(command.path), self.progress.state(command.path)
        attempt = self._close(command.path)
        length = self.texts.length(command.path)
        keep = length if command.keep is None else min(command.keep, length)
        if cut is not None and cut.says_what_stands and state is not None:  # the next one does not go on in mid-word
            keep = min(keep, state.keep)
        self._emit(
            f.StepSteered(step=command.path, attempt=attempt, feedback=command.feedback, keep=keep, by=command.by)
        )
        self._retract(command.path, keep, f"steered by {command.by}" if command.by else "steered")

    # Attempts

    async def _carry_out(self, attempt: Attempt) -> None:
        bind_contextvars(step=attempt.path)  # in this task alone
        handler = self._around.handlers.get(attempt.step.kind)
        try:
            if handler is None:
                raise ToolNotFound(f"No handler for {attempt.step.kind} steps is registered in this worker.")
            # The work begins once the journal says so: a process that has lost the run finds out here.
            if not await self.scribe.reached(attempt.after_seq):
                return
            if attempt.step.timeout_s is None:
                result = await handler(attempt)
            else:
                async with asyncio.timeout(attempt.step.timeout_s):
                    result = await handler(attempt)
            if not attempt.is_over:
                self._succeeded(attempt, result)
        except asyncio.CancelledError:
            if not attempt.is_over:
                self._attempt_failed(attempt, StrettoError("The step's handler cancelled itself."))
        except TimeoutError as error:
            limit = attempt.step.timeout_s
            timed_out = StepTimedOut(
                f"{attempt.path} took longer than its time-out of {limit} s. "
                "Give it more with `timeout`, or make its work smaller."
            )
            self._attempt_failed(attempt, timed_out if limit is not None else error)
        except Exception as error:
            self._attempt_failed(attempt, error)
        self._pump()

    def _succeeded(self, attempt: Attempt, result: StepResult) -> None:
        limit = self._around.settings.max_output_bytes
        if result.output is not None:
            size = len(msgspec.json.encode(result.output))
            if size > limit:
                raise OutputInvalid(
                    f"The output of {attempt.path} has {size} bytes, more than {limit}. "
                    "Return less, or raise STRETTO_MAX_OUTPUT_BYTES."
                )
        usage = dict(result.usage) if result.usage else None
        self._close(attempt.path)
        if result.emits:
            self.scribe.effects.emits.extend(result.emits)
        self._emit(
            f.StepCompleted(
                step=attempt.path,
                attempt=attempt.attempt,
                of="text" if result.is_text else "value",
                output=None if result.is_text else result.output,
                usage=usage,
                note=result.note,
            )
        )

    def _attempt_failed(self, attempt: Attempt, error: BaseException) -> None:
        if attempt.is_over:
            return
        state = self.progress.state(attempt.path)
        keep = state.keep if state is not None else 0
        self._close(attempt.path)
        if isinstance(error, WorkDeferred | WorkSkipped):
            self._put_off(attempt, keep, error)
            return
        retry_in_s = retry_pause_s(attempt.step.retry, attempt.failures + 1, error)
        message = error.message if isinstance(error, StrettoError) else f"{type(error).__name__}: {error}"
        if not isinstance(error, StrettoError):
            log.warning("step failed", run_id=str(self.run_id), step=attempt.path, error=message)
        # Before the step ends, for then its readers take what stands as all there is.
        self._retract(attempt.path, keep, message)
        self._emit(
            f.StepFailed(
                step=attempt.path,
                attempt=attempt.attempt,
                error=message,
                kind=type(error).__name__,
                retry_in_s=retry_in_s,
            )
        )
        if retry_in_s is not None:
            self._timers.arm(attempt.path, now() + timedelta(seconds=retry_in_s))

    def _put_off(self, attempt: Attempt, keep: int, error: WorkDeferred | WorkSkipped) -> None:
        """Something is short: the attempt begins again later, or the step is left out. Neither is a failure."""
        self._retract(attempt.path, keep, error.message)
        if isinstance(error, WorkSkipped):
            self._emit(f.StepSkipped(step=attempt.path, reason=error.message))
            return
        in_s = error.retry_after_s or 1.0
        self._emit(f.StepDeferred(step=attempt.path, attempt=attempt.attempt, reason=error.message, in_s=in_s))
        self._timers.arm(attempt.path, now() + timedelta(seconds=in_s))

    def _close(self, path: str) -> int:
        """End the attempt at this path, if there is one; its text goes to the journal."""
        self.texts.flush(path)
        attempt = self._attempts.pop(path, None)
        if attempt is not None:
            attempt.is_over = True
            if attempt.task is not None and attempt.task is not asyncio.current_task():
                attempt.task.cancel()
        if not self._handing_over:  # else the next process goes on waiting for the same answer
            self._questions.drop(path)
        if attempt is not None:
            return attempt.attempt
        state = self.progress.state(path)
        return state.attempt if state is not None else 1

    def rest(self, attempt: Attempt) -> None:
        """Let the attempt end until a person has answered what it asks."""
        path = attempt.path
        self.texts.flush(path)
        del self._attempts[path]
        attempt.is_over = True
        self._emit(f.StepRested(step=path, attempt=attempt.attempt))
        self.scribe.send()
        assert attempt.task is not None
        attempt.task.cancel()

    def _cancel_all(self) -> None:
        for path in list(self._attempts):
            if self.lost is None:
                self._close(path)
            else:
                attempt = self._attempts.pop(path)
                attempt.is_over = True
                if attempt.task is not None:
                    attempt.task.cancel()

    def _cancel_under(self, path: str) -> None:
        for other in list(self._attempts):
            if other.startswith((path + ".", path + "[")):
                self._close(other)

    # Text

    def wrote(self, attempt: Attempt, offset: int, text: str) -> None:
        """An attempt has streamed text."""
        path = attempt.path
        self._around.hub.publish_text(self.run_id, path, attempt.attempt, offset, text, attempt.after_seq)
        self.texts.note(path)
        if self._readers.wrote(path, text) and self.progress.wants:
            self._pump()

    def retract(self, attempt: Attempt, position: int, reason: str) -> None:
        """A handler gives up text of its own."""
        attempt.after_seq = self._retract(attempt.path, position, reason)
        self._pump()

    def _retract(self, path: str, position: int, reason: str) -> int:
        """Take back the text of a step from `position` on, if there is any; gives the last row's number."""
        text = self.texts.get(path)
        if text is None or text.length <= position:
            return self.scribe.seq
        self.texts.flush(path)
        text.retract(position)
        return self._emit(f.TextRetracted(step=path, attempt=text.attempt, position=position, reason=reason))

    async def drain(self) -> None:
        """Wait while too much text waits for the disk."""
        await self._around.journal.drain()

    def _emit_segment(self, fact: f.Fact) -> None:
        if isinstance(fact, f.SegmentCut):
            self.texts.flush(self._readers.source_of(fact.step))
        self._emit(fact)

    # What follows from facts in this process

    def _step_ended(self, fact: f.StepFact) -> None:
        self._timers.disarm(fact.step)
        state = self.progress.state(fact.step)
        if state is not None and (state.has_ended or state.reader is not None):
            self._readers.ended(state)

    def _step_started(self, fact: f.StepStarted) -> None:
        state = self.progress.state(fact.step)
        if state is not None and state.is_reader:
            self._readers.open(state)

    def _turn_started(self, fact: f.TurnStarted) -> None:
        if fact.turn > 2:
            self._forget_texts()

    def _step_failed(self, fact: f.StepFailed) -> None:
        if fact.retry_in_s is None:
            self._cancel_under(fact.step)
            self._withdraw_waits(fact.step)
            self._step_ended(fact)

    def _step_dropped(self, fact: f.StepDropped) -> None:
        self._cancel_under(fact.step)
        self._close(fact.step)
        self._withdraw_waits(fact.step)
        inside = (fact.step + ".", fact.step + "[")
        for path in self._timers.paths:
            if path == fact.step or path.startswith(inside):
                self._timers.disarm(path)
        self._readers.forget_under(inside)
        for path in [fact.step, *self.texts.paths_under(inside)]:
            self._retract(path, 0, "what it had read was retracted")
        self._readers.item_ended(fact.step[: fact.step.rindex("[")])

    def _state_changed(self, fact: f.Fact) -> None:
        self._list("paused" if self.progress.status == "paused" else "running")

    def _run_retried(self, fact: f.RunRetried) -> None:
        self._state_changed(fact)
        # The end of the run had taken them from the table.
        waits = [Awaited.of(wait) for wait in self._waits_before if self._is_waiting(wait)]
        self.scribe.effects.waits.extend(awaited for awaited in waits if awaited is not None)

    def _is_waiting(self, fact: f.WaitStarted) -> bool:
        state = self.progress.state(fact.step)
        return state is not None and state.status == "waiting" and state.attempt == fact.attempt

    def _text_retracted(self, fact: f.TextRetracted) -> None:
        self._readers.retracted(fact.step)

    def _feedback_given(self, fact: f.FeedbackGiven) -> None:
        attempt = self._attempts.get(fact.step)
        if attempt is not None and fact.mode == "next":
            attempt.give_feedback(fact.text)

    def _person_asked(self, fact: f.PersonAsked) -> None:
        self._had_waits = True
        self._questions.asked(fact)

    def _person_answered(self, fact: f.PersonAnswered) -> None:
        self._questions.answered(fact)

    def _question_dropped(self, fact: f.QuestionDropped) -> None:
        self._questions.dropped(fact)

    def _withdraw_waits(self, path: str) -> None:
        """Neither the step nor anything inside it waits for anybody any more."""
        if self._had_waits:
            self.scribe.effects.ended_waits.append(path)

    def _wait_over(self, fact: f.StepFact) -> None:
        self._timers.disarm(fact.step)
        self.scribe.effects.ended_waits.append(fact.step)

    def _run_over(self, fact: f.Fact) -> None:
        effects = self.scribe.effects
        if self._had_waits or self._timers:
            effects.clear_timers = True
            effects.ended_waits.append("*")
        self._timers.disarm_all()
        match fact:
            case f.RunCompleted():
                self._list("completed", output=fact.output, finished=True)
            case f.RunFailed():
                self._list("failed", error={"step": fact.step, "error": fact.error}, finished=True)
            case _:
                self._list("cancelled", finished=True)

    # Time

    def _awaits_time(self, path: str) -> bool:
        state = self.progress.state(path)
        if state is None or path in self.progress.wants:
            return False
        return state.status == "backing_off" or (state.status == "waiting" and not state.question)

    def _fire(self, path: str) -> None:
        if self.lost is None and not self._handing_over and not self._resting and self._awaits_time(path):
            self._emit(f.TimerFired(step=path))
            self._pump()
            self.scribe.send()

    def _due_soon(self) -> bool:
        return self.progress.status != "paused" and self._timers.due_within(self._around.settings.linger_s)

    _FOLLOW_UPS: ClassVar[dict[type[f.Fact], Callable[[RunTask, Any], None]]] = {
        f.StepStarted: _step_started,
        f.TurnStarted: _turn_started,
        f.StepCompleted: _step_ended,
        f.StepSkipped: _step_ended,
        f.StepStopped: _step_ended,
        f.StepFailed: _step_failed,
        f.StepDropped: _step_dropped,
        f.TextRetracted: _text_retracted,
        f.FeedbackGiven: _feedback_given,
        f.PersonAsked: _person_asked,
        f.PersonAnswered: _person_answered,
        f.QuestionDropped: _question_dropped,
        f.TimerFired: _wait_over,
        f.EventReceived: _wait_over,
        f.ReviewDecided: _wait_over,
        f.RunPaused: _state_changed,
        f.RunContinued: _state_changed,
        f.RunRetried: _run_retried,
        f.PrioritySet: _state_changed,
        f.RunCompleted: _run_over,
        f.RunFailed: _run_over,
        f.RunCancelled: _run_over,
    }


def retry_pause_s(retry: Retry, failures: int, error: BaseException) -> float | None:
    """Seconds until the next attempt after this many failures; None when there is none."""
    if failures >= retry.attempts or isinstance(error, Permanent):
        return None
    pause_s = min(retry.backoff_s * retry.factor ** (failures - 1), retry.max_backoff_s)
    pause_s -= pause_s * retry.jitter * random.random()
    asked_s = error.retry_after_s if isinstance(error, Transient) else None
    return max(pause_s, asked_s or 0.0)
