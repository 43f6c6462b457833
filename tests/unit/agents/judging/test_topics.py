"""Sensitive topics by keywords in all their forms and by meaning; and how well they are found on labelled sentences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from stretto.agents.judging.stems import stem
from stretto.agents.judging.topics import (
    MOST_FLAGS,
    MOST_PIECES,
    PIECE_CHARS,
    TOO_LONG,
    TopicFinder,
    built_in,
    find_keywords,
    learn,
    pieces_of,
    score_pieces,
    vectors,
)
from stretto.agents.judging.verdict import is_mandatory
from stretto.errors import ModelRefused
from stretto.flow.graph import Topic
from stretto.flow.policies import BUILT_IN_TOPICS
from stretto.gateway.local.minilm import LocalEmbedder, is_installed
from stretto.gateway.provider import Embeddings

ALL = tuple(map(Topic, BUILT_IN_TOPICS))
LABELLED: dict[str, dict[str, list[str]]] = yaml.safe_load(Path(__file__).with_name("labelled.yaml").read_text())


@pytest.mark.parametrize(
    "forms",
    [
        "vote votes voted voting",
        "invest invests invested investing",
        "diagnose diagnosed diagnosing",
        "policy policies",
        "lawsuit lawsuits",
        "bet bets betting",
        "tax taxes taxed taxing",
        "cure cures cured curing",
        "plan plans planned planning",
        "senator senators senator's",
    ],
)
def test_all_forms_of_a_word_have_one_stem(forms: str):
    assert len({stem(word) for word in forms.split()}) == 1


@pytest.mark.parametrize(("one", "other"), [("police", "policy"), ("general", "generate"), ("us", "use")])
def test_other_words_have_other_stems(one: str, other: str):
    assert stem(one) != stem(other)


def found(text: str, *topics: Topic) -> list[tuple[str, str]]:
    return [(flag.topic, flag.found) for flag in find_keywords(text, topics or ALL)]


def test_keywords_are_found_as_they_stand_in_the_text():
    assert found("He VOTED, and the Prime Ministers sued.") == [
        ("politics", "VOTED"),
        ("politics", "Prime Ministers"),
        ("politics", "Ministers"),
        ("legal", "sued"),
    ]


def test_words_in_capitals_count_only_so():
    assert found("Call the IRS about it.") == [("finance", "IRS")]
    assert found("The irs of the plant.") == []
    assert found("AIDS is no joke.") == [("health", "AIDS")]
    assert found("She aids him.") == []
    assert found("SHE AIDS HIM.") == []  # all in capitals: they mean nothing


def test_a_keyword_inside_another_word_does_not_count():
    assert found("The pivotal devotee covets a lawnmower.") == []


def test_only_so_many_findings_are_told():
    assert len(found("election vote ballot senate congress governor mayor parliament", ALL[0])) == MOST_FLAGS


def test_every_topic_that_the_language_knows_is_described():
    assert set(built_in().topics) == set(BUILT_IN_TOPICS)
    for topic in built_in().topics.values():
        assert len(topic.keywords) >= 60
        assert len(topic.examples) == 20


def test_no_labelled_sentence_is_an_example():
    told = {sentence for part in LABELLED.values() for some in part.values() for sentence in some}
    assert len(told) >= 250
    examples = {example for topic in built_in().topics.values() for example in topic.examples}
    assert not told & (examples | set(built_in().plain))


def test_pieces_hold_all_of_a_text_and_none_is_too_long():
    text = "No. Never! " + "word " * 500 + "End of it, really. ok"
    pieces = pieces_of(text)
    assert " ".join(pieces).split() == text.split()
    assert max(map(len, pieces)) <= PIECE_CHARS
    assert pieces_of("") == []


class Refusing:
    """An embedder that is not there."""

    name = "refusing"

    async def embed(self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None) -> Embeddings:
        raise ModelRefused("not installed")

    async def close(self) -> None: ...


async def test_without_a_model_for_meaning_keywords_count():
    flags = await TopicFinder(Refusing()).find("Vote now. This tea cures it.", ALL)
    assert {(flag.topic, flag.how) for flag in flags} == {("politics", "keyword"), ("health", "keyword")}
    assert await TopicFinder(Refusing()).find("A kite.", ALL) == []


async def test_a_topic_without_keywords_is_not_ruled_out_where_no_model_knows_meaning():
    topic = Topic("gambling", examples=("Win big tonight.",))
    for finder in (TopicFinder(), TopicFinder(Refusing())):
        (flag,) = await finder.find("A kite.", (topic,))
        assert (flag.topic, flag.how, flag.score) == ("gambling", "meaning", None)


@pytest.mark.parametrize(
    "text", ["V\u200bote now.", "ｖｏｔｅ now", "\U0001d42f\U0001d428\U0001d42d\U0001d41e now", "vo\u00adte"]
)
def test_letters_in_disguise_are_read(text: str):
    assert [topic for topic, _ in found(text)] == ["politics"]


class Pointing:
    """An embedder whose vectors point where a test says."""

    name = "pointing"

    def __init__(self, places: dict[str, tuple[float, float]]) -> None:
        self.places = places
        self.asked: list[str] = []

    async def embed(self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None) -> Embeddings:
        self.asked += texts
        return Embeddings(
            vectors=[self.places.get(text, (-1.0, 0.001)) for text in texts], model="two", provider=self.name
        )

    async def close(self) -> None: ...


async def test_meaning_is_explained_by_the_sentence_and_its_likeness():
    topic = Topic("gambling", examples=("Win big tonight.",), threshold=0.9)
    places = {"Win big tonight.": (1.0, 0.0), "Fortune is waiting.": (0.95, 0.3122), "It rains too often.": (0.0, 1.0)}
    embedder = Pointing(places)
    finder = TopicFinder(embedder)
    (flag,) = await finder.find("It rains too often. Fortune is waiting.", (topic,))
    assert (flag.topic, flag.how, flag.found, flag.score) == ("gambling", "meaning", "Fortune is waiting.", 0.95)
    await finder.find("It rains too often.", (topic,))
    assert embedder.asked.count("Win big tonight.") == 1  # the examples are learned once


async def test_what_is_too_long_to_be_looked_through_goes_to_a_person():
    topic = Topic("gambling", examples=("Win big tonight.",), threshold=0.9)
    embedder = Pointing({"Win big tonight.": (1.0, 0.0)})
    text = "It rains too often. " * (MOST_PIECES + 1)
    flags = await TopicFinder(embedder).find(text, (topic,))
    assert [flag.found for flag in flags] == [TOO_LONG]
    assert is_mandatory(flags)
    assert embedder.asked.count("It rains too often.") == MOST_PIECES


async def test_what_is_more_like_a_plain_sentence_does_not_count():
    plain = built_in().plain[0]
    topic = Topic("gambling", examples=("Win big tonight.",), threshold=0.5)
    places = {"Win big tonight.": (0.8, 0.6), plain: (1.0, 0.0), "Pick a taste you like.": (1.0, 0.0)}
    assert await TopicFinder(Pointing(places)).find("Pick a taste you like.", (topic,)) == []


def test_keywords_alone_are_precise():
    sensitive = [sentence for topic in BUILT_IN_TOPICS for sentence in LABELLED["test"][topic]]
    hits = sum(bool(found(sentence)) for sentence in sensitive)
    wrong = sum(bool(found(sentence)) for sentence in LABELLED["test"]["none"])
    assert hits >= 0.4 * len(sensitive)
    assert hits / (hits + wrong) >= 0.95


@pytest.mark.skipif(not is_installed(), reason="the weights are not installed")
async def test_some_labelled_sentences_are_found_by_keywords_or_meaning():
    """A fifth of what `bench/measured/topics.py` measures in full."""
    embedder = LocalEmbedder()
    told = [(label, sentence) for label, some in LABELLED["test"].items() for sentence in some[::5]]
    meanings = await learn(embedder, ALL)
    scores = score_pieces(await vectors(embedder, [sentence for _, sentence in told]), meanings)
    await embedder.close()
    hits = {"none": 0, "sensitive": 0}
    for n, (label, sentence) in enumerate(told):
        over = any(row[n] >= meanings.thresholds[topic] for topic, row in scores.items())
        hits["none" if label == "none" else "sensitive"] += over or bool(found(sentence))
    sensitive = sum(label != "none" for label, _ in told)
    assert hits["sensitive"] >= 0.7 * sensitive  # 0.86 of all; by chance a fifth of them lies up to 0.14 from that
    assert hits["none"] <= 1
