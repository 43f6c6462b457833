"""Errors in the caller's dialect: OpenAI's error object or Anthropic's, with the status by which their SDKs tell errors apart.

Sources: OpenAI's "Error codes" guide and the `openai` SDK's `_exceptions.py`; Anthropic's "Errors" page and its SDK.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import orjson
import structlog

from stretto import errors as e
from stretto.api.errors import STATUS

log = structlog.get_logger(__name__)

Dialect = Literal["openai", "anthropic"]

DIALECTS: Mapping[str, Dialect] = {
    "/v1/chat/completions": "openai",
    "/v1/embeddings": "openai",
    "/v1/models": "openai",
    "/v1/messages": "anthropic",
}
"""The paths whose answers speak a dialect. `/v1/models/…` is one of them, too."""

STATUS_HERE: Mapping[type[e.StrettoError], int] = {
    e.Invalid: 400,
    e.InputInvalid: 400,
    e.NotPossible: 400,
    e.ModelRefused: 400,
}
"""Where these dialects have another status than ours: what cannot be asked is 400 in both of them."""

ANTHROPIC_TYPES: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}

OPENAI_CODES: Mapping[type[e.StrettoError], str] = {
    e.KeyRefused: "invalid_api_key",
    e.LoginNeeded: "invalid_api_key",
    e.NotAllowed: "insufficient_permissions",
    e.RouteNotFound: "model_not_found",
    e.FlowNotFound: "model_not_found",
    e.ContextTooLong: "context_length_exceeded",
    e.ContentFiltered: "content_filter",
    e.BudgetExceeded: "insufficient_quota",
    e.QuotaExceeded: "rate_limit_exceeded",
    e.TooManyRequests: "rate_limit_exceeded",
    e.ModelRateLimited: "rate_limit_exceeded",
    e.LimitReached: "rate_limit_exceeded",
    e.WorkDeferred: "rate_limit_exceeded",
}

SPOKEN = (e.StepError, e.Invalid, e.NotFound, e.NotIdentified, e.NotAllowed, e.QuotaExceeded)
"""Errors whose words are for the caller; what the others say is for the operator, and goes to the log."""


def dialect_of(path: str) -> Dialect | None:
    """The dialect that is spoken at a path; None where answers are Stretto's own."""
    return DIALECTS.get(path) or ("openai" if path.startswith("/v1/models/") else None)


def refusal(dialect: Dialect, error: e.StrettoError) -> tuple[int, bytes, dict[str, str]]:
    """The status, body and headers of an error."""
    status = status_of(dialect, error)
    headers: dict[str, str] = {}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, e.Transient):
        headers["retry-after"] = str(max(1, math.ceil(error.retry_after_s or 1)))
    elif status == 429 or status >= 500:
        headers["x-should-retry"] = "false"  # both SDKs heed it: the same request would end the same way
    return status, body_of(dialect, object_of(dialect, error)), headers


def status_of(dialect: Dialect, error: e.StrettoError) -> int:
    """The status of an error in a dialect."""
    if isinstance(error, e.BudgetExceeded) and dialect == "openai":
        return 429  # as OpenAI answers when the quota is used up
    return STATUS_HERE.get(type(error)) or STATUS.get(type(error), 500)


def object_of(dialect: Dialect, error: e.StrettoError) -> dict[str, object]:
    """The error object of a dialect. What only an operator may know goes to the log."""
    status, message = status_of(dialect, error), error.message
    if not isinstance(error, SPOKEN) and type(error) is not e.StrettoError:
        log.warning("a call at the door failed", error=type(error).__name__, message=message)
        message = type(error)().message
    return told(dialect, status, message, OPENAI_CODES.get(type(error)), error.ids.get("param"))


def told(
    dialect: Dialect, status: int, message: str, code: str | None = None, param: object = None
) -> dict[str, object]:
    """The error object of a dialect from its parts."""
    if dialect == "anthropic":
        kind = ANTHROPIC_TYPES.get(status, "invalid_request_error" if status < 500 else "api_error")
        return {"type": kind, "message": message}
    if code == "insufficient_quota":
        kind = code
    elif status == 429:
        kind = "rate_limit_error"
    elif status == 401:
        kind = "authentication_error"
    else:
        kind = "invalid_request_error" if status < 500 else "server_error"
    return {"message": message, "type": kind, "param": param or None, "code": code}


def body_of(dialect: Dialect, error: dict[str, object]) -> bytes:
    """A whole answer around an error object."""
    return orjson.dumps({"type": "error", "error": error} if dialect == "anthropic" else {"error": error})
