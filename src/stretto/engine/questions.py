"""What steps ask people in the middle of their work: asked once, answered once, dropped with the call that asked.

The question is a fact and a row in `waits`, which opens its review; the decision comes back as a signal, as that of a step that waits.
So whoever decides while no process has the run in hand is heard as well, and a step that begins again finds the answer. A step
that does nothing else meanwhile rests: it leaves its place and its memory to others, and begins again with the answer.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from stretto.engine.journal import Awaited
from stretto.errors import LeaseLost
from stretto.flow import facts as f

if TYPE_CHECKING:
    from stretto.engine.attempt import Attempt
    from stretto.engine.run import RunTask
    from stretto.engine.step import Question


class Questions:
    """The questions of one run's steps at work."""

    def __init__(self, run: RunTask) -> None:
        self._run = run
        self._waiting: dict[str, asyncio.Future[f.PersonAnswered]] = {}

    async def ask(self, attempt: Attempt, question: Question, *, rest: bool) -> f.PersonAnswered:
        """The answer, from before or once there is one (`StepContext.ask`). To `rest` ends the attempt until then."""
        run, path = self._run, attempt.path
        state = run.progress.state(path)
        if state is None or attempt.is_over:
            raise LeaseLost(f"Run {run.run_id} is not carried on here any more.")
        if question.key not in state.answers and state.question != question.key:
            self.drop(path)
            # The row of an earlier question must be gone before this one's comes.
            await run.scribe.reached(run.scribe.seq)
            await run.write_down(
                f.PersonAsked(
                    step=path,
                    attempt=attempt.attempt,
                    question=question.key,
                    text=question.text,
                    show=question.show,
                    review=dict(question.review),
                )
            )
        if (found := state.answers.get(question.key)) is not None:
            return found
        if rest:
            run.rest(attempt)
        waiting = self._waiting[path] = asyncio.get_running_loop().create_future()
        try:
            return await waiting
        finally:
            if self._waiting.get(path) is waiting:
                del self._waiting[path]
            if not attempt.is_over and state.question == question.key:
                self.drop(path)

    def asked(self, fact: f.PersonAsked) -> None:
        """A question has become a fact; the inbox shall show it."""
        self._run.scribe.effects.waits.append(Awaited.question(fact))

    def answered(self, fact: f.PersonAnswered) -> None:
        """An answer has become a fact."""
        self._run.scribe.effects.ended_waits.append(fact.step)
        waiting = self._waiting.get(fact.step)
        if waiting is not None and not waiting.done():
            waiting.set_result(fact)

    def drop(self, path: str) -> None:
        """Withdraw what the step asks, if it asks anything."""
        state = self._run.progress.state(path)
        if state is not None and state.question:
            self._run.tell(f.QuestionDropped(step=path, question=state.question))

    def dropped(self, fact: f.QuestionDropped) -> None:
        """A question was withdrawn."""
        self._run.scribe.effects.ended_waits.append(fact.step)
