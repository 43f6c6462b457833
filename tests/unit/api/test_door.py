"""A door without a server: what it refuses, and in which words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from stretto import errors as e
from stretto.api.denials import Denials
from stretto.api.doors import PRINCIPAL
from stretto.api.errors import STATUS
from stretto.api.guard import Guard
from stretto.api.openai.gate import Door, read_body
from stretto.api.openai.refusals import Dialect, dialect_of, refusal
from stretto.auth import LOCAL as LOCAL_OWNER
from stretto.auth import Principal
from tests.unit.api.asgi import LOCAL, call

SECRET = "It holds /secret/path."
DIALECTS: tuple[Dialect, ...] = ("openai", "anthropic")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("kind", list(STATUS))
def test_every_error_has_words_in_both_dialects(kind: type[e.StrettoError], dialect: Dialect):
    error = e.FlowInvalid([e.Problem("f.yaml", 3, 5, SECRET)]) if issubclass(kind, e.DocumentInvalid) else kind(SECRET)
    status, body, headers = refusal(dialect, error)
    assert 400 <= status < 600
    found = json.loads(body)
    assert found.get("type") == ("error" if dialect == "anthropic" else None)
    assert found["error"]["message"]
    assert found["error"]["type"]
    assert ("retry-after" in headers) == isinstance(error, e.Transient)
    if isinstance(error, e.StoreError):
        assert SECRET not in found["error"]["message"]
    if isinstance(error, e.Invalid | e.NotFound | e.ModelError):
        assert SECRET in found["error"]["message"]
    if isinstance(error, e.Permanent) and status >= 500:
        assert headers["x-should-retry"] == "false"


def test_a_caller_sees_which_field_it_is():
    _, body, _ = refusal("openai", e.RequestUnread("`top_p`: 7 is not from 0 to 1.", param="top_p"))
    assert json.loads(body)["error"]["param"] == "top_p"


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/v1/chat/completions", "openai"),
        ("/v1/messages", "anthropic"),
        ("/v1/models/flow:a", "openai"),
        ("/v1/runs", None),
        ("/v1/chat", None),
    ],
)
def test_a_dialect_is_spoken_where_it_is_expected(path: str, dialect: str | None):
    assert dialect_of(path) == dialect


class Measuring(Door):
    """Tells how long the body is, and breaks down for an empty one."""

    async def answer(self, request: Request, principal: Principal, send: Send) -> None:
        size = await read_body(request, len)
        if not size:
            raise RuntimeError("the password is 1234")
        raise e.ModelRefused(f"{size} bytes")


def measuring(most: int) -> Any:
    app = Starlette(routes=[Route("/v1/chat/completions", Measuring(), methods=["POST"])])
    app.state.platform = None

    async def as_owner(scope: Scope, receive: Receive, send: Send) -> None:
        scope[PRINCIPAL] = LOCAL_OWNER
        await app(scope, receive, send)

    app.state.denials = Denials(None)  # pyright: ignore[reportArgumentType] - nothing is denied here
    return Guard(as_owner, max_body_bytes=1, max_prompt_bytes=most)


async def test_a_long_body_is_refused_in_the_dialect_whatever_its_headers_said():
    for chunks in ([b"12345", b"67890", b"x"], [b"12345678901"]):
        answer = await call(measuring(10), "POST", "/v1/chat/completions", LOCAL, chunks)
        assert answer.status == 413
        assert "10 bytes" in answer.json["error"]["message"]
    answer = await call(measuring(10), "POST", "/v1/chat/completions", LOCAL, [b"12345", b"67890"])
    assert (answer.status, answer.json["error"]["message"]) == (400, "10 bytes")


async def test_a_fault_tells_nothing_of_the_inside():
    answer = await call(measuring(10), "POST", "/v1/chat/completions", LOCAL, [b""])
    assert answer.status == 500
    assert answer.json["error"]["type"] == "server_error"
    assert b"1234" not in answer.body
