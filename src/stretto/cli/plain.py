"""Views without a terminal: lines of text, and lines of JSON."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import BinaryIO, TextIO

from stretto.cli.amounts import count
from stretto.cli.safe_text import one_line, safe
from stretto.cli.score import Score
from stretto.cli.view import Clock, write_event
from stretto.stream import Event, FactEvent, RetractEvent, TextEvent

LONGEST_LINE = 2000
"""A line of a voice that grows longer than this is written in pieces."""


@dataclass(slots=True)
class _Unwritten:
    """The last line of a voice, not yet written because it may go on; `start` is its offset."""

    start: int
    text: str = ""


class Plain:
    """Each line that a step writes as `[path] text`, and what happens beside it. No control codes."""

    def __init__(self, score: Score, out: TextIO, clock: Clock, known_seq: int = 0) -> None:
        """Text up to row `known_seq` was seen before and is not written again; what happened then is, one line each."""
        self.score = score
        self._out = out
        self._clock = clock
        self._known_seq = known_seq
        self._known = False
        self._unwritten: dict[str, _Unwritten] = {}

    def __enter__(self) -> Plain:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for path in list(self._unwritten):
            self._flush(path)
        self._out.flush()

    def take(self, event: Event) -> None:
        """Take the next event; every line that it completes goes out."""
        self.score.take(event, self._clock())
        self._known = event.cursor.seq <= self._known_seq
        match event:
            case TextEvent():
                self._text(event)
            case RetractEvent():
                self._retract(event)
            case FactEvent() if event.step is not None and event.step not in self.score.voices:
                self._flush(event.step)
            case _:
                pass
        for line in self.score.take_news():
            self._write(line.path, f"{line.sign} {line.told}".rstrip())

    def paint(self) -> None:
        """Nothing waits to be painted."""

    def say(self, message: str) -> None:
        self._out.write(f"{safe(message)}\n")
        self._out.flush()

    @contextmanager
    def hold(self) -> Generator[None]:
        yield

    def _text(self, event: TextEvent) -> None:
        unwritten = self._unwritten.setdefault(event.step, _Unwritten(event.offset))
        unwritten.text += event.text
        while "\n" in unwritten.text or len(unwritten.text) > LONGEST_LINE:
            line, newline, _ = unwritten.text.partition("\n")
            if not newline or len(line) > LONGEST_LINE:
                line, newline = line[:LONGEST_LINE], ""
            self._write_text(event.step, line)
            unwritten.text = unwritten.text[len(line) + len(newline) :]
            unwritten.start += len(line) + len(newline)

    def _retract(self, event: RetractEvent) -> None:
        unwritten = self._unwritten.pop(event.step, None)
        if unwritten is None:
            return
        shown = unwritten.start - event.from_offset
        if shown >= 0:
            if gone := shown + len(unwritten.text):
                told = f"~ took back {count(gone, 'character')}: {one_line(event.reason)}"
                self._write(event.step, told)
        else:
            unwritten.text = unwritten.text[: event.from_offset - unwritten.start]
            self._unwritten[event.step] = unwritten

    def _flush(self, path: str) -> None:
        unwritten = self._unwritten.pop(path, None)
        if unwritten is not None and unwritten.text:
            self._write_text(path, unwritten.text)

    def _write_text(self, path: str, text: str) -> None:
        if not self._known:
            self._write(path, text)

    def _write(self, path: str, text: str) -> None:
        line = f"[{path}] {safe(text)}" if path else safe(text)
        self._out.write(f"{line.rstrip()}\n")
        self._out.flush()


class JsonLines:
    """Every event as one line of JSON on `out`; what is meant for people goes to `err`."""

    def __init__(self, score: Score, out: BinaryIO, err: TextIO, clock: Clock) -> None:
        self.score = score
        self._out = out
        self._err = err
        self._clock = clock

    def __enter__(self) -> JsonLines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def take(self, event: Event) -> None:
        """Take the next event; it goes out at once."""
        write_event(self._out, event)
        self.score.take(event, self._clock())
        self.score.take_news()

    def paint(self) -> None:
        """Nothing waits to be painted."""

    def say(self, message: str) -> None:
        self._err.write(f"{safe(message)}\n")
        self._err.flush()

    @contextmanager
    def hold(self) -> Generator[None]:
        yield
