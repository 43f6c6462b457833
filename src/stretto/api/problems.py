"""What can go wrong with a request, by name: said in OpenAPI at each route, and on the page `/docs/errors`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from stretto import errors as e
from stretto.api.errors import DOCS, STATUS, title_of

OTHERS: Mapping[str, tuple[int, str]] = MappingProxyType(
    {
        "RequestInvalid": (422, "The request has mistakes. Mend each at the place named under `errors`."),
        "BadRequest": (400, "The body is not JSON, or the address cannot be read. Mend it and send it again."),
        "NotFromHere": (
            403,
            "This server asks nobody who he is, and serves only its own machine. Ask from there, or start it with "
            "`STRETTO_AUTH=required`.",
        ),
        "HostRefused": (403, "The server does not go by this name. Use the address that it was started with."),
        "OriginRefused": (
            403,
            "A page of another site may not change anything here. Send it from a page of this server, or without a browser.",
        ),
        "NotFound": (404, "There is no such thing. Check the address and the id; `/openapi.json` lists what there is."),
        "MethodNotAllowed": (405, "This address takes other methods. `/openapi.json` lists them."),
        "RequestTimeout": (408, "The body did not come in time. Send it at once."),
        "ContentTooLarge": (413, "The body is too large. Make it smaller."),
        "UnsupportedMediaType": (415, "The body must be JSON. Send it with `Content-Type: application/json`."),
        "Unexpected": (500, "Something went wrong in the server. Its log tells more; please report it."),
        "NotReady": (503, "The server cannot do its work now. `errors` says what is missing; ask again in a moment."),
    }
)
"""Problems that are no errors of ours: name, status, and what to do."""

PROBLEM = {"$ref": "#/components/schemas/Problem"}
_TEXT = {"type": "string"}
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "What happened, where, and what to do about it (RFC 9457).",
    "required": ["type", "title", "status", "detail", "docs"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "`urn:stretto:error:` and the problem's name."},
        "title": _TEXT,
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "What happened and what to do, for people."},
        "docs": {"type": "string", "format": "uri-reference", "description": "Where this problem is explained."},
        "errors": {
            "type": "array",
            "description": "Each mistake by itself.",
            "items": {
                "type": "object",
                "required": ["detail"],
                "properties": {
                    "detail": _TEXT,
                    "pointer": {"type": "string", "description": "JSON pointer (RFC 6901) into the body, after `#`."},
                    "expected": {"type": "string", "description": "What was expected there."},
                    "in": {"type": "string", "description": "`query`, `path` or `header`."},
                    "parameter": {"type": "string", "description": "The parameter's name."},
                    "place": {"type": "string", "description": "Where in a file or document."},
                    "remedy": {"type": "string", "description": "What to do about it."},
                    "part": {"type": "string", "description": "The part of the server that is meant."},
                },
            },
        },
    },
}


def known(name: str) -> tuple[int, str]:
    """The status and the explanation of a problem."""
    if name in OTHERS and name not in OURS:
        return OTHERS[name]
    error = OURS[name]
    return STATUS[error], " ".join((error.__doc__ or "").split())


OURS: Mapping[str, type[e.StrettoError]] = MappingProxyType({error.__name__: error for error in STATUS})
"""Every error of ours by its name."""


def example_of(name: str) -> dict[str, Any]:
    """The problem as a client gets it."""
    status, detail = known(name)
    example: dict[str, Any] = {
        "type": f"urn:stretto:error:{name}",
        "title": title_of(name),
        "status": status,
        "detail": detail,
        "docs": f"{DOCS}#{name}",
    }
    if name == "RequestInvalid":
        example["detail"] = "The request has 1 mistake. Mend each at the place named under `errors`."
        wrong = {"detail": "Input should be less than or equal to 3", "pointer": "#/priority", "expected": "at most 3"}
        example["errors"] = [wrong]
    elif name == "FlowInvalid":
        mistake = {"detail": "there is no step `daft`.", "remedy": "Did you mean `draft`?", "place": "flow, at output"}
        example["errors"] = [mistake | {"pointer": "#/output"}]
    elif name == "NotReady":
        example["errors"] = [{"part": "worker", "detail": "No worker is at work in this process."}]
    return example


def fails(*problems: type[e.StrettoError] | str) -> dict[int | str, dict[str, Any]]:
    """For `responses=` of a route: every problem that is its own. Those that all routes share are added to all."""
    names = [each if isinstance(each, str) else each.__name__ for each in problems]
    found: dict[int | str, dict[str, Any]] = {}
    for name in names:
        status, meaning = known(name)
        answer = found.setdefault(
            status, {"description": "", "content": {"application/problem+json": {"schema": PROBLEM, "examples": {}}}}
        )
        examples = answer["content"]["application/problem+json"]["examples"]
        if name not in examples:
            examples[name] = {"summary": first_sentence(meaning), "value": example_of(name)}
        answer["description"] = " ".join(f"`{each}`: {shown['summary']}" for each, shown in examples.items())
    return found


def first_sentence(text: str) -> str:
    """What happened, without the remedy."""
    return re.split(r"(?<=[.:;]) ", text, maxsplit=1)[0]
