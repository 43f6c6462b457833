"""Prompts and step inputs: Jinja templates in a sandbox that reaches nothing but the data given.

A template that is one `{{ … }}` gives the value itself (text, number, list, mapping); any other gives text, in which
null is empty and lists and mappings are JSON. A name without a value (a skipped step, the first turn of a loop) is null,
and a field of null is null; a field that an existing mapping lacks is an error, unless `default(…)` or `is defined` asks for it.
Only data can be reached: no method, no attribute of a Python object, no include, import or macro. Work is bounded: so many
loop turns, so many characters.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from stretto.documents.plain import Json
from stretto.documents.problems import Fault
from stretto.flow.graph import Template
from stretto.flow.jinja_sandbox import Compiled

MAX_SOURCE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Constant:
    """A plain value without any `{{ … }}`."""

    value: Json

    @property
    def source(self) -> str:
        return self.value if isinstance(self.value, str) else repr(self.value)

    @property
    def names(self) -> frozenset[str]:
        return frozenset()

    def render(self, scope: Mapping[str, Json]) -> Json:
        return self.value


@dataclass(frozen=True, slots=True)
class Structure:
    """A list or mapping with templates inside."""

    parts: tuple[Template, ...] | Mapping[str, Template]

    @property
    def source(self) -> str:
        if isinstance(self.parts, tuple):
            return "[" + ", ".join(part.source for part in self.parts) + "]"
        return "{" + ", ".join(f"{key}: {part.source}" for key, part in self.parts.items()) + "}"

    @property
    def names(self) -> frozenset[str]:
        parts = self.parts if isinstance(self.parts, tuple) else self.parts.values()
        return frozenset[str]().union(*(part.names for part in parts))

    def render(self, scope: Mapping[str, Json]) -> Json:
        if isinstance(self.parts, tuple):
            return [part.render(scope) for part in self.parts]
        return {key: part.render(scope) for key, part in self.parts.items()}


@dataclass(frozen=True, slots=True)
class Text:
    """One compiled Jinja template."""

    source: str
    names: frozenset[str]
    compiled: Compiled

    def render(self, scope: Mapping[str, Json]) -> Json:
        given: dict[str, Json] = {}
        for name in self.names:
            try:
                given[name] = scope[name]
            except KeyError:
                continue
        return self.compiled.render(given)


@lru_cache(maxsize=4096)
def compile_text(source: str) -> Template:
    """A template from its text; the same text is compiled once. Raises `Fault` with the offset of the mistake."""
    if "{{" not in source and "{%" not in source and "{#" not in source:
        return Constant(source)
    if len(source) > MAX_SOURCE:
        raise Fault(f"a template may have {MAX_SOURCE:,} characters, and this has {len(source):,}", "Make it shorter.")
    compiled = Compiled(source)
    return Text(source, compiled.names, compiled)
