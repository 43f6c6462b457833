"""The terminal is painted no oftener than need be, and left alone while a person types."""

from __future__ import annotations

import io

from rich.console import Console
from rich.text import Text

from stretto.cli.screen import IDLE_S, Screen
from tests.unit.cli.tape import Tape, flow, writers


class Watched:
    """A screen, the tape that plays to it, and what was painted."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.file = io.StringIO()
        console = Console(file=self.file, width=80, height=24, force_terminal=True, color_system="truecolor")
        self.screen = Screen(tape.score, console, lambda: tape.now)

    @property
    def painted(self) -> str:
        return Text.from_ansi(self.file.getvalue()).plain


def test_however_much_happens_it_is_painted_once() -> None:
    watched = Watched(Tape(writers(3)))
    with watched.screen:
        watched.screen.paint()
        for n in range(3):
            watched.tape.fact("StepStarted", f"w{n}")
        for _ in range(1000):
            watched.tape.text("w0", "x ")
        before = watched.screen.repaints
        watched.screen.paint()
        assert watched.screen.repaints == before + 1


def test_while_nobody_is_at_work_only_the_times_are_painted_now_and_then() -> None:
    tape = Tape(flow({"ask": {"review": {"show": "x", "question": "?"}}}))
    tape.fact("WaitStarted", "ask", wait="review", question="?", show="x").fact("RunRested", status="waiting")
    watched = Watched(tape)
    with watched.screen:
        watched.screen.paint()
        before = watched.screen.repaints
        for _ in range(int(12 * 2.5 * IDLE_S)):
            tape.after(1 / 12)
            watched.screen.paint()
        assert watched.screen.repaints - before == 2


def test_what_has_ended_is_printed_once_and_the_last_picture_stays() -> None:
    tape = Tape(writers(2))
    watched = Watched(tape)
    with watched.screen:
        tape.fact("StepStarted", "w0").text("w0", "Rain.")
        watched.screen.paint()
        tape.done("w0", tokens=1).fact("StepStarted", "w1").text("w1", "Half a sto")
        for _ in range(3):
            watched.screen.paint()
        tape.fact("RunCancelled", by="me").end("cancelled")
    assert watched.painted.count("✓ w0 · 0.0 s · 1 token") == 1
    assert watched.painted.count("■ w1 · 0.0 s · cut off") == 1
    last = watched.painted.rstrip().rsplit("╭─ w1", 1)[1]
    assert "Half a sto" in last
    assert "cancelled · 1/2 steps" in last.splitlines()[-1]


def test_nothing_is_painted_while_a_person_types() -> None:
    tape = Tape(writers(2))
    watched = Watched(tape)
    with watched.screen:
        tape.fact("StepStarted", "w0").fact("StepStarted", "w1")
        watched.screen.paint()
        with watched.screen.hold():
            shown = watched.file.getvalue()
            tape.text("w0", "Meanwhile").done("w1", tokens=7)
            watched.screen.paint()
            assert watched.file.getvalue() == shown
        watched.screen.paint()
    assert "Meanwhile" in watched.painted
    assert "✓ w1 · 0.0 s · 7 tokens" in watched.painted
