"""Follow a run until it ends, or until there is nothing more to do here: what `run`, `resume` and `fork` share."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import aclosing, suppress
from dataclasses import dataclass
from uuid import UUID

from stretto.cli.amounts import count, dollars, duration, plain
from stretto.cli.desk import Desk
from stretto.cli.exits import Exit, say_error
from stretto.cli.interrupts import on_interrupts
from stretto.cli.keyboard import can_ask
from stretto.cli.safe_text import one_line, safe
from stretto.cli.score import Score
from stretto.cli.view import open_view, stderr_console
from stretto.engine import Runs
from stretto.errors import DatabaseUnreachable, StrettoError
from stretto.flow.graph import Graph
from stretto.platform import Platform
from stretto.stream import START, EndEvent, Event, FactEvent, TextEvent

REPAINT_S = 1 / 12
LOOK_S = 0.1
GRACE_S = 0.4
"""A run that has come to rest is left this much later, if it still rests."""


def short(run_id: UUID) -> str:
    """The end of a run's id: enough to name it."""
    return str(run_id)[-8:]


def answers(platform: Platform) -> str:
    """Who answers model calls."""
    if platform.gateway.simulated:
        return "answers: simulated provider (no model)"
    return f"answers: {platform.gateway.name}"


@dataclass(frozen=True, slots=True)
class Manner:
    """How to follow: as JSON or for people, in whose name, and from which row on a rest counts."""

    as_json: bool = False
    by: str = ""
    known_seq: int = 0
    """Rows that were there before this command; that the run rested among them says nothing of now."""


async def follow_run(platform: Platform, run_id: UUID, graph: Graph, manner: Manner) -> Exit:
    """Show the run until it ends or this command leaves it; gives the exit code."""
    following = Following(platform, run_id, graph, manner)
    code = await following.follow()
    following.conclude(code)
    return code


