"""Where a person at the terminal decides on what a run shows them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from rich.console import Console, Group
from rich.rule import Rule
from rich.text import Text

from stretto.cli.amounts import plain
from stretto.cli.keyboard import read_line
from stretto.cli.safe_text import safe
from stretto.cli.score import Score, Waiting
from stretto.cli.view import View
from stretto.errors import Invalid, NotFound, NotPossible
from stretto.review import Reviews

ASK = "approve, reject, comment, or later? [a/r/c/l] "
Answer = Literal["approve", "reject", "comment", "later"]
_WORDS: dict[Answer, str] = {
    "approve": "a approve approved y yes ok",
    "reject": "r reject rejected n no",
    "comment": "c comment",
    "later": "l later q quit",
}
_ANSWERS: dict[str, Answer] = {word: answer for answer, words in _WORDS.items() for word in words.split()}


class Desk:
    """Asks for a decision on each review of a run that waits for one.

    While other steps are at work, Enter opens the question; when nothing else is, it comes by itself.
    """

    def __init__(self, reviews: Reviews, run_id: UUID, view: View, console: Console, by: str) -> None:
        self._reviews = reviews
        self._run_id = run_id
        self._view = view
        self._console = console
        self._by = by
        self._later: set[tuple[str, datetime]] = set()
        self._decided: set[tuple[str, datetime]] = set()
        self._news = asyncio.Event()

    @property
    def _score(self) -> Score:
        return self._view.score

    def tell(self) -> None:
        """The score has changed."""
        self._news.set()

    @property
    def open(self) -> list[Waiting]:
        """What a person has not decided on yet and has not put off."""
        past = self._later | self._decided
        return [w for w in self._score.waits.values() if w.kind == "review" and w.id not in past]

    @property
    def busy(self) -> bool:
        """Whether something is asked, or was decided and the run has not heard of it yet."""
        return bool(self.open) or any(waiting.id in self._decided for waiting in self._score.waits.values())

    async def work(self) -> None:
        """Ask until cancelled."""
        while True:
            if not self.open:
                await self._change()
            elif not self._score.voices or await self._first(read_line, self._change) is not None:
                for waiting in self.open[:1]:
                    await self._ask(waiting)

    async def _change(self) -> None:
        self._news.clear()
        await self._news.wait()

    async def _gone(self, waiting: Waiting) -> None:
        """Return when the question has no answer to give any more."""
        while self._score.waits.get(waiting.path) == waiting:
            await self._change()

    async def _ask(self, waiting: Waiting) -> None:
        with self._view.hold():
            self._console.print(question(waiting))
            comments: list[str] = []
            while True:
                said = await self._prompt(ASK, waiting)
                if said is None:
                    return
                match _ANSWERS.get(said.strip().lower()):
                    case "approve" | "reject" as verdict:
                        await self._decide(waiting, verdict, "\n".join(comments))
                        return
                    case "comment":
                        comment = await self._prompt("comment: ", waiting)
                        if comment is None:
                            return
                        comments.append(comment)
                    case "later":
                        self._later.add(waiting.id)
                        return
                    case None:
                        self._console.print("Type a, r, c or l, and Enter.")

    async def _prompt(self, prompt: str, waiting: Waiting) -> str | None:
        """One typed line; None when the question is void meanwhile, or put off by the end of input."""
        self._console.print(Text(prompt, "bold"), end="")

        async def gone() -> None:
            await self._gone(waiting)

        said: str | None = None
        try:
            said = await self._first(read_line, gone)
        finally:
            if said is None:  # also when the run is cancelled meanwhile
                self._console.print()
        if said is None:
            if self._score.waits.get(waiting.path) == waiting:
                self._later.add(waiting.id)
            else:
                self._console.print("It was decided elsewhere, or is no longer asked.")
        return said

    async def _decide(self, waiting: Waiting, verdict: Literal["approve", "reject"], comments: str) -> None:
        try:
            review_id = await self._reviews.of_step(self._run_id, waiting.path)
            await self._reviews.decide(review_id, verdict, by=self._by, comments=comments)
        except (NotPossible, NotFound, Invalid) as error:
            self._console.print(Text(error.message, "yellow"))
        else:
            self._decided.add(waiting.id)

    async def _first(
        self, typed: Callable[[], Awaitable[str | None]], other: Callable[[], Awaitable[None]]
    ) -> str | None:
        """What is typed, unless the other thing happens first."""
        answer = asyncio.ensure_future(typed())
        rest = asyncio.ensure_future(other())
        both: Sequence[asyncio.Future[object]] = (answer, rest)  # pyright: ignore[reportAssignmentType]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            return answer.result() if answer.done() else None
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)


def question(waiting: Waiting) -> Group:
    """What is to be decided, whole, as the person sees it."""
    shown = "" if waiting.show is None else safe(plain(waiting.show)).rstrip()
    parts = [
        Rule(Text(f"⏸ {waiting.path}", "bold yellow"), style="yellow"),
        Text(safe(waiting.question) or "Approve this?", "bold"),
    ]
    if shown:
        parts += [Text(), Text(shown)]
    return Group(*parts, Rule(style="yellow"))
