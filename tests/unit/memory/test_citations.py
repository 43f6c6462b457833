"""What a source supports stays; what none supports goes, with the reason."""

from __future__ import annotations

import pytest

from stretto.memory.citations import check_citations, cut, supports

SOURCE = (
    "The phone's battery lasts 2 days. Its camera is not good in the dark. "
    "The screen has 6.1 inches and the case is made of steel."
)

SUPPORTED = [
    "The battery lasts 2 days.",
    "The phone has a battery that lasts 2 days.",
    "The camera is not good in the dark.",
    "The case is steel, and the screen has 6.1 inches.",
]
UNSUPPORTED = [
    "The battery lasts 3 days.",
    "The camera is good in the dark.",
    "The battery does not last 2 days.",
    "The phone is waterproof and costs little.",
    "The phone never breaks.",
    "It is.",
    "",
]


async def test_a_sentence_is_supported_by_its_words_numbers_and_denials() -> None:
    for sentence in SUPPORTED:
        assert await supports(SOURCE, sentence), sentence
    for sentence in UNSUPPORTED:
        assert not await supports(SOURCE, sentence), sentence


async def test_each_citation_is_looked_at_by_itself() -> None:
    checked = await check_citations(
        "The battery lasts 2 days [1, 2]. The camera is good in the dark [1]. The case is made of steel. [1] "
        "Everybody loves it [7]. And so do I.",
        [SOURCE, "Nothing to do with it."],
    )
    assert [(each.text, each.sources) for each in checked.sentences] == [
        ("The battery lasts 2 days.", (1,)),
        ("The case is made of steel.", (1,)),
    ]
    assert [(each.sources, each.fault) for each in checked.removed] == [
        ((1,), "not supported"),
        ((7,), "no such source"),
        ((), "no citation"),
    ]
    assert checked.text == "The battery lasts 2 days. [1] The case is made of steel. [1]"


async def test_a_model_for_entailment_takes_the_words_place() -> None:
    asked: list[tuple[str, str]] = []

    async def entails(source: str, sentence: str) -> bool:
        asked.append((source, sentence))
        return sentence == "Yes."

    checked = await check_citations("Yes [1]. No [1].", ["s"], entails)
    assert [each.text for each in checked.sentences] == ["Yes."]
    assert asked == [("s", "Yes."), ("s", "No.")]


@pytest.mark.parametrize("text", ["", "[1]", "[1][2] [3]", "...", "[99999999999999]", "[1, ]", "[", "]" * 1000])
async def test_odd_answers_are_taken_apart_without_an_error(text: str) -> None:
    assert all(sentence for sentence, _ in cut(text))
    await check_citations(text, [SOURCE])
