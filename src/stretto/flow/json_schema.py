"""JSON Schemas inside a flow: are they sound, and does a value fit them?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import jsonschema_rs
import msgspec

from stretto.documents.plain import KINDS_IN_WORDS, Json, is_list, is_mapping, kind_of
from stretto.documents.problems import Path, listing, nearest

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
        where = list(getattr(error, "instance_path", []))
        yield (*path, *where), False, f"this is no valid JSON Schema: {getattr(error, 'message', error)}.", ""


def _refuse(uri: str) -> Json:
    raise ValueError(f"a schema may refer only to its own parts, not to {uri}")


def _walk(schema: Json, path: Path) -> Iterator[tuple[Path, bool, str, str]]:
    if isinstance(schema, bool):
        return
    if not is_mapping(schema):
        yield path, False, f"a JSON Schema is a mapping, but this is {kind_of(schema)}.", _schema_remedy(schema)
        return
    for key, value in schema.items():
        here = (*path, str(key))
        if key not in KEYWORDS:
            if not str(key).startswith("x-"):
                close = nearest(str(key), KEYWORDS)
                yield (
                    here,
                    True,
                    f"JSON Schema has no keyword `{key}`.",
                    f"Did you mean `{close}`?" if close else "A field of an object stands under `properties`.",
                )
        elif key == "type":
            yield from _type_problems(value, here)
        elif key == "$ref" and not str(value).startswith("#"):
            yield (
                here,
                False,
                f"`{value}` stands outside this schema and cannot be read.",
                "Write the schema out under `types`, or refer to `#/$defs/…`.",
            )
        elif key == "required" and isinstance(value, bool):
            yield (
                here,
                False,
                "`required` lists names of properties.",
                "Every input without a `default` is required already; delete this.",
            )
        elif key in _ONE_SCHEMA:
            yield from _walk(value, here)
        elif key in _SCHEMA_LIST and is_list(value):
            for index, item in enumerate(value):
                yield from _walk(item, (*here, index))
        elif key in _SCHEMA_MAP and is_mapping(value):
            for name, item in value.items():
                yield from _walk(item, (*here, str(name)))


def _schema_remedy(schema: Json) -> str:
    meant = COMMON_MISTAKES.get(str(schema).lower()) or nearest(str(schema), TYPES)
    return f"Write it like `{{type: {meant or 'string'}}}`."


def _type_problems(value: Json, path: Path) -> Iterator[tuple[Path, bool, str, str]]:
    names: list[tuple[Path, Json]] = (
        [((*path, i), item) for i, item in enumerate(value)] if is_list(value) else [(path, value)]
    )
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


@dataclass(frozen=True, slots=True)
class Misfit:
    """One part of a value that does not fit: where, and in words that follow its name."""

    path: Path
    message: str
    value: Json


def misfits(schema: Json, value: Json, most: int = 20) -> list[Misfit]:
    """Where and how a value does not fit a schema."""
    validator = _validator(msgspec.json.encode(schema))
    found: list[Misfit] = []
    for error in validator.iter_errors(value):
        found.append(Misfit(tuple(error.instance_path), _in_words(error), error.instance))
        if len(found) == most:
            break
    return found


def _in_words(error: jsonschema_rs.ValidationError) -> str:  # noqa: PLR0911 - one line for each keyword
    """What was expected and what was given, as a sentence without its subject."""
    given, size = _shown(error.instance), _size(error.instance)
    kind = error.kind
    match kind:
        case jsonschema_rs.ValidationErrorKind.Type():
            return f"must be {_either([KINDS_IN_WORDS[name] for name in kind.types])}, but is {given}"
        case jsonschema_rs.ValidationErrorKind.Enum():
            return f"must be one of {_either(kind.options, quote=True)}, but is {given}"
        case jsonschema_rs.ValidationErrorKind.Constant():
            return f"must be {_shown(kind.expected_value)}, but is {given}"
        case jsonschema_rs.ValidationErrorKind.Required():
            return f"lacks the field `{kind.property}`"
        case jsonschema_rs.ValidationErrorKind.AdditionalProperties():
            return f"has {'a field' if len(kind.unexpected) == 1 else 'fields'} that it may not have: {listing(list(kind.unexpected))}"
        case jsonschema_rs.ValidationErrorKind.MaxLength():
            return f"has {size} characters, more than the {kind.limit} allowed"
        case jsonschema_rs.ValidationErrorKind.MinLength():
            return f"has {size} characters, fewer than the {kind.limit} needed"
        case jsonschema_rs.ValidationErrorKind.MaxItems():
            return f"has {size} items, more than the {kind.limit} allowed"
        case jsonschema_rs.ValidationErrorKind.MinItems():
            return f"has {size} items, fewer than the {kind.limit} needed"
        case jsonschema_rs.ValidationErrorKind.Maximum():
            return f"is {given}, more than {kind.limit}"
        case jsonschema_rs.ValidationErrorKind.Minimum():
            return f"is {given}, less than {kind.limit}"
        case jsonschema_rs.ValidationErrorKind.Pattern():
            return f"is {given}, which does not match the pattern {kind.pattern}"
        case jsonschema_rs.ValidationErrorKind.Format():
            return f"is {given}, which is no {kind.format}"
        case _:
            return f"does not fit: {error.message}"


def _size(value: Json) -> int:
    return len(value) if isinstance(value, str) or is_list(value) else 0


def _either(options: Iterable[Json], quote: bool = False) -> str:
    words = [_shown(option) if quote else str(option) for option in options]
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + f" or {words[-1]}"


def _shown(value: Json) -> str:
    text = msgspec.json.encode(value).decode() if not isinstance(value, int) else str(value)[:60]
    return text if len(text) <= 60 else text[:59] + "…"