class Following:
    """One run that is followed, and the person who follows it."""

    def __init__(self, platform: Platform, run_id: UUID, graph: Graph, manner: Manner) -> None:
        self._runs: Runs = platform.runs()
        self._run_id = run_id
        self._manner = manner
        self._score = Score(graph)
        self._view = open_view(self._score, as_json=manner.as_json, hint=self._hint, known_seq=manner.known_seq)
        self._asks = can_ask() and not manner.as_json
        self._desk = Desk(platform.reviews(self._runs.tenant_id), run_id, self._view, stderr_console(), manner.by)
        self._left: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self._interrupts = 0
        self._rest: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        if not manner.as_json:
            self._view.say(f"{graph.name} · run {run_id}\n{answers(platform)}")

    async def follow(self) -> Exit:
        """Follow; what was shown stays on the terminal."""
        with on_interrupts(self._interrupted), self._view:
            reading = asyncio.create_task(self._read(), name="read the stream")
            side = [asyncio.create_task(self._paint(), name="paint")]
            if self._asks:
                side.append(asyncio.create_task(self._desk.work(), name="ask"))
            try:
                # A fault in any of them ends all.
                await asyncio.wait([reading, self._left, *side], return_when=asyncio.FIRST_COMPLETED)
                for task in (reading, *side):
                    if task.done():
                        task.result()
            finally:
                if self._rest is not None:
                    self._rest.cancel()
                for task in (reading, *side, *self._tasks):
                    task.cancel()
                await asyncio.gather(reading, *side, *self._tasks, return_exceptions=True)
        return self._left.result() if self._left.done() else self._end()

    def _end(self) -> Exit:
        match self._score.status:
            case "completed":
                return Exit.DONE
            case "cancelled" if self._interrupts:
                return Exit.INTERRUPTED
            case "failed" | "cancelled":
                return Exit.FAILED
            case _:
                return Exit.WAITS

    def conclude(self, code: Exit) -> None:
        """Say how it ended, and give the output to stdout."""
        score, name = self._score, short(self._run_id)
        match score.status:
            case "completed":
                if not self._manner.as_json:
                    self._summary()
                    if sys.stdout.isatty():
                        print()
                    give_output(score.output)
            case "failed":
                say_error(
                    f"step {score.failed_step} failed: {safe(score.failure)}\n"
                    f"`stretto retry {name}` tries it again; `stretto show {name}` tells more."
                )
            case "cancelled":
                told = f"Cancelled; what was shown is kept. `stretto resume {name}` goes on with it."
                print(told, file=sys.stderr)
            case _ if code is Exit.WAITS:
                print(safe("\n".join(how_to_go_on(score, self._run_id))), file=sys.stderr)
            case _:
                pass

    def _summary(self) -> None:
        if sys.stderr.isatty():
            return  # the picture's last line says it
        score = self._score
        done, _ = score.steps
        totals = score.totals
        parts = [count(done, "step"), duration(score.elapsed_s), count(totals.output_tokens, "token")]
        print(" · ".join(["completed", *parts, dollars(totals.cost_usd)]), file=sys.stderr)

    # The stream

    async def _read(self) -> None:
        cursor, told, pause_s = START, False, 0.25
        while True:
            try:
                async with aclosing(self._runs.follow(self._run_id, cursor)) as events:
                    async for event in events:
                        cursor, pause_s = event.cursor, 0.25
                        if not self._is_old_end(event):
                            self._take(event)
                if self._score.over or cursor.seq > self._manner.known_seq:
                    return
                await asyncio.sleep(LOOK_S)  # the run had ended before; soon a worker takes it up again
            except DatabaseUnreachable as error:
                if not told:
                    self._view.say(f"{one_line(error.message)} Trying again; the run is safe.")
                told = True
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, 2.0)
            except BrokenPipeError:
                self._nobody_reads()
                return

    def _is_old_end(self, event: Event) -> bool:
        return isinstance(event, EndEvent) and event.seq <= self._manner.known_seq

    def _take(self, event: Event) -> None:
        self._view.take(event)
        if not isinstance(event, TextEvent):
            self._desk.tell()
        if isinstance(event, FactEvent) and event.name == "RunRested" and event.seq > self._manner.known_seq:
            if self._rest is not None:
                self._rest.cancel()
            self._rest = asyncio.get_running_loop().call_later(GRACE_S, self._consider_leaving)

    def _consider_leaving(self) -> None:
        """The run has come to rest: leave it, unless somebody here, or time, will end its wait."""
        score = self._score
        if score.status not in ("waiting", "paused") or self._interrupts:
            return
        waits = score.waits.values()
        timed = any(wait.until is not None for wait in waits) or any(v.resumes for v in score.voices.values())
        if score.status == "waiting" and timed:
            return
        if self._asks and (self._desk.busy or score.status == "paused" or any(w.kind == "event" for w in waits)):
            self._rest = asyncio.get_running_loop().call_later(GRACE_S, self._consider_leaving)
            return
        self._leave(Exit.WAITS)

    def _nobody_reads(self) -> None:
        """Whoever read our output has gone away."""
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        self._leave(Exit.WAITS)

    async def _paint(self) -> None:
        while True:
            self._view.paint()
            await asyncio.sleep(REPAINT_S)

    # Leaving

    def _leave(self, code: Exit) -> None:
        if not self._left.done():
            self._left.set_result(code)

    def _interrupted(self, number: signal.Signals) -> None:
        if number is not signal.SIGINT:
            self._leave(Exit.WAITS)
            return
        self._interrupts += 1
        if self._interrupts == 1:
            task = asyncio.get_running_loop().create_task(self._cancel(), name="cancel")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            return
        with suppress(Exception):
            self._view.__exit__(None, None, None)
            name = short(self._run_id)
            print(f"Left at once. The run is safe: `stretto show {name}`, `stretto resume {name}`.", file=sys.stderr)
            sys.stderr.flush()
        # Nothing is lost by this: whatever is at work is taken up again from the journal.
        os._exit(Exit.INTERRUPTED)

    async def _cancel(self) -> None:
        try:
            await self._runs.cancel(self._run_id, by=self._manner.by, reason="Ctrl-C")
        except StrettoError as error:  # it ended by itself, or the database is away
            if not self._score.over:
                self._view.say(one_line(error.message))

    def _hint(self) -> str:
        if self._score.ended:
            return ""
        if self._interrupts:
            return "cancelling; Ctrl-C again leaves at once"
        if self._asks and self._score.voices and (waiting := self._desk.open):
            return f"Enter: decide on {waiting[0].path}"
        return "Ctrl-C cancels"


def give_output(output: object) -> None:
    """Write a run's output to stdout: as it is, or harmless when a terminal shows it."""
    if output is None:
        return
    text = plain(output)
    if sys.stdout.isatty():
        text = safe(text)
    with suppress(BrokenPipeError):
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
        sys.stdout.flush()


def how_to_go_on(score: Score, run_id: UUID) -> list[str]:
    """What the run waits for, and what to do about it."""
    name = short(run_id)
    lines: list[str] = []
    for waiting in score.waits.values():
        lines.append(f"{waiting.path} {waiting.told}")
        if waiting.kind == "review":
            lines.append(f"  stretto review approve {name}/{waiting.path}    (or reject, edit, changes)")
        elif waiting.kind == "event":
            key = f" --key {waiting.key}" if waiting.key else ""
            lines.append(f"  stretto emit {waiting.event}{key}")
    match score.status:
        case "paused":
            lines.append("The run is paused.")
        case "waiting":
            lines.append("The run waits, and this command has left it.")
        case _:
            lines.append("This command has left the run; it is safe, and goes on where a worker is at work.")
    lines.append(f"  stretto resume {name}    goes on with it here")
    return lines
