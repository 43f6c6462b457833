import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from stretto.api.errors import map_errors
from stretto.api.guard import Guard, Served, refusal
from tests.unit.api.asgi import call, scope_for


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8700", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:8700", "[::1]", "[::1]:65535"]
)
async def test_this_machine_is_served(host: str):
    assert (await call(Guard(echo), headers={"host": host})).status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8700",
        "localhost.evil.example",
        "evil.localhost",
        "localhost.",
        "127.0.0.1.nip.io",
        "127.0.0.2",
        "0.0.0.0:8700",
        "192.168.1.5:8700",
        "localhost:8700@evil.example",
        "evil.example#localhost",
        "localhost:port",
        "localhost:１",
        "::1",
        "",
    ],
)
async def test_another_host_name_is_refused(host: str):
    scope = scope_for()
    scope["headers"] = [(b"host", host.encode("utf-8"))]
    refused = refusal(scope, Served())
    assert refused is not None
    assert refused.status_code == 403


async def test_a_missing_or_doubled_host_is_refused():
    for hosts in ((), (("host", "localhost"), ("host", "localhost"))):
        assert refusal(scope_for(headers=hosts), Served()) is not None


@pytest.mark.parametrize("client", ["127.0.0.1", "127.8.8.8", "::1", None])
def test_clients_on_this_machine_are_served(client: str | None):
    assert refusal(scope_for(headers=[("host", "localhost")], client=client), Served()) is None


@pytest.mark.parametrize("client", ["192.168.1.5", "8.8.8.8", "fe80::1", "somebody"])
def test_clients_elsewhere_are_refused(client: str):
    refused = refusal(scope_for(headers=[("host", "localhost")], client=client), Served())
    assert refused is not None
    assert refused.status_code == 403


@pytest.mark.parametrize(
    ("method", "origins", "served"),
    [
        ("POST", [], True),
        ("POST", ["http://localhost:8700"], True),
        ("POST", ["HTTP://LocalHost:8700"], True),
        ("POST", ["http://localhost:8701"], False),
        ("POST", ["http://localhost"], False),
        ("POST", ["http://127.0.0.1:8700"], False),
        ("POST", ["https://evil.example"], False),
        ("POST", ["http://localhost:8700.evil.example"], False),
        ("POST", ["null"], False),
        ("POST", [""], False),
        ("POST", ["http://localhost:8700", "http://localhost:8700"], False),
        ("DELETE", ["https://evil.example"], False),
        ("PUT", ["https://evil.example"], False),
        ("PATCH", ["https://evil.example"], False),
        ("ANYTHING", ["https://evil.example"], False),
        ("GET", ["https://evil.example"], True),  # no CORS headers: the page gets to see nothing
    ],
)
def test_only_our_own_page_changes_anything(method: str, origins: list[str], served: bool):
    headers = [("host", "localhost:8700"), *(("origin", origin) for origin in origins)]
    refused = refusal(scope_for(method, headers=headers), Served())
    assert (refused is None) == served
    assert refused is None or refused.status_code == 403


async def test_a_websocket_is_held_to_the_same_rules():
    sent: list[object] = []

    async def receive() -> dict[str, object]:
        raise AssertionError("refused before anything is read")

    async def send(message: object) -> None:
        sent.append(message)

    headers = [("host", "localhost:8700"), ("origin", "https://evil.example")]
    scope = scope_for(headers=headers)
    scope["type"] = "websocket"
    await Guard(echo)(scope, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize("path", ["/v1/runs?flow=a%00b", "/v1/flows/a%00b"])
async def test_nul_in_an_address_is_refused(path: str):
    answer = await call(Guard(echo), path=path)
    assert answer.status == 400


def limited(most: int) -> ASGIApp:
    app = FastAPI()
    app.add_middleware(Guard, max_body_bytes=most)
    map_errors(app)

    @app.post("/")
    async def size(request: Request) -> int:
        return len(await request.body())

    assert callable(size)
    return app


async def test_a_body_may_have_so_many_bytes_and_no_more():
    local = {"host": "localhost"}
    assert (await call(limited(10), "POST", "/", local, [b"12345", b"67890"])).json == 10
    for chunks, headers in (
        ([b"12345", b"67890", b"x"], local),
        ([], local | {"content-length": "11"}),
        ([], local | {"content-length": "-1"}),
        ([], local | {"content-length": "many"}),
        ([b"12345678901"], local | {"content-length": "3"}),
    ):
        answer = await call(limited(10), "POST", "/", headers, chunks)
        assert answer.status == 413
        assert answer.headers["content-type"] == "application/problem+json"
        assert "10 bytes" in answer.json["detail"]


async def test_answers_and_refusals_carry_the_safe_headers():
    for host in ("localhost", "evil.example"):
        answer = await call(Guard(echo), headers={"host": host})
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers
