"""Asking for a structured answer by words, where a provider has no means for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from stretto.gateway.provider import ModelRequest

ANY_OBJECT = "Answer with one JSON object and nothing else."


def schema_prompt(schema: Mapping[str, Any]) -> str:
    """The words that ask for an answer of this schema."""
    return (
        "Answer with JSON that fits this JSON Schema, and with nothing else: no words before or after it, no code fence.\n"
        + orjson.dumps(schema).decode()
    )


def speaks_of_json(request: ModelRequest) -> bool:
    """Whether the prompt has the word JSON, without which OpenAI refuses `json_object`."""
    return any("json" in message.text.lower() for message in request.messages)
