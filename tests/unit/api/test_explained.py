"""Every problem has its explanation, where its document says."""

from __future__ import annotations

import json
import re

from fastapi import FastAPI

from stretto.api import explained
from stretto.api.errors import STATUS, of_error
from stretto.api.problems import OTHERS
from stretto.errors import FlowInvalid, Problem, RunNotFound
from stretto.flow.compile import compile_document
from tests.unit.api.asgi import call


async def test_the_page_has_each_problem_at_the_anchor_that_its_document_names():
    app = FastAPI()
    app.include_router(explained.router)
    answer = await call(app, "GET", "/docs/errors")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    anchors = re.findall(r'<dt id="(\w+)">', answer.body.decode())
    assert sorted(anchors) == sorted({*OTHERS, *(error.__name__ for error in STATUS)})
    docs = json.loads(bytes(of_error(RunNotFound()).body))["docs"]
    assert docs == "/docs/errors#RunNotFound"


def test_a_mistake_in_a_flow_has_a_json_pointer():
    try:
        compile_document({"flow": "x", "steps": {"w": {"wait": {"event": "a"}}}, "output": "{{ nobody }}"})
    except FlowInvalid as error:
        (mistake,) = json.loads(bytes(of_error(error).body))["errors"]
        assert mistake["pointer"] == "#/output"
    else:
        raise AssertionError("it has a mistake")
    (known_only_by_its_file,) = json.loads(bytes(of_error(FlowInvalid([Problem("f.yaml", 1, 1, "no.")])).body))[
        "errors"
    ]
    assert "pointer" not in known_only_by_its_file
