"""Sensitive topics in a text, by keywords in all their forms and by what it means. Each finding says what was found."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import structlog
import yaml

from stretto.agents.judging.stems import WORD, stem
from stretto.agents.judging.verdict import MANDATORY, Flag
from stretto.errors import ModelError
from stretto.flow.graph import Topic
from stretto.gateway.local.words import sentences_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stretto.gateway.provider import Embedder

    Array = NDArray[np.float32]

log = structlog.get_logger(__name__)

THRESHOLD = 0.5
"""From which cosine a sentence counts as of a topic that names no threshold of its own."""
MOST_FLAGS = 5
"""So many findings are told of a topic."""
PIECE_CHARS = 400
"""Sentences that are longer are cut: the model reads 256 tokens of a text, and the more it reads the less each part counts."""
FEWEST_WORDS = 3
"""Shorter sentences mean too little by themselves: they are taken together with the next."""
MOST_PIECES = 256
"""So many pieces of one content are looked at for their meaning (about 4 s on one core); what has more, a person decides. Keywords
are looked for in all of it."""
SHOWN_CHARS = 160
UNTOLD = "There is no model for meaning here that could tell whether it is of"
TOO_LONG = "It is too long to be looked through for its meaning."


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """What is known of the topics from the start. `plain` are sentences of none of them that come near."""

    topics: Mapping[str, Topic]
    plain: tuple[str, ...]


@cache
def built_in() -> BuiltIn:
    """The topics that are known without being described (`topics.yaml`)."""
    text = (resources.files("stretto.agents.judging") / "topics.yaml").read_text(encoding="utf-8")
    data: Mapping[str, Any] = yaml.safe_load(text)
    topics = {
        name: Topic(name, tuple(told["keywords"]), tuple(told["examples"]), told["threshold"])
        for name, told in data["topics"].items()
    }
    return BuiltIn(topics, tuple(data["plain"]))


def complete(topic: Topic) -> Topic:
    """The topic with what is known of it from the start."""
    known = built_in().topics.get(topic.name)
    if known is None:
        return topic
    threshold = known.threshold if topic.threshold is None else topic.threshold
    return Topic(topic.name, known.keywords + topic.keywords, known.examples + topic.examples, threshold)


@dataclass(frozen=True, slots=True)
class Phrase:
    """A keyword: the stems of its words, or the words themselves where it is written in capitals."""

    topic: str
    keyword: str
    words: tuple[str, ...]


@lru_cache(maxsize=256)
def phrases_of(topics: tuple[Topic, ...]) -> Mapping[str, tuple[Phrase, ...]]:
    """All keywords of these topics by their first word."""
    found: dict[str, list[Phrase]] = {}
    for topic in map(complete, topics):
        for keyword in topic.keywords:
            words = tuple(_form(word) for word in WORD.findall(keyword))
            if words:
                found.setdefault(words[0], []).append(Phrase(topic.name, keyword, words))
    return {first: tuple(phrases) for first, phrases in found.items()}


def _form(word: str) -> str:
    """How a keyword's word is looked for: one in capitals, such as `IRS`, as it is; any other by its stem."""
    return word if len(word) > 1 and word.isupper() else stem(word)


def find_keywords(text: str, topics: tuple[Topic, ...]) -> list[Flag]:
    """What keywords are in a text, each wording once, in the order in which they come."""
    phrases = phrases_of(topics)
    text = plainly(text)
    words = WORD.findall(text)
    shouted = text.isupper()  # then capitals mean nothing
    stems = [stem(word) for word in words]
    found: dict[tuple[str, str], Flag] = {}
    counts: dict[str, int] = {}
    for at, (word, stemmed) in enumerate(zip(words, stems, strict=True)):
        for phrase in (*phrases.get(stemmed, ()), *(phrases.get(word, ()) if word.isupper() and not shouted else ())):
            fits = len(phrase.words) <= len(words) - at and all(
                wanted in (stems[at + n], words[at + n]) for n, wanted in enumerate(phrase.words)
            )
            said = " ".join(words[at : at + len(phrase.words)])
            if fits and (phrase.topic, said.lower()) not in found and counts.get(phrase.topic, 0) < MOST_FLAGS:
                counts[phrase.topic] = counts.get(phrase.topic, 0) + 1
                found[phrase.topic, said.lower()] = Flag(phrase.topic, "keyword", said)
    return list(found.values())


def plainly(text: str) -> str:
    """The text without signs that nobody sees, and with letters of other shapes (𝐯𝐨𝐭𝐞, ｖｏｔｅ) as plain ones."""
    if text.isascii():
        return text
    shaped = unicodedata.normalize("NFKC", text)
    return "".join(sign for sign in shaped if unicodedata.category(sign) != "Cf")


