"""The names that a question may hold, and finding them in it, also where they are misspelt by a letter."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from uuid import UUID

from stretto.store import Database, load_queries

_Q = load_queries("stretto_reviews.sqlagent")
MOST_NAMES = 1_000
"""Of each kind; a shop with more products has those known that were renewed last."""
LEAST_FUZZY = 5
"""A shorter name is found only as it is written: an edit makes another word of it too easily."""
LEAST_PART = 4
"""A part of a product's name stands for it from so many letters on, if no other product has it."""


@dataclass(frozen=True)
class Names:
    """What products, sources and themes are called."""

    products: Sequence[str] = ()
    sources: Sequence[str] = ()
    themes: Sequence[str] = ()

    @cached_property
    def product_forms(self) -> Forms:
        """How products may be named."""
        return Forms(self.products, parts=True)

    @cached_property
    def source_forms(self) -> Forms:
        """How sources may be named."""
        return Forms(self.sources)

    @cached_property
    def theme_forms(self) -> Forms:
        """How themes may be named."""
        return Forms(self.themes)


async def read_names(database: Database, tenant_id: UUID) -> Names:
    """The names of a tenant, in one query."""
    [rows] = await database.read(tenant_id, (_Q["names"], {"tenant_id": tenant_id, "most": MOST_NAMES}))
    found: dict[str, list[str]] = defaultdict(list)
    for kind, name in rows:
        found[kind].append(name)
    return Names(found["product"], found["source"], found["theme"])


def plain(text: str) -> str:
    """Small letters, figures and single spaces; accents and punctuation fall away."""
    letters = unicodedata.normalize("NFKD", text.replace("’s ", " ").replace("'s ", " ")).casefold()
    letters = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(re.findall(r"[^\W_]+", letters))


class Forms:
    """Names by the forms in which a question may hold them."""

    def __init__(self, names: Iterable[str], *, parts: bool = False) -> None:
        self._whole: dict[str, str] = {}
        for name in names:
            if form := plain(name):
                self._whole.setdefault(form, name)
        self._parts = _parts_of(self._whole) if parts else {}
        self._by_length: dict[int, list[str]] = defaultdict(list)
        for form in self._whole:
            self._by_length[len(form)].append(form)
        self.longest = max((form.count(" ") + 1 for form in self._whole), default=0)

    def find(self, words: str) -> str | None:
        """The name that is written so, in singular or plural."""
        return next((self._whole[form] for form in _numbers_of(words) if form in self._whole), None)

    def find_near(self, words: str) -> str | None:
        """The one name that is an edit away."""
        return self._misspelt(words) if len(words) >= LEAST_FUZZY else None

    def find_part(self, words: str) -> str | None:
        """The one name that these words are a part of."""
        return next((self._parts[form] for form in _numbers_of(words) if form in self._parts), None)

    def find_long_part(self, words: str) -> str | None:
        """As `find_part`, where it is more than a word."""
        return self.find_part(words) if " " in words else None

    def _misspelt(self, words: str) -> str | None:
        """The one name that is an edit away. One figure more or less is another model, not a slip."""
        near = [
            form
            for length in (len(words) - 1, len(words), len(words) + 1)
            for form in self._by_length.get(length, ())
            if (form[0] == words[0] or form[-1] == words[-1])
            and _figures(form) == _figures(words)
            and _one_edit(form, words)
        ]
        return self._whole[near[0]] if len(near) == 1 else None


def _parts_of(whole: Mapping[str, str]) -> dict[str, str]:
    """The beginnings and single words that belong to one name only."""
    owners: dict[str, set[str]] = defaultdict(set)
    for form in whole:
        words = form.split()
        beginnings = [" ".join(words[:count]) for count in range(1, len(words))]
        for part in {*beginnings, *words, *(" ".join(pair) for pair in pairwise(words))}:
            if len(part) >= LEAST_PART and not part.isdigit():
                owners[part].add(form)
    return {part: whole[next(iter(forms))] for part, forms in owners.items() if len(forms) == 1 and part not in whole}


def _numbers_of(words: str) -> list[str]:
    """The same in singular and plural, as written first."""
    forms = [words, f"{words}s"]
    if words.endswith("s"):
        forms.append(words[:-1])
    if words.endswith("es"):
        forms.append(words[:-2])
    if words.endswith("ies"):
        forms.append(f"{words[:-3]}y")
    return forms


def _figures(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit())


def _one_edit(one: str, other: str) -> bool:
    """Whether a letter changed, added, left out, or changed places with its neighbour makes one of the other."""
    if len(one) > len(other):
        one, other = other, one
    start = 0
    while start < len(one) and one[start] == other[start]:
        start += 1
    if len(one) < len(other):
        return one[start:] == other[start + 1 :]
    if one[start + 1 :] == other[start + 1 :]:
        return True
    swapped = other[start + 1 : start + 2] + other[start : start + 1]
    return one[start : start + 2] == swapped and one[start + 2 :] == other[start + 2 :]
