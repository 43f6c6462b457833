"""From a provider's errors to ours: statuses, error bodies of both dialects, and errors in the midst of a stream.

A message never holds the key or what was asked: the provider's words are cut to 300 characters, and what they repeat of the
request is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from stretto.errors import (
    ContentFiltered,
    ContextTooLong,
    ModelError,
    ModelKeyRefused,
    ModelMissing,
    ModelOverloaded,
    ModelRateLimited,
    ModelRefused,
)
from stretto.gateway.grants import ProviderLimits
from stretto.gateway.provider import ModelRequest, Text
from stretto.gateway.wire.limits import pause_s, span_s

MOST_CHARS = 300
ECHO_CHARS = 24  # a run of the request this long in an error's message is an echo, not chance
LEAST_ECHO = 6

# Words by which providers say that a request is too long; none has a status of its own for it.
TOO_LONG = re.compile(
    r"context[_ ]length|maximum context|context window|context limit|prompt is too long|too many (?:input )?tokens"
    r"|input token count|exceeds? the (?:maximum|model|available context)|longer than the model|reduce the length",
    re.IGNORECASE,
)
FILTERED = re.compile(
    r"content[_ ]?filter|content[_ ](?:management )?policy|responsible ?ai|safety system|flagged|moderation|data_inspection",
    re.IGNORECASE,
)
KEY = re.compile(r"api[_ ]key[_ ](?:not valid|invalid)|invalid[_ ](?:x-)?api[_ -]?key|incorrect api key", re.IGNORECASE)
NO_MONEY = re.compile(
    r"insufficient[_ ](?:quota|credit|balance|funds)|billing|credit balance|exceeded your current quota", re.IGNORECASE
)
KEY_LIKE = re.compile(r"\b(?:(?:sk|pk|gsk|xai)[-_]|AIza|AKIA)[\w*•.-]{6,}")
RETRY_DELAY = re.compile(r'"retryDelay":\s*"([^"]+)"')

RATE = {"rate_limit_error", "rate_limit_exceeded", "tokens", "requests", "resource_exhausted", "too_many_requests"}
OVERLOAD = {
    "overloaded_error", "api_error", "timeout_error", "server_error", "internal_error", "internal_server_error",
    "service_unavailable", "unavailable", "internal", "engine_overloaded",
}  # fmt: skip
KEYS = {"authentication_error", "permission_error", "invalid_api_key", "unauthenticated", "permission_denied"}
LENGTH = {"context_length_exceeded", "request_too_large", "string_above_max_length"}


@dataclass(frozen=True, slots=True)
class Said:
    """What a provider says went wrong."""

    message: str = ""
    kinds: frozenset[str] = frozenset()
    status: int | None = None
    retry_after_s: float | None = None


def read_error(body: bytes | Mapping[str, Any] | list[Any] | str) -> Said:
    """Take an error's body apart: OpenAI's and Anthropic's objects, and what other servers make of them."""
    value: Any = body
    if isinstance(body, bytes):
        try:
            value = msgspec.json.decode(body)
        except msgspec.DecodeError:
            value = body.decode("utf-8", "replace")
    return said(value)


def said(value: Any) -> Said:
    """`read_error` for what is decoded."""
    if isinstance(value, list):  # Gemini wraps its error in a list
        value = cast("list[Any]", value)[0] if value else ""
    if not isinstance(value, dict):
        text = "" if value is None else str(value)
        return Said("" if text.lstrip().startswith("<") else text)  # a proxy's HTML page tells nothing
    outer = cast("dict[str, Any]", value)
    inner: Any = outer.get("error", outer)
    if not isinstance(inner, dict):
        inner = {**outer, "message": inner}
    error = cast("dict[str, Any]", inner)
    message = error.get("message") or error.get("detail") or outer.get("message") or outer.get("detail") or ""
    kinds = {str(error[key]).lower() for key in ("type", "code", "status") if error.get(key) is not None}
    code = error.get("code")
    delay = RETRY_DELAY.search(msgspec.json.encode(error.get("details")).decode()) if error.get("details") else None
    return Said(
        message if isinstance(message, str) else msgspec.json.encode(message).decode(),
        frozenset(kinds),
        code if isinstance(code, int) and 400 <= code < 600 else None,
        span_s(delay[1], 0.0) if delay else None,
    )


