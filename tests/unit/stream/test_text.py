from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.errors import Invalid, NotPossible
from stretto.stream.text import StepText, TextChunk, cuts_to_tokens

tokens_lists = st.lists(st.text(max_size=5), max_size=4)


@given(st.lists(st.tuples(tokens_lists, st.integers(0, 70_000), st.booleans()), max_size=20))
def test_rows_hold_every_token_with_its_time(steps: list[tuple[list[str], int, bool]]) -> None:
    text, now, last, whole = StepText("a", now_ms=5), 5, 5, ""
    written: list[tuple[str, int]] = []
    chunks: list[TextChunk] = []
    for tokens, wait, take in steps:
        now += wait
        joined = text.append(tokens, now)
        joined.encode()  # can be stored
        whole += joined
        delays = [min(now - last, 65535)] + [0] * len(tokens)
        if "".join(tokens):
            last = now
            written += [(token.replace("\0", "\ufffd"), delay) for token, delay in zip(tokens, delays, strict=False)]
        if take and (chunk := text.take_pending()):
            chunks.append(chunk)
    if chunk := text.take_pending():
        chunks.append(chunk)
    assert text.take_pending() is None
    assert [token for chunk in chunks for token in cuts_to_tokens(chunk.text, chunk.cuts)] == written
    assert "".join(chunk.text for chunk in chunks) == text.slice(0) == whole
    assert len(text) == text.length == text.saved == len(whole)
    offset = 0
    for chunk in chunks:
        assert (chunk.step, chunk.attempt, chunk.position) == ("a", 1, offset)
        offset += len(chunk.text)


operation = st.one_of(
    st.tuples(st.just("append"), tokens_lists),
    st.tuples(st.just("retract"), st.integers(0, 60)),
    st.tuples(st.just("take"), st.none()),
    st.tuples(st.just("slice"), st.tuples(st.integers(0, 60), st.none() | st.integers(0, 60))),
)


@given(st.lists(operation, max_size=40))
def test_it_reads_like_a_string(operations: list[tuple[str, object]]) -> None:
    text, model, stored = StepText("a"), "", ""
    for name, value in operations:
        if name == "append" and isinstance(value, list):
            model += text.append(value, 0)
        elif name == "retract" and isinstance(value, int):
            position = min(value, len(model))
            text.retract(position)
            model, stored = model[:position], stored[:position]
        elif name == "take" and (chunk := text.take_pending()):
            assert chunk.position == len(stored)
            assert "".join(token for token, _ in cuts_to_tokens(chunk.text, chunk.cuts)) == chunk.text
            stored += chunk.text
            assert stored == model
        elif name == "slice" and isinstance(value, tuple):
            start, end = value
            assert text.slice(start, end) == model[start:end]
        assert len(text) == len(model)
        assert text.saved == len(stored)
    assert text.slice(0) == model


@pytest.mark.parametrize("length", [65534, 65535, 65536, 131070, 200_000])
def test_long_tokens(length: int) -> None:
    text = StepText("a")
    text.append(["b", "x" * length, "c"], 7)
    text.append(["d"], 100_000)
    chunk = text.take_pending()
    assert chunk is not None
    assert cuts_to_tokens(chunk.text, chunk.cuts) == [("b", 7), ("x" * length, 0), ("c", 0), ("d", 65535)]


def test_cuts_are_pairs_of_little_endian_numbers() -> None:
    text = StepText("a", now_ms=1000)
    text.append(["ab"], 1258)
    chunk = text.take_pending()
    assert chunk is not None
    assert chunk.cuts == b"\x02\x00\x02\x01"
    assert array("H", chunk.cuts).itemsize == 2


def test_what_cannot_be_stored_is_replaced_one_for_one() -> None:
    text = StepText("a")
    assert text.append(["a\0", "\ud83d", "\ude00é"], 0) == "a\ufffd\ufffd\ufffdé"
    assert text.append(["😀"], 0) == "😀"


def test_a_clock_that_goes_back_does_no_harm() -> None:
    text = StepText("a", now_ms=10)
    text.append(["x"], 5)
    chunk = text.take_pending()
    assert chunk is not None
    assert cuts_to_tokens(chunk.text, chunk.cuts) == [("x", 0)]


def test_attempts_go_on_where_the_text_ends() -> None:
    text = StepText("a", attempt=2, text="kept ", now_ms=50)
    assert (text.length, text.saved, text.take_pending()) == (5, 5, None)
    text.append(["bad"], 60)
    with pytest.raises(NotPossible, match="was not taken"):
        text.start_attempt(3, 70)
    text.retract(5)
    text.start_attempt(3, 70)
    text.append(["good"], 75)
    chunk = text.take_pending()
    assert chunk is not None
    assert (chunk.attempt, chunk.position, chunk.text) == (3, 5, "good")
    assert cuts_to_tokens(chunk.text, chunk.cuts) == [("good", 5)]
    with pytest.raises(Invalid, match="cannot be cut back to 10"):
        text.retract(10)
