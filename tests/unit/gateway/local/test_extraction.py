"""Answers from passages are sentences of them, cited by where they stand, or none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stretto.gateway.local.extraction import Passage, extract

MANUAL = [
    Passage("warranty", "The warranty lasts two years from the date of purchase. Keep your receipt."),
    Passage("power", "The battery charges in 90 minutes. It holds 20 hours of music."),
    Passage("care", "Clean the lens with a soft cloth. Do not use alcohol on the screen. Is it wet?"),
]


@pytest.mark.parametrize(
    ("question", "sentence", "id_"),
    [
        ("How long does the warranty last?", "The warranty lasts two years from the date of purchase.", "warranty"),
        ("How long does charging the battery take?", "The battery charges in 90 minutes.", "power"),
        ("May I use alcohol on the screen?", "Do not use alcohol on the screen.", "care"),
    ],
)
def test_the_sentence_that_answers_is_found_and_cited(question: str, sentence: str, id_: str) -> None:
    assert extract(question, MANUAL).sentences == ((id_, sentence),)


@pytest.mark.parametrize(
    "question",
    ["Who is the president of France?", "Is the case waterproof?", "What does the camera weigh?", "Why?", ""],
)
def test_nothing_is_found_where_the_passages_do_not_say(question: str) -> None:
    assert extract(question, MANUAL).sentences == ()


def test_two_sentences_answer_a_question_with_two_parts() -> None:
    found = extract("Warranty years and battery minutes?", MANUAL)
    assert found.citations == ["warranty", "power"]


def test_an_abbreviation_ends_no_sentence() -> None:
    passage = Passage("a", "Dr. Weber founded the firm in Kiel, i.e. on the coast. It has 40 people.")
    found = extract("Who founded the firm?", [passage])
    assert found.sentences == (("a", "Dr. Weber founded the firm in Kiel, i.e. on the coast."),)


@given(st.text(max_size=80), st.lists(st.text(max_size=120), max_size=5))
def test_only_what_stands_in_a_passage_is_ever_given(question: str, texts: list[str]) -> None:
    passages = [Passage(str(n), text) for n, text in enumerate(texts)]
    found = extract(question, passages)
    for id_, sentence in found.sentences:
        assert " ".join(sentence.split()) in " ".join(texts[int(id_)].split())
