"""The central router: one graph that takes every request of the review engine and hands it to its pipeline."""

from __future__ import annotations

from typing import Any, Literal

from langgraph.graph import END, START, StateGraph

from stretto import Platform
from stretto.errors import Invalid
from stretto.langgraph import HostedGraph, host
from stretto_reviews.pipelines.action import action_graph
from stretto_reviews.pipelines.ingestion import ingestion_graph
from stretto_reviews.pipelines.query import query_graph
from stretto_reviews.pipelines.state import RequestState

NAME = "reviews"
KINDS = ("ingestion", "query", "action")


def router_graph(platform: Platform) -> HostedGraph:
    """The router, with the pipelines as its sub-graphs."""
    graph = StateGraph(RequestState)
    graph.add_node("route", route)
    graph.add_node("ingestion", ingestion_graph(platform).graph)
    graph.add_node("query", query_graph(platform).graph)
    graph.add_node("action", action_graph(platform).graph)
    graph.add_edge(START, "route")
    graph.add_conditional_edges("route", pipeline_of, {kind: kind for kind in KINDS})
    for kind in KINDS:
        graph.add_edge(kind, END)
    return host(
        graph.compile(name=NAME),
        name=NAME,
        description="Take a request of the review engine: ingestion, query or action.",
        input={
            "request": {"type": "string", "enum": list(KINDS), "description": "Which pipeline takes it."},
            "import_id": {"type": ["string", "null"], "description": "Ingestion: the import."},
            "review_ids": {"type": ["array", "null"], "description": "Action: the reviews."},
            "question": {"type": ["string", "null"], "description": "Query: what is asked."},
            "near": {"type": ["object", "null"], "description": "Query: a place."},
            "filter": {"type": ["object", "null"], "description": "Query: conditions on the reviews' metadata."},
        },
        config={"recursion_limit": 1_000_000},
    )


async def route(state: RequestState) -> dict[str, Any]:
    """Raises `Invalid` for a request that no pipeline takes."""
    needed = {"ingestion": "import_id", "query": "question", "action": "review_ids"}
    kind = state.get("request", "")
    if kind not in needed:
        raise Invalid(f"The review engine takes no request {kind!r}. It takes: {', '.join(KINDS)}.")
    if not state.get(needed[kind]):
        raise Invalid(f"A request of the kind {kind!r} needs `{needed[kind]}`.")
    return {}


def pipeline_of(state: RequestState) -> Literal["ingestion", "query", "action"]:
    """The sub-graph for a request."""
    return state["request"]  # pyright: ignore[reportReturnType]
