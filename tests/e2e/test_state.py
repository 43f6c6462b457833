"""Shared state at the doors: HTTP, tools of a flow, and the command line."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from stretto.settings import Settings
from stretto.state import State
from stretto.store import DEFAULT_TENANT, Database
from tests.e2e.command import Stretto
from tests.e2e.doors import door

RULES = {"log/": "append"}


async def ask(
    session: aiohttp.ClientSession, method: str, url: str, value: Any = None, **headers: str
) -> tuple[int, Any, aiohttp.ClientResponse]:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    async with session.request(method, url, json=value, headers=named) as answer:
        body = await answer.json(content_type=None) if answer.status != 204 else None
        return answer.status, body, answer


async def test_documents_at_the_http_door(settings: Settings) -> None:
    settings = settings.model_copy(update={"state_rules": RULES})
    async with door(settings, None) as (_, base), aiohttp.ClientSession() as session:
        url = f"{base}/v1/state/plans/spring"
        status, body, answer = await ask(session, "PUT", url, {"value": {"a": 1}})
        assert (status, body["version"], body["by"], answer.headers["ETag"]) == (201, 1, "local", '"r1"')
        status, body, _ = await ask(session, "PUT", url, {"value": {"a": 2}})
        assert (status, body["type"]) == (428, "urn:stretto:error:PreconditionNeeded")
        status, body, answer = await ask(session, "PUT", url, {"value": {"a": 2}}, If_Match='"r1"')
        assert (status, answer.headers["ETag"]) == (200, '"r2"')
        status, body, _ = await ask(session, "PUT", url, {"value": {"a": 3}}, If_Match='"r1"')
        assert (status, body["type"]) == (412, "urn:stretto:error:PreconditionFailed")
        assert "at version 2, written by local" in body["detail"]
        assert (await ask(session, "PUT", url, {"value": 1}, If_None_Match="*"))[0] == 412
        assert (await ask(session, "PUT", url, {"value": 1}, If_Match='"whatever"'))[0] == 412

        status, body, _ = await ask(session, "PATCH", url, {"merge": {"b": [1]}})
        assert (status, body["value"]) == (200, {"a": 2, "b": [1]})
        operations = {"operations": [{"op": "add", "path": "/b/-", "value": 2}]}
        assert (await ask(session, "PATCH", url, operations, If_Match='"r2"'))[0] == 422  # there was no /b
        status, body, _ = await ask(session, "PATCH", url, operations, If_Match='"r3"')
        assert (status, body["value"]["b"]) == (200, [1, 2])
        assert (await ask(session, "PATCH", url, {"merge": {}, **operations}))[0] == 422
        status, body, _ = await ask(session, "PATCH", url, {"operations": [{"op": "remove", "path": "/z"}]})
        assert status == 422
        assert "Operation 1 of the patch cannot be done: there is no '/z'" in body["detail"]

        status, body, _ = await ask(session, "GET", f"{url}?version=1")
        assert (status, body["value"]) == (200, {"a": 1})
        status, body, _ = await ask(session, "GET", f"{url}/history?limit=3")
        assert [each["version"] for each in body["versions"]] == [4, 3, 2]
        status, body, _ = await ask(session, "GET", f"{url}/history?cursor={body['next']}")
        assert ([each["version"] for each in body["versions"]], body["next"]) == ([1], None)
        status, body, _ = await ask(session, "GET", f"{base}/v1/state?prefix=plans/")
        assert [each["key"] for each in body["documents"]] == ["plans/spring"]

        assert (await ask(session, "DELETE", url, If_Match='"r1"'))[0] == 412
        assert (await ask(session, "DELETE", url))[0] == 204
        assert (await ask(session, "GET", url))[0] == 404
        assert (await ask(session, "DELETE", url))[0] == 404
        for wrong in ("a//b", "a%20b", "history", "x" * 201):
            assert (await ask(session, "PUT", f"{base}/v1/state/{wrong}", {"value": 1}))[0] == 422, wrong

        log = f"{base}/v1/state/log/today"
        assert (await ask(session, "PUT", log, {"value": []}))[0] == 201
        assert (await ask(session, "PUT", log, {"value": ["a"]}, If_Match='"r1"'))[0] == 200
        status, body, _ = await ask(session, "PUT", log, {"value": ["b"]}, If_Match='"r1"', Idempotency_Key="k1")
        assert (status, body["value"], body["merged_from"]) == (200, ["a", "b"], 1)
        status, again, answer = await ask(session, "PUT", log, {"value": ["b"]}, If_Match='"r1"', Idempotency_Key="k1")
        assert (status, again, answer.headers["Idempotency-Replayed"]) == (200, body, "true")
        assert (await ask(session, "PUT", log, {"value": ["c"]}, If_Match='"r3"', Idempotency_Key="k1"))[0] == 409


async def test_several_documents_at_the_http_door(settings: Settings) -> None:
    async with door(settings, None) as (_, base), aiohttp.ClientSession() as session:
        url = f"{base}/v1/state"
        both = {"writes": [{"key": "a", "version": 0, "value": None}, {"key": "b", "merge": {"x": 1}}]}
        status, body, _ = await ask(session, "POST", url, both, Idempotency_Key="k")
        assert status == 200
        assert [(each["key"], each["version"], each["value"]) for each in body["documents"]] == [
            ("a", 1, None),
            ("b", 1, {"x": 1}),
        ]
        again = await ask(session, "POST", url, both, Idempotency_Key="k")
        assert (again[0], again[1], again[2].headers["Idempotency-Replayed"]) == (200, body, "true")
        late = {"writes": [{"key": "b", "delete": True}, {"key": "a", "version": 7, "value": 2}]}
        status, body, _ = await ask(session, "POST", url, late)
        assert (status, body["type"]) == (409, "urn:stretto:error:StateConflict")
        wrong: list[list[dict[str, Any]]] = [
            [],
            [{"key": "a"}],
            [{"key": "a", "value": 1}],
            [{"key": "a", "value": 1, "version": 1, "merge": {}}],
            [{"key": "a", "merge": {}}, {"key": "a", "delete": True}],
            [{"key": "a/history", "merge": {}}],
        ]
        for writes in wrong:
            assert (await ask(session, "POST", url, {"writes": writes}))[0] == 422, writes
        assert (await ask(session, "POST", url, {"writes": [{"key": "none", "delete": True}]}))[0] == 404
        status, body, _ = await ask(session, "GET", url)
        assert [(each["key"], each["version"]) for each in body["documents"]] == [("a", 1), ("b", 1)]


FLOW: dict[str, Any] = {
    "flow": "keeps",
    "input": {"topic": {"type": "string"}},
    "steps": {
        "begin": {"tool": "state.put", "input": {"key": "plans/a", "value": {"topic": "{{ input.topic }}", "done": 0}}},
        "count": {
            "tool": "state.patch",
            "after": ["begin"],
            "input": {"key": "plans/a", "changes": [{"op": "increment", "path": "/done"}]},
        },
        "read": {"tool": "state.get", "after": ["count"], "input": {"key": "plans/a"}},
        "all": {"tool": "state.list", "after": ["count"], "input": {"prefix": "plans/"}},
    },
    "output": "{{ read }}",
}


async def test_a_flow_reads_and_writes_documents(settings: Settings) -> None:
    async with door(settings, None) as (platform, base), aiohttp.ClientSession() as session:
        assert (await ask(session, "POST", f"{base}/v1/flows", FLOW))[0] == 201
        outputs: list[Any] = []
        shown: Any = None
        for expected in ("completed", "failed"):  # the second finds that the document is there
            status, run, _ = await ask(
                session, "POST", f"{base}/v1/runs", {"flow": "keeps", "input": {"topic": "tides"}}
            )
            assert status == 201
            for _ in range(500):
                _, shown, _ = await ask(session, "GET", f"{base}/v1/runs/{run['id']}")
                if shown["status"] in ("completed", "failed"):
                    break
                await asyncio.sleep(0.02)
            assert shown["status"] == expected, shown
            outputs.append(shown)
        assert outputs[0]["output"] == {"key": "plans/a", "value": {"topic": "tides", "done": 1}, "version": 2}
        assert "There is a document 'plans/a' already, at version 2" in json.dumps(outputs[1])
        written = await platform.state().get("plans/a")
        assert (str(written.run_id), written.step) == (outputs[0]["id"], "count")


@pytest.fixture
async def some(database: Database) -> State:
    state = State(database, DEFAULT_TENANT)
    await state.put("plans/spring", {"goal": "tides"}, expected=None, by="ada")
    return state


async def test_the_command_line(some: State, stretto: Stretto) -> None:
    def run(*words: str) -> Any:
        return stretto.inside("state", *words)

    got = await asyncio.to_thread(run, "get", "plans/spring")
    assert json.loads(got.out) == {"goal": "tides"}
    assert "version 1, written by ada" in got.err
    refused = await asyncio.to_thread(run, "put", "plans/spring", "2")
    assert refused.code == 2
    assert "There is a document 'plans/spring' already" in refused.err
    put = await asyncio.to_thread(run, "put", "plans/spring", '{"goal": "waves"}', "--expect", "1")
    assert (put.code, put.out) == (0, "plans/spring is at version 2\n")
    assert (await asyncio.to_thread(run, "put", "plans/spring", "waves", "--expect", "1")).code == 2
    assert (await asyncio.to_thread(run, "put", "plans/spring", "1", "--expect", "0")).code == 2
    listed = await asyncio.to_thread(run, "list", "plans/")
    assert "waves" in listed.out
    history = await asyncio.to_thread(run, "history", "plans/spring")
    assert [line.split()[0] for line in history.out.splitlines()] == ["version", "2", "1"]
    assert json.loads((await asyncio.to_thread(run, "get", "plans/spring", "--version", "1")).out) == {"goal": "tides"}
    assert (await asyncio.to_thread(run, "delete", "plans/spring", "--expect", "any")).code == 0
    assert (await asyncio.to_thread(run, "get", "plans/spring")).code == 2
    assert (await some.find("plans/spring")) is None
