"""Near duplicates: texts that are another's, edited a little or put in another order.

Candidates share a band of their MinHash (Broder 1997; 12 bands of 4 rows: a pair of Jaccard similarity s becomes one with probability
1 - (1 - s^4)^12, 0.99 at 0.75), over pairs of neighbouring words without order, so that sentences may change places. A candidate is
a duplicate when the Jaccard similarity of the pairs themselves reaches ALIKE; texts under MIN_WORDS words only when they are the same.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Sequence
from itertools import pairwise

from rensa import RMinHash  # pyright: ignore

ALIKE = 0.6
MIN_WORDS = 6
BANDS, ROWS = 12, 4
SEED = 20_040_822
_WORD = re.compile(r"[^\W_]+")


def shingles(text: str) -> frozenset[str]:
    """The pairs of neighbouring words within sentences, each pair in the order of the alphabet."""
    found: set[str] = set()
    for clause in re.split(r"[.!?;\n]+", text.lower()):
        words = _WORD.findall(clause)
        found.update(" ".join(sorted(pair)) for pair in pairwise(words))
        if len(words) == 1:
            found.add(words[0])
    return frozenset(found)


def bands_of(texts: Sequence[str]) -> list[list[int]]:
    """For each text the hashes of its bands (64 bit, signed): texts that are alike share some."""
    words = [sorted(shingles(text)) or [text.strip().lower()] for text in texts]
    digests: list[list[int]] = RMinHash.digests_from_token_sets(words, BANDS * ROWS, SEED)  # pyright: ignore
    return [_bands(digest) for digest in digests]  # pyright: ignore


def _bands(digest: Sequence[int]) -> list[int]:
    found: list[int] = []
    for band in range(BANDS):
        part = struct.pack(f"<B{ROWS}Q", band, *digest[band * ROWS : (band + 1) * ROWS])
        found.append(int.from_bytes(hashlib.blake2b(part, digest_size=8).digest(), "little", signed=True))
    return found


def similarity(one: str, other: str) -> float:
    """Jaccard's, of their pairs of words; 1 for texts that differ in case and signs only."""
    if _WORD.findall(one.lower()) == _WORD.findall(other.lower()):
        return 1.0
    first, second = shingles(one), shingles(other)
    if min(len(_WORD.findall(one)), len(_WORD.findall(other))) < MIN_WORDS or not first or not second:
        return 0.0
    return len(first & second) / len(first | second)
