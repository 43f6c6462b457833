"""The shared state as tools, for steps and agents: `state.get`, `state.list`, `state.put` and `state.patch`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from stretto.engine.step import StepContext
from stretto.state import ANY, Document, Expected, State
from stretto.tools.registry import Tools

MAX_LISTED = 100


def state_tools(states: Callable[[UUID], State]) -> Tools:
    """A registry with the tools on the documents of the step's tenant."""
    tools = Tools()

    @tools.tool("state.get", effects="reads")
    async def get(ctx: StepContext, key: str) -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction]
        """Read a document of the shared state. Its version is 0 and its value null when there is none.

        Args:
            key: the document's key, such as plans/spring.
        """
        found = await states(ctx.tenant_id).find(key)
        return {"key": key, "value": None, "version": 0} if found is None else shown(found)

    @tools.tool("state.list", effects="reads")
    async def list_documents(  # pyright: ignore[reportUnusedFunction]
        ctx: StepContext, prefix: str = "", after: str | None = None, limit: int = 20
    ) -> dict[str, Any]:
        """Read the documents of the shared state whose keys begin alike, in the order of their keys.

        Args:
            prefix: how the keys begin; empty for all.
            after: `next` of the page before; null for the first page.
            limit: how many at most, up to 100.
        """
        page = await states(ctx.tenant_id).list(prefix, after, min(limit, MAX_LISTED))
        return {"documents": [shown(each) for each in page.documents], "next": page.next}

    @tools.tool("state.put", effects="writes")
    async def put(  # pyright: ignore[reportUnusedFunction]
        ctx: StepContext, idempotency_key: str, key: str, value: Any, version: int = 0
    ) -> dict[str, Any]:
        """Write a document of the shared state. Fails when it is at another version than the one that you have read.

        Args:
            key: the document's key: words joined by '/', such as plans/spring.
            value: what it shall hold, any JSON.
            version: the version that you have read; 0 for a document that is new.
        """
        written = await states(ctx.tenant_id).put(
            key, value, expected=version or None, **signed(ctx), idempotency_key=idempotency_key
        )
        return receipt(written)

    @tools.tool("state.patch", effects="writes")
    async def patch(  # pyright: ignore[reportUnusedFunction]
        ctx: StepContext,
        idempotency_key: str,
        key: str,
        changes: dict[str, Any] | list[dict[str, Any]],
        version: int | None = None,
    ) -> dict[str, Any]:
        """Change parts of a document of the shared state; what is not named stays as it is.

        Args:
            key: the document's key.
            changes: an object with the fields to set (null removes one), or a list of operations such as
                {"op": "add", "path": "/items/-", "value": 1} or {"op": "increment", "path": "/count", "by": 1}.
            version: the version that you have read, if the changes depend on it.
        """
        expected: Expected = ANY if version is None else version or None
        written = await states(ctx.tenant_id).patch(
            key, changes, expected=expected, **signed(ctx), idempotency_key=idempotency_key
        )
        return receipt(written)

    return tools


def signed(ctx: StepContext) -> dict[str, Any]:
    """Who writes: a step of a run."""
    return {"by": f"run {ctx.run_id}", "run_id": ctx.run_id, "step": ctx.path}


def shown(document: Document) -> dict[str, Any]:
    """A document as tools give it."""
    return {"key": document.key, "value": document.value, "version": document.version}


def receipt(document: Document) -> dict[str, Any]:
    """What was written. The value is in it only where another's change was merged into it."""
    if document.merged_from is not None and document.kept:
        return {**shown(document), "merged": True}
    return {"key": document.key, "version": document.version, "merged": False}
