"""English words without their endings, so that a keyword is found in all its forms.

Steps 1a, 1b, 1c and 5 of Porter's algorithm ("An algorithm for suffix stripping", Program 14 (3), 1980): plurals, -ed, -ing, -y
and a last -e. The later steps, which cut off whole suffixes, make too many words the same: `generals` and `generation`.
"""

from __future__ import annotations

import re
from functools import lru_cache

WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_VOWEL = re.compile(r"[aeiou]|(?<=[^aeiou])y")
_DOUBLE = re.compile(r"([^aeiouylsz])\1$")
_SHORT = re.compile(r"[^aeiou][aeiouy][^aeiouwxy]$")
_MEASURE = re.compile(r"[aeiouy]+[^aeiouy]+")


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """The stem of one word. Words of up to three letters, and those that are not plain ASCII letters, stay as they are."""
    word = word.lower().replace("’", "'").removesuffix("'s").rstrip("'")
    if len(word) <= 3 or not (word.isascii() and word.isalpha()):
        return word
    word = _singular(word)
    word = _without_ending(word)
    if word.endswith("y") and _VOWEL.search(word[:-1]):
        word = f"{word[:-1]}i"
    if word.endswith("e") and len(word) > 3:
        rest = word[:-1]
        count = len(_MEASURE.findall(rest))
        if count > 1 or (count == 1 and not _SHORT.search(rest)):
            word = rest
    if word.endswith("ll") and len(_MEASURE.findall(word)) > 1:
        word = word[:-1]
    return word


def _singular(word: str) -> str:
    for ending, instead in (("sses", "ss"), ("ies", "i"), ("ss", "ss"), ("us", "us"), ("is", "is"), ("s", "")):
        if word.endswith(ending):
            return word[: -len(ending)] + instead
    return word


def _without_ending(word: str) -> str:
    if word.endswith("eed"):
        return word[:-1] if _MEASURE.search(word[:-3]) else word
    for ending in ("ing", "ed"):
        rest = word.removesuffix(ending)
        if rest == word or not _VOWEL.search(rest):
            continue
        if rest.endswith(("at", "bl", "iz")):
            return f"{rest}e"
        if _DOUBLE.search(rest):
            return rest[:-1]
        if len(_MEASURE.findall(rest)) == 1 and _SHORT.search(rest):
            return f"{rest}e"
        return rest
    return word


def words_of(text: str) -> list[tuple[str, str]]:
    """The words of a text in order: each as written, and its stem."""
    return [(word, stem(word)) for word in WORD.findall(text)]
