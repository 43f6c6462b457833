"""The ingestion pipeline: an import's lines, batch by batch, become reviews that are analysed and found again.

    fetch -> validate -> route -> sentiment, themes, places (at once) -> finish -> fetch … -> index -> index …

Memory learns of the reviews after all of them are analysed: vectors take a hundred times as long, and all but questions can do without.
What a batch makes is stored under ids that follow from its content, so a batch that was cut off may begin again: nothing is there twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

import orjson
from langgraph.graph import END, START, StateGraph
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

from stretto import Platform
from stretto.events import put_events
from stretto.langgraph import HostedGraph, current_step, host, hosted
from stretto.memory import Item, Place
from stretto_reviews.figures import figures_changed
from stretto_reviews.imports import get_import
from stretto_reviews.pipelines.reading import LOCAL, Text, read_by_models, route_for, sentiments_here, themes_here, tidy
from stretto_reviews.pipelines.state import IngestionState
from stretto_reviews.pipelines.taking import QUERIES, read_lines, take
from stretto_reviews.places import cell_of

NAME = "reviews-ingestion"
COLLECTION = "reviews"
"""Memory's, of each tenant."""
ANALYSED = "app.reviews.analysed"
"""The event that tells of a batch: `import_id` and the `reviews`' ids."""
BATCH = 400
INDEXED_AT_ONCE = 16
MOST_STEPS = 1_000_000
"""LangGraph's limit against endless loops; an import ends with its lines."""


def ingestion_graph(platform: Platform, batch: int = BATCH) -> HostedGraph:
    """The pipeline, to be put among the platform's tools."""
    work = Ingestion(platform, batch)
    graph = StateGraph(IngestionState)
    graph.add_node("fetch", work.fetch)
    graph.add_node("validate", work.validate)
    graph.add_node("route", work.route)
    graph.add_node("sentiment", work.sentiment)
    graph.add_node("themes", work.themes)
    graph.add_node("places", work.places)
    graph.add_node("finish", work.finish)
    graph.add_node("index", work.index)
    graph.add_edge(START, "fetch")
    graph.add_conditional_edges("fetch", work.is_there_more, {"validate": "validate", "index": "index"})
    graph.add_conditional_edges("validate", work.is_any_new, {"route": "route", "finish": "finish"})
    for node in ("sentiment", "themes", "places"):
        graph.add_edge("route", node)
    graph.add_edge(["sentiment", "themes", "places"], "finish")
    graph.add_edge("finish", "fetch")
    graph.add_conditional_edges("index", work.is_all_indexed, {"index": "index", "end": END})
    fields = {"import_id": {"type": "string", "description": "The import whose lines are taken up."}}
    return host(
        graph.compile(name=NAME),
        name=NAME,
        description="Take an import's lines up as reviews: validate, analyse, index.",
        input=fields,
        config={"recursion_limit": MOST_STEPS},
    )


async def start_ingestion(platform: Platform, tenant_id: UUID, import_id: UUID) -> UUID:
    """Let an import be taken up; gives the run, the same one when it is asked for again."""
    async with platform.database.tenant(tenant_id) as connection:
        return await start_within(platform, connection, tenant_id, import_id)


async def start_within(
    platform: Platform, connection: AsyncConnection[TupleRow], tenant_id: UUID, import_id: UUID
) -> UUID:
    """The same in a transaction that is under way: whoever commits it has both the import and its run."""
    return await platform.runs(tenant_id).start_in(
        connection,
        hosted(platform.tools, NAME).flow,
        {"import_id": str(import_id)},
        idempotency_key=f"reviews-ingestion/{import_id}",
    )


