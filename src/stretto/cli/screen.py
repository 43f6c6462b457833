"""The view for a terminal: voices side by side, repainted in place; what has ended scrolls up as one line each."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from stretto.cli.keyboard import Keyboard
from stretto.cli.safe_text import safe
from stretto.cli.score import Score
from stretto.cli.stage import Stage, news_text
from stretto.cli.view import Clock
from stretto.stream import Event

IDLE_S = 1.0
"""How often the times are repainted while no voice is at work."""


class Screen:
    """Paints a score. `paint` may be called as often as one likes: it does nothing when nothing has changed."""

    def __init__(self, score: Score, console: Console, clock: Clock, hint: Callable[[], str] = lambda: "") -> None:
        self.score = score
        self._console = console
        self._clock = clock
        self._stage = Stage(score, clock, hint)
        self._keyboard = Keyboard()
        self._live: Live | None = None
        self._dirty = False
        self._painted: datetime | None = None
        self.repaints = 0

    def __enter__(self) -> Screen:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._repaint(self._clock())
        self._stop()

    def take(self, event: Event) -> None:
        self.score.take(event, self._clock())
        self._dirty = True

    def paint(self) -> None:
        now = self._clock()
        self.score.settle(now)
        idle = self._painted is not None and (now - self._painted).total_seconds() < IDLE_S
        if self._live is not None and (self._dirty or self.score.voices or not idle):
            self._repaint(now)

    def say(self, message: str) -> None:
        self._console.print(Text(safe(message)), soft_wrap=True)

    @contextmanager
    def hold(self) -> Generator[None]:
        self._repaint(self._clock())
        self._stop(keep=False)
        try:
            yield
        finally:
            self._start()

    def _start(self) -> None:
        self._keyboard.mute()
        self._live = Live(
            self._stage, console=self._console, auto_refresh=False, redirect_stdout=False, vertical_overflow="crop"
        )
        self._live.start()

    def _stop(self, *, keep: bool = True) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.transient = not keep
            live.stop()
        self._keyboard.unmute()

    def _repaint(self, now: datetime) -> None:
        self._dirty, self._painted = False, now
        self.repaints += 1
        news = self.score.take_news()
        if news:
            width = self._console.width
            # Printing repaints what stands below, too.
            self._console.print(Text("\n").join(news_text(line, width) for line in news), soft_wrap=True)
        elif self._live is not None:
            self._live.refresh()
