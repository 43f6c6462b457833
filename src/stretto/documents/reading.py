"""Reading one document: values of the right kind, or a problem noted at their place."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from stretto.documents.durations import parse_duration, parse_money
from stretto.documents.plain import Json, is_mapping, kind_of
from stretto.documents.problems import Fault, Path, Places, Problems, listing, nearest

_T = TypeVar("_T")


class DocumentReader:
    """Reads parts of one document and notes what is wrong with them."""

    def __init__(self, places: Places, problems: Problems) -> None:
        self.places = places
        self.problems = problems
        self._meant: dict[Path, str] = {}  # where a key was misspelt: the path as it was meant, the key as written

    def at_key(self, path: Path, message: str, remedy: str = "") -> None:
        """Notes a problem with the key that ends `path`."""
        self.problems.add(self.places.key(self._written(path)), message, remedy)

    def at_value(self, path: Path, message: str, remedy: str = "", offset: int | None = None) -> None:
        """Notes a problem with the value at `path`."""
        self.problems.add(self.places.value(self._written(path), offset), message, remedy)

    def _written(self, path: Path) -> Path:
        if not self._meant:
            return path
        return tuple(self._meant.get(path[: at + 1], part) for at, part in enumerate(path))

    def fault(self, path: Path, fault: Fault, what: str = "") -> None:
        """Notes a mistake inside the text at `path`."""
        message = f"{what}: {fault.message}." if what else f"{fault.message}."
        self.at_value(path, message, fault.remedy, fault.offset)

    def mapping(self, path: Path, value: Json, what: str, example: str) -> dict[str, Json] | None:
        """A mapping with text keys; null counts as an empty one."""
        if value is None:
            return {}
        if not is_mapping(value):
            self.at_value(path, f"{what} is a mapping, but this is {kind_of(value)}.", f"Write it like `{example}`.")
            return None
        return {str(key): item for key, item in value.items()}

    def known_keys(self, path: Path, data: Mapping[str, Json], known: Collection[str], where: str) -> dict[str, Json]:
        """Notes every key that means nothing here; gives the data with misspelt keys under the names they were meant to have."""
        read: dict[str, Json] = {}
        for key, value in data.items():
            if key in known:
                read[key] = value
                continue
            close = nearest(key, known)
            remedy = f"Did you mean `{close}`?" if close else f"It may have {listing(sorted(known), most=20)}."
            self.at_key((*path, key), f"{where} has no key `{key}`.", remedy)
            if close and close not in data and close not in read:
                self._meant[(*path, close)] = key
                read[close] = value
        return read

    def text(self, path: Path, value: Json, what: str) -> str | None:
        """A text that is not empty."""
        if isinstance(value, str) and value.strip():
            return value
        if isinstance(value, str) or value is None:
            self.at_value(path, f"{what} is empty.", "Fill it in, or delete the key.")
        else:
            remedy = f'Put it in quotes: `"{value}"`.' if isinstance(value, int | float) else ""
            self.at_value(path, f"{what} is a text, but this is {kind_of(value)}.", remedy)
        return None

    def whole(self, path: Path, value: Json, what: str, least: int, most: int) -> int | None:
        """A whole number within bounds."""
        if isinstance(value, bool) or not isinstance(value, int):
            self.at_value(path, f"{what} is a whole number from {least} to {most}, but this is {kind_of(value)}.")
        elif not least <= value <= most:
            self.at_value(path, f"{what} is {value}, but must be from {least} to {most}.")
        else:
            return value
        return None

    def number(self, path: Path, value: Json, what: str, least: float, most: float) -> float | None:
        """A number within bounds."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.at_value(path, f"{what} is a number from {least:g} to {most:g}, but this is {kind_of(value)}.")
        elif not least <= value <= most:
            self.at_value(path, f"{what} is {value}, but must be from {least:g} to {most:g}.")
        else:
            return float(value)
        return None

    def flag(self, path: Path, value: Json, what: str) -> bool:
        """True or false."""
        if not isinstance(value, bool):
            remedy = (
                f"Write `{str(value).lower() in ('yes', 'on', '1')}`.".lower().replace("write", "Write")
                if isinstance(value, str)
                else ""
            )
            self.at_value(path, f"{what} is `true` or `false`, but this is {kind_of(value)}.", remedy)
            return False
        return value

    def duration(self, path: Path, value: Json, what: str) -> float | None:
        """Seconds of a duration."""
        return self._parsed(path, value, parse_duration, what)

    def money(self, path: Path, value: Json, what: str) -> float | None:
        """US dollars of an amount."""
        return self._parsed(path, value, parse_money, what)

    def _parsed(self, path: Path, value: Json, parse: Callable[[object], _T], what: str) -> _T | None:
        try:
            return parse(value)
        except Fault as fault:
            self.fault(path, fault, what)
            return None
