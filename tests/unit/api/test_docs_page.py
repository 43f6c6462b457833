"""The pages `/docs` and `/docs/errors`: whole, linked, escaped, and at peace with their own policy."""

import base64
import hashlib
import re
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException

from stretto.api.app import ROUTERS, permissions
from stretto.api.authentication import PUBLIC
from stretto.api.description import describe
from stretto.api.docs_page import explained, operations_page
from stretto.api.errors import DOCS, STATUS, map_errors
from stretto.api.problems import OTHERS, example_of
from tests.unit.api.asgi import Answer, call

PAGES = ["/docs", "/docs/errors"]


class Read(HTMLParser):
    """What a browser would make of a page: elements, ids, links, text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def ids(self) -> list[str | None]:
        return [told["id"] for _, told in self.tags if "id" in told]

    @property
    def links(self) -> list[str]:
        return [told["href"] or "" for _, told in self.tags if "href" in told]


@cache
def app() -> FastAPI:
    made = FastAPI(
        title="Stretto",
        version="1",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    for router in ROUTERS:
        made.include_router(router)
    map_errors(made)
    describe(made, ROUTERS)
    return made


async def get(path: str) -> tuple[Answer, Read]:
    answer = await call(app(), "GET", path)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/html")
    return answer, Read(answer.body.decode())


async def test_every_problem_is_explained_where_its_document_says():
    _, page = await get(DOCS)
    names = [error.__name__ for error in STATUS] + list(OTHERS)
    for name in names:
        path, _, anchor = example_of(name)["docs"].partition("#")
        assert path == DOCS
        assert page.ids.count(anchor) == 1, name
    for each in explained():
        assert each.happened.replace("`", "") in page.text
        assert each.remedy, f"{each.name} does not say what to do"
        assert each.remedy.replace("`", "") in page.text


async def test_every_operation_is_there_with_its_permission_and_problems():
    _, page = await get("/docs")
    document = app().openapi()
    needed = permissions()
    shown = page.text
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            start = shown.index(f"{method.upper()} {path}{operation['summary']}")
            begun = shown[start:]
            permission = needed[method.upper(), path]
            wanted = f"Needs the permission {permission}." if permission else "Needs no permission."
            assert begun[begun.index("Needs ") :].startswith(wanted), path
            assert operation["operationId"] in page.ids
            for parameter in operation.get("parameters", []):
                assert parameter["name"] in begun
            assert all(status in begun for status in operation["responses"])
    assert f"{DOCS}#RunNotFound" in page.links


async def test_every_link_leads_somewhere():
    pages = {path: (await get(path))[1] for path in PAGES}
    for path, page in pages.items():
        assert len(page.ids) == len(set(page.ids)), path
        for link in page.links:
            target, _, anchor = link.partition("#")
            if anchor:
                assert anchor in pages[target or path].ids, link
            else:
                assert link in {"/", "/docs", DOCS, "/openapi.json", "data:,"}


@pytest.mark.parametrize("path", PAGES)
async def test_nothing_runs_and_nothing_loads_from_elsewhere(path: str):
    answer, page = await get(path)
    assert PUBLIC.fullmatch(path)
    assert not {tag for tag, _ in page.tags} & {"script", "img", "iframe", "form", "object", "embed", "base", "svg"}
    assert [told for tag, told in page.tags if tag == "link"] == [{"rel": "icon", "href": "data:,"}]
    assert not [name for _, told in page.tags for name in told if name in {"src", "style"} or name.startswith("on")]
    policy = answer.headers["content-security-policy"]
    (style,) = re.findall("<style>(.*?)</style>", answer.body.decode(), re.DOTALL)
    assert "url(" not in style
    assert "@import" not in style
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; ")
    assert "unsafe" not in policy


def test_whatever_a_document_says_is_only_text():
    evil = "<script>\"'&`<b>`"
    schema: dict[str, Any] = {
        "type": evil,
        "description": evil,
        "pattern": evil,
        "default": evil,
        "properties": {evil: {"enum": [evil]}, "b": {"$ref": f"#/components/schemas/{evil}"}, "c": {"const": evil}},
    }
    operation: dict[str, Any] = {
        "operationId": evil,
        "tags": [evil],
        "summary": evil,
        "description": evil,
        "x-permission": evil,
        "parameters": [{"name": evil, "in": evil, "description": evil, "schema": schema}],
        "requestBody": {"description": evil, "content": {evil: {"schema": schema, "example": evil}}},
        "responses": {
            evil: {
                "description": evil,
                "content": {evil: {"schema": schema, "examples": {evil: {"summary": evil, "value": {evil: [evil]}}}}},
            },
            "400": {"content": {"application/problem+json": {"examples": {evil: {"summary": evil}}}}},
        },
    }
    page = Read(
        operations_page(
            {
                "info": {"description": evil},
                "tags": [{"name": evil, "description": evil}],
                "paths": {evil: {evil: operation}},
                "components": {"schemas": {evil: schema}},
            }
        )
    )
    assert evil in page.ids
    assert evil in page.text
    assert not {tag for tag, _ in page.tags} & {"script"}
    assert all(
        set(told) <= {"id", "href", "class", "lang", "charset", "name", "content", "rel", "aria-label"}
        for _, told in page.tags
    )


async def test_a_body_that_is_too_large_has_one_name_on_every_python():
    made = FastAPI()
    map_errors(made)

    @made.get("/")
    async def _() -> None:
        raise HTTPException(413, "Too large.")

    found = (await call(made)).json
    assert found["type"] == "urn:stretto:error:ContentTooLarge"
    assert found["docs"] == f"{DOCS}#ContentTooLarge"
