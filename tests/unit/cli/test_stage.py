"""The picture fits every terminal, shows the voices that it can, and lets no text steer the terminal."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.text import Text

from stretto.cli.score import Line
from stretto.cli.stage import Stage, news_text, status_line
from tests.unit.cli.tape import Tape, flow, writers

PROSE = "The rain it raineth every day, and nobody has ever found out why. "
WIDE = "霧と雨が朝から晩まで続いていた。🌈 그리고 비가 왔다. "


def console(width: int, height: int) -> Console:
    return Console(
        file=io.StringIO(), width=width, height=height, force_terminal=True, color_system="truecolor", highlight=False
    )


def picture(tape: Tape, width: int = 80, height: int = 24, hint: str = "") -> list[str]:
    """The lines of the picture without their styles."""
    screen = console(width, height)
    with screen.capture() as capture:
        screen.print(Stage(tape.score, lambda: tape.now, lambda: hint))
    return plain_lines(capture.get())


def plain_lines(painted: str) -> list[str]:
    return [line.rstrip() for line in Text.from_ansi(painted).plain.split("\n") if line.strip()]


def segments(tape: Tape, width: int = 80, height: int = 24) -> list[Segment]:
    screen = console(width, height)
    return list(screen.render(Stage(tape.score, lambda: tape.now)))


def at_work(count: int, text: str = PROSE) -> Tape:
    tape = Tape(writers(max(count, 1)))
    for n in range(count):
        tape.fact("StepStarted", f"w{n}").text(f"w{n}", text * 30)
    return tape.after(2)


@pytest.mark.parametrize("text", [PROSE, WIDE, "x" * 100, "a\n\n\tb\n"])
@pytest.mark.parametrize("count", [0, 1, 3, 50])
@pytest.mark.parametrize(("width", "height"), [(40, 24), (80, 24), (200, 60), (80, 6), (20, 3), (1, 1)])
def test_the_picture_fits_the_terminal(text: str, count: int, width: int, height: int) -> None:
    lines = picture(at_work(count, text), width, height)
    assert len(lines) <= max(4, height - 1)
    assert all(cell_len(line) <= width for line in lines)


def test_voices_stand_side_by_side_with_their_latest_text() -> None:
    tape = Tape(writers(2)).fact("StepStarted", "w0").fact("StepStarted", "w1")
    tape.text("w0", PROSE * 20 + "the end of w0").text("w1", "霧と雨")
    lines = picture(tape.after(3.2))
    top = next(line for line in lines if "w0" in line)
    assert "w1" in top
    both = "\n".join(lines)
    assert "the end of w0" in both
    assert "霧と雨" in both
    assert "3.2 s · ~334 tokens" in both


def test_a_single_voice_takes_the_whole_width_and_an_odd_one_its_line() -> None:
    assert cell_len(picture(at_work(1))[0]) == 80
    lines = picture(at_work(3))
    (last,) = [line for line in lines if line.startswith("╭") and "w2" in line]
    assert cell_len(last) == 80
    assert "w0" not in last


def test_voices_without_room_are_named() -> None:
    lines = picture(at_work(50))
    (more,) = [line for line in lines if "more at work" in line]
    shown = sum(line.count("╭") for line in lines)
    assert more.startswith(f"+ {50 - shown} more at work: w{shown}, w{shown + 1}, ")
    assert 4 <= shown <= 10


def test_retracted_text_is_struck_out_and_then_gone() -> None:
    tape = Tape(writers(1)).fact("StepStarted", "w0").text("w0", "Kept. Wrong.").retract("w0", 6, "no good")
    tape.text("w0", "Right.")
    struck = [segment.text for segment in segments(tape) if segment.style and segment.style.strike]
    plain = "".join(segment.text for segment in segments(tape))
    assert "".join(struck).strip() == "Wrong."
    assert "Kept. Wrong.Right." in plain
    assert "taken back: no good" in plain

    tape.after(5).score.settle(tape.now)
    assert not any(segment.style and segment.style.strike for segment in segments(tape))
    assert "Kept. Right." in "".join(segment.text for segment in segments(tape))


def test_a_step_between_two_attempts_says_when_and_why() -> None:
    tape = Tape(writers(1)).fact("StepStarted", "w0")
    tape.fact("StepFailed", "w0", error="overloaded", kind="ModelOverloaded", retry_in_s=3.0).after(1)
    assert "↻ w0 · attempt 2 in 2.0 s after: overloaded" in picture(tape)
    tape.after(2).fact("TimerFired", "w0").fact("StepStarted", "w0")
    assert any("w0 · attempt 2" in line for line in picture(tape))


def test_a_tool_takes_one_line() -> None:
    tape = Tape(flow({"t": {"tool": "python.test", "input": {"code": "x"}}})).fact("StepStarted", "t").after(1.5)
    assert picture(tape)[0] == "▶ t · tool · 1.5 s"


def test_waits_stand_below_the_voices() -> None:
    tape = Tape(flow({"ask": {"review": {"show": "x", "question": "Publish?"}}, "nap": {"wait": {"for": "9s"}}}))
    tape.fact("WaitStarted", "ask", wait="review", question="Publish?", show="x")
    tape.fact("WaitStarted", "nap", wait="timer", until_ms=int(tape.now.timestamp() * 1000) + 9000).after(4)
    assert picture(tape)[:2] == ["⏸ ask · waits for a person: Publish?", "⏸ nap · waits, 5.0 s left"]


def test_the_status_line_keeps_what_matters_most() -> None:
    tape = at_work(4).done("w0", tokens=1234)
    status = [status_line(tape.score, tape.now, width, "Ctrl-C cancels").plain for width in (80, 60, 46, 30, 10, 3)]
    assert status == [
        "━━━━━━━━━━ · running · 1/4 steps · 2.0 s · $0 · 1,234 tokens · Ctrl-C cancels",
        "━━━━━━━━━━ · running · 1/4 steps · 2.0 s · $0 · Ctrl-C cancels"[13:],
        "running · 1/4 steps · $0 · Ctrl-C cancels",
        "running · 1/4 steps · $0",
        "running",
        "ru…",
    ]


@pytest.mark.parametrize("evil", ["\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\r", "\b\b", "\u202e", "\x00"])
def test_text_cannot_steer_the_terminal(evil: str) -> None:
    tape = Tape(writers(2)).fact("StepStarted", "w0").text("w0", f"before{evil}after")
    tape.fact("StepStarted", "w1").text("w1", f"taken{evil}back").retract("w1", 0, f"why{evil}?")
    painted = "".join(segment.text for segment in segments(tape) if not segment.control)
    assert evil not in painted.replace("\n", "")
    assert "before" in painted
    line = news_text(Line("✗", f"w{evil}0", f"failed{evil}", "bad"), 80).plain
    assert evil not in line


def test_only_what_went_wrong_may_take_more_than_one_line() -> None:
    assert cell_len(news_text(Line("✓", "w0", WIDE * 10, "good"), 80).plain) <= 80
    assert news_text(Line("✗", "w0", PROSE * 10, "bad"), 80).plain.endswith("why. ")
