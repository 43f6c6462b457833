"""Every error as a problem document (RFC 9457): the one table from errors to statuses, and what puts it to use."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from stretto import errors as e

log = structlog.get_logger(__name__)

STATUS: Mapping[type[e.StrettoError], int] = {
    e.StrettoError: 500,
    e.Invalid: 422,
    e.DocumentInvalid: 422,
    e.FlowInvalid: 422,
    e.ConfigInvalid: 422,
    e.RecordingInvalid: 422,
    e.InputInvalid: 422,
    e.OutputInvalid: 422,
    e.ArgumentsInvalid: 422,
    e.RequestUnread: 400,
    e.SettingsInvalid: 500,
    e.IdempotencyConflict: 409,
    e.NotPossible: 409,
    e.FlowArchived: 409,
    e.ReviewDecided: 409,
    e.ReviewClaimed: 409,
    e.NotFound: 404,
    e.FlowNotFound: 404,
    e.RunNotFound: 404,
    e.StepNotFound: 404,
    e.ReviewNotFound: 404,
    e.ScheduleNotFound: 404,
    e.StateNotFound: 404,
    e.MemoryNotFound: 404,
    e.ThresholdNotFound: 404,
    e.AppNotFound: 404,
    e.ToolNotFound: 404,
    e.RouteNotFound: 404,
    e.NotIdentified: 401,
    e.KeyRefused: 401,
    e.LoginNeeded: 401,
    e.TokenRefused: 401,
    e.LoginRefused: 401,
    e.LinkRefused: 401,
    e.SignatureRefused: 401,
    e.IssuerUnreachable: 503,
    e.NotAllowed: 403,
    e.TooManyStreams: 429,
    e.ServerFull: 503,
    e.QuotaExceeded: 429,
    e.TooManyRequests: 429,
    e.PreconditionFailed: 412,
    e.PreconditionNeeded: 428,
    e.StateConflict: 409,
    e.LeaseLost: 503,
    e.StepError: 502,
    e.WorkDeferred: 429,
    e.WorkSkipped: 503,
    e.StepTimedOut: 504,
    e.ToolFailed: 502,
    e.ToolUnavailable: 503,
    e.ToolRefused: 502,
    e.ModelError: 502,
    e.ModelOverloaded: 503,
    e.ModelRateLimited: 429,
    e.ModelUnreachable: 503,
    e.ModelStalled: 504,
    e.ModelBroken: 502,
    e.LimitReached: 429,
    e.ModelRefused: 502,
    e.ContextTooLong: 400,
    e.ContentFiltered: 400,
    e.ModelMissing: 502,
    e.ModelKeyRefused: 502,
    e.AgentStopped: 502,
    e.BudgetExceeded: 402,
    e.StoreError: 503,
    e.DatabaseUnreachable: 503,
    e.DatabaseUnfit: 503,
    e.PortTaken: 503,
    e.DiskFull: 507,
    e.DataFolderUnfit: 503,
    e.FolderForbidden: 503,
}
"""The status of every error. A class that is missing here fails the tests."""

DOCS = "/docs/errors"
"""The page that explains every problem, each at its name."""


def title_of(name: str) -> str:
    """A problem's name as words."""
    return re.sub(r"(?<=[a-z])([A-Z])", lambda capital: " " + capital[0].lower(), name)


