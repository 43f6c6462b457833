"""Steps and agents search and fill their tenant's memory."""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto.flow.graph import Step, ToolCall
from stretto.memory import Memory
from stretto.store import DEFAULT_TENANT, Database
from stretto.testing.context import FakeContext
from stretto.tools import Tools, builtin_tools

CTX = FakeContext(Step(id="recall", kind="tool", call=ToolCall(tool="memory.search")), path="recall")


async def call(tools: Tools, name: str, **arguments: Any) -> Any:
    return await tools.get(name).call(CTX, arguments, "k")


async def test_what_a_step_remembers_another_finds(database: Database, owner: AsyncConnection[TupleRow]) -> None:
    await owner.execute("INSERT INTO tenants VALUES (%s, 'of the step', now())", [CTX.tenant_id])
    tools = builtin_tools(None, lambda tenant_id: Memory(database, tenant_id))
    kept = {"collection": "notes", "key": "n1", "text": "The tide turns at noon.", "metadata": {"by": "ada"}}
    assert await call(tools, "memory.remember", **kept) == {"key": "n1", "written": True}
    assert await call(tools, "memory.remember", **kept) == {"key": "n1", "written": False}
    found = await call(tools, "memory.search", collection="notes", question="tide", filter={"by": "ada"})
    assert [(hit["key"], hit["lists"]) for hit in found["hits"]] == [("n1", {"text": 1})]
    told = await call(tools, "memory.answer", collection="notes", question="When does the tide turn?")
    assert told == {"text": "The tide turns at noon. [1]", "enough": True, "sources": {"1": "n1"}}
    assert await Memory(database, DEFAULT_TENANT).collections() == []
    assert await call(tools, "memory.forget", collection="notes", key="n1") == {"key": "n1", "forgotten": True}
    assert (await call(tools, "memory.search", collection="notes", question="tide"))["hits"] == []
