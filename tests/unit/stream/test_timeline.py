"""A journal gives back the events that were seen, each token at its own time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.stream import EndEvent, FactEvent, RetractEvent, Row, StepText, TextEvent
from stretto.stream.timeline import timeline
from tests.unit.cli.tape import BEGIN


class Journal:
    """Rows as a run's writer makes them; `ms` is the clock."""

    def __init__(self) -> None:
        self.ms = 0
        self.rows: list[Row] = []
        self.texts: dict[str, StepText] = {}

    @property
    def at(self) -> datetime:
        return BEGIN + timedelta(milliseconds=self.ms)

    def fact(self, kind: str, step: str | None = None, attempt: int | None = None, **body: object) -> None:
        self.rows.append(Row(len(self.rows) + 1, kind, self.at, step, attempt, None, body))

    def start(self, step: str, attempt: int = 1) -> None:
        text = self.texts.setdefault(step, StepText(step, now_ms=self.ms))
        text.start_attempt(attempt, self.ms)
        self.fact("StepStarted", step, attempt)

    def write(self, step: str, *tokens: str) -> None:
        self.texts[step].append(list(tokens), self.ms)

    def flush(self, step: str) -> None:
        chunk = self.texts[step].take_pending()
        if chunk is not None:
            self.rows.append(
                Row(
                    len(self.rows) + 1,
                    "Text",
                    self.at,
                    step,
                    chunk.attempt,
                    chunk.position,
                    None,
                    chunk.text,
                    chunk.cuts,
                )
            )

    def retract(self, step: str, position: int) -> None:
        self.flush(step)
        self.texts[step].retract(position)
        self.fact("TextRetracted", step, self.texts[step].attempt, position=position, reason="broke off")


def offset_ms(at: datetime) -> int:
    return round((at - BEGIN).total_seconds() * 1000)


def test_each_token_comes_at_its_time() -> None:
    journal = Journal()
    journal.fact("RunAccepted", flow="f", version=1)
    journal.ms = 100
    journal.start("w")
    for ms, token in ((300, "One "), (320, "two "), (345, "three"), (900, " four")):
        journal.ms = ms
        journal.write("w", token)
        if ms >= 345:
            journal.ms = ms + 5
            journal.flush("w")
    journal.ms = 950
    journal.fact("StepCompleted", "w", 1, of="text")
    journal.fact("RunCompleted", output="x")

    seen = [(offset_ms(at), event) for at, event in timeline(journal.rows)]
    texts = [(ms, event.offset, event.text) for ms, event in seen if isinstance(event, TextEvent)]
    assert texts == [(300, 0, "One "), (320, 4, "two "), (345, 8, "three"), (900, 13, " four")]
    assert [(ms, event.name) for ms, event in seen if isinstance(event, FactEvent)] == [
        (0, "RunAccepted"), (100, "StepStarted"), (950, "StepCompleted"), (950, "RunCompleted"),
    ]  # fmt: skip
    assert isinstance(seen[-1][1], EndEvent)
    assert seen[-1][1].status == "completed"


def test_a_run_that_is_not_over_has_no_end() -> None:
    journal = Journal()
    journal.fact("RunAccepted", flow="f", version=1)
    journal.fact("RunRested", status="waiting")
    assert [type(event) for _, event in timeline(journal.rows)] == [FactEvent, FactEvent]


def test_a_pause_that_no_cut_can_hold_is_taken_from_the_rows() -> None:
    journal = Journal()
    journal.fact("RunAccepted", flow="f", version=1)
    journal.start("w")
    journal.ms = 200_000  # a cut holds at most 65.5 s
    journal.write("w", "late")
    journal.flush("w")
    ((at, text),) = [(at, event) for at, event in timeline(journal.rows) if isinstance(event, TextEvent)]
    assert (offset_ms(at), text.text) == (200_000, "late")


def test_a_retraction_keeps_its_place() -> None:
    journal = Journal()
    journal.fact("RunAccepted", flow="f", version=1)
    journal.start("w")
    journal.ms = 50
    journal.write("w", "Wrong")
    journal.ms = 80
    journal.fact("StepFailed", "w", 1, error="x", retry_in_s=0.1)
    journal.retract("w", 0)
    journal.ms = 180
    journal.start("w", 2)
    journal.ms = 200
    journal.write("w", "Right")
    journal.flush("w")
    events = [(offset_ms(at), event) for at, event in timeline(journal.rows)]
    shown = [
        (ms, event.text if isinstance(event, TextEvent) else event.from_offset)
        for ms, event in events
        if isinstance(event, TextEvent | RetractEvent)
    ]
    assert shown == [(50, "Wrong"), (80, 0), (200, "Right")]


@pytest.mark.parametrize("step", ["a", "b"])
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b"]),
            st.sampled_from(["write", "write", "write", "flush", "retract", "fact"]),
            st.integers(min_value=0, max_value=40),
            st.text(alphabet="xy\n霧", min_size=1, max_size=6),
        ),
        max_size=40,
    )
)
def test_what_is_replayed_is_what_was_written(step: str, moves: list[tuple[str, str, int, str]]) -> None:
    """No text is lost, repeated or shown out of order, and the time never goes back."""
    journal = Journal()
    journal.fact("RunAccepted", flow="f", version=1)
    journal.start("a")
    journal.start("b")
    for name, move, wait_ms, token in moves:
        journal.ms += wait_ms
        match move:
            case "write":
                journal.write(name, token)
            case "flush":
                journal.flush(name)
            case "retract":
                journal.retract(name, journal.texts[name].length // 2)
            case _:
                journal.fact("PrioritySet", priority=1)
    for name in ("a", "b"):
        journal.flush(name)

    text, last = "", BEGIN
    for at, event in timeline(journal.rows):
        assert at >= last
        last = at
        match event:
            case TextEvent() if event.step == step:
                assert event.offset == len(text)
                text += event.text
            case RetractEvent() if event.step == step:
                text = text[: event.from_offset]
            case _:
                pass
    assert text == journal.texts[step].slice(0)
