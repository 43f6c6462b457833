"""Reading one document: values of the right kind, or a problem noted at their place."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Literal, TypeVar

from stretto.flow import cel_tree
from stretto.flow.drafts import NameRead, Use
from stretto.flow.durations import parse_duration, parse_money
from stretto.flow.expressions import Condition, compile_condition
from stretto.flow.graph import Json, Template
from stretto.flow.plain import is_list, is_mapping, kind_of
from stretto.flow.problems import Fault, Path, Places, Problems, listing, nearest
from stretto.flow.template_names import Known, Read, Reads, line_start
from stretto.flow.templates import Constant, Structure, Text, compile_text

_T = TypeVar("_T")
Role = Literal["input", "when", "other", "feedback"]

NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
WORD = re.compile(r"[a-z][a-z0-9_]{0,62}")
AGENT_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
TYPE_NAME = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")


class Reader:
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

    def word(self, path: Path, value: Json, what: str) -> str | None:
        """A name such as steps and events have."""
        text = self.text(path, value, what)
        return text

    def condition(self, path: Path, value: Json, what: str, role: Role = "other") -> tuple[Condition | None, list[Use]]:
        """A CEL expression and what it reads."""
        if isinstance(value, bool):
            value = "true" if value else "false"
        if not isinstance(value, str):
            self.at_value(
                path,
                f"{what} is a condition in CEL, but this is {kind_of(value)}.",
                'Write it like `"review.approved"`.',
            )
            return None, []
        try:
            condition = compile_condition(value)
        except Fault as fault:
            self.fault(path, fault, what)
            return None, []
        reads = tuple(
            NameRead(read.name, read.trail, read.offset, not read.asks) for read in cel_tree.reads(condition.tree)
        )
        return condition, [Use(path, reads, condition, role)]

    def template(self, path: Path, value: Json, what: str, role: Role = "other") -> tuple[Template | None, list[Use]]:
        """A template (or plain data with templates inside) and what it reads."""
        uses: list[Use] = []
        return self._template(path, value, what, role, uses), uses

    def _template(self, path: Path, value: Json, what: str, role: Role, uses: list[Use]) -> Template | None:
        if isinstance(value, str):
            try:
                template = compile_text(value)
            except Fault as fault:
                self.fault(path, fault, what)
                return None
            if isinstance(template, Text):
                uses.append(Use(path, template_reads(template), template, role))
            return template
        if is_mapping(value):
            entries = {
                str(key): self._template((*path, str(key)), item, what, role, uses) for key, item in value.items()
            }
            if any(isinstance(entry, Text | Structure) for entry in entries.values()):
                return Structure({key: entry for key, entry in entries.items() if entry is not None})
            return Constant(dict(value))
        if is_list(value):
            items = [self._template((*path, index), item, what, role, uses) for index, item in enumerate(value)]
            if any(isinstance(item, Text | Structure) for item in items):
                return Structure(tuple(item for item in items if item is not None))
            return Constant(list(value))
        return Constant(value)


def template_reads(template: Text, known: Known | None = None) -> tuple[NameRead, ...]:
    """What a template reads, with the offset of each place."""
    found = Reads(template.compiled.tree, known).found
    return tuple(
        NameRead(read.name, read.trail, partial(_offset_of, template.source, read), read.required) for read in found
    )


def _offset_of(source: str, read: Read) -> int:
    """Where a template reads a name: Jinja knows the line, the column is looked for."""
    start = line_start(source, read.line)
    dotted = "".join(rf"\s*\.\s*{re.escape(part)}" for part in read.trail if isinstance(part, str))
    for pattern in (rf"(?<![\w.\"']){re.escape(read.name)}{dotted}\b", rf"(?<![\w.\"']){re.escape(read.name)}\b"):
        for match in re.finditer(pattern, source[start:]):
            before = source[: start + match.start()]
            if before.rfind("{{") > before.rfind("}}") or before.rfind("{%") > before.rfind("%}"):
                return start + match.start()
    return start
