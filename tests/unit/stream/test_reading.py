from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from stretto.stream import Cursor, Event, FactEvent, RetractEvent, Row, TextEvent
from stretto.stream.reading import LiveText, Reading
from tests.unit.stream.writing import AT, Client


def text_row(seq: int, position: int, text: str, attempt: int = 1, step: str = "a") -> Row:
    return Row(seq, "Text", AT, step, attempt, position, None, text)


def retracted(seq: int, position: int, attempt: int = 1, step: str = "a") -> Row:
    return Row(seq, "TextRetracted", AT, step, attempt, body={"position": position, "reason": "steered"})


def fact(seq: int, step: str | None = None) -> Row:
    return Row(seq, "StepStarted", AT, step, 1, body={"seq": seq})


def live(offset: int, text: str, attempt: int = 1, after_seq: int = 0, step: str = "a") -> LiveText:
    return LiveText(step, attempt, offset, text, AT, after_seq)


def shown(event: Event | None) -> tuple[int, str] | None:
    assert event is None or isinstance(event, TextEvent)
    return (event.offset, event.text) if event else None


def history(random: Random, length: int) -> list[Row | LiveText]:
    """What a writer that never fails publishes, in order: live text, and the rows that follow it."""
    items: list[Row | LiveText] = [fact(1, "a"), fact(2, "b")]
    texts = {"a": "", "b": ""}
    stored = {"a": 0, "b": 0}
    follows = {"a": 1, "b": 2}
    seq = 2
    for number in range(length):
        step = random.choice("ab")
        match random.choices(["write", "flush", "retract", "fact"], [8, 3, 1, 1])[0]:
            case "write":
                text = "".join(random.choice("xyzé漢") for _ in range(random.randint(1, 4))) + str(number % 10)
                items.append(live(len(texts[step]), text, 1, follows[step], step))
                texts[step] += text
            case "fact":
                seq += 1
                items.append(fact(seq))
            case action:
                if stored[step] < len(texts[step]):
                    seq += 1
                    items.append(text_row(seq, stored[step], texts[step][stored[step] :], 1, step))
                    stored[step] = len(texts[step])
                if action == "retract":
                    seq += 1
                    position = random.randint(0, len(texts[step]))
                    items.append(retracted(seq, position, 1, step))
                    texts[step] = texts[step][:position]
                    stored[step], follows[step] = position, seq
    for step, text in texts.items():
        if stored[step] < len(text):
            seq += 1
            items.append(text_row(seq, stored[step], text[stored[step] :], 1, step))
    return items


def take(reading: Reading, item: Row | LiveText) -> list[Event]:
    if isinstance(item, Row):
        return reading.take_row(item)
    event = reading.take_text(item)
    return [event] if event else []


@given(st.integers(0, 2**32), st.integers(0, 60), st.data())
def test_who_comes_back_gets_exactly_what_was_missed(seed: int, length: int, data: st.DataObject) -> None:
    items = history(Random(seed), length)
    rows = [item for item in items if isinstance(item, Row)]
    reading, client = Reading(Cursor()), Client()
    events = [event for item in items for event in take(reading, item)]
    for event in events[: data.draw(st.integers(0, len(events)))]:
        client.apply(event)
    # It was away once, and then again, and sees only rows since.
    for upto in (data.draw(st.integers(0, len(rows))), len(rows)):
        back = Reading(client.after)
        for row in rows[back.seq : upto]:
            for event in back.take_row(row):
                client.apply(event)
    client.check(rows)


@given(st.integers(0, 2**32), st.integers(0, 60), st.data())
def test_live_text_is_never_taken_late_or_twice(seed: int, length: int, data: st.DataObject) -> None:
    """Live text may come at any time from its writing on, and any of it may be lost."""
    random = Random(seed)
    items = history(random, length)
    rows = [item for item in items if isinstance(item, Row)]
    reading, client = Reading(Cursor()), Client()
    late: list[LiveText] = []
    for item in items:
        if isinstance(item, LiveText):
            late.append(item)
            late = [live for live in late if random.random() < 0.9]
        for taken in [item] if isinstance(item, Row) else random.sample(late, min(len(late), 3)):
            for event in take(reading, taken):
                client.apply(event)
        if random.random() < 0.1:
            reading = Reading(client.after)
            reading.learn([row for row in rows if row.seq <= reading.seq])
    client.check(rows)


def test_a_row_seen_live_gives_only_the_rest() -> None:
    reading = Reading(Cursor())
    reading.take_row(fact(1, "a"))
    assert shown(reading.take_text(live(0, "abc", after_seq=1))) == (0, "abc")
    (event,) = reading.take_row(text_row(2, 0, "abcde"))
    assert shown(event) == (3, "de")
    assert event.id == "2"
    assert reading.take_row(text_row(2, 0, "abcde")) == []
    assert shown(reading.take_text(live(4, "efg", after_seq=1))) == (5, "fg")


