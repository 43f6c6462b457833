from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.gateway.wire.sse import SseParser, TooLong


def parse(data: bytes, cuts: list[int], most: int = 1 << 20) -> list[bytes]:
    parser = SseParser(most)
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    events = [event for low, high in pairwise(places) for event in parser.feed(data[low:high])]
    return events + parser.finish()


LINES = st.sampled_from(
    [
        'data: {"a": 1}',
        "data:tight",
        "data: ",
        "data",
        "",
        "",
        ": comment",
        "event: x",
        "id: 4",
        "retry: 10",
        "dataset: no",
    ]
) | st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=8).map("data: é→𝄞{}".format)


@given(
    st.lists(st.tuples(LINES, st.sampled_from(["\n", "\r", "\r\n"])), max_size=30),
    st.lists(st.integers(0, 999)),
    st.booleans(),
)
def test_the_same_events_however_cut(lines: list[tuple[str, str]], cuts: list[int], mark: bool):
    data = ("\ufeff" * mark + "".join(line + end for line, end in lines)).encode()
    assert parse(data, cuts) == parse(data, []) == reference(lines)


def reference(lines: list[tuple[str, str]]) -> list[bytes]:
    """The standard's own words, line by line; a CR before a line that is empty and ends with LF is one end, CRLF."""
    text = "".join(line + end for line, end in lines).replace("\r\n", "\n").replace("\r", "\n")
    events: list[str] = []
    data: list[str] = []
    for line in [*text.split("\n"), ""]:
        name, _, value = line.partition(":")
        if line == "" and data:
            events.append("\n".join(data))
            data = []
        elif name == "data":
            data.append(value.removeprefix(" "))
    return [event.encode() for event in events]


@given(st.binary(max_size=200), st.lists(st.integers(0, 200)))
def test_any_bytes_are_taken(data: bytes, cuts: list[int]):
    assert parse(data, cuts) == parse(data, [])


def test_an_event_comes_as_soon_as_its_line_ends():
    parser = SseParser()
    assert parser.feed(b"data: 1\r") == []
    assert parser.feed(b"\r") == [b"1"]
    assert parser.feed(b"\ndata: 2\n\ndata: 3") == [b"2"]
    assert parser.feed(b"\n\n") == [b"3"]


@pytest.mark.parametrize("data", [b"data: " + b"x" * 2000, b"data: " + b"x" * 600 + b"\ndata: " + b"x" * 600 + b"\n"])
@pytest.mark.parametrize("size", [1, 100, 5000])
def test_an_event_without_end_is_refused(data: bytes, size: int):
    parser = SseParser(1000)
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    with pytest.raises(TooLong):
        list(map(parser.feed, chunks))


def test_many_events_are_no_long_event():
    parser = SseParser(1000)
    assert sum(len(parser.feed(b"data: " + b"x" * 500 + b"\n\n")) for _ in range(50)) == 50
