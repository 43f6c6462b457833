"""Is this advertising rather than a review? Signs in the text, each with a weight; the reasons are shown to people.

The weights are ours: from SUSPECTED on a review is set aside, which one strong sign or three weak ones do. Nothing is deleted.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

SUSPECTED = 0.6
LONG = 40
"""A link to so many words is one that reviews have, too."""

_LINK = re.compile(r"https?://|\bwww\.|\b[\w-]+\.(?:ru|info|biz|shop|top|xyz)\b", re.IGNORECASE)
_CONTACT = re.compile(r"[\w.+-]+@[\w-]+\.\w+|(?:whats ?app|telegram|viber)\b|\+\d[\d ()-]{8,}\d", re.IGNORECASE)
_OFFER = re.compile(
    r"\b(?:click (?:here|below|the link)|buy (?:now|cheap|followers)|promo ?code|discount code|free (?:money|gift|followers|iphone)|"
    r"earn \$?\d+|work from home|make money|casino|viagra|forex|crypto giveaway|loan approval|visit (?:my|our) (?:site|page|shop|profile))\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Suspicion:
    """How much a text looks like spam, from 0 to 1, and why."""

    score: float
    reasons: tuple[str, ...]

    @property
    def suspected(self) -> bool:
        """Whether it is to be set aside."""
        return self.score >= SUSPECTED


def spam_in(text: str) -> Suspicion:
    """What speaks for spam."""
    signs: list[tuple[float, str]] = []
    links = len(_LINK.findall(text))
    long = len(text.split()) > LONG * max(links, 1)
    if links:
        signs.append((0.1 if long else 0.4 if links == 1 else 0.7, "links" if links > 1 else "a link"))
    if _CONTACT.search(text):
        signs.append((0.1 if long else 0.4, "a way to get in touch"))
    if offers := len(_OFFER.findall(text)):
        signs.append((0.5 if offers == 1 else 0.8, "the words of an offer"))
    words = [word.lower() for word in _WORD.findall(text)]
    letters = [letter for letter in text if letter.isalpha()]
    if len(letters) >= 40 and sum(letter.isupper() for letter in letters) > 0.7 * len(letters):
        signs.append((0.25, "capital letters throughout"))
    if len(words) >= 12 and max(Counter(words).values()) > 0.3 * len(words):
        signs.append((0.5, "one word over and over"))
    if len(words) >= 20 and len(set(words)) < 0.25 * len(words):
        signs.append((0.4, "the same few words again and again"))
    if re.search(r"([!?$€£*])\1{4,}", text):
        signs.append((0.2, "rows of signs"))
    if len(text) >= 20 and len(letters) < 0.4 * len(text.replace(" ", "")):
        signs.append((0.4, "hardly any letters"))
    kept = 1.0
    for weight, _ in signs:
        kept *= 1 - weight
    return Suspicion(round(1 - kept, 3), tuple(reason for _, reason in signs))
