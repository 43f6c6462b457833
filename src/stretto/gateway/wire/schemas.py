"""Fitting a JSON Schema to what a provider enforces, as far as that is honest: every answer that fits the fitted schema in form
fits the given one too, and the model is never made to invent a value that the given one lets it leave out.

Sources: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas and, for Anthropic, the rules that its own
SDK applies (`anthropic.transform_schema`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, cast

import orjson

ANNOTATIONS = {"$schema", "$id", "$comment", "default", "examples", "readOnly", "writeOnly", "deprecated"}
"""They tell people something; providers refuse some of them."""

NESTED = ("$defs", "definitions", "properties")
OPENAI_KEYWORDS = {
    "$ref", "$defs", "definitions", "type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "const",
    "description", "title", "pattern", "format", "multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    "minItems", "maxItems", "minLength", "maxLength",
}  # fmt: skip
ANTHROPIC_KEYWORDS = {
    "$ref", "$defs", "definitions", "type", "properties", "required", "additionalProperties", "items", "anyOf", "allOf", "enum",
    "const", "description", "title",
}  # fmt: skip
ANTHROPIC_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
TOLD = {
    "pattern", "format", "multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems",
    "minLength", "maxLength", "uniqueItems",
}  # fmt: skip
"""What Anthropic does not enforce is put into the description; whoever takes the answer checks it anyway."""


class CannotFit(Exception):
    """The schema says something that the provider has no means for."""


def fit_openai(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema for OpenAI's strict mode, or None where it cannot be said there.

    Objects are closed, which only narrows. A property that may be left out becomes required only where it may be null or has a
    default, for then it costs the model no invention.
    """
    if schema.get("type") != "object" or "anyOf" in schema:
        return None
    try:
        return _openai(schema, schema)
    except CannotFit:
        return None


def fit_anthropic(schema: Mapping[str, Any]) -> dict[str, Any] | None:
    """The schema for Anthropic's structured output, or None where it cannot be said there (it may not refer to itself)."""
    if schema.get("type") != "object" or refers_to_itself(schema):
        return None
    try:
        return _anthropic(schema)
    except CannotFit:
        return None


def is_object(schema: Mapping[str, Any]) -> bool:
    """Whether the schema asks for a JSON object, the only thing that providers' own means can give."""
    return schema.get("type") == "object" or ("type" not in schema and "properties" in schema)


def _openai(schema: Mapping[str, Any], root: Mapping[str, Any]) -> dict[str, Any]:
    fitted = {name: value for name, value in schema.items() if name not in ANNOTATIONS}
    if not fitted.keys() <= OPENAI_KEYWORDS or not fitted.keys() & {"type", "anyOf", "$ref", "enum", "const"}:
        raise CannotFit
    _descend(fitted, partial(_openai, root=root))
    if "object" in types_of(schema):
        _close(fitted)
        properties: Mapping[str, Any] = schema.get("properties", {})
        required = set(schema.get("required", ()))
        for name, inner in properties.items():
            if name not in required and "default" not in inner and not may_be_null(inner, root):
                raise CannotFit
        fitted["properties"] = fitted.get("properties", {})
        fitted["required"] = list(properties)
    return fitted


def _anthropic(schema: Mapping[str, Any]) -> dict[str, Any]:
    fitted = {name: value for name, value in schema.items() if name not in ANNOTATIONS}
    if "oneOf" in fitted and "anyOf" not in fitted:
        fitted["anyOf"] = fitted.pop("oneOf")
    told = {
        name: fitted.pop(name)
        for name in list(fitted)
        if name in TOLD
        and not (name == "format" and fitted[name] in ANTHROPIC_FORMATS)
        and not (name == "minItems" and fitted[name] in (0, 1))
    }
    if told:
        words = ", ".join(f"{name}: {orjson.dumps(value).decode()}" for name, value in told.items())
        fitted["description"] = f"{fitted['description']}\n\n{{{words}}}" if "description" in fitted else f"{{{words}}}"
    if not fitted.keys() <= ANTHROPIC_KEYWORDS | {"format", "minItems"}:
        raise CannotFit
    if not fitted.keys() & {"type", "anyOf", "allOf", "$ref", "enum", "const"}:
        raise CannotFit
    _descend(fitted, _anthropic)
    if "object" in types_of(schema):
        _close(fitted)
    return fitted


def _descend(fitted: dict[str, Any], fit: Any) -> None:
    for name in NESTED:
        if isinstance(fitted.get(name), Mapping):
            fitted[name] = {key: _fit_one(inner, fit) for key, inner in fitted[name].items()}
    for name in ("anyOf", "allOf"):
        if name in fitted:
            fitted[name] = [_fit_one(inner, fit) for inner in fitted[name]]
    if "items" in fitted:
        fitted["items"] = _fit_one(fitted["items"], fit)


def _fit_one(inner: Any, fit: Any) -> Any:
    if not isinstance(inner, Mapping):  # `true`: anything, for which there are no means
        raise CannotFit
    return fit(cast("Mapping[str, Any]", inner))


def _close(fitted: dict[str, Any]) -> None:
    if fitted.get("additionalProperties", False) is not False:
        raise CannotFit  # an open object, such as a dictionary
    fitted["additionalProperties"] = False


def types_of(schema: Mapping[str, Any]) -> set[str]:
    """The types that a schema names."""
    named: Any = schema.get("type", ())
    return {named} if isinstance(named, str) else set(named)


def may_be_null(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int = 0) -> bool:
    """Whether null fits."""
    if "$ref" in schema:
        target = resolve(str(schema["$ref"]), root)
        return depth < 20 and target is not None and may_be_null(target, root, depth + 1)
    if "anyOf" in schema:
        return any(isinstance(each, Mapping) and may_be_null(each, root, depth) for each in schema["anyOf"])  # pyright: ignore[reportUnknownArgumentType]
    if "enum" in schema:
        return None in schema["enum"]
    return "null" in types_of(schema)


def resolve(ref: str, root: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What `#/$defs/X` stands for."""
    found: Any = root
    for name in ref.removeprefix("#/").split("/") if ref.startswith("#/") else ():
        found = found.get(name.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else None


def refers_to_itself(root: Mapping[str, Any]) -> bool:
    """Whether following references can come back to where it was."""
    done: set[str] = set()

    def walk(value: Any, path: tuple[str, ...]) -> bool:
        if isinstance(value, Mapping):
            schema = cast("Mapping[str, Any]", value)
            ref = schema.get("$ref")
            if isinstance(ref, str) and ref not in done:
                if ref in path or ref == "#":
                    return True
                if walk(resolve(ref, root), (*path, ref)):
                    return True
                done.add(ref)
            return any(walk(each, path) for name, each in schema.items() if name not in {"$defs", "definitions"})
        return isinstance(value, list) and any(walk(each, path) for each in cast("list[Any]", value))

    return walk(root, ())
