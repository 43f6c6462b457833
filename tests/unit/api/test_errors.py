import json
from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi import Body as FromBody

from stretto import errors
from stretto.api.body import MAX_DEPTH, Body, JsonRoute
from stretto.api.errors import STATUS, map_errors, of_error
from stretto.errors import DocumentInvalid, FlowInvalid, Problem, StrettoError
from tests.unit.api.asgi import Answer, call

JSON = {"host": "localhost", "content-type": "application/json"}


def tree(root: type[StrettoError]) -> Iterator[type[StrettoError]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from tree(child)


def test_every_error_has_a_status():
    missing = [error.__name__ for error in tree(StrettoError) if error not in STATUS]
    assert not missing, f"give these a status in api/errors.py: {missing}"
    assert set(STATUS) <= set(tree(StrettoError))


@pytest.mark.parametrize("error", list(STATUS))
def test_every_error_becomes_a_problem_document(error: type[StrettoError]):
    raised = (error if issubclass(error, DocumentInvalid) else FlowInvalid)(
        [Problem("f.yaml", 3, 5, "no such step.", "Did you mean `b`?")]
    )
    answer = of_error(raised if issubclass(error, DocumentInvalid) else error("It holds /secret/path."))
    assert answer.media_type == "application/problem+json"
    found = json.loads(bytes(answer.body))
    assert found["type"] == f"urn:stretto:error:{error.__name__}"
    assert found["status"] == answer.status_code == STATUS[error]
    assert found["title"]
    assert found["detail"]
    # What an operator needs to know may be nothing for a client's eyes.
    assert ("/secret/path" in found["detail"]) == (answer.status_code < 500 and not issubclass(error, DocumentInvalid))
    assert ("retry-after" in answer.headers) == issubclass(error, errors.Transient)


def test_a_flows_problems_come_all_at_once_with_their_places():
    found = json.loads(
        bytes(
            of_error(
                FlowInvalid(
                    [
                        Problem("f.yaml", 3, 5, "no such step.", "Did you mean `b`?"),
                        Problem("flow, at a.b", 0, 0, "no."),
                    ]
                )
            ).body
        )
    )
    assert found["errors"] == [
        {"detail": "no such step.", "remedy": "Did you mean `b`?", "place": "f.yaml:3:5"},
        {"detail": "no.", "remedy": "", "place": "flow, at a.b"},
    ]
    assert "2 problems" in found["detail"]


class Left(Body):
    side: str
    numbers: list[int] | None = None


class Outer(Body):
    what: Left | None = None
    anything: Any = None


def make_app() -> FastAPI:
    app = FastAPI()
    router = APIRouter(route_class=JsonRoute)

    @router.post("/outer")
    async def take(body: Outer, n: int = 0) -> Any:
        return body.anything

    @router.post("/raw")
    async def take_raw(body: Annotated[dict[str, Any], FromBody()]) -> int:
        return len(body)

    @router.get("/broken")
    async def break_down() -> None:
        raise RuntimeError("the password is 1234")

    assert all(map(callable, (take, take_raw, break_down)))
    app.include_router(router)
    map_errors(app)
    return app


async def post(body: bytes, path: str = "/outer", headers: dict[str, str] = JSON) -> Answer:
    return await call(make_app(), "POST", path, headers, [body])


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        (b'{"what": {"side": 1}}', ["#/what/side"]),
        (b'{"what": {}}', ["#/what/side"]),
        (b'{"what": {"side": "a", "numbers": [1, "2", 3.5]}}', ["#/what/numbers/1", "#/what/numbers/2"]),
        (b'{"what": [1]}', ["#/what"]),
        (b'{"a/b~c": 1, "x": 2}', ["#/a~1b~0c", "#/x"]),
        (b"[]", ["#"]),
        (b'"text"', ["#"]),
        (b'{"anything": {"k": ["a", "b\\u0000"]}}', ["#/anything/k/1"]),
        (b'{"anything": {"k\\u0000": 1}}', ["#/anything"]),
    ],
)
async def test_a_mistake_in_the_body_has_a_json_pointer(body: bytes, pointers: list[str]):
    answer = await post(body)
    assert answer.status == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert [error["pointer"] for error in answer.json["errors"]] == pointers
    assert all(error["detail"] for error in answer.json["errors"])


async def test_a_mistake_in_a_parameter_names_it():
    answer = await post(b"{}", "/outer?n=x")
    assert [(error["in"], error["parameter"]) for error in answer.json["errors"]] == [("query", "n")]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"{'a': 1}", b'{"a": NaN}', b"\xff", b'"\\ud800"', b"[" * 100_000, b"{} x"]
)
async def test_what_is_not_json_gets_400(body: bytes):
    answer = await post(body)
    assert answer.status == 400
    assert answer.json["title"] == "Bad request"
    assert "not JSON" in answer.json["detail"]


async def test_another_kind_of_body_gets_415():
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        assert (await post(b"{}", headers={"host": "localhost", "content-type": kind})).status == 415
    assert (
        await post(b"{}", headers={"host": "localhost", "content-type": "application/json; charset=utf-8"})
    ).status == 200


async def test_bottomless_nesting_is_refused():
    deep = b'{"anything": ' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}"
    answer = await post(deep)
    assert answer.status == 422
    assert answer.json["errors"][0]["pointer"].startswith("#/anything/0/0")
    assert (await post(deep.replace(b"[", b"", 2).replace(b"]", b"", 2))).status == 200


async def test_an_escaped_backslash_before_u0000_is_no_nul():
    answer = await post(b'{"anything": "\\\\u0000"}')
    assert (answer.status, answer.json) == (200, "\\u0000")


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nowhere", 404), ("DELETE", "/outer", 405)])
async def test_an_unknown_address_gets_a_problem(method: str, path: str, status: int):
    answer = await call(make_app(), method, path)
    assert (answer.status, answer.json["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert path in answer.json["detail"]


async def test_an_unexpected_error_tells_nothing_of_the_inside():
    app, sent = make_app(), Answer()

    async def catch(scope: Any, receive: Any, send: Any) -> None:
        async def keep(message: Any) -> None:
            sent.status = message.get("status", sent.status)
            sent.body += message.get("body", b"")
            await send(message)

        await app(scope, receive, keep)

    with pytest.raises(RuntimeError):  # the server logs it
        await call(catch, path="/broken")
    assert sent.status == 500
    assert sent.json["title"] == "Unexpected"
    assert b"1234" not in sent.body
