"""A JSON Schema as HTML, for the page that describes the API. All that comes from the schema is escaped here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from html import escape
from typing import Any, cast

Schema = Mapping[str, Any]

_MOST_DEPTH = 6
"""How deep fields within fields are shown; what lies deeper is told by its type alone."""

_BOUNDS: Mapping[str, str] = {
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "less than {}",
    "minLength": "length at least {}",
    "maxLength": "length at most {}",
    "minItems": "at least {} items",
    "maxItems": "at most {} items",
    "pattern": "of the form {}",
}


def prose(text: str) -> str:
    """Plain text as paragraphs; what stands between backticks is code."""
    return "".join(f"<p>{inline(part)}</p>" for part in re.split(r"\n\s*\n", text.strip()) if part)


def inline(text: str) -> str:
    """Plain text as HTML; what stands between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def type_of(schema: Schema) -> str:
    """What a value is, in a few words, with links to named schemas."""
    if "$ref" in schema:
        name = escape(str(schema["$ref"]).rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    if "const" in schema:
        return _value(schema["const"])
    if "enum" in schema:
        return " or ".join(_value(each) for each in schema["enum"])
    for many, joint in (("anyOf", " or "), ("oneOf", " or "), ("allOf", " and ")):
        if many in schema:
            return joint.join(dict.fromkeys(type_of(each) for each in schema[many]))
    kind = schema.get("type", "anything")
    if isinstance(kind, list):
        return " or ".join(escape(str(each)) for each in cast("list[object]", kind))
    if kind == "array":
        return f"list of {type_of(schema.get('items') or {})}"
    more = schema.get("additionalProperties")
    if kind == "object" and isinstance(more, dict) and more:
        return f"object of {type_of(cast('Schema', more))}"
    form = schema.get("format")
    return escape(f"{kind} ({form})" if form else str(kind))


def limits_of(schema: Schema) -> str:
    """Its bounds and its default, in a few words; empty when it has none."""
    found: list[str] = []
    for each in (schema, *_inner(schema)):
        found += [words.format(_bound(each[name])) for name, words in _BOUNDS.items() if name in each]
    if schema.get("default") is not None:
        found.append(f"default {_value(schema['default'])}")
    return ", ".join(dict.fromkeys(found))


def fields_of(schema: Schema, depth: int = 0) -> str:
    """The fields of an object, or of a list's items, each with its type, bounds and meaning; empty when it names none."""
    if depth == _MOST_DEPTH:
        return ""
    properties = cast("Mapping[str, Schema]", schema.get("properties") or {})
    if properties:
        required = schema.get("required", ())
        shown = [field(name, each, required=name in required, depth=depth) for name, each in properties.items()]
        return f"<ul>{''.join(shown)}</ul>"
    return "".join(fields_of(each, depth + 1) for each in _inner(schema) if "$ref" not in each)


def field(name: str, schema: Schema, *, required: bool, told: str = "", where: str = "", depth: int = 0) -> str:
    """One field or parameter."""
    facts = [where, "<b>required</b>" if required else "", limits_of(schema)]
    rest = "".join(f", {fact}" for fact in facts if fact)
    meaning = prose(told or str(schema.get("description") or ""))
    return f"<li><code>{escape(name)}</code> <small>{type_of(schema)}{rest}</small>{meaning}{fields_of(schema, depth + 1)}</li>"


def named(name: str, schema: Schema) -> str:
    """A schema that has a name, at the anchor that `type_of` links to."""
    # The anchor is inside, so that a browser which goes there opens it.
    inside = prose(str(schema.get("description") or "")) + (fields_of(schema) or f"<p>{type_of(schema)}</p>")
    shown = escape(name)
    return f'<details><summary><code>{shown}</code></summary><div id="schema-{shown}">{inside}</div></details>'


def _inner(schema: Schema) -> list[Schema]:
    options: list[Schema] = [each for many in ("anyOf", "oneOf", "allOf") for each in schema.get(many, ())]
    return [*options, cast("Schema", schema.get("items") or {})]


def _bound(value: object) -> str:
    return f"<code>{escape(value)}</code>" if isinstance(value, str) else escape(f"{value:,}")


def _value(value: object) -> str:
    return f"<code>{escape(json.dumps(value, ensure_ascii=False))}</code>"
