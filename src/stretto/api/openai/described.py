"""What OpenAPI says of the doors, written by hand: FastAPI sees only what it validates, and it validates nothing here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

_HEADERS: list[Json] = [
    {
        "name": "x-stretto-priority",
        "in": "header",
        "schema": {"type": "integer", "minimum": 0, "maximum": 3},
        "description": "How urgent the call is: 0 (first) to 3 (last).",
    },
    {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {"type": "string", "maxLength": 255},
        "description": "Any text of your own. Passed on to providers that know it; with a flow, the same key gives the same run.",
    },
]
_TEXT: Json = {"type": "string"}


def _body(required: list[str], **properties: Json) -> Json:
    schema: Json = {"type": "object", "required": required, "properties": properties, "additionalProperties": True}
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _answers(what: str, *kinds: str) -> Json:
    # A schema of a stream is read as one of its events by some and of the whole text by others: so there is none.
    content: Json = {kind: {"schema": {"type": "object"}} if "json" in kind else {} for kind in kinds}
    error = {
        "description": "An error object in this dialect.",
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
    return {"200": {"description": what, "content": content}, "default": error}


def _post(name: str, summary: str, description: str, body: Json, answers: Json) -> Json:
    return {
        "post": {
            "operationId": name,
            "tags": ["doors"],
            "summary": summary,
            "description": description,
            "parameters": _HEADERS,
            "requestBody": body,
            "responses": answers,
        }
    }


def _get(name: str, summary: str, answers: Json, parameters: list[Json] | None = None) -> Json:
    return {
        "get": {
            "operationId": name,
            "tags": ["doors"],
            "summary": summary,
            "parameters": parameters or [],
            "responses": answers,
        }
    }


_MODEL: Json = {"type": "string", "description": "A route, a deployment, or flow:NAME."}
_MESSAGES: Json = {"type": "array", "items": {"type": "object"}, "minItems": 1}
_BOTH = ("application/json", "text/event-stream")

PATHS: Mapping[str, Json] = {
    "/v1/chat/completions": _post(
        "create_chat_completion",
        "OpenAI's Chat Completions.",
        "Streams with `stream: true`. With `model: flow:NAME` a run of the flow answers; `input` gives its inputs.",
        _body(
            ["model", "messages"],
            model=_MODEL,
            messages=_MESSAGES,
            stream={"type": "boolean"},
            input={"type": "object"},
        ),
        _answers("A chat completion, or its chunks.", *_BOTH),
    ),
    "/v1/messages": _post(
        "create_message",
        "Anthropic's Messages.",
        "Streams with `stream: true`. With `model: flow:NAME` a run of the flow answers.",
        _body(
            ["model", "messages", "max_tokens"],
            model=_MODEL,
            messages=_MESSAGES,
            max_tokens={"type": "integer", "minimum": 1},
            stream={"type": "boolean"},
        ),
        _answers("A message, or its events.", *_BOTH),
    ),
    "/v1/embeddings": _post(
        "create_embeddings",
        "OpenAI's Embeddings.",
        "One vector for each text, as numbers or as base64 of little-endian 32-bit floats.",
        _body(
            ["model", "input"],
            model=_MODEL,
            input={"oneOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1}]},
            encoding_format={"enum": ["float", "base64"]},
            dimensions={"type": "integer", "minimum": 1},
        ),
        _answers("The vectors.", "application/json"),
    ),
    "/v1/models": _get(
        "list_models", "Routes, deployments, and the tenant's flows.", _answers("The models.", "application/json")
    ),
    "/v1/models/{model}": _get(
        "get_model",
        "One of them.",
        _answers("The model.", "application/json"),
        [
            {
                "name": "model",
                "in": "path",
                "required": True,
                "schema": _TEXT,
                "description": "One of the names that `model` takes.",
            }
        ],
    ),
}
"""The paths of the doors as OpenAPI has them."""
