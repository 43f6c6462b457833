"""What all sections of a configuration are read with."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import TypeVar

from stretto.documents.durations import parse_usd
from stretto.documents.plain import Json, kind_of
from stretto.documents.problems import Fault, Path, listing, suggest
from stretto.documents.reading import DocumentReader
from stretto.gateway.config import Price
from stretto.gateway.reading.words import PRICE_KEYS

_Word = TypeVar("_Word", bound=str)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/-]{0,127}")
PRICE_EXAMPLE = "{input: 0.15, output: 0.60}"
MOST_PRICE = 1_000_000


class ConfigReader(DocumentReader):
    """Reads parts of a configuration; it knows nothing of what they mean."""

    def section(
        self, path: Path, value: Json, known: Collection[str], where: str, example: str
    ) -> dict[str, Json] | None:
        """A mapping of which every key is known."""
        data = self.mapping(path, value, where, example)
        return None if data is None else self.known_keys(path, data, known, where)

    def named(self, path: Path, value: Json, what: str, example: str) -> dict[str, Json]:
        """A mapping of names that people choose; those that cannot be names are noted."""
        data = self.mapping(path, value, f"`{path[-1]}`", example) or {}
        for name in data:
            if not NAME.fullmatch(name):
                self.at_key(
                    (*path, name),
                    f"`{name[:80]}` cannot name a {what}.",
                    "A name has letters, digits and `.`, `_`, `:`, `@`, `/`, `-`, begins with a letter or digit, "
                    "and has at most 128.",
                )
        return data

    def choice(self, path: Path, value: Json, what: str, words: Sequence[_Word]) -> _Word | None:
        """One of some words."""
        for word in words:
            if value == word:
                return word
        if isinstance(value, str) and value:
            self.at_value(path, f"{what} cannot be `{value[:80]}`.", suggest(value, words))
        else:
            self.at_value(path, f"{what} is one of {listing(words)}, but this is {kind_of(value)}.")
        return None

    def positive(self, path: Path, value: Json, what: str, most: float = 1e12) -> float | None:
        """A number above zero."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.at_value(path, f"{what} is a number above 0, but this is {kind_of(value)}.")
        elif value <= 0:
            self.at_value(path, f"{what} is {value}, but must be above 0.")
        elif value > most:
            self.at_value(path, f"{what} is {value}, but must be at most {most:g}.")
        else:
            return float(value)
        return None

    def usd(self, path: Path, value: Json, what: str) -> Decimal | None:
        """An amount of money, exact."""
        try:
            return parse_usd(value)
        except Fault as fault:
            self.fault(path, fault, what)
            return None

    def price(self, path: Path, value: Json, what: str) -> Price | None:
        """Prices per million tokens, as the price of one."""
        data = self.section(path, value, PRICE_KEYS, what, f"price: {PRICE_EXAMPLE}")
        if data is None:
            return None
        for key in ("input", "output"):
            if key not in data:
                self.at_key(
                    path, f"{what} says nothing of `{key}`.", f"Write US dollars per million tokens: `{PRICE_EXAMPLE}`."
                )
        rates = {key: self._rate((*path, key), rate, f"`{key}`") for key, rate in data.items()}
        given, taken = rates.get("input"), rates.get("output")
        if given is None or taken is None:
            return None
        return Price(given, taken, rates.get("cached_input"), rates.get("cache_write"), rates.get("reasoning"))

    def _rate(self, path: Path, value: Json, what: str) -> Decimal | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            text = kind_of(value)
            remedy = "Write the number alone, such as `0.15`."
            self.at_value(path, f"{what} is US dollars per million tokens, but this is {text}.", remedy)
        elif not 0 <= value <= MOST_PRICE:
            self.at_value(path, f"{what} is {value}, but must be from 0 to {MOST_PRICE} US dollars per million tokens.")
        else:
            # The shortest decimal of a float is the number as it was written, up to 15 digits.
            return Decimal(str(value)).scaleb(-6)
        return None


def given(data: Mapping[str, Json], key: str) -> bool:
    """Whether a key stands there with a value."""
    return data.get(key) is not None
