"""Without a terminal, the run is told in plain lines or in lines of JSON."""

from __future__ import annotations

import io
import json

from hypothesis import given
from hypothesis import strategies as st

from stretto.cli.plain import LONGEST_LINE, JsonLines, Plain
from stretto.cli.score import Score
from stretto.stream import to_json_line
from tests.unit.cli.tape import Tape, writers


def written(tape: Tape, known_seq: int = 0) -> list[str]:
    """What a plain view makes of the tape."""
    out = io.StringIO()
    with Plain(Score(tape.graph), out, lambda: tape.now, known_seq) as view:
        for event in tape.events:
            view.take(event)
            view.paint()
    return out.getvalue().splitlines()


def test_each_line_of_a_voice_is_written_once_it_is_whole() -> None:
    tape = Tape(writers(2)).fact("StepStarted", "w0").fact("StepStarted", "w1")
    tape.text("w0", "One ").text("w1", "Uno\nDos").text("w0", "line.\n\nTwo").done("w0", tokens=4)
    assert written(tape) == [
        "[w1] Uno",
        "[w0] One line.",
        "[w0]",
        "[w0] Two",
        "[w0] ✓ 0.0 s · 4 tokens",
        "[w1] Dos",
    ]


def test_text_that_is_taken_back_is_said_to_be() -> None:
    tape = Tape(writers(1)).fact("StepStarted", "w0").text("w0", "One.\nTw").retract("w0", 0, "broke off")
    tape.text("w0", "New.\n")
    assert written(tape) == ["[w0] One.", "[w0] ~ took back 7 characters: broke off", "[w0] New."]


def test_what_was_never_written_is_taken_back_in_silence() -> None:
    tape = Tape(writers(1)).fact("StepStarted", "w0").text("w0", "One.\nTwo wrong").retract("w0", 9, "broke off")
    tape.text("w0", "right.\n")
    assert written(tape) == ["[w0] One.", "[w0] Two right."]


def test_text_that_was_seen_before_is_not_written_again_but_what_happened_is() -> None:
    tape = Tape(writers(2)).fact("StepStarted", "w0").text("w0", "Old.\nHal").done("w0", tokens=2)
    known = tape.seq
    tape.fact("RunClaimed", worker="w").fact("StepStarted", "w1").text("w1", "New.\n")
    assert written(tape, known) == ["[w0] ✓ 0.0 s · 2 tokens", "[w1] New."]


def test_there_are_no_control_codes() -> None:
    tape = Tape(writers(1)).fact("StepStarted", "w0").text("w0", "a\x1b[31mb\x9bc\rd\n")
    assert written(tape) == ["[w0] a\ufffd[31mb\ufffdc\ufffdd"]


def test_a_line_without_end_is_written_in_pieces() -> None:
    tape = Tape(writers(1)).fact("StepStarted", "w0")
    for _ in range(5):
        tape.text("w0", "x" * 1500)
    lines = written(tape)
    assert "".join(line.removeprefix("[w0] ") for line in lines) == "x" * 7500
    assert max(map(len, lines)) == LONGEST_LINE + len("[w0] ")


@given(st.lists(st.text(alphabet="ab \n霧", max_size=12), max_size=20))
def test_every_character_comes_once_and_in_order(pieces: list[str]) -> None:
    tape = Tape(writers(1)).fact("StepStarted", "w0")
    for piece in pieces:
        if piece:
            tape.text("w0", piece)
    whole = "".join(pieces)
    expected = whole.split("\n") if whole else []
    if expected and not expected[-1]:
        expected.pop()
    assert written(tape) == [f"[w0] {line}".rstrip() for line in expected]


def test_json_lines_are_the_events_and_nothing_else() -> None:
    tape = Tape(writers(1)).fact("StepStarted", "w0").text("w0", "x\n").retract("w0", 0).done("w0").end()
    out, err = io.BytesIO(), io.StringIO()
    with JsonLines(Score(tape.graph), out, err, lambda: tape.now) as view:
        for event in tape.events:
            view.take(event)
        view.say("for people")
    assert out.getvalue() == b"".join(map(to_json_line, tape.events))
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()] == [
        "fact", "fact", "fact", "text", "retract", "fact", "end",
    ]  # fmt: skip
    assert err.getvalue() == "for people\n"
    assert view.score.over
