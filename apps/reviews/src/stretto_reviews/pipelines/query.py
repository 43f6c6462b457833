"""The query pipeline: a question is understood, looked up in three lists and in the figures at once, and answered with citations.

understand -> search (meaning, words and place at once), figures (SQL) -> reply
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import structlog
from langgraph.graph import END, START, StateGraph

from stretto import Platform
from stretto.errors import Invalid, MemoryNotFound
from stretto.langgraph import GatewayChatModel, HostedGraph, current_step, host
from stretto.memory import Place, answer
from stretto_reviews.pipelines.ingestion import COLLECTION
from stretto_reviews.pipelines.reading import route_for
from stretto_reviews.pipelines.state import QueryState
from stretto_reviews.pipelines.taking import QUERIES
from stretto_reviews.pipelines.understanding import understand
from stretto_reviews.sqlagent import Figures, ask_figures

NAME = "reviews-query"
HARD_ENOUGH = 0.7
"""Questions go to the strong route, where a real model answers."""
NOTHING_YET = "There are no reviews yet. Import some first, then ask again."
HELP = (
    "There is not enough information to answer this. Ask what customers say about something, such as “How long does the battery "
    "last?”, or for figures, such as “How many negative reviews were there in May?”."
)

log = structlog.get_logger(__name__)


def query_graph(platform: Platform) -> HostedGraph:
    """The pipeline, to be put among the platform's tools."""
    work = Query(platform)
    graph = StateGraph(QueryState)
    graph.add_node("understand", work.understand)
    graph.add_node("search", work.search)
    graph.add_node("figures", work.figures)
    graph.add_node("reply", work.reply)
    graph.add_edge(START, "understand")
    graph.add_edge("understand", "search")
    graph.add_edge("understand", "figures")
    graph.add_edge(["search", "figures"], "reply")
    graph.add_edge("reply", END)
    return host(
        graph.compile(name=NAME),
        name=NAME,
        description="Answer a question about the reviews, with citations and figures.",
        input={
            "question": {"type": "string", "maxLength": 4000, "description": "What is asked."},
            "near": {"type": ["object", "null"], "description": "A place: latitude and longitude."},
            "filter": {"type": ["object", "null"], "description": "Conditions on the reviews' metadata."},
        },
        effects="reads",
    )


class Query:
    """The nodes."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    async def understand(self, state: QueryState) -> dict[str, Any]:
        """The filter that the words ask for, beside the one that was given."""
        rows = (await self._platform.database.read(current_step().tenant_id, (QUERIES["product_names"], {})))[0]
        found = understand(state.get("question", ""), [name for (name,) in rows], datetime.now(UTC).date())
        return {"filter": {**found.filter, **(state.get("filter") or {})}, "understood": found.words}

    async def search(self, state: QueryState) -> dict[str, Any]:
        """What is said: found by meaning, words and place, fused, re-ranked, and answered from with checked citations."""
        tenant_id, question = current_step().tenant_id, state.get("question", "").strip()
        if not question:
            return {"answer": {"text": HELP, "enough": False, "sentences": [], "sources": [], "removed": []}}
        near = state.get("near")
        route = route_for(self._platform, HARD_ENOUGH)
        writer = None if route is None else writes(route)
        try:
            found = await answer(
                self._platform.memory(tenant_id),
                COLLECTION,
                question,
                filter=state.get("filter") or None,
                near=None if near is None else Place(near["latitude"], near["longitude"]),
                writer=writer,
            )
        except MemoryNotFound:
            return {"answer": {"text": NOTHING_YET, "enough": False, "sentences": [], "sources": [], "removed": []}}
        notes = [*found.notes]
        if pending := (await self._platform.database.read(tenant_id, (QUERIES["not_indexed"], {})))[0][0][0]:
            notes.append(
                f"{pending:,} reviews are still being indexed; ask again in a moment, and the answer may say more."
            )
        return {"answer": {**asdict(found), "text": found.text if found.enough else HELP}, "notes": notes}

    async def figures(self, state: QueryState) -> dict[str, Any]:
        """What can be counted: by the grammar of common questions, else by a model's SQL, checked."""
        question = state.get("question", "").strip()
        if not question:
            return {"figures": None}
        route = route_for(self._platform, HARD_ENOUGH)
        try:
            found = await ask_figures(
                self._platform.database, current_step().tenant_id, question, None if route is None else writes(route)
            )
        except Invalid as error:
            log.info("the figures could not be asked", error=str(error))
            return {"figures": None}
        return {"figures": None if found is None else shown(found)}

    async def reply(self, state: QueryState) -> dict[str, Any]:
        """Both together. The grammar knows every word of what it takes, so such a question asks for figures alone."""
        told, figures = state["answer"], state.get("figures")
        if figures is not None and figures["by"] == "grammar":
            none: list[Any] = []
            told = {"text": figures["sentence"], "enough": True, "sentences": none, "sources": none, "removed": none}
        return {"answer": told}


def shown(figures: Figures) -> dict[str, Any]:
    """Figures as plain JSON, with a sentence that says them where there is but one."""
    table = figures.table
    sentence = figures.understood
    if len(table.rows) == 1 and len(table.rows[0]) == 1:
        value = table.rows[0][0]
        sentence = f"{figures.understood.rstrip('.')}: {'none' if value is None else value}."
    return {
        "understood": figures.understood,
        "sentence": sentence,
        "columns": list(table.columns),
        "rows": [list(row) for row in table.rows],
        "truncated": table.truncated,
        "sql": figures.sql,
        "by": figures.by,
    }


def writes(route: str) -> Any:
    """Asks the model of a route."""

    async def write(prompt: str) -> str:
        said = await GatewayChatModel(route=route, temperature=0, max_tokens=800).ainvoke(prompt)
        return said.text

    return write
