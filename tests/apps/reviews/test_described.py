"""The routes of the review engine say what they take and answer, with examples that fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from stretto.api import create_app
from stretto.platform import Platform
from stretto.settings import Settings
from stretto_reviews.api.examples import EXAMPLES
from tests.apps.reviews.engine import engine

AT = "/v1/apps/reviews/"


async def described(settings: Settings) -> dict[str, Any]:
    async with engine(settings) as platform:
        return document_of(platform)


def document_of(platform: Platform) -> dict[str, Any]:
    return create_app(platform).openapi()


def places(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for operation in operations.values() if path.startswith(AT) else ():
            for place, body in [("body", operation.get("requestBody", {})), *operation["responses"].items()]:
                for kind, media in body.get("content", {}).items():
                    if kind != "application/problem+json":
                        yield (
                            operation["operationId"],
                            place if kind == "application/json" else f"{place} {kind}",
                            media,
                        )


async def test_every_body_answer_and_parameter_is_told_of(settings: Settings) -> None:
    document = await described(settings)
    used: set[str] = set()
    for operation, place, media in places(document):
        assert "example" in media, f"{operation} {place} has no example"
        schema = {**media.get("schema", {}), "components": document["components"]}
        fits = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
        assert [str(error) for error in fits.iter_errors(media["example"])] == [], f"{operation} {place}"
        own, name = f"{operation} {place}", str(media.get("schema", {}).get("$ref", "")).rpartition("/")[2]
        used.add(own if own in EXAMPLES else name)
    assert used == set(EXAMPLES)
    silent = [
        f"{path}: {parameter['name']}"
        for path, operations in document["paths"].items()
        for operation in operations.values()
        for parameter in operation.get("parameters", [])
        if path.startswith(AT) and not parameter.get("description")
    ]
    assert silent == []
    assert [name for name in document["components"]["schemas"] if "__" in name] == [], "one name, two shapes"
