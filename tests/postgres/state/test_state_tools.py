"""The shared state as tools: what they answer, what they refuse, and that a step tried again writes once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.errors import Invalid, OutputInvalid, StateConflict
from stretto.flow.graph import Step, ToolCall
from stretto.state import Rule, State
from stretto.store import Database
from stretto.testing.context import FakeContext
from stretto.tools import Tools, builtin_tools

RULES: dict[str, Rule] = {"log/": "append"}
CTX = FakeContext(Step(id="write", kind="tool", call=ToolCall(tool="state.put")), path="swarm[2].write")


@pytest.fixture
async def tools(database: Database, owner: AsyncConnection[TupleRow]) -> Tools:
    await owner.execute("INSERT INTO tenants VALUES (%s, 'of the step', now())", [CTX.tenant_id])
    return builtin_tools(lambda tenant_id: State(database, tenant_id, RULES))


async def call(tools: Tools, name: str, call_key: str = "k", /, **arguments: Any) -> Any:
    return await tools.get(name).call(CTX, arguments, call_key)


async def test_documents_are_read_and_written(tools: Tools, database: Database) -> None:
    assert await call(tools, "state.get", key="plans/a") == {"key": "plans/a", "value": None, "version": 0}
    made = await call(tools, "state.put", "1", key="plans/a", value={"goal": "tides"})
    assert made == {"key": "plans/a", "version": 1, "merged": False}
    put = await call(tools, "state.put", "2", key="plans/a", value={"goal": "waves"}, version=1)
    assert put["version"] == 2
    patched = await call(tools, "state.patch", "3", key="plans/a", changes={"done": 1})
    assert patched["version"] == 3
    operations = [{"op": "increment", "path": "/done"}]
    assert (await call(tools, "state.patch", "4", key="plans/a", changes=operations, version=3))["version"] == 4
    assert await call(tools, "state.get", key="plans/a") == {
        "key": "plans/a",
        "value": {"goal": "waves", "done": 2},
        "version": 4,
    }
    listed = await call(tools, "state.list", prefix="plans/", limit=1)
    assert ([each["version"] for each in listed["documents"]], listed["next"]) == ([4], None)
    written = await State(database, CTX.tenant_id).get("plans/a")
    assert (written.by, written.run_id, written.step) == (f"run {CTX.run_id}", CTX.run_id, "swarm[2].write")
    assert await State(database, UUID(int=7)).find("plans/a") is None


async def test_a_call_that_is_made_again_writes_once(tools: Tools) -> None:
    for _ in range(3):
        assert (await call(tools, "state.put", "run/step", key="a", value=1))["version"] == 1
        assert (await call(tools, "state.patch", "run/step/2.1", key="log/a", changes=[{"op": "add", "path": "/-", "value": 1}])) == {
            "key": "log/a", "version": 1, "merged": False,
        }  # fmt: skip
    assert (await call(tools, "state.get", key="log/a"))["value"] == [1]


async def test_what_another_has_written_is_told_or_merged(tools: Tools) -> None:
    await call(tools, "state.put", "1", key="a", value=1)
    await call(tools, "state.put", "2", key="a", value=2, version=1)
    with pytest.raises(StateConflict, match=r"is at version 2, written by run .*read it again"):
        await call(tools, "state.put", "3", key="a", value=3, version=1)
    with pytest.raises(StateConflict, match="already, at version 2"):
        await call(tools, "state.put", "4", key="a", value=3)
    with pytest.raises(StateConflict):
        await call(tools, "state.patch", "5", key="a", changes={"x": 1}, version=1)
    await call(tools, "state.put", "6", key="log/a", value=["x"])
    merged = await call(tools, "state.put", "7", key="log/a", value=["y"])
    assert merged == {"key": "log/a", "value": ["x", "y"], "version": 2, "merged": True}


async def test_bad_arguments_are_refused(tools: Tools) -> None:
    for arguments in ({"key": "a"}, {"key": 1, "value": 1}, {"key": "a", "value": 1, "by": "me"}):
        with pytest.raises(OutputInvalid, match="cannot take these arguments"):
            await call(tools, "state.put", **arguments)
    with pytest.raises(Invalid, match="cannot be the key"):
        await call(tools, "state.put", key="no key", value=1)
    with pytest.raises(OutputInvalid, match="cannot take these arguments"):
        await call(tools, "state.patch", key="a", changes="all")


def test_models_are_told_what_they_need(tools: Tools) -> None:
    effects = {tool.name: tool.effects for tool in tools.find(["state.*"])}
    assert effects == {"state.get": "reads", "state.list": "reads", "state.put": "writes", "state.patch": "writes"}
    for tool in tools.find(["state.*"]):
        assert tool.description
        assert tool.schema["additionalProperties"] is False
        for name, told in tool.schema["properties"].items():
            assert told.get("description"), f"{tool.name} {name}"
            assert name not in ("ctx", "idempotency_key")
