"""What `/openapi.json` says beyond what FastAPI finds by itself: the problems that all routes share, who may call what,
examples, and the doors."""

from __future__ import annotations

import asyncio
from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any, cast

import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute

from stretto.api import explained
from stretto.api.doors import Needs
from stretto.api.examples import EXAMPLES, Several, example_at
from stretto.api.openai.described import PATHS
from stretto.api.problems import PROBLEM_SCHEMA, fails
from stretto.auth import Permission

router = APIRouter(include_in_schema=False)
router.include_router(explained.router)

Json = dict[str, Any]

TAGS: Mapping[str, str] = {
    "flows": "What runs: stored under a name, in versions that never change.",
    "runs": "Flows that are carried out: start them, look at them, follow them, steer them, fork them.",
    "reviews": "What waits for a person's decision.",
    "judges": "From which confidence on judges pass, and how far they can be believed.",
    "schedules": "Flows that start by the clock.",
    "memory": "What is remembered: collections of texts, searched by meaning, words and place.",
    "review engine": "The application `reviews`: reviews taken in, analysed, searched and asked.",
    "state": "The shared state: versioned JSON documents that nobody overwrites unseen.",
    "usage": "What models were asked, and what it cost.",
    "limits": "What is to be had now: rates, places, money.",
    "fleet": "Who is at work: workers, the queue, and what agents do.",
    "tenant": "Whose all this is, who asks, and the roles.",
    "keys": "API keys: made, rotated, revoked.",
    "members": "People who may log in, and their roles.",
    "audit": "What was changed and what was denied.",
    "events": "What happened, as events; consumer groups and dead letters.",
    "webhooks": "Events sent to addresses of your own, and webhooks taken in.",
    "login": "Logging in and out with a browser.",
    "doors": "The dialects of OpenAI's and Anthropic's clients.",
    "health": "Whether the server lives and can work.",
}
"""The groups of routes."""

SECURITY: Mapping[str, Json] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key (`st_…`), or a JWT of the identity provider.",
    },
    "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "An API key (`st_…`)."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "stretto_session",
        "description": "A browser's session, made at `/auth/login`.",
    },
}
"""Ways to say who asks."""

PATH_PARTS: Mapping[str, str] = {
    "run_id": "The run's id.",
    "review_id": "The review's id.",
    "step": "The step's path, such as `approval` or `build[2].code`.",
    "member_id": "The member's id.",
    "type": "The event's type, such as `stretto.run.completed`.",
    "group": "The consumer group's name.",
    "event_id": "The event's id.",
    "webhook_id": "The webhook's id.",
    "public_id": "What the source's `path` ends with.",
}
"""What stands in paths, in the same words wherever it stands."""

_DESCRIPTION = """\
Durable, streaming flows of agents.

Errors are problem documents (RFC 9457, `application/problem+json`): `type` names the problem, `detail` says what happened and \
what to do, `docs` leads to its explanation, and `errors` names every single mistake with a JSON pointer into the body.

Lists come in pages, all in one form: `limit` says how long a page may be, `next` of the answer is `cursor` of the next request, \
and null at the end. A POST that creates takes an `Idempotency-Key`. What can be edited has an `ETag`; send it as `If-Match`. \
Every answer has an `X-Request-Id`, which the log and the audit log know, too.
"""


def describe(
    app: FastAPI, routers: Sequence[APIRouter], examples: Sequence[Callable[[], Mapping[str, Any]]] = ()
) -> None:
    """Let `app.openapi()` say all of it, with further examples of applications."""
    made = app.openapi
    permissions = permissions_of(routers)
    described: Json | None = None

    def openapi() -> Json:
        nonlocal described
        if described is None:
            document = made()
            complete(document, permissions, ChainMap({**EXAMPLES}, *({**give()} for give in examples)))
            described = document
        return described

    app.openapi = openapi


def permissions_of(routers: Sequence[APIRouter]) -> dict[str, Permission | None]:
    """What each route needs, by its operation's id; None where nobody is asked who he is."""
    found: dict[str, Permission | None] = {}
    for router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute) and route.include_in_schema:
                calls = [each.call for each in route.dependant.dependencies]
                found[route.name] = next((call.permission for call in calls if isinstance(call, Needs)), None)
    return found