def test_text_waits_for_the_row_that_it_follows() -> None:
    reading = Reading(Cursor())
    reading.take_row(fact(1))
    assert reading.take_text(live(0, "abc", after_seq=2)) is None
    assert reading.catching_up(fact(2, "b")) == ["a"]
    reading.take_row(fact(2, "b"))
    assert shown(reading.take_text(live(0, "abc", after_seq=2))) == (0, "abc")
    assert reading.catching_up(fact(3, "a")) == []


def test_text_after_a_gap_waits_for_a_row() -> None:
    reading = Reading(Cursor(5))
    assert reading.take_text(live(10, "k", after_seq=3)) is None
    assert reading.catching_up(text_row(6, 8, "ij")) == ["a"]
    assert shown(reading.take_row(text_row(6, 8, "ij"))[0]) == (8, "ij")
    assert shown(reading.take_text(live(10, "k", after_seq=3))) == (10, "k")


def test_text_before_a_retraction_is_void() -> None:
    reading = Reading(Cursor())
    for row in (fact(1, "a"), text_row(2, 0, "abcdef"), retracted(3, 2)):
        reading.take_row(row)
    assert reading.take_text(live(2, "cdef", after_seq=1)) is None
    assert shown(reading.take_text(live(2, "xy", after_seq=3))) == (2, "xy")
    learnt = Reading(Cursor(3))
    learnt.learn([fact(1, "a"), text_row(2, 0, "abcdef"), retracted(3, 2)])
    assert learnt.take_text(live(2, "cdef", after_seq=1)) is None
    assert shown(learnt.take_text(live(2, "xy", after_seq=3))) == (2, "xy")


def test_text_that_may_have_been_seen_is_not_taken() -> None:
    reading = Reading(Cursor(7))
    assert reading.take_text(live(0, "abc", after_seq=6)) is None
    assert shown(Reading(Cursor(7)).take_text(live(0, "abc", after_seq=7))) == (0, "abc")
    known = Reading(Cursor(7))
    known.resume(text_row(7, 0, "abc"))
    assert known.take_text(live(0, "abc", after_seq=6)) is None
    assert shown(known.take_text(live(3, "de", after_seq=6))) == (3, "de")


def test_text_of_an_attempt_that_is_over_is_not_taken() -> None:
    reading = Reading(Cursor())
    for row in (fact(1, "a"), text_row(2, 0, "ab"), text_row(3, 2, "cd", attempt=2)):
        reading.take_row(row)
    assert reading.take_text(live(4, "xx", attempt=1, after_seq=1)) is None
    assert reading.take_text(live(2, "cdef", attempt=3, after_seq=1)) is None
    assert shown(reading.take_text(live(4, "ef", attempt=3, after_seq=3))) == (4, "ef")


def test_what_a_dead_writer_showed_and_never_stored_is_taken_back() -> None:
    reading = Reading(Cursor())
    for row in (fact(1, "a"), text_row(2, 0, "ab")):
        reading.take_row(row)
    reading.take_text(live(2, "cde", after_seq=1))
    assert reading.take_text(live(5, "z", attempt=2, after_seq=1)) is None
    back, text = reading.take_row(text_row(3, 2, "xyz!", attempt=2))
    assert isinstance(back, RetractEvent)
    assert (back.from_offset, back.reason, back.id) == (2, "lost", "2")
    assert shown(text) == (2, "xyz!")
    assert reading.phantoms() == []


def test_a_retraction_voids_the_cursors_live_entry() -> None:
    reading = Reading(Cursor(4, {"a": (1, 9), "b": (1, 3)}))
    (event,) = reading.take_row(retracted(5, 6))
    assert event.id == "5!1.3.b"
    assert shown(reading.take_row(text_row(6, 6, "xyz"))[0]) == (6, "xyz")


def test_a_cursor_never_gets_too_long() -> None:
    reading = Reading(Cursor())
    reading.take_row(fact(1))
    steps = [f"fan[{number}].{'w' * 40}" for number in range(100)]
    taken = [step for step in steps if reading.take_text(live(0, "x" * 999, step=step, after_seq=1))]
    assert 20 < len(taken) < 40
    assert len(str(reading.cursor)) <= 2048
    late = next(step for step in steps if step not in taken)
    # A row frees room, and brings what was passed over.
    reading.take_row(text_row(2, 0, "x" * 999, step=taken[0]))
    reading.take_row(text_row(3, 0, "x" * 999, step=late))
    assert shown(reading.take_text(live(999, "y", step=late, after_seq=1))) == (999, "y")
    assert reading.take_text(live(999, "y", step=taken[0], after_seq=1)) is None


def test_facts_carry_their_fields() -> None:
    (event,) = Reading(Cursor()).take_row(Row(1, "RunAccepted", AT, body={"flow": "f"}))
    assert event == FactEvent(cursor=Cursor(1), seq=1, name="RunAccepted", step=None, data={"flow": "f"}, at=AT)
