"""What a review speaks of: themes by a lexicon of words and phrases (`themes.tsv`).

The lexicon was written down from what such reviews usually speak of, not fitted to annotated data: what `tools/measure_reviews.py`
says of it was not used to change it. Where no theme is found, the text's own key phrases stand for them.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from importlib.resources import files

from stretto.gateway.local import themes_of

MOST_THEMES = 5


def themes_in(text: str, most: int = MOST_THEMES, *, phrases: bool = True) -> list[str]:
    """The themes of a text, what is spoken of most first; without any, with `phrases`, up to two key phrases."""
    counts = Counter(found.lastgroup for found in _pattern().finditer(text.lower().replace("’", "'")))
    names = _lexicon()
    found = [names[int(group[1:])][0] for group, _ in counts.most_common() if group is not None]
    if not found and phrases:
        return themes_of(text, 2)
    return found[:most]


def theme_names() -> list[str]:
    """The themes that the lexicon knows."""
    return [name for name, _ in _lexicon()]


@cache
def _lexicon() -> list[tuple[str, list[str]]]:
    lines = files("stretto_reviews.analysis").joinpath("themes.tsv").read_text("utf-8").splitlines()
    parts = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(name, words.split()) for name, words in parts]


@cache
def _pattern() -> re.Pattern[str]:
    """One pattern for all: a group for each theme. The longest of its words come first."""
    groups: list[str] = []
    for n, (_, words) in enumerate(_lexicon()):
        ordered = sorted(words, key=len, reverse=True)
        groups.append(f"(?P<t{n}>{'|'.join(map(_as_pattern, ordered))})")
    return re.compile(rf"(?<![\w-])(?:{'|'.join(groups)})(?![\w-])")


def _as_pattern(word: str) -> str:
    stem = word.removesuffix("*")
    return re.escape(stem).replace("_", r"[\s-]+") + (r"[\w']*" if stem != word else "")
