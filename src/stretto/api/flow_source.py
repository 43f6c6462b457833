"""Flows as text: read from the body of a request, and written for people."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

import yaml
from fastapi import Request
from starlette.types import Receive, Scope

from stretto.api.body import JsonRequest, JsonRoute
from stretto.flow.compile import compile_document, compile_source
from stretto.flow.graph import Graph

YAML = "application/yaml"
"""The media type of YAML (RFC 9512)."""

FILE = "flow.yaml"
"""What places in a flow's text are named after."""

_YAMLS = frozenset({YAML, "text/yaml", "application/x-yaml", "text/x-yaml"})
_SOURCE = "stretto.flow_source"
_FIRST = ("flow", "description", "input", "types", "policies", "agents")
_LAST = ("flows", "steps", "output")
_NUMERIC = re.compile(r"[-+.]?[0-9].*|[-+]?\.(inf|nan)", re.IGNORECASE | re.DOTALL)

TAKES_YAML: dict[str, Any] = {
    "requestBody": {
        "content": {YAML: {"schema": {"type": "string", "description": "The text of a flow file, its prompts inside."}}}
    }
}
"""What OpenAPI says of a route that reads a flow."""


class FlowRequest(JsonRequest):
    """A request whose body is a flow: its document as JSON, or its text as YAML."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        super().__init__(scope, receive)
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        self._is_text = kind in _YAMLS

    async def read(self) -> None:
        """Read the body. Whether a text is a flow is for `read_flow` to say."""
        if not self._is_text:
            await super().read()
            return
        raw = await self.body()
        self.scope[_SOURCE] = raw
        # The route's parameter is an object, and FastAPI asks for one only where the body is said to be JSON.
        self._value = {"source": raw.decode("utf-8", "replace")}
        self.scope["headers"] = [
            (name, b"application/json" if name == b"content-type" else value) for name, value in self.scope["headers"]
        ]
        del self._headers


class FlowRoute(JsonRoute):
    """A route that may take a flow's text instead of its document; `read_flow` compiles what came."""

    reads = FlowRequest


def read_flow(request: Request, document: Mapping[str, Any]) -> Graph:
    """The flow that a request holds. Raises `FlowInvalid` with every mistake, of a text with lines and columns."""
    source = request.scope.get(_SOURCE)
    return compile_document(document) if source is None else compile_source(cast("bytes", source), FILE)


def flow_text(document: Mapping[str, Any]) -> str:
    """A flow's document as a person would write it: YAML with steps by name and long texts in lines."""
    return yaml.dump(_by_name(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _by_name(block: Mapping[str, Any]) -> dict[str, Any]:
    """The same with each list of steps as a mapping, which in a file keeps its order, too."""
    written = dict(block)
    steps = written.get("steps")
    if isinstance(steps, list):
        listed = [dict(step) for step in cast("list[Mapping[str, Any]]", steps)]
        written["steps"] = {step.pop("id"): _by_name(step) for step in listed}
    if isinstance(cases := written.get("branch"), list):
        written["branch"] = [_by_name(case) for case in cast("list[Mapping[str, Any]]", cases)]
    if isinstance(flows := written.get("flows"), dict):
        inner = cast("Mapping[str, Mapping[str, Any]]", flows)
        written["flows"] = {name: _by_name(flow) for name, flow in inner.items()}
    # PostgreSQL does not keep the order of keys.
    ordered = [*_FIRST, *(key for key in written if key not in _FIRST and key not in _LAST), *_LAST]
    return {key: written[key] for key in ordered if key in written}


class _Dumper(yaml.SafeDumper):
    """Writes what `documents.parse` reads back as the same: YAML 1.2 takes some words for numbers that YAML 1.1 does not."""

    def ignore_aliases(self, data: object) -> bool:
        """Write everything out."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text.strip("\n") else "'" if _NUMERIC.fullmatch(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)  # pyright: ignore[reportUnknownMemberType]


_Dumper.add_representer(str, _text)
