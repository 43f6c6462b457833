"""Questions that lie close to one another and mean something else.

An embedding hardly sees what changes an answer. With all-MiniLM-L6-v2 these pairs have a cosine of 0.94 to 0.996: "convert dollars to euros" and
"convert euros to dollars", "is it safe" and "is it unsafe", "who founded it" and "when was it founded", "my invoice" and
"your invoice". So no threshold is enough. A similar question counts as the same only when both hold the same words in the
same order, numbers, names, negations and signs among them, but for what asks without meaning anything:

- articles, "do" and "does", words of politeness, "tell me" and its like;
- the ways to say "how do I", "how can I", "how to";
- where "is" and its like stand, plural endings, capitals of words that are not written in capitals only, and punctuation.

Questions in other words are misses, also where they mean the same: a model that is asked once too often costs less than a wrong answer.
"""

from __future__ import annotations

import re
from collections import Counter

_APOSTROPHES = str.maketrans("’‘ʼ−", "'''-")
_CONTRACTED = (
    (re.compile(r"\bcan't\b|\bcannot\b"), "can not"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"\b(what|where|who|how|when|that|it)'s\b"), r"\1 is"),
    (re.compile(r"'(?:m|re)\b"), " is"),
)
_PERSON = r"(?:i|we|you|one)"
_ASKING = (
    (re.compile(r"\b(?:can|could|would|will) you (?:please |kindly )?(?:tell|show) (?:me|us)\b"), " "),
    (re.compile(r"\b(?:please|kindly|hi|hello|hey|thanks|thank you)\b|\btell (?:me|us)\b"), " "),
    (re.compile(r"\bi (?:want|need|would like|'d like) to know\b"), " "),
    (
        re.compile(rf"\b(how|where) (?:to|(?:do|can|could|should) {_PERSON}|{_PERSON} (?:can|could|should))\b"),
        r"\1",
    ),
)
_CAPITALS = re.compile(r"\b[A-Z]{2,}\b")
_TOKEN = re.compile(r"\d+(?:[.,:/-]\d+)*|[^\W\d_]+|!=|[^\w\s.,;:?!'\"“”«»]|_")
"""Numbers, words, and signs; not punctuation."""
_IDLE = frozenset(["a", "an", "the", "do", "does"])
_BEING = {"is": "is", "are": "is", "am": "is", "was": "was", "were": "was"}
_SHORT = 3
"""Words of so many letters keep their s."""


def means_the_same(one: str, other: str) -> bool:
    """Whether only the way of asking differs."""
    return _core(one) == _core(other)


def _core(text: str) -> tuple[list[str], Counter[str]]:
    text = text.translate(_APOSTROPHES)
    # "US" is not "us": what is written in capitals only keeps them, told apart by a sign that no word holds.
    capitals = {match.start() for match in _CAPITALS.finditer(text)} if not text.isupper() else set[int]()
    marked = "".join(f"\0{letter}" if at in capitals else letter for at, letter in enumerate(text)).lower()
    for pattern, instead in (*_CONTRACTED, *_ASKING):
        marked = pattern.sub(instead, marked)
    words: list[str] = []
    being: Counter[str] = Counter()
    for token in _TOKEN.findall(marked):
        if token in _BEING:
            being[_BEING[token]] += 1
        elif token not in _IDLE:
            words.append(_singular(token))
    return words, being


def _singular(word: str) -> str:
    return word[:-1] if len(word) > _SHORT and word.endswith("s") and not word.endswith("ss") else word
