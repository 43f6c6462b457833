"""Reading a flow document: names, conditions and templates, or a problem noted at their place."""

from __future__ import annotations

import re
from functools import partial
from typing import Literal

from stretto.documents.plain import Json, is_list, is_mapping, kind_of
from stretto.documents.problems import Fault, Path
from stretto.documents.reading import DocumentReader
from stretto.flow import cel_tree
from stretto.flow.drafts import NameRead, Use
from stretto.flow.expressions import Condition, compile_condition
from stretto.flow.graph import Template
from stretto.flow.template_names import Known, Read, Reads, line_start
from stretto.flow.templates import Constant, Structure, Text, compile_text

Role = Literal["input", "when", "other", "feedback"]

NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
WORD = re.compile(r"[a-z][a-z0-9_]{0,62}")
AGENT_NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
TYPE_NAME = re.compile(r"[A-Z][A-Za-z0-9]{0,62}")


class Reader(DocumentReader):
    """Reads parts of a flow, its conditions and templates too."""

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
