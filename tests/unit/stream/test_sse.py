"""Whatever text and steps hold, a client's parser of server-sent events gets exactly the events that were written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stretto.stream import Batch, Cursor, EndEvent, Event, FactEvent, RetractEvent, TextEvent
from stretto.stream.events import chunked, event_data

AT = datetime(2026, 1, 2, tzinfo=UTC)
# What ends lines or fields somewhere, and what is only nearly so.
TRICKS = st.sampled_from(
    [
        "\r",
        "\n",
        "\r\n",
        "\n\n",
        "\x0b",
        "\x0c",
        "\x1c",
        "\x85",
        "\u2028",
        "\u2029",
        "\ufeff",
        ": ",
        "id: 9\n",
        "data:",
        "🎻",
    ]
)
TEXT = st.lists(TRICKS | st.text(st.characters(exclude_categories=("Cs",)), max_size=4), max_size=6).map("".join)
NUMBER = st.integers(0, 10**6)
CURSOR = st.builds(Cursor, NUMBER, st.dictionaries(TEXT, st.tuples(NUMBER, NUMBER), max_size=2))
EVENT = st.one_of(
    st.builds(
        FactEvent,
        cursor=CURSOR,
        seq=NUMBER,
        name=TEXT,
        step=TEXT | st.none(),
        data=st.dictionaries(TEXT, TEXT | NUMBER, max_size=2),
        at=st.just(AT),
    ),
    st.builds(TextEvent, cursor=CURSOR, step=TEXT, attempt=NUMBER, offset=NUMBER, text=TEXT, at=st.just(AT)),
    st.builds(RetractEvent, cursor=CURSOR, seq=NUMBER, step=TEXT, from_offset=NUMBER, reason=TEXT),
    st.builds(EndEvent, cursor=CURSOR, seq=NUMBER, status=TEXT),
)
Read = tuple[str, str, Any]


def parse(raw: bytes) -> Iterator[Read]:
    """Read an event stream as the HTML standard says (9.2.6): lines end with CR LF, LF or CR."""
    lines = raw.decode().removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    last_id, name, data = "", "", list[str]()
    for line in lines:
        if not line:
            if data:
                yield last_id, name or "message", json.loads("\n".join(data))
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "id":
                assert "\0" not in value
                last_id = value
            case "event":
                name = value
            case "data":
                data.append(value)
            case _:
                raise AssertionError(f"a line that nobody wrote: {line!r}")


def as_read(event: Event) -> Read:
    data: dict[str, Any] = event_data(event)
    if "at" in data:
        data["at"] = "2026-01-02T00:00:00Z"
    return event.id, event.event, data


@given(st.lists(EVENT, max_size=5), st.booleans())
def test_no_text_or_name_can_forge_an_event_or_break_one(events: list[Event], shared: bool):
    batch = Batch(events, shared=shared)
    expected = [as_read(event) for event in events]
    for _ in range(2):  # what is kept is the same again
        assert list(parse(b"".join(batch.sse()))) == expected
        lines = list(batch.lines())
        found = [json.loads(line) for line in lines]
        assert [(each.pop("id"), each.pop("event"), each) for each in found] == expected
        assert not any("\n" in line or "\r" in line for line in lines)


@given(st.lists(st.binary(max_size=40_000), max_size=12))
def test_chunks_hold_all_and_are_bounded(pieces: list[bytes]):
    chunks = list(chunked(pieces))
    assert b"".join(chunks) == b"".join(pieces)
    most = max((len(piece) for piece in pieces), default=0)
    assert all(len(chunk) < 16_384 + most for chunk in chunks)
