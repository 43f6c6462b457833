"""What makes two requests the same: digests of all that can change an answer."""

from __future__ import annotations

import hashlib

import msgspec

from stretto.gateway.provider import Caller, Image, ModelRequest

_NOBODY = Caller()
LONGEST_QUESTION = 2_000
"""Characters; of longer ones the embedding would see the beginning alone."""


def request_key(route: str, request: ModelRequest) -> bytes:
    """SHA-256 of the request: all of it but whose it is. The order of a schema's keys does not matter."""
    return _digest(msgspec.structs.replace(request, model=route, caller=_NOBODY, idempotency_key=""))


def rest_key(route: str, request: ModelRequest) -> bytes:
    """SHA-256 of the request without its last message: only requests that are equal in it can be similar."""
    bare = msgspec.structs.replace(
        request, model=route, caller=_NOBODY, idempotency_key="", messages=tuple(request.messages[:-1])
    )
    return _digest(bare)


def _digest(request: ModelRequest) -> bytes:
    return hashlib.sha256(msgspec.json.encode(request, order="deterministic")).digest()


def is_kept(request: ModelRequest) -> bool:
    """Whether answers to such a request are kept at all: not where tools are called, for they have effects, nor where
    log-probabilities are asked for, which are not kept."""
    calls = any(message.tool_calls or message.role == "tool" for message in request.messages)
    return not request.tools and not calls and request.top_logprobs is None


def question_of(request: ModelRequest) -> str | None:
    """The last message if it is a question that may be compared with others: of the user, text alone, and not too long."""
    last = request.messages[-1] if request.messages else None
    if last is None or last.role != "user":
        return None
    if not isinstance(last.content, str) and any(isinstance(part, Image) for part in last.content):
        return None
    text = last.text
    return text if 0 < len(text) <= LONGEST_QUESTION else None


def asks_for_variety(request: ModelRequest) -> bool:
    """Whether the request wants another answer each time."""
    return (request.temperature or 0.0) > 0.0
