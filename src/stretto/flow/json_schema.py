"""JSON Schemas inside a flow: are they sound, and does a value fit them?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import jsonschema_rs
import msgspec

from stretto.flow.graph import Json
from stretto.flow.problems import Path, listing, nearest

TYPES = ("string", "number", "integer", "boolean", "object", "array", "null")
_ONE_SCHEMA = {
    "additionalProperties", "items", "contains", "not", "if", "then", "else", "propertyNames", "unevaluatedItems", "unevaluatedProperties",
}  # fmt: skip
_SCHEMA_LIST = {"allOf", "anyOf", "oneOf", "prefixItems"}
_SCHEMA_MAP = {"properties", "patternProperties", "$defs", "dependentSchemas", "definitions"}
KEYWORDS = _ONE_SCHEMA | _SCHEMA_LIST | _SCHEMA_MAP | {
    "type", "enum", "const", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "format", "pattern",
    "minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems",
    "uniqueItems", "minContains", "maxContains", "minProperties", "maxProperties", "required", "dependentRequired", "$ref", "$schema",
    "$id", "$anchor", "$comment", "$dynamicRef", "$dynamicAnchor", "$vocabulary", "contentEncoding", "contentMediaType", "contentSchema",
}  # fmt: skip
COMMON_MISTAKES = {
    "str": "string", "text": "string", "int": "integer", "float": "number", "double": "number", "bool": "boolean", "list": "array",
    "dict": "object", "map": "object", "none": "null",
}  # fmt: skip


def schema_problems(schema: Json, path: Path) -> Iterator[tuple[Path, bool, str, str]]:
    """What is wrong with a JSON Schema: path, whether it is the key that is wrong, message, remedy."""
    found = list(_walk(schema, path))
    yield from found
    if found:
        return
    try:
        jsonschema_rs.Draft202012Validator(schema, retriever=_refuse)
    except (jsonschema_rs.ValidationError, ValueError) as error:
        where = [part for part in getattr(error, "instance_path", [])]
        yield (*path, *where), False, f"this is no valid JSON Schema: {getattr(error, 'message', error)}.", ""


def _refuse(uri: str) -> Any:
    raise ValueError(f"a schema may refer only to its own parts, not to {uri}")


def _walk(schema: Json, path: Path) -> Iterator[tuple[Path, bool, str, str]]:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping):
        yield path, False, "a JSON Schema is a mapping like `{type: string}`.", _type_remedy(schema)
        return
    for key, value in schema.items():  # pyright: ignore[reportUnknownVariableType]
        here = (*path, str(key))  # pyright: ignore[reportUnknownArgumentType]
        if key not in KEYWORDS:
            if not str(key).startswith("x-"):  # pyright: ignore[reportUnknownArgumentType]
                close = nearest(str(key), KEYWORDS)  # pyright: ignore[reportUnknownArgumentType]
                yield here, True, f"JSON Schema has no keyword `{key}`.", f"Did you mean `{close}`?" if close else "A field of an object stands under `properties`."
        elif key == "type":
            yield from _type_problems(value, here)
        elif key == "$ref" and not str(value).startswith("#"):  # pyright: ignore[reportUnknownArgumentType]
            yield here, False, f"`{value}` stands outside this schema and cannot be read.", "Write the schema out under `types`, or refer to `#/$defs/…`."
        elif key == "required" and isinstance(value, bool):
            yield here, False, "`required` lists names of properties.", "Every input without a `default` is required already; delete this."
        elif key in _ONE_SCHEMA:
            yield from _walk(value, here)
        elif key in _SCHEMA_LIST and isinstance(value, list):
            for index, item in enumerate(value):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
                yield from _walk(item, (*here, index))
        elif key in _SCHEMA_MAP and isinstance(value, Mapping):
            for name, item in value.items():  # pyright: ignore[reportUnknownVariableType]
                yield from _walk(item, (*here, str(name)))  # pyright: ignore[reportUnknownArgumentType]


def _type_problems(value: Json, path: Path) -> Iterator[tuple[Path, bool, str, str]]:
    names: list[tuple[Path, Json]] = [((*path, i), item) for i, item in enumerate(value)] if isinstance(value, list) else [(path, value)]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    for here, name in names:
        if name is None:
            yield here, False, "the type is empty.", 'For null write `"null"` in quotes.'
        elif name not in TYPES:
            yield here, False, f"`{name}` is no type of JSON.", _type_remedy(name)


def _type_remedy(name: Json) -> str:
    word = str(name)
    close = COMMON_MISTAKES.get(word.lower()) or nearest(word, TYPES)
    return f"Did you mean `{close}`?" if close and isinstance(name, str) else f"The types are {listing(TYPES)}."


@lru_cache(maxsize=512)
def _validator(canonical: bytes) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(msgspec.json.decode(canonical), retriever=_refuse)


def misfits(schema: Json, value: Json, most: int = 20) -> list[tuple[tuple[str | int, ...], str]]:
    """Where and how a value does not fit a schema: path inside the value, and what was expected and given."""
    validator = _validator(msgspec.json.encode(schema))
    found: list[tuple[tuple[str | int, ...], str]] = []
    for error in validator.iter_errors(value):
        found.append((tuple(error.instance_path), error.message))
        if len(found) == most:
            break
    return found