def pieces_of(text: str) -> list[str]:
    """The sentences of a text, short ones taken together with the next, long ones cut at a space."""
    pieces: list[str] = []
    waiting = ""
    for sentence in sentences_of(text):
        waiting = f"{waiting} {sentence}".strip()
        if len(WORD.findall(waiting)) >= FEWEST_WORDS:
            pieces += _cut(waiting)
            waiting = ""
    return [*pieces, *(_cut(waiting) if waiting else ())]


def _cut(text: str) -> Iterator[str]:
    while len(text) > PIECE_CHARS:
        at = text.rfind(" ", PIECE_CHARS // 2, PIECE_CHARS)
        at = PIECE_CHARS if at < 0 else at
        yield text[:at]
        text = text[at:].lstrip()
    if text:
        yield text


@dataclass(frozen=True, slots=True)
class Meanings:
    """The vectors of a set of topics' examples, and of sentences that come near and are of none."""

    names: tuple[str, ...]
    thresholds: Mapping[str, float]
    examples: Array
    plain: Array


@dataclass(slots=True)
class TopicFinder:
    """Finds sensitive topics. Without `embedder`, by keywords only."""

    embedder: Embedder | None = None
    _kept: dict[tuple[Topic, ...], Meanings] = field(default_factory=dict[tuple[Topic, ...], Meanings])
    _learning: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def find(self, text: str, topics: tuple[Topic, ...]) -> list[Flag]:
        """Which of these topics a text touches. Without a model for meaning keywords count; a topic that has none cannot be
        ruled out then, which is a finding, too."""
        flags = find_keywords(text, topics)
        known = {flag.topic for flag in flags}
        if len(known) == len(topics) or not text.strip():
            return flags
        if self.embedder is not None:
            try:
                return flags + await self._find_meaning(self.embedder, text, topics, known)
            except ModelError as error:
                log.warning("topics are found by keywords only", error=error.message)
        unknown = [topic.name for topic in map(complete, topics) if not topic.keywords]
        return flags + [Flag(name, "meaning", f"{UNTOLD} {name}.") for name in unknown]

    async def _find_meaning(
        self, embedder: Embedder, text: str, topics: tuple[Topic, ...], known: set[str]
    ) -> list[Flag]:
        meanings = await self._meanings(embedder, topics)
        if not meanings.names:
            return []
        pieces = pieces_of(plainly(text))
        too_long = Flag(MANDATORY, "rule", TOO_LONG)
        flags = [too_long] if len(pieces) > MOST_PIECES else []
        pieces = pieces[:MOST_PIECES]
        scores = score_pieces(await vectors(embedder, pieces), meanings)
        for name, row in scores.items():
            threshold = meanings.thresholds[name]
            over = sorted(((score, n) for n, score in enumerate(row) if score >= threshold), reverse=True)
            if name not in known:
                flags += [
                    Flag(name, "meaning", pieces[n][:SHOWN_CHARS], round(score, 3)) for score, n in over[:MOST_FLAGS]
                ]
        return flags

    async def _meanings(self, embedder: Embedder, topics: tuple[Topic, ...]) -> Meanings:
        async with self._learning:
            if topics not in self._kept:
                if len(self._kept) >= 64:
                    self._kept.clear()
                self._kept[topics] = await learn(embedder, topics)
            return self._kept[topics]


async def learn(embedder: Embedder, topics: tuple[Topic, ...]) -> Meanings:
    """The vectors of the topics' examples."""
    told = [(topic.name, example) for topic in map(complete, topics) for example in topic.examples]
    thresholds = {
        topic.name: THRESHOLD if topic.threshold is None else topic.threshold for topic in map(complete, topics)
    }
    plain = built_in().plain
    found = await vectors(embedder, [*(example for _, example in told), *plain])
    return Meanings(tuple(name for name, _ in told), thresholds, found[: len(told)], found[len(told) :])


async def vectors(embedder: Embedder, texts: Sequence[str]) -> Array:
    """One row of length 1 for each text."""
    import numpy as np  # noqa: PLC0415 - an extra, which whoever makes vectors has

    found = await embedder.embed(texts)
    rows = np.asarray(found.vectors, dtype=np.float32).reshape(len(texts), -1)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def score_pieces(rows: Array, meanings: Meanings) -> dict[str, list[float]]:
    """For each topic, how like each piece is to its nearest example; 0 where it is more like a plain sentence."""
    likeness = rows @ meanings.examples.T
    plain = (rows @ meanings.plain.T).max(axis=1) if len(meanings.plain) else rows[:, 0] * 0
    scores: dict[str, list[float]] = {}
    for name in dict.fromkeys(meanings.names):
        columns = [n for n, other in enumerate(meanings.names) if other == name]
        best = likeness[:, columns].max(axis=1)
        scores[name] = [float(score) if score > other else 0.0 for score, other in zip(best, plain, strict=True)]
    return scores
