"""Texts taken apart: words, clauses, sentences; and which English words say nothing by themselves."""

from __future__ import annotations

import re

WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
WORD_OR_BREAK = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*|[.,;:!?()\n]")
"""Words, and the signs that end a clause."""
_SENTENCE = re.compile(r"(?<=[.!?])[\"'”’)\]]*\s+(?=\S)|\n+")
_ABBREVIATED = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|vs|etc|no|inc|e\.g|i\.e|approx|fig)|\b[A-Z])\.$", re.IGNORECASE
)

_STOP_WORDS_AS_TEXT = """
a about above after again against all almost also although always am among an and another any anyone anything are
aren't as at be because been before being below between both but by can can't cannot could couldn't did didn't do does
doesn't doing don't down during each eight either else enough even ever every everyone everything few first five for
four from further get gets getting go goes going got had hadn't has hasn't have haven't having he her here hers
herself him himself his how however hundred i i'd i'll i'm i've if in instead into is isn't it it's its itself just
keep let let's like made make makes many may maybe me might mine more most much must my myself neither never nine no
nor not nothing now of off often on once one ones only or other others otherwise our ours ourselves out over own per
perhaps put quite rather really said same say says second see seem seems seven several shall she should shouldn't
since six so some someone something sometimes soon still such take ten than that that's the their theirs them
themselves then there there's these they they're thing things third this those though thousand three through thus to
too took toward try two under until up upon us use used using very want wants was wasn't way we well were weren't what
when where whether which while who whom whose why will with within without won't would wouldn't yet you you'd you'll
you're you've your yours yourself
"""
STOP_WORDS = frozenset(_STOP_WORDS_AS_TEXT.split())
"""English words of grammar, our own list."""
FEW_STOP_WORDS = 0.15
"""A text with a smaller share of them is hardly English: running English has 0.35 to 0.55, other languages under 0.1."""
LONGEST_ABBREVIATION = 10
"""Characters at the end of a sentence that are looked at, to see whether it has ended."""
SHORT = 6
"""Words of a text too short to tell its language by."""


def words_of(text: str) -> list[str]:
    """The words in small letters, with plain apostrophes."""
    return [word.lower().replace("’", "'") for word in WORD.findall(text)]


def sentences_of(text: str) -> list[str]:
    """The sentences, without the space around them. A new line ends one too."""
    found: list[list[str]] = []
    for piece in map(str.strip, _SENTENCE.split(text)):
        if found and piece and _ABBREVIATED.search(found[-1][-1][-LONGEST_ABBREVIATION:]):
            found[-1].append(piece)
        elif piece:
            found.append([piece])
    return [" ".join(pieces) for pieces in found]


def is_english(words: list[str]) -> bool:
    """Whether these words are likely English; short texts are taken for it when they are ASCII."""
    if len(words) <= SHORT:
        return all(word.isascii() for word in words)
    return sum(word in STOP_WORDS for word in words) >= FEW_STOP_WORDS * len(words)
