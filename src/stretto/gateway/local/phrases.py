"""Key phrases by RAKE (Rose, Engel, Cramer, Cowley: "Automatic Keyword Extraction from Individual Documents", 2010).

A phrase is a run of words without stop words within a clause. A word is worth its degree (how many words stand with it
in its phrases) by its frequency, a phrase the sum of its words. For themes, words of opinion end a phrase too, so that "great
battery life" gives "battery life", and what is said more often comes first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container

from stretto.gateway.local.sentiment import is_degree, lexicon
from stretto.gateway.local.words import STOP_WORDS, WORD_OR_BREAK

MOST_WORDS = 4
"""Longer runs are seldom phrases."""
MOST_PHRASES = 8
SHORTEST = 3
"""Letters that a phrase has at least."""


def key_phrases(text: str, most: int = MOST_PHRASES) -> list[str]:
    """The phrases that weigh most in a text, in small letters."""
    runs = _runs(text, ())
    worth = _worth(runs)
    return _best({phrase: sum(worth[word] for word in phrase) for phrase in runs}, most)


def themes_of(text: str, most: int = MOST_PHRASES) -> list[str]:
    """What a text speaks of, without its judgements, the most frequent first."""
    runs = _runs(text, lexicon())
    worth = _worth(runs)
    counts = Counter(runs)
    return _best({phrase: counts[phrase] * 100 + sum(worth[word] for word in phrase) for phrase in runs}, most)


def _runs(text: str, breaks: Container[str]) -> list[tuple[str, ...]]:
    runs: list[tuple[str, ...]] = []
    run: list[str] = []
    for token in [*WORD_OR_BREAK.findall(text), "."]:
        word = token.lower().replace("’", "'").removesuffix("'s")
        if word[0].isalnum() and not (word.isdigit() or word in STOP_WORDS or word in breaks or is_degree(word)):
            run.append(word)
            continue
        if 0 < len(run) <= MOST_WORDS and sum(map(len, run)) >= SHORTEST:
            runs.append(tuple(run))
        run = []
    return runs


def _worth(runs: list[tuple[str, ...]]) -> dict[str, float]:
    count: Counter[str] = Counter()
    degree: Counter[str] = Counter()
    for run in runs:
        for word in run:
            count[word] += 1
            degree[word] += len(run)
    return {word: degree[word] / count[word] for word in count}


def _best(scores: dict[tuple[str, ...], float], most: int) -> list[str]:
    # Equal ones stay in the order of the text. A phrase within a better one says nothing new.
    found: list[str] = []
    for phrase in sorted(scores, key=lambda phrase: -scores[phrase]):
        text = " ".join(phrase)
        if not any(f" {text} " in f" {better} " for better in found):
            found.append(text)
        if len(found) == most:
            break
    return found
