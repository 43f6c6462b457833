"""A run's writer and its clients, as the tests of the stream play them."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from datetime import UTC, datetime
from uuid import UUID, uuid4

from stretto.stream import Cursor, EndEvent, Event, FactEvent, Hub, RetractEvent, Row, StepText, TextEvent, cursor
from stretto.testing.journal import MemoryLog

AT = datetime(2026, 1, 1, tzinfo=UTC)
ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789é漢😀"


def replay(rows: list[Row]) -> dict[str, str]:
    """The final text of each step, as the log tells it."""
    texts: dict[str, str] = {}
    for row in rows:
        if row.step is None:
            continue
        text = texts.get(row.step, "")
        if row.kind == "Text":
            assert row.position is not None
            # A writer that takes over may go on before the end without a retraction only if nothing was stored there.
            assert row.position == len(text)
            texts[row.step] = text + (row.text or "")
        elif row.kind == "TextRetracted":
            assert row.body is not None
            position = row.body["position"]
            assert isinstance(position, int)
            texts[row.step] = text[:position]
    return {step: text for step, text in texts.items() if text}


class Client:
    """Builds up what it is told, and fails at the first repetition or gap."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.facts: list[int] = []
        self.last_id = "0"
        self.ended: int | None = None
        self.retractions = 0

    def apply(self, event: Event) -> None:
        assert len(event.id) <= cursor.MAX_CHARS
        self.last_id = event.id
        match event:
            case TextEvent():
                text = self.texts.get(event.step, "")
                assert event.offset == len(text), f"{event} after {len(text)} characters"
                assert event.text
                self.texts[event.step] = text + event.text
            case RetractEvent():
                text = self.texts.get(event.step, "")
                assert event.from_offset <= len(text)
                self.texts[event.step] = text[: event.from_offset]
                self.retractions += 1
            case FactEvent():
                assert not self.facts or event.seq > self.facts[-1]
                self.facts.append(event.seq)
            case EndEvent():
                self.ended = event.seq

    @property
    def after(self) -> Cursor:
        return Cursor.parse(self.last_id)

    def check(self, rows: list[Row]) -> None:
        """Whether it has seen exactly what the whole log tells."""
        assert {step: text for step, text in self.texts.items() if text} == replay(rows)
        assert self.facts == [row.seq for row in rows if row.kind not in ("Text", "TextRetracted")]


class Writer:
    """Carries a run out as the engine does: live text at once, rows numbered, later committed, then published."""

    def __init__(self, hub: Hub, log: MemoryLog, run_id: UUID | None = None) -> None:
        self.run_id = run_id or uuid4()
        self.hub = hub
        self.log = log
        self.here = True
        self.zombie: Writer | None = None
        """What this writer was in the process that lost the run and does not know it yet."""
        self._seq = 0
        self.uncommitted: list[Row] = []
        self.unpublished: list[Row] = []
        self.texts: dict[str, StepText] = {}
        self.follows: dict[str, int] = {}  # the row that the text of a step must follow
        self._letter = 0
        hub.open_run(self.run_id)
        self.fact("RunAccepted")

    @property
    def rows(self) -> list[Row]:
        return self.log.rows.get(self.run_id, [])

    def number(self, make: Callable[[int], Row]) -> int:
        self._seq += 1
        self.uncommitted.append(make(self._seq))
        return self._seq

    def fact(self, name: str, step: str | None = None, attempt: int | None = None) -> int:
        return self.number(lambda seq: Row(seq, name, AT, step, attempt, body={"n": seq}))

    def start(self, step: str) -> None:
        if step not in self.texts:
            self.texts[step] = StepText(step)
            self.follows[step] = self.fact("StepStarted", step, 1)

    def write(self, step: str, length: int) -> None:
        self.start(step)
        text = self.texts[step]
        tokens = [ALPHABET[(self._letter + i) % len(ALPHABET)] for i in range(length)]
        self._letter += length
        offset = text.length
        joined = text.append(tokens, 0)
        if self.here:
            self.hub.publish_text(self.run_id, step, text.attempt, offset, joined, self.follows[step])

    def flush(self, step: str | None = None) -> None:
        for text in self.texts.values():
            if step in (None, text.step) and (chunk := text.take_pending()):
                self.number(
                    lambda seq, chunk=chunk: Row(
                        seq, "Text", AT, chunk.step, chunk.attempt, chunk.position, None, chunk.text, chunk.cuts
                    )
                )

    def retract(self, step: str, back: int, *, same_attempt: bool, keep_rows: bool = True) -> None:
        """Give up up to `back` characters; what stays has its row before, and with `keep_rows` what goes, too."""
        self.start(step)
        text = self.texts[step]
        position = max(0, text.length - back)
        if keep_rows:
            self.flush(step)
        text.retract(position)
        self.flush(step)
        self.follows[step] = self.number(
            lambda seq: Row(seq, "TextRetracted", AT, step, text.attempt, body={"position": position, "reason": "test"})
        )
        if not same_attempt:
            text.start_attempt(text.attempt + 1, 0)
            self.follows[step] = self.fact("StepStarted", step, text.attempt)

    def commit(self) -> None:
        self.log.add(self.run_id, self.uncommitted)
        self.unpublished += self.uncommitted
        self.uncommitted = []

    def publish(self) -> None:
        if self.here:
            self.hub.publish_committed(self.run_id, self.unpublished)
        self.unpublished = []

    def crash(self, *, here: bool, retract: bool) -> None:
        """Lose what is not committed; another process, or another incarnation of this one, goes on."""
        self.hub.close_run(self.run_id)
        self.zombie = None
        self.here = here
        if here:
            self.hub.open_run(self.run_id)
        self._claim(retract=retract)

    def be_taken_over(self, *, retract: bool) -> None:
        """Another process goes on, and this one still writes, though it can commit nothing more."""
        if self.here:
            self.zombie = copy(self)
            self.here = False
        self._claim(retract=retract)

    def notice(self) -> None:
        """The process that lost the run sees it."""
        if self.zombie is not None:
            self.zombie = None
            self.hub.close_run(self.run_id)

    def _claim(self, *, retract: bool) -> None:
        self.uncommitted, self.unpublished = [], []
        self._seq = len(self.rows)
        self.fact("RunClaimed")
        stored = replay(self.rows)
        attempts = {
            row.step: row.attempt for row in self.rows if row.step and row.attempt and row.kind == "StepStarted"
        }
        self.texts, self.follows = {}, {}
        for step, attempt in attempts.items():
            kept = stored.get(step, "")
            self.texts[step] = text = StepText(step, attempt=attempt, text=kept)
            if retract and kept:
                self.retract(step, 3, same_attempt=False)
            else:
                text.start_attempt(attempt + 1, 0)
                self.follows[step] = self.fact("StepStarted", step, attempt + 1)

    def fail_and_retry(self) -> None:
        self.fact("RunFailed")
        self.fact("RunRetried")

    def end(self, *, cancelled: bool) -> None:
        if not cancelled:
            self.flush()
        self.fact("RunCancelled" if cancelled else "RunCompleted")
        self.commit()
        self.publish()
        self.hub.close_run(self.run_id)