class Ingestion:
    """The nodes."""

    def __init__(self, platform: Platform, batch: int) -> None:
        self._platform = platform
        self._database = platform.database
        self._batch = batch

    async def fetch(self, state: IngestionState) -> dict[str, Any]:
        """The next lines, by their numbers."""
        after = state.get("upto", 0)
        values = {"import_id": UUID(state["import_id"]), "after": after, "most": self._batch}
        [[(last,)]] = await self._database.read(current_step().tenant_id, (QUERIES["next_lines"], values))
        upto: int = after if last is None else last
        if last is None:  # an import that never had a line is over as well
            async with self._database.tenant(current_step().tenant_id) as connection:
                await self._advance(connection, {**state, "after": after, "upto": upto})
        nothing: dict[str, Any] = {
            "sentiments": {},
            "themes": {},
            "cells": {},
            "analysed_by": {},
            "ids": [],
            "by_model": [],
            "themes_read": {},
        }
        return {"after": after, "upto": upto, **nothing}

    def is_there_more(self, state: IngestionState) -> Literal["validate", "index"]:
        """Whether there was a line."""
        return "validate" if state["upto"] > state["after"] else "index"

    async def validate(self, state: IngestionState) -> dict[str, Any]:
        """Lines that are reviews are stored; duplicates and spam are marked, the others are listed with a reason."""
        tenant_id, import_id = current_step().tenant_id, UUID(state["import_id"])
        known = await get_import(self._database, tenant_id, import_id)
        lines = (await self._database.read(tenant_id, (QUERIES["lines"], _span(state))))[0]
        taken, rejected = await asyncio.to_thread(read_lines, tenant_id, lines, known.created_at)
        async with self._database.tenant(tenant_id) as connection:
            await take(connection, tenant_id, import_id, taken, rejected)
            rows = await (await connection.execute(QUERIES["fresh"], _span(state))).fetchall()
        return {"ids": [str(id) for (id,) in rows]}

    def is_any_new(self, state: IngestionState) -> Literal["route", "finish"]:
        """Whether there is anything to analyse."""
        return "route" if state["ids"] else "finish"

    async def route(self, state: IngestionState) -> dict[str, Any]:
        """Which reviews a model reads: those that are hard, where one is configured."""
        texts = await self._texts(state)
        return {"by_model": [each.id for each in texts if route_for(self._platform, each.complexity) is not None]}

    async def sentiment(self, state: IngestionState) -> dict[str, Any]:
        """Sentiments; and of what a model reads, its themes as well: it is asked once."""
        texts = await self._texts(state)
        sentiments = await asyncio.to_thread(sentiments_here, texts)
        by = dict.fromkeys(sentiments, LOCAL)
        chosen = set(state["by_model"])
        read = await read_by_models(self._platform, [each for each in texts if each.id in chosen]) if chosen else {}
        for id, (reading, route) in read.items():
            sentiments[id], by[id] = round(reading.sentiment, 2), route
        themes = {id: tidy(reading.themes) for id, (reading, _) in read.items()}
        return {"sentiments": sentiments, "analysed_by": by, "themes_read": themes}

    async def themes(self, state: IngestionState) -> dict[str, Any]:
        """Themes by the lexicon."""
        texts = await self._texts(state)
        return {"themes": await asyncio.to_thread(themes_here, texts)}

    async def places(self, state: IngestionState) -> dict[str, Any]:
        """The H3 cells of those that have a place."""
        rows = await self._rows(state)
        return {
            "cells": {
                str(id): cell_of(latitude, longitude) for id, *_, latitude, longitude in rows if latitude is not None
            }
        }

    async def finish(self, state: IngestionState) -> dict[str, Any]:
        """Write down what was found, tell of it, and how far the import is: one transaction."""
        tenant_id, import_id = current_step().tenant_id, UUID(state["import_id"])
        found = [
            {
                "id": id,
                "sentiment": state["sentiments"][id],
                "themes": _themes(state, id),
                "cell": state["cells"].get(id),
                "by": state["analysed_by"][id],
            }
            for id in state["ids"]
        ]
        async with self._database.tenant(tenant_id) as connection:
            if found:
                cursor = await connection.execute(
                    QUERIES["analysed"], {**_span(state), "rows": orjson.dumps(found).decode()}
                )
                ids = [str(id) for (id,) in await cursor.fetchall()]
                if ids:
                    await put_events(connection, [_told(tenant_id, import_id, state["upto"], ids)])
            over = await self._advance(connection, state)
        if over:
            await figures_changed(self._database)
        return {"taken": state.get("taken", 0) + len(found)}

    async def index(self, state: IngestionState) -> dict[str, Any]:
        """Memory learns of the next reviews: embedded, with what filters ask for."""
        tenant_id = current_step().tenant_id
        values = {"import_id": UUID(state["import_id"]), "most": INDEXED_AT_ONCE}
        rows = (await self._database.read(tenant_id, (QUERIES["to_index"], values)))[0]
        if rows:
            await self._platform.memory(tenant_id).remember(COLLECTION, [_item(row) for row in rows])
            await self._database.apply(tenant_id, (QUERIES["indexed"], {"ids": [id for id, *_ in rows]}))
        return {"indexed": state.get("indexed", 0) + len(rows), "last": len(rows)}

    def is_all_indexed(self, state: IngestionState) -> Literal["index", "end"]:
        """Whether memory knows all of the import."""
        return "index" if state["last"] else "end"

    async def _rows(self, state: IngestionState) -> Sequence[tuple[Any, ...]]:
        values = {**_span(state), "ids": [UUID(id) for id in state["ids"]]}
        return (await self._database.read(current_step().tenant_id, (QUERIES["texts"], values)))[0]

    async def _texts(self, state: IngestionState) -> list[Text]:
        rows = await self._rows(state)
        return [Text(str(id), whole(title, text), complexity or 0.0) for id, title, text, _, complexity, _, _ in rows]

    async def _advance(self, connection: AsyncConnection[TupleRow], state: IngestionState) -> bool:
        """Count the lines in hand, once; gives whether the import is over now."""
        row = await (await connection.execute(QUERIES["advance"], _span(state))).fetchone()
        return row is not None and bool(row[0])


def _span(state: IngestionState) -> dict[str, Any]:
    return {"import_id": UUID(state["import_id"]), "after": state["after"], "upto": state["upto"]}


def whole(title: str, text: str) -> str:
    """Title and text as they are read, and found again."""
    return f"{title}\n{text}" if title else text


def _themes(state: Mapping[str, Any], id: str) -> list[str]:
    return state.get("themes_read", {}).get(id) or state["themes"].get(id, [])


def _item(row: tuple[Any, ...]) -> Item:
    id, title, text, source, rating, language, latitude, longitude, created_at, product, sentiment, themes = row
    metadata = {
        "product": product,
        "source": source,
        "stars": rating,
        "language": language,
        "sentiment": sentiment,
        "themes": themes,
        "day": int(f"{created_at:%Y%m%d}"),
    }
    place = None if latitude is None else Place(latitude, longitude)
    return Item(
        str(id), whole(title, text), {name: value for name, value in metadata.items() if value not in (None, "")}, place
    )


def _told(tenant_id: UUID, import_id: UUID, upto: int, ids: list[str]) -> dict[str, Any]:
    return {
        "type": ANALYSED,
        "subject": f"imports/{import_id}",
        "data": {"import_id": str(import_id), "upto": upto, "reviews": ids},
    }