def failure(
    provider: str, status: int | None, what: Said, limits: ProviderLimits | None = None, hide: Iterable[str] = ()
) -> ModelError:
    """The error for a status (None: it came in the midst of a stream) and what the provider says."""
    status = status or what.status
    words = clean(what.message, hide)
    head = f"{provider} answered {status}" if status else f"{provider} broke off with an error"
    text = f"{head}: {words}" if words else f"{head}."
    kind = kind_of(status, what)
    if kind is ModelMissing:
        text += " Check the deployment's `model` and the provider's `url` in stretto.yaml."
    error = kind(text, provider=provider, status=status)
    if isinstance(error, ModelRateLimited | ModelOverloaded):
        wait_s = what.retry_after_s if what.retry_after_s is not None else pause_s(limits)
        if isinstance(error, ModelOverloaded) and limits is not None and what.retry_after_s is None:
            wait_s = limits.retry_after_s  # limits of the rate say nothing of an overload
        error.retry_after_s = wait_s
    return error


def kind_of(status: int | None, what: Said) -> type[ModelError]:
    """Which of our errors this is."""
    kinds, message = what.kinds, what.message
    told = f"{' '.join(kinds)} {message}"
    refused = status is None or 400 <= status < 500
    if kinds & LENGTH or (refused and status not in {401, 403, 404, 429} and TOO_LONG.search(told)):
        return ContextTooLong
    if status == 402 or kinds & {"insufficient_quota", "billing_error"} or (status == 429 and NO_MONEY.search(told)):
        return ModelKeyRefused  # an account without credit: waiting does not help, another key does
    if refused and status not in {401, 429} and not kinds & RATE and FILTERED.search(told):
        return ContentFiltered
    if status == 429 or kinds & RATE:
        return ModelRateLimited
    if status in {401, 403} or kinds & KEYS or (refused and KEY.search(told)):
        return ModelKeyRefused
    if status is not None and (status == 404 or 300 <= status < 400):
        return ModelMissing  # the deployment is set up wrongly, or its model was withdrawn; another one may answer
    if status in {408, 409, 425} or (status is not None and status >= 500) or kinds & OVERLOAD:
        return ModelOverloaded
    # An error without a kind in mid-stream is the server's: the request had been accepted.
    return ModelOverloaded if status is None and "invalid_request_error" not in kinds else ModelRefused


def clean(message: str, hide: Iterable[str] = ()) -> str:
    """The provider's words in one line of at most 300 characters, without keys and without what `hide` holds."""
    words = " ".join(message.split())[: 4 * MOST_CHARS]
    for text in hide:
        words = without(words, " ".join(text.split()))
    words = KEY_LIKE.sub("•••", words)
    return words if len(words) <= MOST_CHARS else words[: MOST_CHARS - 1] + "…"


def without(words: str, text: str) -> str:
    """`words` without what they repeat of `text`."""
    if len(text) >= LEAST_ECHO:
        words = words.replace(text, "…")
    if len(text) <= ECHO_CHARS:
        return words
    marked = bytearray(len(words))
    step = ECHO_CHARS // 2  # so that any echo of 1.5 times the length holds one window whole
    for start in range(0, len(words) - ECHO_CHARS + 1, step):
        if words[start : start + ECHO_CHARS] in text:
            low, high = start, start + ECHO_CHARS
            while low > 0 and words[low - 1 : high] in text:
                low -= 1
            while high < len(words) and words[low : high + 1] in text:
                high += 1
            marked[low:high] = b"\1" * (high - low)
    if not any(marked):
        return words
    kept = "".join("\0" if mark else char for char, mark in zip(words, marked, strict=True))
    return re.sub("\0+", "…", kept)


def texts_of(request: ModelRequest) -> list[str]:
    """All that a request holds and an error must not repeat."""
    texts: list[str] = []
    for message in request.messages:
        if isinstance(message.content, str):
            texts.append(message.content)
        else:
            texts += [part.text if isinstance(part, Text) else part.url or part.data[:1000] for part in message.content]
        texts += [call.arguments for call in message.tool_calls]
    return texts