def problem(
    status: int,
    name: str,
    detail: str,
    errors: Sequence[Mapping[str, object]] = (),
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A problem document. `name` is a class of the error tree or of that form; clients tell problems apart by it."""
    body: dict[str, object] = {
        "type": f"urn:stretto:error:{name}",
        "title": title_of(name),
        "status": status,
        "detail": detail,
        "docs": f"{DOCS}#{name}",
    }
    if errors:
        body["errors"] = list(errors)
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def map_errors(app: FastAPI) -> None:
    """Answer every error of this app with a problem document."""
    app.add_exception_handler(e.StrettoError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(WebSocketRequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _unexpected)


def of_error(error: e.StrettoError) -> JSONResponse:
    """The problem document of one of our errors. What only an operator may know goes to the log."""
    status = STATUS[type(error)]
    name, detail = type(error).__name__, error.message
    if status >= 500:
        log.warning("a request failed", error=name, message=error.message)
        detail = type(error)().message
    headers: dict[str, str] = {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, e.Transient):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_s or 1)))
    if isinstance(error, e.DocumentInvalid):
        count = len(error.problems)
        detail = f"The {error.what} has {count} problem{'s' if count > 1 else ''}. Mend each at the place named."
        return problem(status, name, detail, [mistake_of(found) for found in error.problems], headers)
    if isinstance(error, e.InputInvalid) and error.fields:
        fields = [{"detail": told, "pointer": pointer_to(("input", *way))} for way, told in error.fields]
        return problem(status, name, detail, fields, headers)
    return problem(status, name, detail, headers=headers)


def mistake_of(found: e.Problem) -> dict[str, object]:
    """One mistake of a document."""
    place = f"{found.file}:{found.line}:{found.column}" if found.line else found.file
    mistake: dict[str, object] = {"detail": found.message, "remedy": found.remedy, "place": place}
    return mistake if found.path is None else mistake | {"pointer": pointer_to(found.path)}


async def _of_ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, e.StrettoError)
    if (denials := getattr(request.app.state, "denials", None)) is not None:
        denials.note(request, error)
    return of_error(error)


async def _of_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError | WebSocketRequestValidationError)
    body = error.body if isinstance(error, RequestValidationError) else None
    return of_mistakes(cast("Sequence[Mapping[str, Any]]", error.errors()), cast("object", body))


def of_mistakes(mistakes: Sequence[Mapping[str, Any]], body: object) -> JSONResponse:
    """The problem document of a request that does not fit; the mistakes are pydantic's, with their source before each place."""
    errors = [{"detail": mistake["msg"]} | place(mistake, body) | _expected(mistake) for mistake in mistakes]
    count = len(errors)
    detail = f"The request has {count} mistake{'s' if count > 1 else ''}. Mend each at the place named under `errors`."
    return problem(422, "RequestInvalid", detail, errors)


_BOUNDS = {
    "ge": "at least",
    "gt": "more than",
    "le": "at most",
    "lt": "less than",
    "min_length": "a length of at least",
    "max_length": "a length of at most",
    "pattern": "a text of the form",
    "expected": "",
    "expected_tags": "one of",
    "expected_schemes": "a URL with",
}
_TYPES = re.compile(r"Input should be (?:a )?valid (.+)")


def _expected(mistake: Mapping[str, Any]) -> dict[str, str]:
    """What was expected, in a few words, as far as the check tells."""
    context = cast("Mapping[str, object]", mistake.get("ctx") or {})
    bounds = [f"{words} {context[name]}".strip() for name, words in _BOUNDS.items() if name in context]
    if not bounds and (found := _TYPES.match(mistake["msg"])):
        bounds = [found[1]]
    if mistake["type"] == "missing":
        bounds = ["a value"]
    elif mistake["type"] == "extra_forbidden":
        bounds = ["no field of this name"]
    return {"expected": " and ".join(bounds)} if bounds else {}


def place(mistake: Mapping[str, Any], body: object) -> dict[str, str]:
    """Where a mistake stands: a JSON pointer (RFC 6901) into the body, or the name of a parameter or header."""
    source, *trail = cast("tuple[str | int, ...]", mistake["loc"])
    if source != "body":
        return {"in": str(source), "parameter": ".".join(map(str, trail))}
    pointer, inside = "#", body
    for index, part in enumerate(trail):
        # The trail also holds the tags of union members, which are no part of the body.
        if isinstance(inside, dict) and part in inside:
            inside = cast("object", inside[part])
        elif isinstance(inside, list) and isinstance(part, int):
            inside = cast("list[object]", inside)[part]
        elif not (mistake["type"] == "missing" and index == len(trail) - 1):
            continue
        pointer += pointer_to([part])[1:]
    return {"pointer": pointer}


def pointer_to(path: Sequence[str | int]) -> str:
    """A JSON pointer (RFC 6901), after `#`."""
    return "#" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


async def _of_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    detail = error.detail
    if detail == phrase:
        detail = f"{request.method} {request.url.path}: {phrase.lower()}. `/openapi.json` lists what there is."
    # Python before 3.13 has this status under its old phrase, and names must not depend on that.
    name = "ContentTooLarge" if error.status_code == 413 else re.sub(r"\W", "", phrase.title())
    return problem(error.status_code, name, detail, headers=error.headers)


async def _gone(request: Request, error: Exception) -> JSONResponse:
    return problem(400, "ClientGone", "The client left before its request was whole.")  # nobody reads it


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    return problem(500, "Unexpected", "Something went wrong in the server. Its log tells more; please report it.")
