"""Every route of the server, as its own OpenAPI document and its declared permissions tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from stretto.api import create_app
from stretto.api.app import permissions
from stretto.auth import Permission
from stretto.platform import Platform

Schema = Mapping[str, Any]


@dataclass(frozen=True)
class Route:
    """A method of a path: what it needs, its parameters, and the schema of its body."""

    method: str
    path: str
    permission: Permission | None
    parameters: tuple[Schema, ...]
    body: Schema | None

    @property
    def id(self) -> str:
        return f"{self.method} {self.path}"

    def names(self, where: str) -> list[str]:
        """Its parameters of a place: path, query, header."""
        return [str(each["name"]) for each in self.parameters if each["in"] == where]


def routes_of(platform: Platform) -> list[Route]:
    """All that the document tells of, with the routes of the platform's applications."""
    needed = permissions([router for make in platform.routers for router in make()])
    document = create_app(platform).openapi()
    found: list[Route] = []
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            content = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            parameters = tuple(resolve(each, document) for each in told.get("parameters", []))
            body = None if content is None else resolve(content, document)
            key = (method.upper(), path)
            found.append(Route(*key, needed.get(key), parameters, body))
    return found


def resolve(value: Any, document: Schema, depth: int = 0) -> Any:
    """A schema with its references put in."""
    if isinstance(value, dict):
        given = cast("dict[str, Any]", value)
        if "$ref" in given and depth < 12:
            target: Any = document
            for part in str(given["$ref"]).removeprefix("#/").split("/"):
                target = target[part]
            return resolve(target, document, depth + 1)
        return {name: resolve(each, document, depth + 1) for name, each in given.items()}
    if isinstance(value, list):
        return [resolve(each, document, depth + 1) for each in cast("list[Any]", value)]
    return value


def example(schema: Schema, text: str | None = None) -> Any:  # noqa: PLR0911 - a case for each type
    """A value that fits a schema, more or less; strings that are free are `text`, if given."""
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for many in ("anyOf", "oneOf", "allOf"):
        if many in schema:
            return example(schema[many][0], text)
    match schema.get("type"):
        case "object":
            shown = cast("dict[str, Schema]", schema.get("properties", {}))
            wanted = schema.get("required", []) if text is None else list(shown)
            return {name: example(shown[name], text) for name in wanted if name in shown}
        case "array":
            return [example(cast("Schema", schema.get("items", {})), text)]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return False
        case "null":
            return None
        case _:
            return text if text is not None else "a"