def complete(
    document: Json, permissions: Mapping[str, Permission | None], examples: Mapping[str, Any] = EXAMPLES
) -> None:
    """Add what FastAPI does not know to its document."""
    schemas: Json = document.setdefault("components", {}).setdefault("schemas", {})
    for gone in ("HTTPValidationError", "ValidationError"):
        schemas.pop(gone, None)
    schemas["Problem"] = PROBLEM_SCHEMA
    document["info"]["description"] = _DESCRIPTION
    document["components"]["securitySchemes"] = dict(SECURITY)
    document["security"] = [{name: []} for name in SECURITY]
    used: set[str] = set()
    for operations in cast("Mapping[str, Json]", document["paths"]).values():
        for operation in operations.values():
            used.update(operation.get("tags", ()))
            _complete_operation(operation, permissions.get(operation["operationId"]))
    document["paths"].update(deepcopy(dict(PATHS)))
    for operations in cast("Mapping[str, Json]", document["paths"]).values():
        for operation in operations.values():
            _tell_more(operation, examples)
    document["tags"] = [{"name": name, "description": told} for name, told in TAGS.items() if name in used | {"doors"}]


def _complete_operation(operation: Json, permission: Permission | None) -> None:
    answers: Json = operation["responses"]
    has_input = "parameters" in operation or "requestBody" in operation
    if "HTTPValidationError" in str(answers.get("422", "")):
        del answers["422"]
    shared: list[Any] = ["BadRequest", "HostRefused", "NotFromHere", "Unexpected"]
    if permission is None:
        operation["security"] = []
    else:
        shared += ["LoginNeeded", "KeyRefused", "TokenRefused", "NotAllowed"]
        shared += ["TooManyRequests", "DatabaseUnreachable"]
        operation["x-permission"] = permission
        told = operation.get("description", "")
        operation["description"] = f"{told}\n\nNeeds the permission `{permission}`.".strip()
    if has_input:
        shared.append("RequestInvalid")
    if "requestBody" in operation:
        shared += ["ContentTooLarge", "UnsupportedMediaType", "OriginRefused", "RequestTimeout"]
    for status, answer in fails(*shared).items():
        _add(answers, str(status), answer)
    operation["responses"] = dict(sorted(answers.items()))


def _add(answers: Json, status: str, answer: Json) -> None:
    """One more answer, or more problems of a status that is there."""
    kind = "application/problem+json"
    known = answers.get(status, {}).get("content", {}).get(kind)
    if known is None:
        there = answers.setdefault(status, {"description": ""})
        there.setdefault("content", {})[kind] = answer["content"][kind]
        there["description"] = f"{there['description']} {answer['description']}".strip()
        return
    more = {name: each for name, each in answer["content"][kind]["examples"].items() if name not in known["examples"]}
    known["examples"].update(more)
    told = " ".join(f"`{name}`: {each['summary']}" for name, each in more.items())
    answers[status]["description"] = f"{answers[status]['description']} {told}".strip()


def _tell_more(operation: Json, examples: Mapping[str, Any]) -> None:
    """Add examples, and what ids in paths are."""
    name = operation["operationId"]
    _add_example(examples, name, "body", operation.get("requestBody", {}))
    for status, answer in operation["responses"].items():
        _add_example(examples, name, status, answer)
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path" and parameter["name"] in PATH_PARTS:
            parameter.setdefault("description", PATH_PARTS[parameter["name"]])


def _add_example(examples: Mapping[str, Any], operation: str, place: str, body: Json) -> None:
    contents: Mapping[str, Json] = body.get("content", {})
    for kind, media in contents.items():
        schema = str(media.get("schema", {}).get("$ref", "")).rpartition("/")[2]
        if kind == "application/json":
            example = example_at(examples, operation, place, schema)
        elif kind != "application/problem+json":  # these have their own
            example = example_at(examples, operation, f"{place} {kind}", "")
        else:
            continue
        if isinstance(example, Several):
            media["examples"] = example.described()
        elif example is not None:
            media["example"] = example


@router.get("/openapi.json")
async def openapi_document(request: Request) -> Response:
    """The description of this API, in OpenAPI 3.1."""
    state = request.app.state
    if getattr(state, "openapi_json", None) is None:
        state.openapi_json = await asyncio.to_thread(lambda: orjson.dumps(request.app.openapi()))
    return Response(state.openapi_json, media_type="application/json")
