"""The flows that come with Stretto, to look at and to run."""

from __future__ import annotations

import asyncio
import re
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from stretto.api.doors import needs
from stretto.flow.compile import load_flow
from stretto.flow.inputs import validate_input

router = APIRouter(prefix="/v1/examples", tags=["flows"])

FOLDER = Path(str(files("stretto"))) / "examples"
"""Where they lie, in the repository as in the wheel."""

GIVEN: dict[str, dict[str, Any]] = {"pair-programming": {"task": "a queue with two stacks, and its tests"}}
"""What to give to those that do not say it themselves, by their defaults."""


class ExampleShown(BaseModel):
    """A flow that comes with Stretto. `document` and `input` start it: `POST /v1/runs` takes them as `flow` and `input`."""

    name: str
    title: str
    shows: str
    document: dict[str, Any]
    input: dict[str, Any]


class ExampleList(BaseModel):
    """By name."""

    examples: list[ExampleShown]


@router.get("", dependencies=[needs("flows:read")])
async def list_examples() -> ExampleList:
    """The flows that come with Stretto, each with an input to try it with."""
    return ExampleList(examples=await asyncio.to_thread(shipped))


@lru_cache(maxsize=1)
def shipped() -> list[ExampleShown]:
    """All of them, read once."""
    return [_read(path) for path in sorted(FOLDER.glob("*.yaml"))]


def _read(path: Path) -> ExampleShown:
    graph = load_flow(path)
    return ExampleShown(
        name=graph.name,
        title=graph.name.replace("-", " ").capitalize(),
        shows=graph.description or _leading(path.read_text(encoding="utf-8")),
        document=dict(graph.document),
        input=validate_input(graph, GIVEN.get(graph.name, {})),
    )


def _leading(text: str) -> str:
    """The first sentence of the comment that a file begins with."""
    lines: list[str] = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    return re.split(r"(?<=\.) ", " ".join(lines), maxsplit=1)[0]
