"""Memory as tools, for steps and agents: `memory.search`, `memory.answer`, `memory.remember` and `memory.forget`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from stretto.engine.step import StepContext
from stretto.memory import Item, Memory, Place, answer
from stretto.tools.registry import Tools

MAX_HITS = 20
CHARS_PER_HIT = 2_000


def memory_tools(memories: Callable[[UUID], Memory]) -> Tools:
    """A registry with the tools on the memory of the step's tenant."""
    tools = Tools()

    @tools.tool("memory.search", effects="reads")
    async def search(  # pyright: ignore[reportUnusedFunction]
        ctx: StepContext,
        collection: str,
        question: str,
        filter: dict[str, Any] | None = None,
        near: dict[str, float] | None = None,
        limit: int = 5,
    ) -> dict[str, Any]:
        """Find what a collection knows of a question: its best texts, each with the reason.

        Args:
            collection: the collection's name.
            question: what is looked for, in words.
            filter: conditions on the metadata, such as {"product": "x1", "stars": {"gte": 4}}.
            near: a place near which things are preferred: {"latitude": …, "longitude": …}.
            limit: how many at most, up to 20.
        """
        found = await memories(ctx.tenant_id).search(
            collection, question, filter=filter, near=_place(near), limit=max(1, min(limit, MAX_HITS))
        )
        return {
            "hits": [
                {
                    "key": hit.key,
                    "text": hit.telling[:CHARS_PER_HIT],
                    "metadata": hit.metadata,
                    "score": round(hit.score, 4),
                    "lists": {each.list: each.rank for each in hit.lists},
                }
                for hit in found.hits
            ],
            "notes": list(found.notes),
        }

    @tools.tool("memory.answer", effects="reads")
    async def answer_question(  # pyright: ignore[reportUnusedFunction]
        ctx: StepContext, collection: str, question: str, filter: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Answer a question in the words of a collection's texts, each sentence with its source.

        Args:
            collection: the collection's name.
            question: the question.
            filter: conditions on the metadata, as for memory.search.
        """
        told = await answer(memories(ctx.tenant_id), collection, question, filter=filter)
        cited = {number for each in told.sentences for number in each.sources}
        sources = {str(each.number): each.key for each in told.sources if each.number in cited}
        return {"text": told.text, "enough": told.enough, "sources": sources}

    @tools.tool("memory.remember", effects="writes")
    async def remember(  # pyright: ignore[reportUnusedFunction]
        ctx: StepContext,
        idempotency_key: str,
        collection: str,
        key: str,
        text: str,
        metadata: dict[str, Any] | None = None,
        near: dict[str, float] | None = None,
    ) -> dict[str, Any]:
        """Keep a text in a collection, in place of what is there under the same key.

        Args:
            collection: the collection's name; it is made if there is none.
            key: the text's name in the collection.
            text: what is to be kept.
            metadata: facts about it that filters can use.
            near: where it belongs: {"latitude": …, "longitude": …}.
        """
        item = Item(key, text, metadata or {}, _place(near))
        done = await memories(ctx.tenant_id).remember(collection, [item])
        return {"key": key, "written": done.written > 0}

    @tools.tool("memory.forget", effects="writes")
    async def forget(  # pyright: ignore[reportUnusedFunction]
        ctx: StepContext, idempotency_key: str, collection: str, key: str
    ) -> dict[str, Any]:
        """Remove a text from a collection.

        Args:
            collection: the collection's name.
            key: the text's name in the collection.
        """
        return {"key": key, "forgotten": await memories(ctx.tenant_id).forget(collection, [key]) > 0}

    return tools


def _place(given: dict[str, float] | None) -> Place | None:
    return None if given is None else Place(float(given.get("latitude", 91)), float(given.get("longitude", 181)))
