"""The pages `/docs` and `/docs/errors`: the API and its problems for people to read, from what describes them to programs."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Any, cast

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from stretto.api.docs_schemas import Schema, field, fields_of, inline, limits_of, named, prose, type_of
from stretto.api.errors import DOCS, title_of
from stretto.api.openai.gate import Door
from stretto.api.openai.routes import ROUTES
from stretto.api.problems import OTHERS, OURS, known
from stretto.errors import Permanent, Transient

router = APIRouter(include_in_schema=False)

_STYLE = """
:root{color-scheme:light dark;--ground:#fbfaf7;--card:#fff;--ink:#1d1c1a;--soft:#66625b;--line:#dcd8cf;--accent:#0b5f7a}
@media(prefers-color-scheme:dark){:root{--ground:#16181b;--card:#1f2226;--ink:#eceae4;--soft:#a5a19a;--line:#383c42;--accent:#7fcbe6}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:56rem;padding:1rem;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif;
overflow-wrap:anywhere}
h1{margin:0;font:italic 600 1.75rem/1.2 Georgia,serif}h2{margin:2rem 0 .25rem;font-size:1.3rem}h3{margin:0;font-size:1rem}
h3 code,summary code{font-weight:600}p{margin:.35rem 0}a{color:var(--accent)}
pre{margin:.35rem 0;padding:.5rem;white-space:pre-wrap;background:var(--ground);border:1px solid var(--line);font:.82rem/1.45 ui-monospace,monospace}
code{font-family:ui-monospace,monospace;font-size:.92em}small,.soft{color:var(--soft);font-size:.88rem}
nav ul{display:flex;flex-wrap:wrap;gap:.1rem 1rem;padding:0;list-style:none}nav a{display:inline-block;padding:.3rem 0}
article{margin:.75rem 0;padding:.75rem;background:var(--card);border:1px solid var(--line);border-radius:.4rem}
article h2{margin:0}
article:target{border-color:var(--accent);box-shadow:inset 4px 0 var(--accent)}
summary{padding:.35rem 0;cursor:pointer}ul{margin:.35rem 0;padding-left:1.1rem}li{margin:.2rem 0}
.method{display:inline-block;min-width:4rem;color:var(--accent);font-weight:700}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_HASH}'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Allows the pages their own style and nothing else."""


@dataclass(frozen=True, slots=True)
class Explained:
    """A problem for people: what happened, what to do, and whether trying again helps."""

    name: str
    title: str
    status: int
    happened: str
    remedy: str
    again: str


def explained() -> list[Explained]:
    """Every problem that an answer can name, by status and name."""
    found: list[Explained] = []
    for name in OURS.keys() | OTHERS.keys():
        status, meaning = known(name)
        happened, dot, remedy = meaning.partition(". ")
        error = OURS.get(name, Exception)
        again = ""
        if issubclass(error, Transient):
            again = "Trying again may help: wait as long as the header `Retry-After` says."
        elif issubclass(error, Permanent):
            again = "Trying the same again does not help."
        found.append(Explained(name, title_of(name), status, happened + dot.strip(), remedy, again))
    return sorted(found, key=lambda problem: (problem.status, problem.name))


@router.get("/docs")
async def docs(request: Request) -> HTMLResponse:
    """The API, read from its OpenAPI document; made once."""
    state = request.app.state
    if getattr(state, "docs_page", None) is None:
        state.docs_page = await asyncio.to_thread(lambda: operations_page(request.app.openapi()))
    return _answer(state.docs_page)


@router.get(DOCS)
async def errors() -> HTMLResponse:
    """Every problem, each at its name."""
    return _answer(errors_page())


@cache
def errors_page() -> str:
    """The page that explains every problem, each at the anchor that `docs` of its document names."""
    problems = explained()
    index = "".join(
        f"<li>{status} {', '.join(_link(each.name, here=True) for each in problems if each.status == status)}</li>"
        for status in dict.fromkeys(each.status for each in problems)
    )
    shown = "".join(
        f'<article id="{each.name}"><h2><a href="#{each.name}">{each.name}</a></h2>'
        f"<p class=soft>{each.title} · status {each.status} · <code>urn:stretto:error:{each.name}</code></p>"
        f"{prose(each.happened)}{_labelled('What to do', each.remedy)}{prose(each.again)}</article>"
        for each in problems
    )
    head = (
        "<p>Every failure is answered by a problem document (RFC 9457), but at the doors in their own dialects. Its "
        "<code>type</code> names one of these, and its <code>detail</code> says more about the case at hand.</p>"
    )
    return _page("Problems", f"{head}<h2>By status</h2><ul>{index}</ul>{shown}")


def operations_page(document: Schema) -> str:
    """The page of an OpenAPI document: its groups, their operations, and the schemas that these name."""
    groups: dict[str, list[str]] = {each["name"]: [] for each in document.get("tags", ())}
    told = {each["name"]: str(each.get("description", "")) for each in document.get("tags", ())}
    for path, operations in cast("Mapping[str, Mapping[str, Schema]]", document["paths"]).items():
        for method, operation in operations.items():
            (tag, *_) = operation.get("tags") or ["others"]
            groups.setdefault(tag, []).append(_operation(method.upper(), path, operation))
    links = "".join(f'<li><a href="#tag-{escape(tag)}">{escape(tag)}</a></li>' for tag in groups)
    shown = "".join(
        f'<section><h2 id="tag-{escape(tag)}">{escape(tag)}</h2>{prose(told.get(tag, ""))}{"".join(operations)}</section>'
        for tag, operations in groups.items()
    )
    schemas = cast("Mapping[str, Schema]", document.get("components", {}).get("schemas", {}))
    listed = "".join(named(name, schema) for name, schema in sorted(schemas.items()))
    return _page(
        "API",
        f"{prose(document['info'].get('description', ''))}<nav aria-label=Groups><ul>{links}"
        f'<li><a href="#schemas">schemas</a></li></ul></nav>{shown}<h2 id="schemas">schemas</h2>{listed}',
    )


def _operation(method: str, path: str, operation: Schema) -> str:
    anchor = escape(str(operation["operationId"]))
    text = str(operation.get("description", "")).partition("\n\nNeeds the permission `")[
        0
    ]  # stands in a line of its own
    parameters = [
        field(
            each["name"],
            each.get("schema", {}),
            required=each.get("required", False),
            told=str(each.get("description", "")),
            where=escape(f"in the {each['in']}"),
        )
        for each in operation.get("parameters", ())
    ]
    parts = [
        f'<h3><span class=method>{escape(method)}</span> <a href="#{anchor}"><code>{escape(path)}</code></a></h3>',
        f"<p><b>{inline(str(operation.get('summary', anchor)))}</b></p>{prose(text)}",
        f"<p class=soft>{_needs(method, path, operation)}</p>",
        _folded(f"Parameters ({len(parameters)})", f"<ul>{''.join(parameters)}</ul>" if parameters else ""),
        _folded("Body", _contents(operation.get("requestBody", {}))),
        _folded("Answers", f"<ul>{''.join(_answers(operation['responses']))}</ul>"),
    ]
    return f'<article id="{anchor}">{"".join(parts)}</article>'


def _needs(method: str, path: str, operation: Schema) -> str:
    permission = operation.get("x-permission") or _door_permissions().get((method, path))
    if permission:
        return f"Needs the permission <code>{escape(str(permission))}</code>."
    return "Needs no permission."


@cache
def _door_permissions() -> Mapping[tuple[str, str], str]:
    # The doors are plain routes: their permissions stand at their endpoints.
    return {
        (method, route.path_format): cast("Door", route.endpoint).permission
        for route in ROUTES
        for method in route.methods or ()
    }


def _contents(body: Schema) -> str:
    kinds = cast("Mapping[str, Mapping[str, Any]]", body.get("content", {}))
    shown: list[str] = []
    for kind, media in kinds.items():
        schema = cast("Schema", media.get("schema", {}))
        limits = limits_of(schema)
        facts = f"{type_of(schema)}{', ' + limits if limits else ''}"
        shown.append(f"<p><code>{escape(kind)}</code> <small>{facts}</small></p>{fields_of(schema)}{_examples(media)}")
    return prose(str(body.get("description", ""))) + "".join(shown)


def _examples(media: Schema) -> str:
    named = cast("Mapping[str, Schema]", media.get("examples", {}))
    shown = [_example(f"Example: {inline(str(each['summary']))}", each["value"]) for each in named.values()]
    return "".join(shown) + (_example("Example", media["example"]) if "example" in media else "")


def _example(title: str, value: object) -> str:
    # Text is shown as it is, all else as JSON.
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
    return _folded(title, f"<pre>{escape(text)}</pre>")


def _answers(answers: Mapping[str, Schema]) -> Iterable[str]:
    for status, answer in answers.items():
        contents = cast("Mapping[str, Mapping[str, Any]]", answer.get("content", {}))
        problems = contents.get("application/problem+json", {}).get("examples", {})
        if problems:
            links = " ".join(f"{_link(name)} {inline(each['summary'])}" for name, each in problems.items())
            yield f"<li><b>{escape(status)}</b> {links}</li>"
        others = {kind: media for kind, media in contents.items() if kind != "application/problem+json"}
        if others or not problems:
            yield f"<li><b>{escape(status)}</b>{_contents({**answer, 'content': others})}</li>"


def _link(name: str, *, here: bool = False) -> str:
    return f'<a href="{"" if here else DOCS}#{escape(name)}">{escape(name)}</a>'


def _folded(title: str, content: str) -> str:
    return f"<details><summary>{title}</summary>{content}</details>" if content else ""


def _labelled(label: str, text: str) -> str:
    return f"<p><b>{label}:</b> {inline(text)}</p>" if text else ""


def _page(title: str, content: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{title} · Stretto</title><link rel="icon" href="data:,"><style>{_STYLE}</style></head><body>'
        f'<header><h1>Stretto: {title}</h1><nav aria-label=Pages><ul><li><a href="/">Runs</a></li>'
        f'<li><a href="/docs">API</a></li><li><a href="{DOCS}">Problems</a></li><li><a href="/openapi.json">OpenAPI</a></li></ul></nav>'
        f"</header><main>{content}</main></body></html>"
    )


def _answer(page: str) -> HTMLResponse:
    return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})
