"""Long texts are cut into overlapping pieces of whole sentences, and no word is left out."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.memory.pieces import OVERLAP, WINDOW, best_piece, count, pieces_of

STORY = " ".join(f"In room {n} stands a table with {n} legs, and nobody knows who put it there." for n in range(80))


def test_a_short_text_is_one_piece():
    assert pieces_of("The battery lasts two days.") == [(0, 27)]
    assert best_piece("The battery lasts two days.", {"battery"}) is None


def test_a_long_text_is_cut_at_sentences_that_overlap():
    spans = pieces_of(STORY)
    assert len(spans) > 3
    for begins, ends in spans:
        piece = STORY[begins:ends].strip()
        assert piece.startswith("In room")
        assert piece.endswith("there.")
        assert count(piece) <= WINDOW
    for (_, before), (begins, _) in pairwise(spans):
        assert begins < before
        assert 0 < count(STORY[begins:before]) <= OVERLAP


def test_the_piece_with_most_of_the_question_is_the_best():
    spans = pieces_of(STORY)
    found = best_piece(STORY, {"room", "71", "leg"})
    assert found in spans
    assert "room 71 " in STORY[slice(*found)]


@given(st.text(alphabet=st.sampled_from("ab1字. !\n_'"), max_size=3_000))
def test_nothing_is_left_out_and_no_piece_is_too_long(text: str):
    spans = pieces_of(text)
    held = [False] * len(text)
    for begins, ends in spans:
        held[begins:ends] = [True] * (ends - begins)
        assert len(spans) == 1 or count(text[begins:ends]) <= WINDOW
    assert not "".join(sign for sign, there in zip(text, held, strict=True) if not there).strip()
    assert spans == sorted(spans)


@pytest.mark.parametrize(
    "text", ["word" * 25_000, "字" * 100_000, "!!! " * 25_000, "a. B" * 25_000, " " * 100_000 + "x"]
)
def test_what_has_no_sentences_is_cut_as_well(text: str):
    spans = pieces_of(text)  # the most that an item may hold: work that grew with the square would take minutes
    assert max(count(text[begins:ends]) for begins, ends in spans) <= WINDOW
    assert len(spans) <= len(text) // 50 + 1
